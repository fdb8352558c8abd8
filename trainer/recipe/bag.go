package recipe

import (
	"context"
	"math"

	"sluice"
	"sluice/gemma"
	"sluice/routing/scored"
	"sluice/trainer/dataset"
)

// seeded is the default model's beginning: random weights in which a linear model of the training rows is
// planted. One dimension of the residual stream a policy carries it: a token's embedding holds the token's
// weight, the first layer's attention, damped until it looks at every position alike, takes the mean, and the
// policies' rows of the head read it off. One more dimension lets the decision mark ask for a policy and
// nothing else. Everything else is random, and everything learns.
func seeded(ctx context.Context, c gemma.Config, layout *scored.Layout, rows []dataset.Row, policies []sluice.PolicySpec, seed uint64) (gemma.Weights, error) {
	docs := make([]document, len(rows))
	for i, r := range rows {
		tokens, _ := layout.Query(r.Text)
		docs[i] = document{tokens, index(policies, r.Policy)}
	}
	l := fitLinear(docs, c.VocabSize, len(policies), len(layout.Decide(nil)))
	p := planting{config: c, weights: damped(c, seed), layout: layout, policies: len(policies)}
	p.embed(l)
	p.read()
	if err := p.gauge(ctx, l, docs); err != nil {
		return nil, err
	}
	return p.weights, nil
}

// damped draws weights whose queries and keys are so small that attention is a mean.
func damped(c gemma.Config, seed uint64) gemma.Weights {
	w := gemma.RandomWeights(c, seed)
	for i := range c.Layers {
		for _, part := range []string{"self_attn.q_proj", "self_attn.k_proj"} {
			for j := range w[gemma.LayerName(i, part)].Data {
				w[gemma.LayerName(i, part)].Data[j] *= 0.2
			}
		}
	}
	return w
}

// planting is a linear model on its way into weights.
type planting struct {
	config   gemma.Config
	weights  gemma.Weights
	layout   *scored.Layout
	policies int
}

func (p planting) row(name string, i int) []float32 {
	t := p.weights[name]
	width := t.Shape[1]
	return t.Data[i*width : (i+1)*width]
}

// signal is how large the planted part of an embedding is, beside entries of one deviation.
const signal = 0.5

// embed puts the linear weights, scaled to the size of the other entries, into the embeddings.
func (p planting) embed(l linear) {
	square, n := 0.0, 0
	for _, w := range l.weights {
		for _, v := range w {
			if v != 0 {
				square, n = square+v*v, n+1
			}
		}
	}
	scale := signal / math.Sqrt(max(square/float64(max(n, 1)), 1e-12)) / p.config.EmbedScale()
	for token, w := range l.weights {
		row := p.row(gemma.EmbedName, token)
		for k, v := range w {
			row[k] = float32(scale * v)
		}
		row[p.policies] = 0
	}
	decide := p.layout.Decide(nil)
	p.row(gemma.EmbedName, decide[len(decide)-1])[p.policies] = 1
	for k, candidate := range p.layout.Candidates() {
		row := p.row(gemma.EmbedName, candidate[0])
		clear(row)
		row[k], row[p.policies] = 2, 2
	}
}

// read lets the first layer take the mean of the planted dimensions and keeps every other random part off them.
func (p planting) read() {
	c := p.config
	for i := range c.Layers {
		for k := range p.policies + 1 {
			clear(p.row(gemma.LayerName(i, "self_attn.o_proj"), k))
			clear(p.row(gemma.LayerName(i, "mlp.down_proj"), k))
		}
	}
	for k := range p.policies {
		value := p.row(gemma.LayerName(0, "self_attn.v_proj"), k)
		clear(value)
		value[k] = 1
		p.tune(k, 1)
	}
}

// tune sets how strongly the first layer adds a planted dimension.
func (p planting) tune(k int, strength float64) {
	out := p.row(gemma.LayerName(0, "self_attn.o_proj"), k)
	for h := range p.config.Heads {
		out[h*p.config.HeadDim+k] = float32(strength / float64(p.config.Heads))
	}
}

// gauge finds the strength at which the model's scores are as far apart as the linear model's.
func (p planting) gauge(ctx context.Context, l linear, docs []document) error {
	strength := 1.0
	for range 3 {
		for k := range p.policies {
			p.tune(k, strength)
		}
		s, err := gemma.NewScorer(p.config, p.weights)
		if err != nil {
			return err
		}
		slope, err := p.slope(ctx, s, l, docs[:min(len(docs), 64)])
		if err != nil {
			return err
		}
		if slope <= 1e-3 { // nothing was learnt that could be planted
			break
		}
		strength = min(max(strength/slope, 0.1), 64)
	}
	for k := range p.policies {
		p.tune(k, strength)
	}
	return nil
}

// slope is that of the model's scores over the linear model's, policies and documents centred.
func (p planting) slope(ctx context.Context, s *gemma.Scorer, l linear, docs []document) (float64, error) {
	n := p.policies
	xs, ys := make([]float64, 0, n*len(docs)), make([]float64, 0, n*len(docs))
	for _, d := range docs {
		x := make([]float64, n)
		l.logits(d.tokens, x)
		y, err := s.Score(ctx, p.layout.Decide(d.tokens), p.layout.Candidates())
		if err != nil {
			return 0, err
		}
		centre(x, 1)
		centre(y, 1)
		xs, ys = append(xs, x...), append(ys, y...)
	}
	for k := range n { // the policies' constant offsets say nothing
		centre(xs[k:], n)
		centre(ys[k:], n)
	}
	xy, xx := 0.0, 1e-12
	for i := range xs {
		xy, xx = xy+xs[i]*ys[i], xx+xs[i]*xs[i]
	}
	return xy / xx, nil
}

// centre takes the mean off every stride-th value.
func centre(x []float64, stride int) {
	sum, n := 0.0, 0
	for i := 0; i < len(x); i += stride {
		sum, n = sum+x[i], n+1
	}
	for i := 0; i < len(x); i += stride {
		x[i] -= sum / float64(n)
	}
}
