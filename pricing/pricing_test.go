package pricing_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/pricing"
)

var today = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func day(t *testing.T, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPriceByHand(t *testing.T) {
	cases := []struct {
		name  string
		model string
		at    string
		usage sluice.Usage
		want  sluice.MicroUSD
	}{
		{"a million of each", "gemini-2.5-flash", "2026-11-22", sluice.Usage{Prompt: 1_000_000, Output: 1_000_000}, 2_800_000},
		{"thinking is output", "gemini-2.5-pro", "2026-11-22", sluice.Usage{Prompt: 1_000, Output: 100, Thoughts: 900}, 1_250 + 10_000},
		{"cached is a part of the prompt", "gemini-2.5-pro", "2026-11-22", sluice.Usage{Prompt: 1_000, Cached: 400}, 750 + 50},
		{"before the cached price fell", "gemini-2.5-pro", "2025-07-01", sluice.Usage{Prompt: 1_000, Cached: 400}, 750 + 124},
		{"the last token of the first tier", "gemini-2.5-pro", "2026-11-22", sluice.Usage{Prompt: 200_000, Output: 10}, 250_000 + 100},
		{"the first token of the second tier", "gemini-2.5-pro", "2026-11-22", sluice.Usage{Prompt: 200_001, Output: 10}, 500_003 + 150},
		{"rounded up", "gemini-2.5-flash", "2026-11-22", sluice.Usage{Prompt: 1}, 1},
		{"rounded once", "gemini-2.5-flash", "2026-11-22", sluice.Usage{Prompt: 1, Output: 1}, 3},
		{"nothing", "gemini-2.5-flash", "2026-11-22", sluice.Usage{}, 0},
		{"no discount", "gpt-4", "2026-11-22", sluice.Usage{Prompt: 10, Cached: 10}, 300},
		{"an alias that moved", "gpt-3.5-turbo", "2023-07-01", sluice.Usage{Prompt: 1_000_000}, 1_500_000},
	}
	table := pricing.Builtin()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, version, err := table.Price(c.model, day(t, c.at), c.usage)
			if err != nil || got != c.want {
				t.Errorf("Price = %s, %v; want %s", got, err, c.want)
			}
			if version == "" {
				t.Error("no version")
			}
		})
	}
}

func TestBuiltinKnowsEveryModelOfTheHouse(t *testing.T) {
	err := pricing.Builtin().Validate("gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite", "gpt-3.5-turbo",
		"gpt-4", "gpt-4o-mini-2024-07-18", "gpt-4o-2024-11-20", "claude-3-5-haiku-20241022",
		"claude-3-5-sonnet-20240620", "gpt-4.1")
	if err != nil {
		t.Error(err)
	}
	for _, m := range pricing.Builtin().Models() {
		if _, _, err := pricing.Builtin().Price(m, today, sluice.Usage{Prompt: 1}); err != nil {
			t.Errorf("no price of %s today: %v", m, err)
		}
	}
}

func TestValidateNamesEveryMissingModelAtOnce(t *testing.T) {
	err := pricing.Builtin().Validate("gemini-2.5-pro", "llama", "qwen", "llama")
	if !errors.Is(err, pricing.ErrNoPrice) {
		t.Fatalf("err = %v, want ErrNoPrice", err)
	}
	if !strings.Contains(err.Error(), "llama, qwen:") || strings.Contains(err.Error(), "gemini") {
		t.Errorf("err = %v, want llama and qwen, each once", err)
	}
}

func TestPriceRefuses(t *testing.T) {
	table := pricing.Builtin()
	for name, c := range map[string]struct {
		model string
		at    time.Time
		usage sluice.Usage
		noRow bool
	}{
		"an unknown model":      {"llama", today, sluice.Usage{}, true},
		"a day before its time": {"gpt-4.1", day(t, "2025-04-13"), sluice.Usage{}, true},
		"a negative count":      {"gpt-4.1", today, sluice.Usage{Output: -1}, false},
		"more cached than sent": {"gpt-4.1", today, sluice.Usage{Prompt: 1, Cached: 2}, false},
		"a million dollars":     {"gpt-4", today, sluice.Usage{Prompt: 40_000_000_000}, false},
		"an impossible sum":     {"gpt-4", today, sluice.Usage{Prompt: math.MaxInt64, Output: math.MaxInt64}, false},
	} {
		if cost, _, err := table.Price(c.model, c.at, c.usage); err == nil || errors.Is(err, pricing.ErrNoPrice) != c.noRow {
			t.Errorf("%s: Price = %s, %v", name, cost, err)
		}
	}
}

