package reference

import (
	"math"
	"testing"

	"sluice/gemma"
)

// One layer, two dimensions, one token: attention over itself returns its value, so every number can be
// worked out on paper.
//
//	x = sqrt(2)*(3,4); rms(x) = sqrt((18+32)/2) = 5; norm(x) = x/5 = sqrt(2)*(0.6,0.8)
//	v = norm(x) swapped = sqrt(2)*(0.8,0.6); o = identity; h = x+v = sqrt(2)*(3.8,4.6)
//	gate = 0, so the feed-forward block adds nothing; rms(h) = sqrt(3.8²+4.6²) = sqrt(35.6)
//	logits = embedding · sqrt(2)*(3.8,4.6)/sqrt(35.6)
func TestLogitsOfAHandWorkedModel(t *testing.T) {
	c := gemma.Config{
		Generation: gemma.Gemma1, VocabSize: 2, HiddenSize: 2, IntermediateSize: 1, Layers: 1, Heads: 1,
		KVHeads: 1, HeadDim: 2, MaxPositions: 4, RMSNormEps: 1e-30, QueryPreAttnScalar: 2,
		RopeTheta: 1e4, RopeLocalTheta: 1e4, RopeScale: 1, Local: []bool{false},
	}
	zero := gemma.Tensor{Shape: []int{2}, Data: []float32{0, 0}}
	w := gemma.Weights{
		gemma.EmbedName:                                {Shape: []int{2, 2}, Data: []float32{3, 4, -1, 2}},
		gemma.NormName:                                 zero,
		gemma.LayerName(0, "input_layernorm"):          zero,
		gemma.LayerName(0, "post_attention_layernorm"): zero,
		gemma.LayerName(0, "self_attn.q_proj"):         {Shape: []int{2, 2}, Data: []float32{5, 1, 2, 7}},
		gemma.LayerName(0, "self_attn.k_proj"):         {Shape: []int{2, 2}, Data: []float32{1, 9, 4, 2}},
		gemma.LayerName(0, "self_attn.v_proj"):         {Shape: []int{2, 2}, Data: []float32{0, 1, 1, 0}},
		gemma.LayerName(0, "self_attn.o_proj"):         {Shape: []int{2, 2}, Data: []float32{1, 0, 0, 1}},
		gemma.LayerName(0, "mlp.gate_proj"):            {Shape: []int{1, 2}, Data: []float32{0, 0}},
		gemma.LayerName(0, "mlp.up_proj"):              {Shape: []int{1, 2}, Data: []float32{1, 1}},
		gemma.LayerName(0, "mlp.down_proj"):            {Shape: []int{2, 1}, Data: []float32{1, 1}},
	}
	got := Logits(c, w, []int{0})[0]
	norm := math.Sqrt2 / math.Sqrt(35.6)
	want := []float64{(3*3.8 + 4*4.6) * norm, (-3.8 + 2*4.6) * norm}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("logit %d is %.15f, by hand %.15f", i, got[i], want[i])
		}
	}
}

func TestPiecesByHand(t *testing.T) {
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %.12f, want %.12f", name, got, want)
		}
	}
	near("gelu(1)", gelu(1), 0.841191990608)
	near("gelu(-2)", gelu(-2), -0.045402305912)
	near("cap 30 of 60", softCap([]float64{60}, 30)[0], 30*math.Tanh(2))
	turned := rotate([]float64{1, 0, 0, 0}, 1, 1e4) // the first pair (0,2) turns by one radian
	near("cos 1", turned[0], math.Cos(1))
	near("sin 1", turned[2], math.Sin(1))
	turned = rotate([]float64{0, 1, 0, 0}, 3, 1e4) // the second pair by 3*10000^(-1/2)
	near("cos 0.03", turned[1], math.Cos(0.03))
	near("sin 0.03", turned[3], math.Sin(0.03))
}

// A local layer must forget what left its window, and a global one must not.
func TestSlidingWindowForgets(t *testing.T) {
	c := Small(gemma.Gemma2)
	c.Layers, c.Local, c.SlidingWindow = 1, []bool{true}, 3
	w := Weights(c, 5)
	last := func(c gemma.Config, first int) float64 { return Logits(c, w, []int{first, 4, 5, 6})[3][0] }
	if last(c, 3) != last(c, 9) {
		t.Error("a token outside the window changed the last logits")
	}
	c.SlidingWindow = 4
	if last(c, 3) == last(c, 9) {
		t.Error("a token inside the window changed nothing")
	}
}
