package learn

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// SFT takes one step of supervised fine-tuning: masked next-token cross-entropy, the mean over the completion
// tokens of all the batches. Several batches accumulate into one step.
func (t *Trainer) SFT(batches ...Batch) (Report, error) {
	total := 0
	for _, b := range batches {
		if err := b.check(t.model.config.VocabSize); err != nil {
			return Report{}, fmt.Errorf("SFT step %d: %w", t.step+1, err)
		}
		total += b.Count()
	}
	if total == 0 {
		return Report{}, fmt.Errorf("SFT step %d: no completion token", t.step+1)
	}
	var inputs [][]any
	for _, b := range batches {
		for _, part := range b.parts(t.model.backend.lanes, false) {
			inputs = append(inputs, append(part.tensors(), tensors.FromScalar(float32(1/float64(total)))))
		}
	}
	rate := t.hyper.rateAt(t.step)
	sums, norm, err := t.run(objective{"SFT step", func(f *forward, in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Neg(graph.Mul(graph.ReduceAllSum(f.completion(in)), in[4]))}
	}}, inputs)
	if err != nil {
		return Report{}, err
	}
	r := Report{Step: t.step, Loss: sums[0], Norm: norm, Rate: rate, Count: total}
	return r, r.finite("SFT")
}

// Pairs is a batch of preferences: its first half of rows are chosen completions, the second half the
// rejected ones in the same order. Reference holds their log-probabilities under the frozen model, [Rows], from
// [Model.LogProbs] before training.
type Pairs struct {
	Batch     Batch
	Count     int // real pairs; the others are padding and weigh nothing
	Reference []float64
}

// NewPairs lays out at most rows/2 preferences in a batch of rows. Reference is left to the caller.
func NewPairs(chosen, rejected []Example, rows int) (Pairs, error) {
	if len(chosen) != len(rejected) || rows%2 != 0 || len(chosen) > rows/2 {
		return Pairs{}, fmt.Errorf("%d chosen and %d rejected completions for a batch of %d rows", len(chosen), len(rejected), rows)
	}
	// A batch of them all refuses what is no example and finds the lengths.
	whole, err := NewBatch(append(slices.Clone(chosen), rejected...), rows)
	if err != nil {
		return Pairs{}, err
	}
	placed := make([]Example, rows)
	copy(placed, chosen)
	copy(placed[rows/2:], rejected)
	b, err := layOut(placed, rows, whole.Width, whole.Slots)
	return Pairs{Batch: b, Count: len(chosen)}, err
}

// DPO takes one step of direct preference optimisation with strength beta (0.1 is usual). Several batches
// accumulate into one step; the loss is the mean over their pairs.
func (t *Trainer) DPO(beta float64, batches ...Pairs) (Report, error) {
	total := 0
	for _, p := range batches {
		if err := p.Batch.check(t.model.config.VocabSize); err != nil {
			return Report{}, fmt.Errorf("DPO step %d: %w", t.step+1, err)
		}
		if len(p.Reference) != p.Batch.Rows {
			return Report{}, fmt.Errorf("DPO step %d: %d reference log-probabilities for %d rows", t.step+1, len(p.Reference), p.Batch.Rows)
		}
		total += p.Count
	}
	if total == 0 || beta <= 0 {
		return Report{}, fmt.Errorf("DPO step %d: %d pairs with beta %g", t.step+1, total, beta)
	}
	var inputs [][]any
	for _, p := range batches {
		inputs = append(inputs, p.inputs(t.model.backend.lanes, total)...)
	}
	rate := t.hyper.rateAt(t.step)
	sums, norm, err := t.run(objective{fmt.Sprintf("DPO step beta=%g", beta), func(f *forward, in []*graph.Node) []*graph.Node {
		return preference(f, in, beta)
	}}, inputs)
	if err != nil {
		return Report{}, err
	}
	r := Report{Step: t.step, Loss: sums[0], Norm: norm, Rate: rate, Count: total, Margin: sums[1], Wins: sums[2]}
	return r, r.finite("DPO")
}

// inputs are the arguments of the objective, cut into parts that can run side by side.
func (p Pairs) inputs(lanes, total int) (all [][]any) {
	parts, first := p.Batch.parts(lanes, true), 0
	for _, part := range parts {
		pairs := part.Rows / 2
		shares, reference := make([]float32, pairs), make([]float32, 2*pairs)
		for j := range pairs {
			if first+j < p.Count {
				shares[j] = float32(1 / float64(total))
			}
			reference[j] = float32(p.Reference[first+j])
			reference[pairs+j] = float32(p.Reference[p.Batch.Rows/2+first+j])
		}
		first += pairs
		all = append(all, append(part.tensors(),
			tensors.FromFlatDataAndDimensions(shares, pairs, 1),
			tensors.FromFlatDataAndDimensions(reference, 2*pairs, 1)))
	}
	return all
}

// preference builds loss, mean margin and share of wins of a batch of pairs.
func preference(f *forward, in []*graph.Node, beta float64) []*graph.Node {
	policy, shares, reference := perRow(f.completion(in)), in[4], in[5]
	pairs := policy.Shape().Dimensions[0] / 2
	half := func(x *graph.Node, i int) *graph.Node {
		return graph.Slice(x, graph.AxisRange(i*pairs, (i+1)*pairs))
	}
	loss, margin := dpoLoss(half(policy, 0), half(policy, 1), half(reference, 0), half(reference, 1), beta)
	wins := graph.PositiveIndicator(graph.StopGradient(margin))
	return []*graph.Node{
		graph.ReduceAllSum(graph.Mul(loss, shares)), graph.ReduceAllSum(graph.Mul(margin, shares)), graph.ReduceAllSum(graph.Mul(wins, shares)),
	}
}

// finite reports a diverged run: the weights are lost to it.
func (r Report) finite(what string) error {
	if math.IsNaN(r.Loss+r.Norm) || math.IsInf(r.Loss+r.Norm, 0) {
		return fmt.Errorf("%s step %d diverged: loss %g, gradient norm %g: lower the learning rate", what, r.Step, r.Loss, r.Norm)
	}
	return nil
}
