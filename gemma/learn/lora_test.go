package learn

import (
	"maps"
	"math"
	"testing"

	"sluice/gemma"
	"sluice/gemma/internal/reference"
	"sluice/gemma/nf4"
)

// quantizable has linears whose sizes are multiples of 64.
func quantizable() gemma.Config {
	c := reference.Small(gemma.Gemma3)
	c.HeadDim, c.QueryPreAttnScalar = 8, 8
	return c
}

func agree(t *testing.T, m *Model, c gemma.Config, w gemma.Weights, limit float64) {
	t.Helper()
	row := reference.Tokens(c, 8, 5)
	got, err := m.Logits([][]int{row})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	worst := 0.0
	for i, logits := range reference.Logits(c, w, row) {
		for v, want := range logits {
			worst = math.Max(worst, math.Abs(float64(got[i*c.VocabSize+v])-want))
		}
	}
	if !(worst < limit) {
		t.Errorf("logits are %g away from the reference", worst)
	}
}

// steps trains on the examples and tells the first step and the last.
func steps(t *testing.T, tr *Trainer, c gemma.Config, n int) (first, last Report) {
	t.Helper()
	for i := range n {
		r, err := tr.SFT(batchOf(t, 2, examples(c)...))
		if err != nil {
			t.Fatalf("%+v", err)
		}
		if i == 0 {
			first = r
		}
		last = r
	}
	return first, last
}

func TestLoRAStartsAsTheBaseAndTrainsOnlyItself(t *testing.T) {
	c := reference.Small(gemma.Gemma2)
	w := reference.Weights(c, 4)
	m := newModel(t, c, w, Options{LoRA: &LoRA{Rank: 3, Alpha: 6, Targets: []string{"self_attn.q_proj", "mlp.down_proj"}}})
	agree(t, m, c, w, 1e-4)
	h := DefaultHyper(20)
	h.Rate = 2e-2
	tr := newTrainer(t, m, h)
	first, last := steps(t, tr, c, 20)
	t.Logf("loss %.3f -> %.3f with %d trained tensors", first.Loss, last.Loss, len(m.trainable()))
	if last.Loss > first.Loss-0.5 {
		t.Errorf("loss went from %g to %g", first.Loss, last.Loss)
	}
	after := weightsOf(t, m)
	for _, info := range c.Tensors() {
		part, changed := linearPart(info.Name), false
		for i, v := range w[info.Name].Data {
			changed = changed || after[info.Name].Data[i] != v
		}
		if want := part == "self_attn.q_proj" || part == "mlp.down_proj"; changed != want {
			t.Errorf("%s changed: %v", info.Name, changed)
		}
	}
	agree(t, m, c, after, 1e-4) // the merged weights are the adapted model
}

// The gradient of an adapter, by differences of the reference with the adapter merged by hand.
func TestLoRAGradientAgreesWithFiniteDifferences(t *testing.T) {
	c := reference.Small(gemma.Gemma3)
	w := reference.Weights(c, 4)
	m := newModel(t, c, w, Options{LoRA: &LoRA{Rank: 2, Alpha: 3, Seed: 9}})
	got := gradients(t, m, batchOf(t, 2, examples(c)...))
	name := gemma.LayerName(1, "mlp.up_proj")
	a, err := m.host(loraA(name))
	if err != nil {
		t.Fatal(err)
	}
	const o, r = 7, 1 // dL/dB[o,r] = sum over j of dL/dW[o,j]·A[r,j]·alpha/rank
	want := 0.0
	for j := range c.HiddenSize {
		want += difference(c, w, w[name].Data, o*c.HiddenSize+j) * float64(a[r*c.HiddenSize+j]) * 1.5
	}
	if diff := math.Abs(float64(got[loraB(name)][o*2+r]) - want); diff > 1e-3*(1+math.Abs(want)) {
		t.Errorf("gradient %g, by differences %g", got[loraB(name)][o*2+r], want)
	}
	for i, v := range got[loraA(name)] {
		if v != 0 { // B is zero, so A has no effect yet
			t.Fatalf("A[%d] has gradient %g before B moved", i, v)
		}
	}
}

// The graph unpacks to exactly what the quantizer says, in 4 bits or unpacked once.
func TestQLoRAComputesWithTheQuantizedBase(t *testing.T) {
	c := quantizable()
	w := reference.Weights(c, 4)
	for _, double := range []bool{false, true} {
		for _, unpack := range []bool{false, true} {
			o := nf4.Options{Double: double}
			want := maps.Clone(w)
			for _, info := range c.Tensors() {
				if linearPart(info.Name) != "" {
					b, err := nf4.Quantize(w[info.Name].Data, o)
					if err != nil {
						t.Fatal(err)
					}
					want[info.Name] = gemma.Tensor{Shape: info.Shape, Data: b.Dequantize()}
				}
			}
			m := newModel(t, c, w, Options{LoRA: &LoRA{Rank: 2, Alpha: 4, Quantize: &o, Unpack: unpack}, Checkpoint: true})
			agree(t, m, c, want, 1e-4)
			h := DefaultHyper(12)
			h.Rate = 2e-2
			tr := newTrainer(t, m, h)
			first, last := steps(t, tr, c, 12)
			if last.Loss > first.Loss-0.3 {
				t.Errorf("double=%v unpack=%v: loss went from %g to %g", double, unpack, first.Loss, last.Loss)
			}
			agree(t, m, c, weightsOf(t, m), 1e-4)
		}
	}
}