func TestOwnPrices(t *testing.T) {
	million := sluice.Usage{Prompt: 1_000_000}
	price := func(t *testing.T, table pricing.Table, model string, at time.Time) sluice.MicroUSD {
		t.Helper()
		cost, _, err := table.Price(model, at, million)
		if err != nil {
			t.Fatal(err)
		}
		return cost
	}
	t.Run("a new model", func(t *testing.T) {
		table, err := pricing.New(pricing.Row{Model: "llama", Prompt: 5, Output: 5})
		if err != nil {
			t.Fatal(err)
		}
		if got := price(t, table, "llama", time.Unix(0, 0)); got != 5 {
			t.Errorf("got %s", got)
		}
		if got := price(t, table, "gpt-4", today); got != 30_000_000 {
			t.Errorf("the built-in price is lost: %s", got)
		}
	})
	t.Run("from a day on", func(t *testing.T) {
		table, err := pricing.New(pricing.Row{Model: "gpt-4", EffectiveFrom: "2026-06-01", Prompt: 7, Output: 9})
		if err != nil {
			t.Fatal(err)
		}
		if before, after := price(t, table, "gpt-4", day(t, "2026-05-31")), price(t, table, "gpt-4", day(t, "2026-06-01")); before != 30_000_000 || after != 7 {
			t.Errorf("before %s, after %s", before, after)
		}
	})
	t.Run("in place of one tier", func(t *testing.T) {
		table, err := pricing.New(pricing.Row{Model: "gemini-2.5-pro", EffectiveFrom: "2025-11-01", Prompt: 3, Output: 9})
		if err != nil {
			t.Fatal(err)
		}
		if rows := table.Rows("gemini-2.5-pro"); len(rows) != 4 || rows[2].Prompt != 3 || rows[3].AbovePromptTokens != 200_000 {
			t.Errorf("rows = %+v", rows)
		}
	})
	t.Run("for all time", func(t *testing.T) {
		table, err := pricing.New(pricing.Row{Model: "gemini-2.5-pro", Prompt: 3, Output: 9})
		if err != nil {
			t.Fatal(err)
		}
		if rows := table.Rows("gemini-2.5-pro"); len(rows) != 1 {
			t.Errorf("rows = %+v", rows)
		}
	})
}

func TestNewReportsEveryFaultAtOnce(t *testing.T) {
	_, err := pricing.New(
		pricing.Row{Prompt: 1},
		pricing.Row{Model: "a", EffectiveFrom: "1 May", Prompt: -1},
		pricing.Row{Model: "b", AbovePromptTokens: 10},
		pricing.Row{Model: "c"}, pricing.Row{Model: "c"},
	)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"no model named", `"1 May"`, "prompt_microusd_per_mtok -1", "no first tier", "given twice"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

func TestVersionTellsEditionsApart(t *testing.T) {
	version := func(table pricing.Table, at string) string {
		_, v, err := table.Price("gpt-3.5-turbo", day(t, at), sluice.Usage{})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	builtin := pricing.Builtin()
	corrected, err := pricing.New(pricing.Row{Model: "gpt-3.5-turbo", EffectiveFrom: "2024-02-16", Prompt: 1, Output: 1})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := version(builtin, "2023-07-01"), version(builtin, "2026-01-01"); a == b {
		t.Errorf("both %s", a)
	}
	if a, b := version(builtin, "2026-01-01"), version(corrected, "2026-01-01"); a == b {
		t.Errorf("a corrected price keeps the version %s", a)
	}
	if v := version(builtin, "2026-01-01"); !strings.HasPrefix(v, "2024-02-16-") {
		t.Errorf("version %s does not tell its day", v)
	}
}
