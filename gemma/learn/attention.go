package learn

import (
	"math"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"sluice/gemma"
)

// attention is grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245) on normed states [B*T, d]. The query heads that share a key head lie
// side by side as rows, [B*KV, T*G, hd], so that multi-query attention is one product without transposes.
func (f *forward) attention(i int, x *graph.Node) *graph.Node {
	c := f.config
	group := c.Heads / c.KVHeads
	q := f.turned(i, "self_attn.q", c.Heads, x)
	k := f.turned(i, "self_attn.k", c.KVHeads, x)
	v := f.linear(gemma.LayerName(i, "self_attn.v_proj"), x)
	q = f.byKeyHead(q, group)
	k = f.byKeyHead(k, 1)
	v = f.byKeyHead(v, 1)
	logits := f.productT(q, k) // [B*KV, T*G, T]
	logits = softCap(logits, c.AttnSoftCap)
	logits = graph.Add(logits, f.mask(c.Window(i), group))
	e, _ := exp(logits)
	mixed := f.product(e, v) // [B*KV, T*G, hd], still to be divided by the sums
	share := graph.Reciprocal(graph.ReduceAndKeep(e, graph.ReduceSum, -1))
	mixed = graph.Mul(mixed, graph.BroadcastToDims(share, mixed.Shape().Dimensions...))
	return f.linear(gemma.LayerName(i, "self_attn.o_proj"), f.byToken(mixed, group))
}

// turned projects to query or key heads, normalises them where the generation does, and applies RoPE:
// x*cos + (x R)*sin, where R swaps the halves of a head and negates one. Queries carry the scale of the
// logits in their tables. Result [B*T*heads, hd].
func (f *forward) turned(i int, part string, heads int, x *graph.Node) *graph.Node {
	c := f.config
	y := graph.Reshape(f.linear(gemma.LayerName(i, part+"_proj"), x), f.rows*f.width*heads, c.HeadDim)
	if c.QKNorm() {
		y = f.norm(gemma.LayerName(i, part+"_norm"), y)
	}
	scale := 1.0
	if part == "self_attn.q" {
		scale = c.QueryScale()
	}
	base, position := c.Theta(i)
	cos := f.table(tableKey{"cos", base, position, heads, scale}, heads, c.HeadDim, func(t, d int) float64 {
		return scale * math.Cos(gemma.RopeAngle(float64(t)*position, base, d, c.HeadDim))
	})
	sin := f.table(tableKey{"sin", base, position, heads, scale}, heads, c.HeadDim, func(t, d int) float64 {
		return scale * math.Sin(gemma.RopeAngle(float64(t)*position, base, d, c.HeadDim))
	})
	return graph.Add(graph.Mul(y, cos), graph.Mul(f.product(y, f.halfTurn()), sin))
}

// byKeyHead turns [B*T*KV*G, hd] (or [B*T, KV*G*hd]) into [B*KV, T*G, hd].
func (f *forward) byKeyHead(x *graph.Node, group int) *graph.Node {
	kv, hd := f.config.KVHeads, f.config.HeadDim
	if kv > 1 {
		x = graph.TransposeAllAxes(graph.Reshape(x, f.rows, f.width, kv, group*hd), 0, 2, 1, 3)
	}
	return graph.Reshape(x, f.rows*kv, f.width*group, hd)
}

// byToken is the inverse of byKeyHead, to [B*T, H*hd].
func (f *forward) byToken(x *graph.Node, group int) *graph.Node {
	kv, hd := f.config.KVHeads, f.config.HeadDim
	if kv > 1 {
		x = graph.TransposeAllAxes(graph.Reshape(x, f.rows, kv, f.width, group*hd), 0, 2, 1, 3)
	}
	return graph.Reshape(x, f.rows*f.width, kv*group*hd)
}

// masked is what a forbidden logit gets: far below any real one, and finite, so that no row is NaN.
const masked = -1e30

// mask is [B*KV, T*G, T], zero where a position may look and masked elsewhere.
func (f *forward) mask(window, group int) *graph.Node {
	full := f.table(tableKey{kind: "mask", base: float64(window), heads: group}, group, f.width, func(t, s int) float64 {
		if s > t || window > 0 && t-s >= window {
			return masked
		}
		return 0
	})
	one := graph.Reshape(full, f.rows, f.width*group, f.width)
	if f.config.KVHeads == 1 {
		return one
	}
	one = graph.BroadcastToDims(graph.Reshape(one, f.rows, 1, f.width*group, f.width),
		f.rows, f.config.KVHeads, f.width*group, f.width)
	return graph.Reshape(one, f.rows*f.config.KVHeads, f.width*group, f.width)
}

type tableKey struct {
	kind           string
	base, position float64
	heads          int
	scale          float64
}

// wholeTable is the largest constant, in values, that is laid out for the whole batch. Written out, it spares
// the Go backend a broadcast in every layer; beyond it, memory matters more.
const wholeTable = 1 << 22

// table is a constant [B*T*repeat, columns] of at(t, column).
func (f *forward) table(key tableKey, repeat, columns int, at func(t, column int) float64) *graph.Node {
	if node := f.tables[key]; node != nil {
		return node
	}
	one := make([]float32, 0, f.width*repeat*columns)
	for t := range f.width {
		for range repeat {
			for j := range columns {
				one = append(one, float32(at(t, j)))
			}
		}
	}
	n := f.rows * f.width * repeat
	var node *graph.Node
	if n*columns <= wholeTable {
		all := make([]float32, 0, n*columns)
		for range f.rows {
			all = append(all, one...)
		}
		node = graph.ConstTensor(f.g, tensors.FromFlatDataAndDimensions(all, n, columns))
	} else {
		node = graph.ConstTensor(f.g, tensors.FromFlatDataAndDimensions(one, 1, f.width*repeat, columns))
		node = graph.Reshape(graph.BroadcastToDims(node, f.rows, f.width*repeat, columns), n, columns)
	}
	f.tables[key] = node
	return node
}

// halfTurn is R [hd, hd] with (xR)[d] = -x[d+hd/2] in the first half and x[d-hd/2] in the second.
func (f *forward) halfTurn() *graph.Node {
	key := tableKey{kind: "halfTurn"}
	if node := f.tables[key]; node != nil {
		return node
	}
	hd := f.config.HeadDim
	r := tensors.FromShape(shapes.Make(float32Type, hd, hd))
	tensors.MustMutableFlatData(r, func(flat []float32) {
		for d := range hd / 2 {
			flat[(d+hd/2)*hd+d] = -1
			flat[d*hd+d+hd/2] = 1
		}
	})
	f.tables[key] = graph.ConstTensor(f.g, r)
	return f.tables[key]
}
