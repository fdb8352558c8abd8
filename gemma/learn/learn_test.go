package learn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sluice/gemma"
	"sluice/gemma/internal/reference"
)

// examples are two rows of different lengths, so that padding and masks matter.
func examples(c gemma.Config) []Example {
	return []Example{
		{Tokens: reference.Tokens(c, 7, 3), From: 4},
		{Tokens: reference.Tokens(c, 5, 4), From: 2},
	}
}

// referenceLogProb is the summed log-probability of an example's completion, by the float64 forward pass.
func referenceLogProb(c gemma.Config, w gemma.Weights, e Example) (total float64) {
	logits := reference.Logits(c, w, e.Tokens)
	for t := e.From; t < len(e.Tokens); t++ {
		total += reference.LogProbs(logits[t-1])[e.Tokens[t]]
	}
	return total
}

func batchOf(tb testing.TB, rows int, examples ...Example) Batch {
	tb.Helper()
	b, err := NewBatch(examples, rows)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

var generations = []gemma.Generation{gemma.Gemma1, gemma.Gemma2, gemma.Gemma3}

func TestLogProbsAgreeWithTheReference(t *testing.T) {
	for _, g := range generations {
		c := reference.Small(g)
		w := reference.Weights(c, 2)
		m := newModel(t, c, w, Options{})
		got, err := m.LogProbs(batchOf(t, 3, examples(c)...))
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range examples(c) {
			if want := referenceLogProb(c, w, e); math.Abs(got[i]-want) > 1e-4 {
				t.Errorf("Gemma %d row %d: %.6f, reference %.6f", g, i, got[i], want)
			}
		}
		if got[2] != 0 {
			t.Errorf("an empty row has log-probability %g", got[2])
		}
	}
}

// gradients of the summed completion log-probability, by variable.
func gradients(t *testing.T, m *Model, b Batch) map[string][]float32 {
	t.Helper()
	out, err := m.call("gradients", false, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		g := in[0].Graph()
		return graph.Gradient(graph.ReduceAllSum(m.forward(g, true).completion(in)), m.leaves(g)...)
	}, b.tensors()...)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	byName := map[string][]float32{}
	for i, name := range m.trainable() {
		byName[name], _ = tensors.CopyFlatData[float32](out[i])
	}
	return byName
}

// Every tensor's gradient against central differences of the float64 reference, which shares no code with it.
func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	for _, g := range generations {
		for _, remat := range []bool{false, true} {
			t.Run(fmt.Sprintf("Gemma%d checkpoint=%v", g, remat), func(t *testing.T) {
				c := reference.Small(g)
				w := reference.Weights(c, 6)
				m := newModel(t, c, w, Options{Checkpoint: remat})
				got := gradients(t, m, batchOf(t, 2, examples(c)...))
				rng := rand.New(rand.NewPCG(1, uint64(g)))
				worst := 0.0
				for _, info := range c.Tensors() {
					i := rng.IntN(info.Elements())
					if info.Name == gemma.EmbedName {
						i = examples(c)[0].Tokens[1]*c.HiddenSize + 3 // a row that is read
					}
					want := difference(c, w, w[info.Name].Data, i)
					diff := math.Abs(float64(got[info.Name][i])-want) / (1 + math.Abs(want))
					worst = math.Max(worst, diff)
					if diff > 1e-3 {
						t.Errorf("%s[%d]: gradient %.6f, difference quotient %.6f", info.Name, i, got[info.Name][i], want)
					}
				}
				t.Logf("largest difference over %d tensors: %.2g", len(c.Tensors()), worst)
			})
		}
	}
}

// difference is d(summed log-probability)/d(data[i]) by central differences.
func difference(c gemma.Config, w gemma.Weights, data []float32, i int) float64 {
	at := func(v float32) (total float64) {
		old := data[i]
		defer func() { data[i] = old }()
		data[i] = v
		for _, e := range examples(c) {
			total += referenceLogProb(c, w, e)
		}
		return total
	}
	up, down := data[i]+1e-3, data[i]-1e-3
	return (at(up) - at(down)) / (float64(up) - float64(down))
}

func newTrainer(tb testing.TB, m *Model, h Hyper) *Trainer {
	tb.Helper()
	tr, err := NewTrainer(m, h)
	if err != nil {
		tb.Fatalf("%+v", err)
	}
	return tr
}

