package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/gemma"
	"sluice/gemma/safetensors"
	"sluice/gemma/tokenizer"
	"sluice/routing"
	"sluice/trainer/artifact"
)

// controlArtifact makes the directory of a fitted logistic regression, and says its version.
func controlArtifact(t *testing.T, seed uint64) (dir, version string) {
	t.Helper()
	var train []evaluation.Sample
	for i := range 40 {
		train = append(train, evaluation.Sample{Text: fmt.Sprintf("Question %d about %s", i, []string{"rivers", "proofs"}[i%2]), Medium: float64(1 - i%2), Large: 1})
	}
	c := &controls.Logistic{Seed: seed}
	if err := c.Fit(train); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "artifact")
	m, err := artifact.PutControl(dir, c, artifact.Manifest{
		CreatedAt: time.Date(2026, 11, 3, 4, 5, 6, 0, time.UTC), Policies: sluice.DefaultPolicies(), Metrics: map[string]float64{"apgr": 0.625},
	}, []float64{0.4, 0.5, 0.1})
	if err != nil {
		t.Fatal(err)
	}
	return dir, m.Version
}

func listed(t *testing.T, p *program) map[string][]string {
	t.Helper()
	roles := map[string][]string{}
	for line := range strings.Lines(p.must("model", "list", "--json")) {
		var m listedModel
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		roles[m.Version] = m.Roles
	}
	return roles
}

func TestAModelIsImportedPointedToRolledBackAndExported(t *testing.T) {
	p := newProgram(t)
	first, v1 := controlArtifact(t, 1)
	second, v2 := controlArtifact(t, 2)
	p.must("model", "import", first)
	p.must("model", "import", first) // twice is once
	p.must("model", "import", second)
	p.must("model", "promote", v1)
	p.must("model", "promote", v2, "--reason", "newer")
	p.must("model", "pin", "acme", v1)
	p.must("model", "canary", v1, "--share", "0.25")
	p.must("model", "shadow", v1)
	if got := listed(t, p); len(got) != 2 || strings.Join(got[v2], "|") != "active" || strings.Join(got[v1], "|") != `canary 0.25|shadow|pinned by "acme"` {
		t.Errorf("roles %v", got)
	}
	if out := p.must("model", "list"); !strings.Contains(out, "0.625") || !strings.Contains(out, "logistic") {
		t.Errorf("listed\n%s", out)
	}
	if out := p.must("model", "rollback"); !strings.Contains(out, v1+" is active again, in place of "+v2) {
		t.Errorf("rolled back: %s", out)
	}
	p.must("model", "unpin", "acme")
	p.must("model", "canary")
	p.must("model", "shadow")
	if got := listed(t, p); strings.Join(got[v1], "|") != "active" || len(got[v2]) != 0 {
		t.Errorf("roles %v", got)
	}
	out := filepath.Join(t.TempDir(), "exported")
	p.must("model", "export", v2, out)
	if m, err := artifact.ReadManifest(out); err != nil || m.Version != v2 || m.Verify(out) != nil {
		t.Errorf("exported %+v, %v", m, err)
	}
	if shown := p.must("model", "show", v2); !strings.Contains(shown, `"digest"`) {
		t.Errorf("shown\n%s", shown)
	}
}

func TestWhatIsNoModelIsRefusedWithTheReason(t *testing.T) {
	p := newProgram(t)
	dir, version := controlArtifact(t, 1)
	if err := os.WriteFile(filepath.Join(dir, artifact.ControlFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		words string
		args  []string
	}{
		{"corrupt", []string{"model", "import", dir}},
		{"neither a router nor a base model", []string{"model", "import", t.TempDir()}},
		{"model list", []string{"model", "promote", version}},
		{"nothing was active", []string{"model", "rollback"}},
	} {
		if _, errs, status := p.run(c.args...); status != statusFailed || !strings.Contains(errs, c.words) {
			t.Errorf("%v: status %d, %s", c.args, status, errs)
		}
	}
}

// baseModel lays a tiny Gemma down as a Hugging Face directory in two shards.
func baseModel(t *testing.T) string {
	t.Helper()
	tok, err := tokenizer.Train(slices.Values([]string{routing.FullPrompt(sluice.DefaultPolicies()).Prefix}), 600, "<start_of_turn>", "<end_of_turn>")
	if err != nil {
		t.Fatal(err)
	}
	c := gemma.Tiny()
	c.VocabSize, c.HiddenSize, c.IntermediateSize, c.Layers, c.Heads, c.HeadDim = tok.Size(), 16, 16, 1, 1, 16
	c.QueryPreAttnScalar, c.Local = 16, []bool{false}
	m := gemma.Model{Config: c, Weights: gemma.RandomWeights(c, 4), Tokenizer: tok.JSON()}
	dir := filepath.Join(t.TempDir(), "base")
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	shards := map[string]map[string]safetensors.Tensor{"model-00001-of-00002.safetensors": {}, "model-00002-of-00002.safetensors": {}}
	index := map[string]string{}
	for name, tensor := range m.Weights {
		shard := "model-00001-of-00002.safetensors"
		if gemma.IsNorm(name) {
			shard = "model-00002-of-00002.safetensors"
		}
		shards[shard][name], index[name] = safetensors.Tensor(tensor), shard
	}
	for shard, tensors := range shards {
		f, err := os.Create(filepath.Join(dir, shard))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(safetensors.Write(f, tensors, true), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"weight_map": index})
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, gemma.IndexFile), list, 0o600), os.Remove(filepath.Join(dir, gemma.WeightsFile))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestABaseModelIsStoredUnderItsName(t *testing.T) {
	p, dir := newProgram(t), baseModel(t)
	if out := p.must("model", "import", dir, "--name", "gemma-3-270m"); !strings.Contains(out, "lora:gemma-3-270m") {
		t.Errorf("said %s", out)
	}
	if got := listed(t, p); len(got) != 0 {
		t.Errorf("a base model is listed as a router: %v", got)
	}
}

// A training of hours must not be what finds out.
func TestABaseModelThatCannotBeAdaptedIsRefusedAtOnce(t *testing.T) {
	p := newProgram(t)
	for words, spoil := range map[string]func(dir string) error{
		"model-00002-of-00002.safetensors: no such file": func(dir string) error { return os.Remove(filepath.Join(dir, "model-00002-of-00002.safetensors")) },
		"in 8160 bytes": func(dir string) error {
			return os.Truncate(filepath.Join(dir, "model-00001-of-00002.safetensors"), 9_000)
		},
		"has no tokenizer": func(dir string) error { return os.Remove(filepath.Join(dir, gemma.TokenizerFile)) },
		"it is another model's": func(dir string) error {
			config, err := os.ReadFile(filepath.Join(dir, gemma.ConfigFile))
			if err != nil {
				return err
			}
			tok, err := tokenizer.Train(slices.Values([]string{strings.Join(strings.Fields(string(config)), " some more words ") + routing.FullPrompt(sluice.DefaultPolicies()).Prefix}), 1500, "<start_of_turn>", "<end_of_turn>")
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, gemma.TokenizerFile), tok.JSON(), 0o600)
		},
		"weights.gguf": func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "model-00001-of-00002.safetensors")), os.Remove(filepath.Join(dir, "model-00002-of-00002.safetensors")),
				os.WriteFile(filepath.Join(dir, "weights.gguf"), []byte("GGUF"), 0o600))
		},
	} {
		dir := baseModel(t)
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		if _, errs, status := p.run("model", "import", dir); status != statusFailed || !strings.Contains(errs, words) {
			t.Errorf("want %q: status %d, %s", words, status, errs)
		}
	}
}
