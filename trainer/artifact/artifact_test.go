package artifact_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/gemma"
	"sluice/gemma/tokenizer"
	"sluice/routing"
	"sluice/routing/scored"
	"sluice/trainer/artifact"
)

func manifest() artifact.Manifest {
	return artifact.Manifest{Policies: sluice.DefaultPolicies(), Calibration: routing.Calibration{Temperature: 1}}
}

func samples() (out []evaluation.Sample) {
	for i := range 200 {
		s := evaluation.Sample{ID: fmt.Sprint(i), Text: fmt.Sprintf("what is the capital of region %d", i), Medium: 1, Large: 1}
		if i%3 == 0 {
			s.Text, s.Medium = fmt.Sprintf("which tributary joins river %d above its delta", i), 0
		}
		out = append(out, s)
	}
	return out
}

// logistic is a sealed artifact of a fitted control.
func logistic(t *testing.T) string {
	t.Helper()
	r := &controls.Logistic{Seed: 1}
	if err := r.Fit(samples()); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "logistic")
	m, err := artifact.PutControl(dir, r, manifest(), []float64{0.5, 0.34, 0.16})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(m.Version, "logistic-") {
		t.Errorf("version %q", m.Version)
	}
	return dir
}

// model is a sealed artifact of a tiny random model.
func model(t *testing.T) string {
	t.Helper()
	specs := sluice.DefaultPolicies()
	prompt := routing.CompactPrompt(specs)
	tok, err := tokenizer.Train(slices.Values([]string{prompt.Prefix, prompt.Prefix}), 400, routing.Controls(specs)...)
	if err != nil {
		t.Fatal(err)
	}
	c := gemma.Tiny()
	c.VocabSize, c.HiddenSize, c.IntermediateSize, c.Layers, c.Local = tok.Size(), 16, 16, 1, []bool{false}
	dir := filepath.Join(t.TempDir(), "gemma")
	if err := scored.Write(dir, &gemma.Model{Config: c, Weights: gemma.RandomWeights(c, 1), Tokenizer: tok.JSON()}, prompt); err != nil {
		t.Fatal(err)
	}
	m := manifest()
	m.Kind, m.PromptVersion = artifact.Gemma, prompt.Version
	if _, err := artifact.Seal(dir, m); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestEveryKindOpensAsARouter(t *testing.T) {
	for _, dir := range []string{logistic(t), model(t)} {
		r, err := artifact.Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil { // it needs the directory no more
			t.Fatal(err)
		}
		c, err := r.Route(t.Context(), routing.Request{Text: "what is the capital of region 7"})
		sum := 0.0
		for _, p := range c.Probabilities {
			sum += p
		}
		if err != nil || len(c.Probabilities) != 3 || math.Abs(sum-1) > 1e-9 || c.Version != r.Version() || c.Reasoning == "" {
			t.Errorf("%s: %+v, %v", dir, c, err)
		}
	}
}

func TestAControlDividesTheRestAsTrainingDid(t *testing.T) {
	r, err := artifact.Open(t.Context(), logistic(t))
	if err != nil {
		t.Fatal(err)
	}
	easy, err := r.Route(t.Context(), routing.Request{Text: "what is the capital of region 7"})
	if err != nil {
		t.Fatal(err)
	}
	hard, err := r.Route(t.Context(), routing.Request{Text: "which tributary joins river 7 above its delta"})
	if err != nil {
		t.Fatal(err)
	}
	if easy.Policy != sluice.Standard || hard.Policy != sluice.Complex || hard.Score() <= easy.Score() {
		t.Errorf("easy %+v, hard %+v", easy, hard)
	}
	if got := easy.Probabilities[sluice.Standard] / easy.Probabilities[sluice.Ambiguous]; math.Abs(got-0.5/0.16) > 1e-9 {
		t.Errorf("Standard to Ambiguous is %.3f", got)
	}
}

func TestTheVersionIsAFunctionOfTheContent(t *testing.T) {
	a, b := logistic(t), logistic(t)
	ma, err := artifact.ReadManifest(a)
	if err != nil {
		t.Fatal(err)
	}
	mb, err := artifact.ReadManifest(b)
	if err != nil || ma.Version != mb.Version {
		t.Errorf("%s and %s of one content, %v", ma.Version, mb.Version, err)
	}
	mb.Metrics, mb.JobID = map[string]float64{"apgr": 0.5}, "j"
	if err := artifact.WriteManifest(b, mb); err != nil {
		t.Fatal(err)
	}
	if r, err := artifact.Open(t.Context(), b); err != nil || r.Version() != ma.Version {
		t.Errorf("with metrics: %v", err)
	}
	mb.Calibration.Temperature = 2
	if m, err := artifact.Seal(b, mb); err != nil || m.Version == ma.Version {
		t.Errorf("another calibration has version %s, %v", m.Version, err)
	}
}

func TestWhatIsNotWholeIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		harm  func(dir string) error
		fault string
	}{
		"no manifest":     {func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }, "manifest.json"},
		"half a manifest": {func(dir string) error { return os.Truncate(filepath.Join(dir, "manifest.json"), 40) }, "manifest.json"},
		"a missing file":  {func(dir string) error { return os.Remove(filepath.Join(dir, "config.json")) }, "config.json is missing"},
		"a flipped byte":  {flip, "model.safetensors is corrupt"},
		"a strange file":  {func(dir string) error { return os.WriteFile(filepath.Join(dir, "x"), nil, 0o600) }, "x is not of the manifest"},
		"another kind": {func(dir string) error {
			m, err := artifact.ReadManifest(dir)
			if err != nil {
				return err
			}
			m.Kind = "oracle"
			return artifact.WriteManifest(dir, m)
		}, `kind "oracle" is unknown`},
		"no version": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"kind":"gemma"}`), 0o600)
		}, "version is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := model(t)
			if err := c.harm(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := artifact.Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("error %v, want one with %q", err, c.fault)
			}
		})
	}
}

func flip(dir string) error {
	path := filepath.Join(dir, "model.safetensors")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[len(data)-9] ^= 1
	return os.WriteFile(path, data, 0o600)
}

func TestAControlWithoutSharesIsNoRouter(t *testing.T) {
	r := &controls.Logistic{Seed: 1}
	if err := r.Fit(samples()); err != nil {
		t.Fatal(err)
	}
	for _, shares := range [][]float64{nil, {0, 1, 0}, {math.NaN(), 0.5, 0.5}, {-1, 1, 1}} {
		if _, err := artifact.PutControl(t.TempDir(), r, manifest(), shares); err == nil {
			t.Errorf("shares %v were taken", shares)
		}
	}
}