func weightsOf(tb testing.TB, m *Model) gemma.Weights {
	tb.Helper()
	w, err := m.Weights()
	if err != nil {
		tb.Fatalf("%+v", err)
	}
	return w
}

// The first AdamW step by hand: both corrected moments are the (clipped) gradient and its square.
func TestFirstStepIsAdamWByHand(t *testing.T) {
	c := reference.Small(gemma.Gemma3)
	w := reference.Weights(c, 6)
	b := batchOf(t, 2, examples(c)...)
	m := newModel(t, c, w, Options{})
	g := gradients(t, m, b)
	norm := 0.0
	for _, values := range g {
		for i := range values {
			values[i] /= -float32(b.Count()) // of the mean negative log-probability
			norm += float64(values[i]) * float64(values[i])
		}
	}
	norm = math.Sqrt(norm)
	h := Hyper{Rate: 0.01, MinShare: 1, Steps: 10, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3, Decay: 0.1, ClipNorm: norm / 3}
	report, err := newTrainer(t, m, h).SFT(b)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	if math.Abs(report.Norm-norm) > 1e-4*norm || report.Rate != 0.01 || report.Count != 6 {
		t.Errorf("report %+v, norm by hand %g", report, norm)
	}
	after, worst := weightsOf(t, m), 0.0
	for _, info := range c.Tensors() {
		decay := h.Decay
		if gemma.IsNorm(info.Name) {
			decay = 0
		}
		for i, old := range w[info.Name].Data {
			clipped := float64(g[info.Name][i]) / 3
			want := float64(old) - h.Rate*(clipped/(math.Abs(clipped)+h.Epsilon)+decay*float64(old))
			worst = math.Max(worst, math.Abs(float64(after[info.Name].Data[i])-want))
		}
	}
	if worst > 1e-5 {
		t.Errorf("a weight is %g away from the hand-made step", worst)
	}
	t.Logf("largest difference to the step by hand: %.2g", worst)
}

func TestAccumulationAndCheckpointingChangeNothing(t *testing.T) {
	c := reference.Small(gemma.Gemma2)
	w := reference.Weights(c, 8)
	e := examples(c)
	steps := func(o Options, batches ...Batch) (gemma.Weights, Report) {
		m := newModel(t, c, w, o)
		tr := newTrainer(t, m, DefaultHyper(10))
		var last Report
		for range 3 {
			var err error
			if last, err = tr.SFT(batches...); err != nil {
				t.Fatalf("%+v", err)
			}
		}
		return weightsOf(t, m), last
	}
	want, report := steps(Options{}, batchOf(t, 2, e...))
	for name, try := range map[string]func() (gemma.Weights, Report){
		"two micro-batches": func() (gemma.Weights, Report) {
			return steps(Options{}, batchOf(t, 1, e[0]), batchOf(t, 1, e[1]))
		},
		"three, one almost empty": func() (gemma.Weights, Report) {
			short := Example{Tokens: e[0].Tokens[:5], From: 4}
			long := Example{Tokens: e[0].Tokens, From: 5}
			return steps(Options{}, batchOf(t, 2, short), batchOf(t, 2, long), batchOf(t, 2, e[1]))
		},
		"checkpointing": func() (gemma.Weights, Report) {
			return steps(Options{Checkpoint: true}, batchOf(t, 2, e...))
		},
	} {
		got, r := try()
		worst := 0.0
		for tensor := range want {
			for i, v := range want[tensor].Data {
				worst = math.Max(worst, math.Abs(float64(got[tensor].Data[i]-v)))
			}
		}
		if worst > 2e-5 || math.Abs(r.Loss-report.Loss) > 1e-5 || math.Abs(r.Norm-report.Norm) > 1e-4 {
			t.Errorf("%s: weights differ by %g, loss %g and %g", name, worst, r.Loss, report.Loss)
		}
	}
}

