package recipe

import (
	"math"
	"slices"
)

// linear is multinomial logistic regression on the tokens of a query: what a bag of words knows. The default
// model begins as this one, so that its few steps go into what a bag of words does not know.
type linear struct {
	weights [][]float64 // by token, then policy
	bias    []float64
	pad     int // constant tokens of a prompt, which thin the mean
}

// document is a query's tokens and the index of its policy.
type document struct {
	tokens []int
	policy int
}

// pooling brings the mean over a prompt, of which one word is a small part, to the size of a weight.
const pooling = 32

// penalties are the candidates for the ridge, strongest first.
var penalties = []float64{0.1, 0.03, 0.01, 0.003, 0.001, 0.0003}

// fitLinear chooses the penalty on every fifth document and fits all of them with it.
func fitLinear(docs []document, tokens, policies, pad int) linear {
	var most, fifth []document
	for i, d := range docs {
		if i%5 == 4 {
			fifth = append(fifth, d)
		} else {
			most = append(most, d)
		}
	}
	best, least := penalties[0], math.Inf(1)
	for _, penalty := range penalties {
		l := newLinear(tokens, policies, pad)
		l.fit(most, penalty)
		if loss := l.loss(fifth); loss < least {
			best, least = penalty, loss
		}
	}
	l := newLinear(tokens, policies, pad)
	l.fit(docs, best)
	return l
}

func newLinear(tokens, policies, pad int) linear {
	l := linear{weights: make([][]float64, tokens), bias: make([]float64, policies), pad: pad}
	for i := range l.weights {
		l.weights[i] = make([]float64, policies)
	}
	return l
}

// logits of a query.
func (l linear) logits(tokens []int, out []float64) {
	copy(out, l.bias)
	scale := l.scale(tokens)
	for _, t := range tokens {
		for k, w := range l.weights[t] {
			out[k] += scale * w
		}
	}
}

// scale is the weight of one token in the mean over a prompt.
func (l linear) scale(tokens []int) float64 { return pooling / float64(len(tokens)+l.pad) }

func (l linear) loss(docs []document) float64 {
	sum, p := 0.0, make([]float64, len(l.bias))
	for _, d := range docs {
		l.logits(d.tokens, p)
		sum -= math.Log(max(softmax(p)[d.policy], 1e-12))
	}
	return sum / float64(max(len(docs), 1))
}

// fit minimises mean loss + penalty/2·|weights|² by Adam on all documents at once; it gives the same numbers
// every time. The bias is not penalised.
func (l linear) fit(docs []document, penalty float64) {
	k := len(l.bias)
	params := slices.Concat(append(l.weights, l.bias)...)
	gradient, m, v := make([]float64, len(params)), make([]float64, len(params)), make([]float64, len(params))
	p := make([]float64, k)
	const rounds, rate, beta1, beta2 = 150, 0.05, 0.9, 0.99
	for round := 1; round <= rounds; round++ {
		for i := range gradient {
			gradient[i] = penalty * params[i]
		}
		clear(gradient[len(gradient)-k:])
		for _, d := range docs {
			l.logits(d.tokens, p)
			softmax(p)[d.policy]--
			scale := l.scale(d.tokens)
			for j, g := range p {
				g /= float64(len(docs))
				gradient[len(gradient)-k+j] += g
				for _, t := range d.tokens {
					gradient[t*k+j] += g * scale
				}
			}
		}
		step := rate * (1 - float64(round-1)/rounds)
		for i, g := range gradient {
			m[i], v[i] = beta1*m[i]+(1-beta1)*g, beta2*v[i]+(1-beta2)*g*g
			unbiased := m[i] / (1 - math.Pow(beta1, float64(round)))
			params[i] -= step * unbiased / (math.Sqrt(v[i]/(1-math.Pow(beta2, float64(round)))) + 1e-8)
		}
		for i := range l.weights {
			copy(l.weights[i], params[i*k:])
		}
		copy(l.bias, params[len(params)-k:])
	}
}

// softmax in place.
func softmax(x []float64) []float64 {
	top, sum := slices.Max(x), 0.0
	for i, v := range x {
		x[i] = math.Exp(v - top)
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
	return x
}
