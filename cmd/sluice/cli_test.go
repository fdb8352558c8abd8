package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFaultsOfTheConfigurationAreReportedTogether(t *testing.T) {
	p := newProgram(t)
	_, errs, status := p.run("streams", "apply", "--set", "pair.medium=nobody", "--set", "query.max_bytes=-1", "--set", "nonsense.key=1")
	if status != statusUsage {
		t.Errorf("status %d, want %d", status, statusUsage)
	}
	for _, want := range []string{"3 faults", "pair.medium", "query.max_bytes", "nonsense"} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is not in:\n%s", want, errs)
		}
	}
}

func TestAConfigurationThatCannotBeReadIsAUsageError(t *testing.T) {
	p := newProgram(t)
	file := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(file, []byte("pair: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	tabs := filepath.Join(t.TempDir(), "tabs.yaml")
	if err := os.WriteFile(tabs, []byte("pair:\n\tmedium: a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"--config " + file:                  "broken.yaml: is not YAML: line 1",
		"--config " + tabs:                  "is there a tab? YAML is indented by blanks alone",
		"--config " + file + ".away":        "broken.yaml.away: no such file",
		"--set =3":                          "=3 (--set): names no key; write --set key=value",
		"--set nats.replicas":               "has no value",
		"--set nats.max_age=soon":           "the configuration has a fault:\n",
		"--set pair.medium=nobody --set =3": "the configuration has 2 faults:\n",
	} {
		if _, errs, status := p.run(append(strings.Fields(args), "status")...); status != statusUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d, want %q in\n%s", args, status, want, errs)
		}
	}
}

func TestConfigPrintShowsTheEffectiveConfigAndNoSecret(t *testing.T) {
	p := newProgram(t)
	p.env["GEMINI_API_KEY"] = "marker-key"
	p.env["DATABASE_URL"] = "postgres://u:marker-password@h/db"
	p.env["NATS_URL"] = "nats://u:marker-nats@h:4222"
	out := p.must("config", "print", "--set", "query.max_bytes=77")
	if strings.Contains(out, "marker") || !strings.Contains(out, "max_bytes: 77") || !strings.Contains(out, "nats://u:xxxxx@h:4222") {
		t.Error(out)
	}
	if out := p.must("config", "print", "--defaults"); !strings.Contains(out, "max_bytes: 16384") {
		t.Error(out)
	}
}

func TestSecretsStayOutOfErrorsAndLogs(t *testing.T) {
	p := newProgram(t)
	p.env["DATABASE_URL"] = "postgres://u:marker-password@127.0.0.1:1/db?connect_timeout=1"
	p.env["NATS_URL"] = "nats://u:marker-nats@127.0.0.1:1"
	for _, args := range [][]string{{"migrate", "status"}, {"streams", "apply"}, {"sql", "select 1"}} {
		out, errs, status := p.run(append(args, "--log-level", "debug")...)
		if status != statusFailed || strings.Contains(out+errs, "marker") {
			t.Errorf("%v: status %d\n%s%s", args, status, out, errs)
		}
	}
}

func TestStreamsAreNotSaidToBeAppliedByARoleThatMayNot(t *testing.T) {
	out, errs, status := newProgram(t).run("--set", "nats.role=viewer", "streams", "apply")
	if status != statusUsage || out != "" || !strings.Contains(errs, "the role viewer may change no stream") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
}

func TestAMissingKeyIsNamedByItsVariable(t *testing.T) {
	p := newProgram(t)
	_, errs, status := p.run("consume", "judge")
	if status != statusFailed || !strings.Contains(errs, "gemini-2.5-pro: the environment variable GEMINI_API_KEY holds no key") {
		t.Errorf("status %d\n%s", status, errs)
	}
	if strings.Contains(errs, "flash") {
		t.Errorf("the judge needs no key of a model that it does not ask:\n%s", errs)
	}
}

func TestInstantsAreSpansDaysOrTimes(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"90m":                  now.Add(-90 * time.Minute),
		"7d":                   now.AddDate(0, 0, -7),
		"2026-01-31":           time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		"2026-01-31T12:00:00Z": time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	} {
		if got, err := parseInstant(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1h", "soon", "d"} {
		if got, err := parseInstant(text, now); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}

func TestDollarsAreExact(t *testing.T) {
	for text, want := range map[string]int64{"2.50": 2_500_000, "$0.000001": 1, "10": 10_000_000, "0": 0} {
		var d dollars
		if err := d.UnmarshalText([]byte(text)); err != nil || d.micro != want || !d.set {
			t.Errorf("%s is %+v, %v; want %d", text, d, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1.0000001", "a", ".5", "1e3"} {
		var d dollars
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %+v, want an error", text, d)
		}
	}
}

func TestAWrongCommandLineNamesItsCommandAndWhatThereIs(t *testing.T) {
	for args, want := range map[string]string{
		"dead lst":                       `unexpected argument lst, did you mean "list"? (see sluice dead --help)`,
		"replay --since 1h --stage intk": `--stage must be one of "intake", "answer", "judge", "label", "analysis", "record", "monitor", "training" but got "intk" (see sluice replay --help)`,
		"publish --format xml f":         `--format must be one of "simpleqa", "nq", "recorded", "jsonl", "custom", "bank" but got "xml" (see sluice publish --help)`,
		"ask --threshold 3 why":          "--threshold: want a number from 0 to 1, got 3 (see sluice ask --help)",
		"keys create --scope root":       `--scope must be one of "chat", "route", "feedback", "admin" but got "root" (see sluice keys create --help)`,
		"model canary --share 3 v":       "--share 3: want a number above 0 and at most 1 (see sluice model canary --help)",
		"nonsense":                       "unexpected argument nonsense (see sluice --help)",
		"dead list --since yesterday":    `"yesterday" is not a time: want a span (90m, 7d), a day (2026-01-31) or 2026-01-31T12:00:00Z (see sluice dead list --help)`,
		"":                               `expected one of `,
	} {
		var out, errs output
		m := &Main{Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}
		if status := m.report(m.ParseFlags(strings.Fields(args))); status != statusUsage || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: status %d, want %q in\n%s", args, status, want, errs.String())
		}
	}
	p := newProgram(t)
	for _, args := range [][]string{{"replay", "--stage", "judge"}, {"rules", "replay", "--with", "x.yaml"}} {
		args = append(args, "--since", "1h", "--until", "2h")
		if _, errs, status := p.run(args...); status != statusUsage || !strings.Contains(errs, "is not after --since") {
			t.Errorf("%v: status %d, %s", args, status, errs)
		}
	}
	if _, errs, status := p.run("forget"); status != statusUsage || !strings.Contains(errs, "(see sluice forget --help)") {
		t.Errorf("status %d\n%s", status, errs)
	}
}

func TestACommandThatIsInterruptedInItsBeginningsSaysSo(t *testing.T) {
	p := newProgram(t)
	m, _, errs := p.command("publish")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if status := m.report(m.Run(ctx)); status != statusInterrupted || !strings.Contains(errs.String(), "interrupted before the work was done") {
		t.Errorf("status %d\n%s", status, errs.String())
	}
}
