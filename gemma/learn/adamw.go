package learn

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"sluice/gemma"
)

// Prefixes of an optimiser's variables: first and second moments.
const (
	firstMoment  = "adamw.m."
	secondMoment = "adamw.v."
)

// update builds AdamW with the gradients clipped to a global norm, and returns that norm before clipping.
// scalars is [1, 3]: learning rate, 1-beta1^t, 1-beta2^t, which change from step to step.
func (t *Trainer) update(g *graph.Graph, gradients []*graph.Node, scalars *graph.Node) *graph.Node {
	at := func(i int) *graph.Node {
		return graph.Reshape(graph.Slice(scalars, graph.AxisElem(0), graph.AxisElem(i)))
	}
	rate, correct1, correct2 := at(0), at(1), at(2)
	square := graph.ScalarZero(g, float32Type)
	for _, gradient := range gradients {
		flat := graph.Reshape(gradient, 1, gradient.Shape().Size())
		square = graph.Add(square, graph.Reshape(timesT(flat, flat)))
	}
	norm := graph.Sqrt(square)
	if limit := t.hyper.ClipNorm; limit > 0 {
		factor := graph.Reciprocal(graph.MaxScalar(graph.MulScalar(norm, 1/limit), 1.0))
		for i := range gradients {
			gradients[i] = graph.Mul(gradients[i], factor)
		}
	}
	for i, name := range t.model.trainable() {
		t.updateOne(g, name, gradients[i], rate, correct1, correct2)
	}
	return norm
}

func (t *Trainer) updateOne(g *graph.Graph, name string, gradient, rate, correct1, correct2 *graph.Node) {
	h := t.hyper
	m := graph.Add(graph.MulScalar(t.model.node(g, firstMoment+name), h.Beta1), graph.MulScalar(gradient, 1-h.Beta1))
	v := graph.Add(graph.MulScalar(t.model.node(g, secondMoment+name), h.Beta2),
		graph.MulScalar(graph.Mul(gradient, gradient), 1-h.Beta2))
	t.model.assign(firstMoment+name, m)
	t.model.assign(secondMoment+name, v)
	step := graph.Div(m, graph.AddScalar(graph.Sqrt(graph.Div(v, correct2)), h.Epsilon))
	step = graph.Mul(step, graph.Div(rate, correct1))
	w := t.model.node(g, name)
	if h.Decay > 0 && !gemma.IsNorm(name) {
		step = graph.Add(step, graph.Mul(w, graph.MulScalar(rate, h.Decay)))
	}
	t.model.assign(name, graph.Sub(w, step))
}

// scalars are the inputs of update for the step that has been counted as done steps before.
func (t *Trainer) scalars() *tensors.Tensor {
	n := float64(t.step + 1)
	return tensors.FromFlatDataAndDimensions([]float32{
		float32(t.hyper.rateAt(t.step)),
		float32(1 - math.Pow(t.hyper.Beta1, n)),
		float32(1 - math.Pow(t.hyper.Beta2, n)),
	}, 1, 3)
}
