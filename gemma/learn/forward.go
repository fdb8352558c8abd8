package learn

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"

	"sluice/gemma"
)

// forward builds the decoder over a batch of right-padded rows. Causality alone keeps padding away from
// real tokens, so there is no padding mask. A forward serves one graph.
type forward struct {
	config gemma.Config
	weight func(name string) *graph.Node                // a tensor as stored
	linear func(name string, x *graph.Node) *graph.Node // [N, in] to [N, out], adapters included
	remat  bool                                         // recompute a layer in the backward pass instead of keeping its inside

	plainGo bool // products and norms bring gradients that suit the Go backend

	g           *graph.Graph
	rows, width int // B and T
	tables      map[tableKey]*graph.Node
}

// hidden maps token ids [B, T] to normed final states [B*T, d], ready for the head.
func (f *forward) hidden(tokens *graph.Node) *graph.Node {
	f.g, f.rows, f.width = tokens.Graph(), tokens.Shape().Dimensions[0], tokens.Shape().Dimensions[1]
	f.tables = map[tableKey]*graph.Node{}
	ids := graph.Reshape(tokens, f.rows*f.width, 1)
	x := graph.MulScalar(graph.Gather(f.weight(gemma.EmbedName), ids), f.config.EmbedScale())
	for i := range f.config.Layers {
		if f.remat {
			x = x.Checkpoint()
		}
		x = f.layer(i, x)
	}
	if f.remat {
		x = x.StopCheckpoint()
	}
	return f.norm(gemma.NormName, x)
}

// logits maps final states [N, d] to [N, VocabSize] through the tied embedding.
func (f *forward) logits(h *graph.Node) *graph.Node {
	return softCap(f.productT(h, f.weight(gemma.EmbedName)), f.config.FinalSoftCap)
}

// layer is one decoder block on [B*T, d].
func (f *forward) layer(i int, x *graph.Node) *graph.Node {
	name := func(part string) string { return gemma.LayerName(i, part) }
	a := f.attention(i, f.norm(name("input_layernorm"), x))
	before := "post_attention_layernorm" // Gemma 1 names the norm before the block after what precedes it
	if f.config.PostNorms() {
		a = f.norm(name("post_attention_layernorm"), a)
		before = "pre_feedforward_layernorm"
	}
	x = graph.Add(x, a)
	n := f.norm(name(before), x)
	gated := graph.Mul(gelu(f.linear(name("mlp.gate_proj"), n)), f.linear(name("mlp.up_proj"), n))
	y := f.linear(name("mlp.down_proj"), gated)
	if f.config.PostNorms() {
		y = f.norm(name("post_feedforward_layernorm"), y)
	}
	return graph.Add(x, y)
}

// softCap squashes logits into (-limit, limit) as Gemma 2 does; a limit of 0 is none.
func softCap(x *graph.Node, limit float64) *graph.Node {
	if limit == 0 {
		return x
	}
	return graph.MulScalar(tanh(graph.MulScalar(x, 1/limit)), limit)
}

// gelu is the tanh form of GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415), 0.5x(1+tanh u) with u = sqrt(2/pi)(x+0.044715x³).
func gelu(x *graph.Node) *graph.Node {
	c := math.Sqrt(2 / math.Pi)
	u := graph.Mul(x, graph.AddScalar(graph.MulScalar(graph.Mul(x, x), 0.044715*c), c))
	half := graph.MulScalar(x, 0.5)
	return graph.Add(half, graph.Mul(half, tanh(u)))
}

// The Go backend's products, and Go itself when it interrupts a goroutine, leave the upper halves of the vector
// registers in use. On many processors that makes the exponential of Go's math package, which is assembly, sixty
// times slower, and with it the hyperbolic tangent. Expm1, e^x-1, is plain Go, and as fast in any case.

// exp is e^(x-top) by row, with the row's largest value, [.., 1], which keeps it from overflowing and has no
// gradient.
func exp(x *graph.Node) (e, top *graph.Node) {
	top = graph.StopGradient(graph.ReduceAndKeep(x, graph.ReduceMax, -1))
	below := graph.Sub(x, top)
	e = graph.StopGradient(graph.OnePlus(graph.Expm1(below)))
	return withSlope(below, e, e), top
}

// tanh is the hyperbolic tangent: t/(t+2) with t = e^2x-1. Beyond 20 it is 1, and t would overflow.
func tanh(x *graph.Node) *graph.Node {
	t := graph.Expm1(graph.MulScalar(graph.MinScalar(x, 20.0), 2))
	y := graph.StopGradient(graph.Div(t, graph.AddScalar(t, 2)))
	return withSlope(x, y, graph.OneMinus(graph.Mul(y, y)))
}

// withSlope is y, which has no gradient, with the gradient of a function of x whose slope there is given. x is finite.
func withSlope(x, y, slope *graph.Node) *graph.Node {
	through := graph.IdentityWithCustomGradient(x, func(_, v *graph.Node) *graph.Node { return graph.Mul(v, slope) })
	return graph.Add(y, graph.Sub(through, graph.StopGradient(through)))
}
