package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice/routing/rules"
)

// none is an empty environment.
func none(string) string { return "" }

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// file writes a sluice.yaml of its own for the test.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sluice.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestPrintedDefaultsLoadBackToTheSameConfig(t *testing.T) {
	var b strings.Builder
	if err := Print(&b, Default()); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file(t, b.String()), none, nil)
	if err != nil {
		t.Fatal(err)
	}
	got.Secrets = SecretSet{}
	if !reflect.DeepEqual(got, normal(Default())) {
		t.Fatalf("printed:\n%s\nloaded back as:\n%+v", b.String(), got)
	}
}

// normal makes nil lists empty, which is what a printed [] loads as.
func normal(c Config) Config {
	if c.Matrix == nil {
		c.Matrix = []Cell{}
	}
	if c.Budgets.Limits == nil {
		c.Budgets.Limits = []Budget{}
	}
	if c.Prices == nil {
		c.Prices = []Price{}
	}
	if c.Routing.Rules == nil {
		c.Routing.Rules = []rules.Rule{}
	}
	if c.Routing.Tenants == nil {
		c.Routing.Tenants = []TenantThreshold{}
	}
	return c
}

func TestPrintedEffectiveConfigLoadsBack(t *testing.T) {
	path := file(t, `
models:
  - {name: "odd: name # 1", provider: openai, base_url: "http://localhost:1/v1", timeout: 90s}
  - name: two
pair: {medium: "odd: name # 1", large: two}
judge: {model: two, version: v2, shortcut: true}
analysis: {model: two}
matrix: [{medium: incorrect, large: idk, policy: Ambiguous_Query, rationale: "the large one declines"}]
prices:
  - {model: two, prompt_microusd_per_mtok: 1, effective_from: 2026-01-31}
  - {model: "odd: name # 1", prompt_microusd_per_mtok: 1}
privacy: {scrub_sources: []}
nats: {max_age: 36h}
`)
	want, err := Load(path, none, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Print(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file(t, b.String()), none, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if want = normal(want); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
}

func TestPrintedDefaultsDocumentEveryKey(t *testing.T) {
	var b strings.Builder
	if err := Print(&b, Default()); err != nil {
		t.Fatal(err)
	}
	squeezed := strings.Join(strings.Fields(strings.ReplaceAll(b.String(), "#", " ")), " ")
	var walk func(t reflect.Type)
	walk = func(typ reflect.Type) {
		for f := range typ.Fields() {
			key, doc := f.Tag.Get("key"), f.Tag.Get("doc")
			if key == "-" {
				continue
			}
			if doc == "" {
				t.Errorf("key %s of %s has no doc", key, typ)
			}
			if !strings.Contains(squeezed, strings.Join(strings.Fields(doc), " ")) {
				t.Errorf("doc of %s is not printed: %q", key, doc)
			}
			if !strings.Contains(squeezed, key+":") {
				t.Errorf("key %s is not printed", key)
			}
			inner := f.Type
			if inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				walk(inner)
			}
		}
	}
	walk(reflect.TypeFor[Config]())
}

func TestPrecedenceIsFileThenEnvironmentThenFlags(t *testing.T) {
	path := file(t, "data_dir: from-file\npostgres: {max_conns: 3}\nquery: {max_bytes: 100}\n")
	c, err := Load(path, env(map[string]string{"SLUICE_DATA_DIR": "from-env"}), []string{"query.max_bytes=200", "privacy.scrub_sources=[a, b]"})
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "from-env" || c.Postgres.MaxConns != 3 || c.Query.MaxBytes != 200 {
		t.Errorf("got data_dir %q, max_conns %d, max_bytes %d", c.DataDir, c.Postgres.MaxConns, c.Query.MaxBytes)
	}
	if !reflect.DeepEqual(c.Privacy.ScrubSources, []string{"a", "b"}) {
		t.Errorf("scrub_sources %v", c.Privacy.ScrubSources)
	}
}

func TestAnEntryOfModelsKeepsDefaultsForKeysItDoesNotName(t *testing.T) {
	c, err := Load(file(t, "models:\n  - name: gemini-2.5-flash\n    concurrency: 7\n  - name: gemini-2.5-pro\n"), none, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Models[0].Concurrency != 7 || c.Models[0].Timeout != 2*time.Minute || c.Models[1].KeyEnv != "GEMINI_API_KEY" {
		t.Errorf("got %+v", c.Models)
	}
}

func TestAKeyGoesToNoServerThatItIsNotOf(t *testing.T) {
	c, err := Load(file(t, `
models:
  - {name: gemini-2.5-flash}
  - {name: gemini-2.5-pro, key_env: ""}
  - {name: hosted, provider: openai}
  - {name: local, provider: openai, base_url: "http://localhost:1/v1"}
  - {name: guarded, provider: openai, base_url: "http://localhost:2/v1", key_env: GUARD_KEY}
`), none, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"GEMINI_API_KEY", "", "OPENAI_API_KEY", "", "GUARD_KEY"} {
		if got := c.Models[i].KeyEnv; got != want {
			t.Errorf("%s: the key is that of %q, want %q", c.Models[i].Name, got, want)
		}
	}
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	path := file(t, `
data_dir: ""
nats:
  replicas: 2
  max_age: soon
  embedded_ports: 4222
pair: {medium: gemini-9}
judge: {version: "v 1"}
query: {max_bytes: -1}
prices: [{model: gemini-2.5-pro, effective_from: Monday}]
split: {train_share: 1.5}
stages: {answer: {attempts: 0}}
matrix: [{medium: wrong, large: idk, policy: Complex_Query}]
models:
  - name: gemini-2.5-pro
    key_env: sk-this-is-the-key-itself
    max_attempts: 101
gateway: {max_attempts: 1000000}
query: {max_bytes: 1}
`)
	_, err := Load(path, env(map[string]string{"SLUICE_ARM_KEY": "short"}), []string{"emulator.faults=2", "nonsense"})
	var faults FaultsError
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want FaultsError", err)
	}
	text := err.Error()
	for _, want := range []string{
		"data_dir (sluice.yaml:2): is empty",
		"nats.replicas (sluice.yaml:4): is 2; want 1, 3 or 5",
		`nats.max_age (sluice.yaml:5): "soon" is not a duration`,
		"nats.embedded_ports (sluice.yaml:6): no such key; did you mean embedded_port?",
		`pair.medium (sluice.yaml:7): "gemini-9" is not listed in models`,
		"judge.version (sluice.yaml:8)",
		"query.max_bytes (sluice.yaml:9): is not above 0",
		"split.train_share (sluice.yaml:11)",
		"stages.answer.attempts (sluice.yaml:12)",
		"matrix (sluice.yaml:13)",
		"models[0].key_env (sluice.yaml:16): is not the name of an environment variable",
		"models[0].max_attempts (sluice.yaml:17): is above 100",
		"gateway.max_attempts (sluice.yaml:18): is above 100",
		"query (sluice.yaml:19): given twice",
		`prices (sluice.yaml:10): price of "gemini-2.5-pro": effective_from "Monday"`,
		"SLUICE_ARM_KEY: has fewer than 16 bytes",
		"emulator.faults (--set)",
		"nonsense (--set): has no value",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "sk-this") {
		t.Errorf("a key that was put into the file is shown:\n%s", text)
	}
}

func TestASourceToMaskThatNoQueryCanComeUnderIsRefused(t *testing.T) {
	long := strings.Repeat("a", 129)
	_, err := Load(file(t, "privacy:\n  scrub_sources: [web, 'web*', '', 'web.>', \"a\\tb\", "+long+"]\nquery: {max_bytes: 0}\n"), none, nil)
	text := fmt.Sprint(err)
	for _, want := range []string{
		`privacy.scrub_sources[1] (sluice.yaml:2): "web*" is no name of a source; there are no patterns`,
		"privacy.scrub_sources[2] (sluice.yaml:2): is blank; name a source",
		`privacy.scrub_sources[3] (sluice.yaml:2): "web.>" is no name`,
		`privacy.scrub_sources[4] (sluice.yaml:2): "a\tb" is no name of a source; no source has control characters`,
		"privacy.scrub_sources[5] (sluice.yaml:2): has 129 bytes",
		"query.max_bytes (sluice.yaml:3)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "sources[0]") {
		t.Errorf("the good one is refused:\n%s", text)
	}
	for _, good := range []string{"['*']", "[]", "[a b, a.b, ümlaut]"} {
		if _, err := Load("", none, []string{"privacy.scrub_sources=" + good}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

func TestAModelWithoutAPriceIsRefused(t *testing.T) {
	path := file(t, "models: [{name: llama}, {name: gemini-2.5-pro}]\npair: {medium: llama, large: gemini-2.5-pro}\nanalysis: {model: llama}\n")
	_, err := Load(path, none, nil)
	if err == nil || !strings.Contains(err.Error(), `pair.medium (sluice.yaml:2): "llama" has no price`) || !strings.Contains(err.Error(), "analysis.model") {
		t.Errorf("got %v", err)
	}
}

func TestAMovedCellMakesAnotherMatrix(t *testing.T) {
	c, err := Load("", none, []string{"matrix=[{medium: incorrect, large: idk, policy: Ambiguous_Query}]"})
	if err != nil {
		t.Fatal(err)
	}
	moved, err := c.OracleMatrix()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Default().OracleMatrix()
	if err != nil {
		t.Fatal(err)
	}
	if moved.Version() == plain.Version() {
		t.Error("a moved cell did not change the matrix's version")
	}
}

func TestAFileThatIsNotThereIsAnErrorOnlyWhereItWasNamed(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "no.yaml"), none, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
	t.Chdir(t.TempDir())
	if _, err := Load("", none, nil); err != nil {
		t.Errorf("no sluice.yaml in the working directory: %v", err)
	}
}

// Whoever writes so many days means for ever; the number that is left when they don't fit is any, of minutes too.
func TestMoreDaysThanADurationHoldsAreRefused(t *testing.T) {
	_, err := Load("", none, []string{"training.max_age=213504d"}) // 25 minutes, where they wrap round
	if err == nil || !strings.Contains(err.Error(), "training.max_age") {
		t.Errorf("%v: want a fault", err)
	}
	if c, err := Load("", none, []string{"nats.max_age=36500d"}); err != nil || c.NATS.MaxAge != 36500*24*time.Hour {
		t.Errorf("%v, %v", c.NATS.MaxAge, err)
	}
}
