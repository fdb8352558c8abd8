package gemma

import (
	"math"

	"sluice/gemma/internal/kernel"
)

// project sets the queries of the normed rows, and writes their keys and values into the layer's cache.
func (r *run) project(i, rows int) {
	c, l := r.s.config, &r.s.layers[i]
	ld, lq, lk := kernel.Pad(c.HiddenSize), kernel.Pad(l.q.out), kernel.Pad(l.k.out)
	r.q, r.k, r.v = grow(r.q, rows*lq), grow(r.k, rows*lk), grow(r.v, rows*lk)
	l.q.times(r.q, r.normed, ld, rows)
	l.k.times(r.k, r.normed, ld, rows)
	l.v.times(r.v, r.normed, ld, rows)
	for t := range rows {
		for h := range c.Heads {
			r.turnHead(l, l.queryNorm, r.q[t*lq+h*c.HeadDim:][:c.HeadDim], r.done+t)
		}
		for h := range c.KVHeads {
			key := r.k[t*lk+h*c.HeadDim:][:c.HeadDim]
			r.turnHead(l, l.keyNorm, key, r.done+t)
			r.remember(i, h, r.done+t, key, r.v[t*lk+h*c.HeadDim:][:c.HeadDim])
		}
	}
}

// attend fills mixed [rows, Heads*HeadDim] for queries that start at a position.
func (r *run) attend(i, position, rows int) {
	r.mixed = grow(r.mixed, rows*r.s.layers[i].q.out)
	for h := range r.s.config.Heads {
		r.attendHead(i, h, position, rows)
	}
}

// turnHead normalises a head where the generation does, and rotates it.
func (r *run) turnHead(l *layer, gain, head []float32, position int) {
	if gain != nil {
		rmsNorm(head, head, gain, r.s.config.RMSNormEps)
	}
	l.turns.turn(head, position)
}

// remember writes a key and a value into the cache.
func (r *run) remember(i, h, position int, key, value []float32) {
	c := r.s.config
	keys := r.cache[i].keys[h*c.HeadDim*r.room:]
	for d, v := range key {
		keys[d*r.room+position] = v
	}
	copy(r.cache[i].values[(h*r.room+position)*kernel.Pad(c.HeadDim):], value)
}

// attendHead mixes the values for one query head of every row.
func (r *run) attendHead(i, h, position, rows int) {
	c, l := r.s.config, &r.s.layers[i]
	kv, hd, hp := h*c.KVHeads/c.Heads, c.HeadDim, kernel.Pad(c.HeadDim)
	seen := position + rows
	span := kernel.Pad(seen)
	lq := kernel.Pad(l.q.out)
	r.logits, r.head = grow(r.logits, rows*span), grow(r.head, rows*hp)
	keys := r.cache[i].keys[kv*hd*r.room:][:hd*r.room]
	for p := 0; p < span; p += kernel.Width {
		kernel.Product(r.logits[p:], span, r.q[h*hd:], lq, rows, keys[p:], r.room, hd)
	}
	for t := range rows {
		r.soften(r.logits[t*span:][:span], position+t, l.window)
	}
	values := r.cache[i].values[kv*r.room*hp:][:r.room*hp]
	for p := 0; p < hp; p += kernel.Width {
		kernel.Product(r.head[p:], hp, r.logits, span, rows, values[p:], hp, seen)
	}
	for t := range rows {
		copy(r.mixed[t*l.q.out+h*hd:][:hd], r.head[t*hp:])
	}
}

// soften turns a position's raw logits into attention weights: scale, soft-cap, softmax over what the position
// may see, zero elsewhere.
func (r *run) soften(logits []float32, position, window int) {
	c := r.s.config
	first := 0
	if window > 0 {
		first = max(0, position-window+1)
	}
	clear(logits[:first])
	clear(logits[position+1:])
	seen := logits[first : position+1]
	scale, top := float32(c.QueryScale()), float32(math.Inf(-1))
	for j, v := range seen {
		v *= scale
		if c.AttnSoftCap > 0 {
			v = softCap(v, c.AttnSoftCap)
		}
		seen[j] = v
		top = max(top, v)
	}
	share := 1 / kernel.ExpSum(seen, top)
	for j := range seen {
		seen[j] *= share
	}
}

// softCap squashes a logit into (-limit, limit); a limit of 0 is none.
func softCap(v float32, limit float64) float32 {
	if limit == 0 {
		return v
	}
	return float32(limit * math.Tanh(float64(v)/limit))
}