// DPO against the formula, with log-probabilities by the reference and a gradient by finite differences.
func TestDPOByHand(t *testing.T) {
	const beta = 0.7
	c := reference.Small(gemma.Gemma3)
	w := reference.Weights(c, 12)
	e := examples(c)
	chosen, rejected := []Example{e[0], e[1]}, []Example{
		{Tokens: append(slices.Clone(e[0].Tokens[:4]), 9, 8), From: 4},
		{Tokens: append(slices.Clone(e[1].Tokens[:2]), 30), From: 2},
	}
	references := []float64{-9, -12, 0, -14, -3, 0}
	loss := func() (loss, margin, wins float64) {
		for i := range chosen {
			z := beta * ((referenceLogProb(c, w, chosen[i]) - references[i]) - (referenceLogProb(c, w, rejected[i]) - references[3+i]))
			loss -= math.Log(1/(1+math.Exp(-z))) / 2
			margin += z / 2
			if z > 0 {
				wins += 0.5
			}
		}
		return loss, margin, wins
	}
	wantLoss, wantMargin, wantWins := loss()

	pairs, err := NewPairs(chosen, rejected, 6) // three pairs of room for two
	if err != nil {
		t.Fatal(err)
	}
	pairs.Reference = references
	m := newModel(t, c, w, Options{})
	h := Hyper{Rate: 1e-3, MinShare: 1, Steps: 5, Beta2: 0.99, Epsilon: 1e3} // a huge epsilon: plain gradient descent
	got, err := newTrainer(t, m, h).DPO(beta, pairs)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Logf("loss %.6f, by hand %.6f; margin %.4f, by hand %.4f", got.Loss, wantLoss, got.Margin, wantMargin)
	if math.Abs(got.Loss-wantLoss) > 1e-4 || math.Abs(got.Margin-wantMargin) > 1e-4 || got.Wins != wantWins || got.Count != 2 {
		t.Errorf("%+v, by hand loss %g margin %g wins %g", got, wantLoss, wantMargin, wantWins)
	}
	// The norm reported is that of the gradient of this loss: check one direction of it.
	name := gemma.LayerName(1, "mlp.down_proj")
	data := w[name].Data
	old := data[5]
	data[5] = old + 1e-2
	up, _, _ := loss()
	data[5] = old - 1e-2
	down, _, _ := loss()
	data[5] = old
	moments, err := m.host(firstMoment + name)
	if err != nil {
		t.Fatal(err)
	}
	if want := (up - down) / 2e-2; math.Abs(float64(moments[5])-want) > 1e-3*(1+math.Abs(want)) {
		t.Errorf("gradient %g, difference quotient %g", moments[5], want)
	}
}

// The loss must fall on a toy: the completion repeats the prompt's first token.
func TestLossFallsOnAToy(t *testing.T) {
	c := reference.Small(gemma.Gemma3)
	m := newModel(t, c, gemma.RandomWeights(c, 3), Options{})
	h := DefaultHyper(80)
	h.Rate = 1e-2
	tr := newTrainer(t, m, h)
	rng := rand.New(rand.NewPCG(5, 5))
	var first, last float64
	for step := range h.Steps {
		var rows []Example
		for range 16 {
			key := 3 + rng.IntN(6)
			rows = append(rows, Example{Tokens: []int{2, key, 10 + rng.IntN(20), key}, From: 3})
		}
		r, err := tr.SFT(batchOf(t, 16, rows...))
		if err != nil {
			t.Fatalf("%+v", err)
		}
		if step == 0 {
			first = r.Loss
		}
		last = r.Loss
	}
	t.Logf("loss %.3f -> %.3f in %d steps", first, last, h.Steps)
	if first < 3 || last > 0.1 {
		t.Errorf("loss went from %g to %g", first, last)
	}
}

func TestScheduleWarmsUpAndFallsAsACosine(t *testing.T) {
	h := Hyper{Rate: 1, MinShare: 0.2, Warmup: 4, Steps: 14}
	for step, want := range map[int]float64{0: 0.25, 3: 1, 4: 1, 9: 0.6, 14: 0.2, 99: 0.2} {
		if got := h.rateAt(step); math.Abs(got-want) > 1e-12 {
			t.Errorf("rate at %d is %g, want %g", step, got, want)
		}
	}
}

func TestBatchesAreDeterministicAndWholeAndSorted(t *testing.T) {
	var all []Example
	for i := range 50 {
		all = append(all, Example{Tokens: make([]int, 3+i*7%60), From: 1})
	}
	var first, again [][]int
	for b := range Batches(all, 8, 4) {
		first = append(first, b)
	}
	for b := range Batches(all, 8, 4) {
		again = append(again, b)
	}
	if !reflect.DeepEqual(first, again) {
		t.Error("the same seed gave other batches")
	}
	seen := map[int]int{}
	for _, b := range first {
		buckets := map[int]bool{}
		for _, i := range b {
			seen[i]++
			width, _ := padded(len(all[i].Tokens))
			buckets[width] = true
		}
		if len(b) > 8 || len(buckets) != 1 {
			t.Errorf("batch of %d examples from %d buckets", len(b), len(buckets))
		}
	}
	if len(seen) != 50 {
		t.Errorf("%d of 50 examples were batched", len(seen))
	}
}

