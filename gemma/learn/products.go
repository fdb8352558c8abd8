package learn

import "github.com/gomlx/gomlx/core/graph"

// The Go backend multiplies fast where rows meet columns as they lie, [M,K]x[K,N]; small products with a
// transposed factor run twenty times slower there, and transposing costs by the element. Automatic gradients
// always produce one such product. So on that backend products bring their own gradients, which multiply as
// the factors lie and transpose the smaller matrix. Other backends, and checkpointed layers, whose nodes are
// rebuilt in the backward pass, use the automatic ones.

// withGradient computes y of inputs whose gradient is given by backward(v), one result an input, v being the
// gradient of y. backward runs at most once for a gradient and its unused results cost nothing.
func withGradient(inputs []*graph.Node, compute func(in []*graph.Node) *graph.Node, backward func(v *graph.Node) []*graph.Node) *graph.Node {
	var results []*graph.Node
	wrapped := make([]*graph.Node, len(inputs))
	for i, x := range inputs {
		wrapped[i] = graph.IdentityWithCustomGradient(x, func(_, _ *graph.Node) *graph.Node { return results[i] })
	}
	y := compute(wrapped)
	return graph.IdentityWithCustomGradient(y, func(_, v *graph.Node) *graph.Node {
		results = backward(v) // before the inputs' own turn: gradients run against the order of computation
		return v
	})
}

// swap transposes the last two axes.
func swap(x *graph.Node) *graph.Node {
	rank := x.Shape().Rank()
	return graph.Transpose(x, rank-2, rank-1)
}

// times is a·b over the last axes, with an equal leading batch axis where the rank is 3.
func times(a, b *graph.Node) *graph.Node {
	if a.Shape().Rank() == 3 {
		return graph.DotGeneral(a, []int{2}, []int{0}, b, []int{1}, []int{0})
	}
	return graph.DotGeneral(a, []int{1}, nil, b, []int{0}, nil)
}

// timesT is a·bᵀ over the last axes.
func timesT(a, b *graph.Node) *graph.Node {
	if a.Shape().Rank() == 3 {
		return graph.DotGeneral(a, []int{2}, []int{0}, b, []int{2}, []int{0})
	}
	return graph.DotGeneral(a, []int{1}, nil, b, []int{1}, nil)
}

// smallProduct is the number of multiplications, by batch, below which the Go backend takes its small kernel.
const smallProduct = 4 << 20

func isSmall(a, b *graph.Node) bool {
	n := 1
	for _, d := range a.Shape().Dimensions[a.Shape().Rank()-2:] {
		n *= d
	}
	return n*b.Shape().Dimensions[b.Shape().Rank()-2] < smallProduct
}

// productT is a·bᵀ for a [.., M, K] and b [.., N, K].
func (f *forward) productT(a, b *graph.Node) *graph.Node {
	if !f.plainGo {
		return timesT(a, b)
	}
	return withGradient([]*graph.Node{a, b}, func(in []*graph.Node) *graph.Node {
		if isSmall(a, b) {
			return times(in[0], swap(in[1]))
		}
		return timesT(in[0], in[1])
	}, func(v *graph.Node) []*graph.Node {
		return []*graph.Node{times(v, b), swap(times(swap(a), v))}
	})
}

// product is a·b for a [.., M, K] and b [.., K, N].
func (f *forward) product(a, b *graph.Node) *graph.Node {
	if !f.plainGo {
		return times(a, b)
	}
	return withGradient([]*graph.Node{a, b}, func(in []*graph.Node) *graph.Node {
		return times(in[0], in[1])
	}, func(v *graph.Node) []*graph.Node {
		return []*graph.Node{times(v, swap(b)), swap(times(swap(v), a))}
	})
}

// norm is RMSNorm (Zhang and Sennrich 2019, arXiv:1910.07467) with Gemma's 1+w on [N, d]: x·r·(1+w) with r = 1/sqrt(mean(x²)+eps). Spreading a column over
// the width is a product with a row, which the Go backend does faster than a broadcast.
//
// Its gradients, with g = 1+w: dx = r·g·v - x·r³·mean(g·v·x), dw = the column sums of v·x·r.
func (f *forward) norm(name string, x *graph.Node) *graph.Node {
	w := f.weight(name)
	d := x.Shape().Dimensions[1]
	rms := func(x *graph.Node) *graph.Node { // [N, 1]
		return graph.Reciprocal(graph.Sqrt(graph.AddScalar(rowMean(graph.Mul(x, x)), f.config.RMSNormEps)))
	}
	compute := func(in []*graph.Node) *graph.Node {
		return graph.Mul(in[0], times(rms(in[0]), graph.Reshape(graph.OnePlus(in[1]), 1, d)))
	}
	if !f.plainGo {
		return compute([]*graph.Node{x, w})
	}
	return withGradient([]*graph.Node{x, w}, compute, func(v *graph.Node) []*graph.Node {
		r, row := rms(x), ones(x, 1, d)
		gain := times(ones(x, x.Shape().Dimensions[0], 1), graph.Reshape(graph.OnePlus(w), 1, d))
		scaled := graph.Mul(v, gain)
		xr := graph.Mul(x, times(r, row)) // the normed x
		pull := graph.Mul(rowMean(graph.Mul(scaled, xr)), r)
		dx := graph.Sub(graph.Mul(scaled, times(r, row)), graph.Mul(xr, times(pull, row)))
		dw := times(ones(x, 1, x.Shape().Dimensions[0]), graph.Mul(v, xr))
		return []*graph.Node{dx, graph.Reshape(dw, d)}
	})
}

// rowMean is the mean of every row, [N, 1].
func rowMean(x *graph.Node) *graph.Node {
	return graph.MulScalar(graph.ReduceAndKeep(x, graph.ReduceSum, -1), 1/float64(x.Shape().Dimensions[1]))
}

func ones(like *graph.Node, dims ...int) *graph.Node {
	shape := like.Shape().Clone()
	shape.Dimensions = dims
	return graph.Ones(like.Graph(), shape)
}
