// Package reference is a Gemma forward pass for tests: float64, one token and one head at a time, written
// from the papers and the published model code and sharing nothing with the graph or the serving pass. Token
// ids and weights enter, logits leave. It never caches, batches or approximates, and no product code may
// import it.
package reference

import (
	"math"

	"sluice/gemma"
)

// Logits computes every position's logits, [len(tokens)][VocabSize].
func Logits(c gemma.Config, w gemma.Weights, tokens []int) [][]float64 {
	x := make([][]float64, len(tokens))
	for t, id := range tokens {
		x[t] = scale(row(w[gemma.EmbedName], id), math.Sqrt(float64(c.HiddenSize)))
	}
	for i := range c.Layers {
		x = layer(c, w, i, x)
	}
	out := make([][]float64, len(tokens))
	for t := range x {
		h := rmsNorm(x[t], w[gemma.NormName], c.RMSNormEps)
		out[t] = softCap(linear(w[gemma.EmbedName], h), c.FinalSoftCap)
	}
	return out
}

// LogProbs turns one position's logits into log-probabilities.
func LogProbs(logits []float64) []float64 {
	top := math.Inf(-1)
	for _, v := range logits {
		top = math.Max(top, v)
	}
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(v - top)
	}
	out := make([]float64, len(logits))
	for i, v := range logits {
		out[i] = v - top - math.Log(sum)
	}
	return out
}

func layer(c gemma.Config, w gemma.Weights, i int, x [][]float64) [][]float64 {
	get := func(part string) gemma.Tensor { return w[gemma.LayerName(i, part)] }
	normed := make([][]float64, len(x))
	for t := range x {
		normed[t] = rmsNorm(x[t], get("input_layernorm"), c.RMSNormEps)
	}
	attended := attention(c, get, i, normed)
	out := make([][]float64, len(x))
	for t := range x {
		a := attended[t]
		if c.Generation >= gemma.Gemma2 {
			a = rmsNorm(a, get("post_attention_layernorm"), c.RMSNormEps)
		}
		h := add(x[t], a)
		before := "pre_feedforward_layernorm"
		if c.Generation == gemma.Gemma1 {
			before = "post_attention_layernorm"
		}
		n := rmsNorm(h, get(before), c.RMSNormEps)
		gate, up := linear(get("mlp.gate_proj"), n), linear(get("mlp.up_proj"), n)
		for j := range gate {
			gate[j] = gelu(gate[j]) * up[j]
		}
		f := linear(get("mlp.down_proj"), gate)
		if c.Generation >= gemma.Gemma2 {
			f = rmsNorm(f, get("post_feedforward_layernorm"), c.RMSNormEps)
		}
		out[t] = add(h, f)
	}
	return out
}

func attention(c gemma.Config, get func(string) gemma.Tensor, i int, x [][]float64) [][]float64 {
	base, position := c.RopeTheta, 1/c.RopeScale
	if c.Local[i] {
		base, position = c.RopeLocalTheta, 1
	}
	q, k, v := make([][][]float64, len(x)), make([][][]float64, len(x)), make([][][]float64, len(x))
	for t := range x {
		q[t] = heads(linear(get("self_attn.q_proj"), x[t]), c.HeadDim)
		k[t] = heads(linear(get("self_attn.k_proj"), x[t]), c.HeadDim)
		v[t] = heads(linear(get("self_attn.v_proj"), x[t]), c.HeadDim)
		for _, set := range []struct {
			vectors [][]float64
			norm    string
		}{{q[t], "self_attn.q_norm"}, {k[t], "self_attn.k_norm"}} {
			for h := range set.vectors {
				if c.Generation == gemma.Gemma3 {
					set.vectors[h] = rmsNorm(set.vectors[h], get(set.norm), c.RMSNormEps)
				}
				set.vectors[h] = rotate(set.vectors[h], float64(t)*position, base)
			}
		}
	}
	out := make([][]float64, len(x))
	for t := range x {
		var joined []float64
		for h := range c.Heads {
			kv := h * c.KVHeads / c.Heads
			joined = append(joined, attend(c, i, t, q[t][h], k, v, kv)...)
		}
		out[t] = linear(get("self_attn.o_proj"), joined)
	}
	return out
}

// attend is one query head of one position over every key that it may see.
func attend(c gemma.Config, i, t int, q []float64, k, v [][][]float64, kv int) []float64 {
	first := 0
	if c.Local[i] {
		first = max(0, t-c.SlidingWindow+1)
	}
	var logits []float64
	for s := first; s <= t; s++ {
		logits = append(logits, dot(q, k[s][kv])/math.Sqrt(c.QueryPreAttnScalar))
	}
	out := make([]float64, c.HeadDim)
	for j, lp := range LogProbs(softCap(logits, c.AttnSoftCap)) {
		for d, value := range v[first+j][kv] {
			out[d] += math.Exp(lp) * value
		}
	}
	return out
}

// rotate turns the pairs (d, d+half) by position*base^(-2d/width), as complex numbers.
func rotate(x []float64, position, base float64) []float64 {
	half := len(x) / 2
	out := make([]float64, len(x))
	for d := range half {
		angle := position * math.Pow(base, -2*float64(d)/float64(len(x)))
		z := complex(x[d], x[d+half]) * complex(math.Cos(angle), math.Sin(angle))
		out[d], out[d+half] = real(z), imag(z)
	}
	return out
}

func rmsNorm(x []float64, weight gemma.Tensor, eps float64) []float64 {
	r := math.Sqrt(dot(x, x)/float64(len(x)) + eps)
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] / r * (1 + float64(weight.Data[i]))
	}
	return out
}

func gelu(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func softCap(x []float64, limit float64) []float64 {
	if limit == 0 {
		return x
	}
	out := make([]float64, len(x))
	for i := range x {
		out[i] = limit * math.Tanh(x[i]/limit)
	}
	return out
}

func linear(w gemma.Tensor, x []float64) []float64 {
	out := make([]float64, w.Shape[0])
	for o := range out {
		out[o] = dot(row(w, o), x)
	}
	return out
}

func heads(x []float64, width int) (out [][]float64) {
	for ; len(x) > 0; x = x[width:] {
		out = append(out, x[:width])
	}
	return out
}

func row(w gemma.Tensor, i int) []float64 {
	width := w.Shape[1]
	out := make([]float64, width)
	for j := range out {
		out[j] = float64(w.Data[i*width+j])
	}
	return out
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func add(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] + b[i]
	}
	return out
}

func scale(a []float64, by float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] * by
	}
	return out
}