func TestRefusals(t *testing.T) {
	c := reference.Small(gemma.Gemma1)
	m := newModel(t, c, reference.Weights(c, 1), Options{})
	tr := newTrainer(t, m, DefaultHyper(5))
	bad := batchOf(t, 1, Example{Tokens: []int{1, 2, 99}, From: 1})
	_, sft := tr.SFT(bad)
	_, logits := m.Logits([][]int{{-1}})
	_, batch := NewBatch([]Example{{Tokens: []int{1, 2}, From: 2}}, 1)
	_, pairs := NewPairs([]Example{{}}, nil, 2)
	_, dpo := tr.DPO(0.1, Pairs{Batch: batchOf(t, 2, examples(c)...), Count: 1})
	_, hyper := NewTrainer(m, Hyper{})
	_, lora := NewModel(openGo(t), c, reference.Weights(c, 1), Options{LoRA: &LoRA{Rank: 1, Alpha: 1, Targets: []string{"lm_head"}}})
	_, backend := OpenBackend("cuda")
	_, xla := OpenBackend("xla:cuda")
	_, option := OpenBackend("go:nonsense")
	for want, err := range map[string]error{
		"token 99": sft, "token -1": logits, "completion from 2 of 2": batch, "1 chosen and 0 rejected": pairs,
		"0 reference": dpo, "rate 0": hyper, `"lm_head"`: lora, "known names are go": backend, "-tags xla": xla, "nonsense": option,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// A panic inside a graph must come back as an error, and a model that lost its variables must say so.
func TestPanicsComeBackAsErrors(t *testing.T) {
	c := reference.Small(gemma.Gemma1)
	m := newModel(t, c, reference.Weights(c, 1), Options{})
	_, err := m.call("bad graph", true, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.MatMul(in[0], graph.Ones(in[0].Graph(), in[0].Shape()))}
	}, tensors.FromFlatDataAndDimensions(make([]float32, 6), 2, 3))
	if err == nil || !strings.Contains(err.Error(), "bad graph") {
		t.Fatalf("error %v", err)
	}
	if _, err := m.Weights(); err == nil || !strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("a broken model answered: %v", err)
	}
}

// Parts that run side by side must add up to the whole, pairs kept together.
func TestPartsOfABatchAreTheBatch(t *testing.T) {
	c := reference.Small(gemma.Gemma3)
	var all, other []Example
	for i := range 8 {
		all = append(all, Example{Tokens: reference.Tokens(c, 26, uint64(i)), From: 3})
		other = append(other, Example{Tokens: reference.Tokens(c, 27, uint64(i+50)), From: 3})
	}
	w := reference.Weights(c, 2)
	run := func(lanes int) (sft, dpo Report) {
		m := newModel(t, c, w, Options{})
		m.backend.lanes = lanes
		pairs, err := NewPairs(all, other, 16)
		if err != nil {
			t.Fatal(err)
		}
		if pairs.Reference, err = m.LogProbs(pairs.Batch); err != nil {
			t.Fatal(err)
		}
		for i := range pairs.Reference {
			pairs.Reference[i] += float64(i%5) / 3
		}
		tr := newTrainer(t, m, DefaultHyper(9))
		if dpo, err = tr.DPO(0.3, pairs); err != nil {
			t.Fatalf("%+v", err)
		}
		if sft, err = tr.SFT(batchOf(t, 8, all...)); err != nil {
			t.Fatalf("%+v", err)
		}
		return sft, dpo
	}
	sft1, dpo1 := run(1)
	sft2, dpo2 := run(2)
	for name, pair := range map[string][2]Report{"SFT": {sft1, sft2}, "DPO": {dpo1, dpo2}} {
		a, b := pair[0], pair[1]
		if math.Abs(a.Loss-b.Loss) > 1e-4 || math.Abs(a.Norm-b.Norm) > 1e-3 || math.Abs(a.Margin-b.Margin) > 1e-4 || a.Wins != b.Wins {
			t.Errorf("%s: whole %+v, in parts %+v", name, a, b)
		}
	}
	if dpo1.Loss == math.Ln2 || dpo1.Norm == 0 {
		t.Errorf("the pairs taught nothing: %+v", dpo1)
	}
}
