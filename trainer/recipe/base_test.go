package recipe

import (
	"path/filepath"
	"slices"
	"testing"

	"sluice"
	"sluice/gemma"
	"sluice/gemma/nf4"
	"sluice/gemma/tokenizer"
	"sluice/routing"
	"sluice/trainer/artifact"
)

// pretrained lays a tiny base model down as a Hugging Face directory would be: Gemma 3, a tokenizer that knows
// Gemma's turns.
func pretrained(t *testing.T, policies []sluice.PolicySpec) string {
	t.Helper()
	var texts []string
	for _, r := range made(t, 60).Rows() {
		texts = append(texts, r.Text, r.Reasoning(), routing.FullPrompt(policies).Prefix)
	}
	tok, err := tokenizer.Train(slices.Values(texts), 900, "<start_of_turn>", "<end_of_turn>")
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
	return dir
}

func TestAPretrainedBaseIsAdapted(t *testing.T) {
	policies := []sluice.PolicySpec{{Name: sluice.Standard, Description: "easy"}, {Name: sluice.Complex, Description: "hard"}, {Name: sluice.Ambiguous, Description: "moot"}}
	path := pretrained(t, policies)
	base, err := gemma.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, quantize := range map[string]*nf4.Options{"lora": nil, "qlora": {Double: true}} {
		t.Run(name, func(t *testing.T) {
			set := made(t, 40)
			dir, report, err := Train(t.Context(), set, Options{
				Dir: t.TempDir(), Seed: 1, Epochs: 1, Policies: policies,
				Base: &Base{Name: "tiny", Path: path, Rank: 2, Quantize: quantize, Limit: 200, Rows: 16},
			}, nil)
			if err != nil {
				t.Fatalf("%+v", err)
			}
			t.Logf("%+v", report)
			router, err := artifact.Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			c, err := router.Route(t.Context(), routing.Request{Text: "What is the capital of region 7?"})
			if err != nil || len(c.Probabilities) != 3 || c.Version != report.Version {
				t.Errorf("%+v, %v", c, err)
			}
			m, err := artifact.ReadManifest(dir)
			if err != nil || m.Recipe != "tiny" {
				t.Errorf("manifest %+v, %v", m, err)
			}
			adapted, err := gemma.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			same := func(name string) bool {
				return slices.Equal(adapted.Weights[name].Data, base.Weights[name].Data)
			}
			if !same(gemma.EmbedName) || same(gemma.LayerName(0, "mlp.up_proj")) {
				t.Error("adapters must change the linears and leave the embedding alone")
			}
		})
	}
}
