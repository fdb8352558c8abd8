package gemma

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"sluice/gemma/internal/kernel"
)

// Scorer runs a model on the host in plain Go, float32, with the keys and values of a constant prefix computed
// once. It is immutable and safe for concurrent use; every call works in its own scratch memory, which is
// reused. It is meant for models small enough for a processor, such as [Tiny].
type Scorer struct {
	config Config
	limit  int // longest sequence, in tokens
	layers []layer
	embed  Tensor
	norm   []float32 // 1+w
	turns  map[float64]*turns

	prefix  []int
	cached  []cache // by layer; holds len(prefix) positions
	scratch *sync.Pool
}

// layer is one decoder block, packed for the kernels. Norms hold 1+w; nil norms are absent.
type layer struct {
	beforeAttention, afterAttention []float32
	beforeForward, afterForward     []float32
	queryNorm, keyNorm              []float32
	q, k, v, o, gate, up, down      matrix
	turns                           *turns
	window                          int
}

// matrix is a linear [out, in] in panels.
type matrix struct {
	out, in int
	panels  []float32
}

// longest is the largest number of tokens that a scorer keeps tables for.
const longest = 4096

// NewScorer packs the weights of a model. The embedding is shared with the caller, who must not change it.
func NewScorer(c Config, w Weights) (*Scorer, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("scorer: %w", err)
	}
	if err := w.Check(c); err != nil {
		return nil, fmt.Errorf("scorer: %w", err)
	}
	s := &Scorer{
		config: c, limit: min(c.MaxPositions, longest), embed: w[EmbedName], norm: gain(w[NormName]),
		turns: map[float64]*turns{}, scratch: &sync.Pool{},
	}
	for i := range c.Layers {
		s.layers = append(s.layers, s.pack(i, w))
	}
	return s, nil
}

// WithPrefix is a scorer of the same weights, which it shares, that has run a prefix, typically the constant
// part of a prompt. A call whose tokens begin with the prefix, or with part of it, starts behind what they share.
func (s *Scorer) WithPrefix(ctx context.Context, prefix []int) (*Scorer, error) {
	out := *s
	out.prefix, out.cached = nil, nil
	if len(prefix) == 0 {
		return &out, nil
	}
	r, err := out.start(ctx, prefix, 0)
	if err != nil {
		return nil, fmt.Errorf("prefix: %w", err)
	}
	out.prefix, out.cached = slices.Clone(prefix), r.cache // the scratch is kept, not returned to the pool
	return &out, nil
}

func (s *Scorer) pack(i int, w Weights) layer {
	c := s.config
	norm := func(part string) []float32 { return gain(w[LayerName(i, part)]) }
	linear := func(part string) matrix {
		t := w[LayerName(i, part)]
		return matrix{t.Shape[0], t.Shape[1], kernel.Pack(t.Data, t.Shape[0], t.Shape[1])}
	}
	l := layer{
		beforeAttention: norm("input_layernorm"), beforeForward: norm("post_attention_layernorm"),
		q: linear("self_attn.q_proj"), k: linear("self_attn.k_proj"), v: linear("self_attn.v_proj"),
		o: linear("self_attn.o_proj"), gate: linear("mlp.gate_proj"), up: linear("mlp.up_proj"),
		down: linear("mlp.down_proj"), window: c.Window(i),
	}
	if c.PostNorms() {
		l.afterAttention, l.beforeForward = l.beforeForward, norm("pre_feedforward_layernorm")
		l.afterForward = norm("post_feedforward_layernorm")
	}
	if c.QKNorm() {
		l.queryNorm, l.keyNorm = norm("self_attn.q_norm"), norm("self_attn.k_norm")
	}
	base, position := c.Theta(i)
	key := base / position
	if s.turns[key] == nil {
		s.turns[key] = newTurns(s.limit, c.HeadDim, base, position)
	}
	l.turns = s.turns[key]
	return l
}

func gain(t Tensor) []float32 {
	out := make([]float32, len(t.Data))
	for i, v := range t.Data {
		out[i] = 1 + v
	}
	return out
}

// turns are the cosines and sines of rotary embedding, [positions][width/2].
type turns struct{ cos, sin []float32 }

func newTurns(positions, width int, base, factor float64) *turns {
	t := &turns{}
	for p := range positions {
		for d := range width / 2 {
			angle := RopeAngle(float64(p)*factor, base, d, width)
			t.cos = append(t.cos, float32(math.Cos(angle)))
			t.sin = append(t.sin, float32(math.Sin(angle)))
		}
	}
	return t
}

// turn applies rotary embedding to a head in place.
func (t *turns) turn(x []float32, position int) {
	half := len(x) / 2
	cos, sin := t.cos[position*half:][:half], t.sin[position*half:][:half]
	lo, hi := x[:half], x[half:]
	for d := range half {
		a, b := lo[d], hi[d]
		lo[d], hi[d] = a*cos[d]-b*sin[d], b*cos[d]+a*sin[d]
	}
}

// largeProduct is the number of multiplications from which a product is worth several goroutines.
const largeProduct = 8 << 20

// times sets dst [rows, Pad(out)] = x [rows, in] · mᵀ, with rows of x ldx apart.
func (m matrix) times(dst, x []float32, ldx, rows int) {
	ldd := kernel.Pad(m.out)
	run := func(from, to int) {
		for p := from; p < to; p += kernel.Width {
			kernel.Product(dst[p:], ldd, x, ldx, rows, m.panels[p*m.in:], kernel.Width, m.in)
		}
	}
	workers := runtime.GOMAXPROCS(0)
	if rows*m.out*m.in < largeProduct || workers == 1 {
		run(0, ldd)
		return
	}
	share := kernel.Pad((ldd + workers - 1) / workers)
	var group sync.WaitGroup
	for from := 0; from < ldd; from += share {
		group.Go(func() { run(from, min(from+share, ldd)) })
	}
	group.Wait()
}
