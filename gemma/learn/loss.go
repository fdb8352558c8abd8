package learn

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sluice/gemma"
)

// completion builds the log-probabilities of a batch's completion tokens, [Rows, Slots], zero where a slot is
// empty: the target's logit less log-sum-exp. The logit is a product with one embedding row, so that nothing
// but the exponentials is as wide as the vocabulary.
func (f *forward) completion(in []*graph.Node) *graph.Node {
	tokens, positions, targets, weights := in[0], in[1], in[2], in[3]
	h := graph.Gather(f.hidden(tokens), positions) // [N, d]
	logits := f.logits(h)
	e, top := exp(logits)
	total := graph.Add(graph.Log(graph.ReduceAndKeep(e, graph.ReduceSum, -1)), top)
	rows := graph.Gather(f.weight(gemma.EmbedName), targets)
	picked := graph.ReduceAndKeep(graph.Mul(h, rows), graph.ReduceSum, -1)
	picked = softCap(picked, f.config.FinalSoftCap)
	logProbs := graph.Reshape(graph.Sub(picked, total), weights.Shape().Dimensions...)
	return graph.Mul(logProbs, weights)
}

// perRow sums [Rows, Slots] to [Rows, 1].
func perRow(x *graph.Node) *graph.Node {
	return graph.ReduceAndKeep(x, graph.ReduceSum, -1)
}

// dpoLoss is -log sigmoid(beta·((chosen-refChosen)-(rejected-refRejected))) by pair, [Pairs, 1], and the
// margin inside the sigmoid (Rafailov et al. 2023, arXiv:2305.18290, equation 7). Log-sigmoid is written as
// min(z,0)-log1p(exp(-|z|)), which neither overflows nor loses small values.
func dpoLoss(chosen, rejected, refChosen, refRejected *graph.Node, beta float64) (loss, margin *graph.Node) {
	margin = graph.MulScalar(graph.Sub(graph.Sub(chosen, refChosen), graph.Sub(rejected, refRejected)), beta)
	tail := graph.Log1P(graph.Exp(graph.Neg(graph.Abs(margin))))
	return graph.Sub(tail, graph.MinScalar(margin, 0.0)), margin
}

// LogProbs computes the summed log-probability of each row's completion under the present weights, [Rows].
// Rows without an example get 0. It is the frozen reference of DPO and the score of an evaluation.
func (m *Model) LogProbs(b Batch) ([]float64, error) {
	if err := b.check(m.config.VocabSize); err != nil {
		return nil, fmt.Errorf("log-probabilities: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out, err := m.call("log-probabilities", false, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		return []*graph.Node{perRow(m.forward(in[0].Graph(), false).completion(in))}
	}, b.tensors()...)
	if err != nil {
		return nil, err
	}
	flat, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		return nil, fmt.Errorf("log-probabilities: %w", err)
	}
	sums := make([]float64, len(flat))
	for i, v := range flat {
		sums[i] = float64(v)
	}
	return sums, nil
}
