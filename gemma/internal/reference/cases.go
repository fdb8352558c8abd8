package reference

import (
	"math/rand/v2"

	"sluice/gemma"
)

// Small is a configuration of a generation at toy size that uses everything the generation has: grouped
// heads, local and global layers, soft-caps that bite, two RoPE bases.
func Small(g gemma.Generation) gemma.Config {
	c := gemma.Config{
		Generation: g, VocabSize: 37, HiddenSize: 16, IntermediateSize: 24, Layers: 3, Heads: 4, KVHeads: 2,
		HeadDim: 6, MaxPositions: 64, RMSNormEps: 1e-6, QueryPreAttnScalar: 6,
		RopeTheta: 1e4, RopeLocalTheta: 1e4, RopeScale: 1, PAD: 0, EOS: []int{1}, BOS: 2,
		Local: []bool{false, false, false},
	}
	switch g {
	case gemma.Gemma2:
		c.QueryPreAttnScalar, c.AttnSoftCap, c.FinalSoftCap = 3, 2, 4
		c.SlidingWindow, c.Local = 4, []bool{true, false, true}
	case gemma.Gemma3:
		c.RopeTheta, c.RopeScale, c.KVHeads = 1e6, 2, 1
		c.SlidingWindow, c.Local = 3, []bool{true, true, false}
	}
	return c
}

// Weights are random and lively: norms too are off zero, so that a forgotten norm shows.
func Weights(c gemma.Config, seed uint64) gemma.Weights {
	w := gemma.RandomWeights(c, seed)
	rng := rand.New(rand.NewPCG(seed, 99))
	for _, info := range c.Tensors() {
		for i := range w[info.Name].Data {
			if gemma.IsNorm(info.Name) {
				w[info.Name].Data[i] = float32(rng.NormFloat64() * 0.3)
			} else {
				w[info.Name].Data[i] *= 1.5
			}
		}
	}
	return w
}

// Tokens draws n token ids of the vocabulary.
func Tokens(c gemma.Config, n int, seed uint64) []int {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]int, n)
	for i := range out {
		out[i] = rng.IntN(c.VocabSize)
	}
	return out
}
