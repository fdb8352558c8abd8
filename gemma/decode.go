package gemma

import (
	"context"
	"fmt"
	"math"

	"sluice/gemma/internal/kernel"
)

// cache holds one layer's keys and values of a sequence. Keys lie by dimension and values by position, both
// ready to be a factor of a product.
type cache struct {
	keys   []float32 // [KVHeads][HeadDim][room]
	values []float32 // [KVHeads][room][Pad(HeadDim)]
}

// run is one sequence being decoded: its scratch memory and how far it has come.
type run struct {
	s     *Scorer
	room  int // positions that the caches can hold, a multiple of the panel width
	done  int // positions that they hold
	cache []cache

	x, normed, q, k, v, mixed, gate, up, out []float32 // activations, [rows, width]
	head, logits                             []float32 // one head's queries and their logits
	last                                     []float32 // final state of the last position, normed, [d]
}

// start decodes tokens, of which a shared prefix is taken from the cache, with room for extra ones. The caller
// hands the run back by finish.
func (s *Scorer) start(ctx context.Context, tokens []int, extra int) (*run, error) {
	if len(tokens) == 0 {
		return nil, fmt.Errorf("no tokens")
	}
	if len(tokens)+extra > s.limit {
		return nil, fmt.Errorf("%d tokens and %d to come are more than the limit of %d", len(tokens), extra, s.limit)
	}
	r, _ := s.scratch.Get().(*run)
	if r == nil {
		r = &run{}
	}
	r.s = s
	r.fit(kernel.Pad(len(tokens) + extra))
	shared := 0
	for shared < len(s.prefix) && shared < len(tokens)-1 && s.prefix[shared] == tokens[shared] {
		shared++ // the last token always runs: its state is the answer
	}
	r.adopt(shared)
	if err := r.advance(ctx, tokens[shared:]); err != nil {
		s.finish(r)
		return nil, err
	}
	return r, nil
}

func (s *Scorer) finish(r *run) { s.scratch.Put(r) }

// fit makes the caches large enough. A cache that is too large is kept as it is.
func (r *run) fit(room int) {
	c := r.s.config
	if room <= r.room && len(r.cache) == c.Layers {
		return
	}
	r.room, r.cache = room, make([]cache, c.Layers)
	for i := range r.cache {
		r.cache[i] = cache{
			keys:   make([]float32, c.KVHeads*c.HeadDim*room),
			values: make([]float32, c.KVHeads*room*kernel.Pad(c.HeadDim)),
		}
	}
}

// adopt copies the first n positions of the prefix.
func (r *run) adopt(n int) {
	c := r.s.config
	r.done = n
	if n == 0 {
		return
	}
	for i, from := range r.s.cached {
		room := len(from.keys) / (c.KVHeads * c.HeadDim)
		for row := range c.KVHeads * c.HeadDim {
			copy(r.cache[i].keys[row*r.room:][:n], from.keys[row*room:][:n])
		}
		width := kernel.Pad(c.HeadDim)
		for h := range c.KVHeads {
			copy(r.cache[i].values[h*r.room*width:][:n*width], from.values[h*room*width:][:n*width])
		}
	}
}

// advance decodes further tokens. It watches the context between layers.
func (r *run) advance(ctx context.Context, tokens []int) error {
	c, d := r.s.config, r.s.config.HiddenSize
	for _, id := range tokens {
		if id < 0 || id >= c.VocabSize {
			return fmt.Errorf("token %d is outside the vocabulary of %d", id, c.VocabSize)
		}
	}
	rows := len(tokens)
	r.x = grow(r.x, rows*kernel.Pad(d))
	scale := float32(c.EmbedScale())
	for t, id := range tokens {
		row := r.x[t*kernel.Pad(d):]
		for j, v := range r.s.embed.Data[id*d : (id+1)*d] {
			row[j] = v * scale
		}
	}
	for i := range r.s.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.layer(i, rows)
	}
	r.done += rows
	r.last = grow(r.last, d)
	rmsNorm(r.last, r.x[:d], r.s.norm, c.RMSNormEps) // the last layer left the last row first
	return nil
}

// layer runs one decoder block over the rows in r.x. The last layer needs every
// row's key and value but only the last row's answer, which becomes the first row.
func (r *run) layer(i, rows int) {
	c, l := r.s.config, &r.s.layers[i]
	ld := kernel.Pad(c.HiddenSize)
	r.normed, r.out = grow(r.normed, rows*ld), grow(r.out, rows*ld)
	r.normRows(l.beforeAttention, rows)
	r.project(i, rows)
	first := 0
	if i == c.Layers-1 && rows > 1 {
		first = rows - 1
		copy(r.x, r.x[first*ld:rows*ld])
		copy(r.q, r.q[first*kernel.Pad(l.q.out):rows*kernel.Pad(l.q.out)])
	}
	left := rows - first
	r.attend(i, r.done+first, left)
	l.o.times(r.out, r.mixed, c.Heads*c.HeadDim, left)
	r.addBack(l.afterAttention, left)

	r.normRows(l.beforeForward, left)
	wide := kernel.Pad(c.IntermediateSize)
	r.gate, r.up = grow(r.gate, left*wide), grow(r.up, left*wide)
	l.gate.times(r.gate, r.normed, ld, left)
	l.up.times(r.up, r.normed, ld, left)
	kernel.GeGLU(r.gate[:left*wide], r.up[:left*wide])
	l.down.times(r.out, r.gate, wide, left)
	r.addBack(l.afterForward, left)
}

// normRows sets normed to the norm of x.
func (r *run) normRows(gain []float32, rows int) {
	d, ld := r.s.config.HiddenSize, kernel.Pad(r.s.config.HiddenSize)
	for t := range rows {
		rmsNorm(r.normed[t*ld:][:d], r.x[t*ld:][:d], gain, r.s.config.RMSNormEps)
	}
}

// addBack adds out to the residual stream, normed first where the generation does.
func (r *run) addBack(gain []float32, rows int) {
	d, ld := r.s.config.HiddenSize, kernel.Pad(r.s.config.HiddenSize)
	for t := range rows {
		out, x := r.out[t*ld:][:d], r.x[t*ld:][:d]
		if gain != nil {
			rmsNorm(out, out, gain, r.s.config.RMSNormEps)
		}
		for j, v := range out {
			x[j] += v
		}
	}
}

// rmsNorm sets dst = x/sqrt(mean(x²)+eps)·gain; dst may be x.
func rmsNorm(dst, x, gain []float32, eps float64) {
	mean := float64(kernel.Dot(x, x)) / float64(len(x))
	f := float32(1 / math.Sqrt(mean+eps))
	for j, v := range x {
		dst[j] = v * f * gain[j]
	}
}

// grow returns a slice of at least n values, whose content is undefined.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
