package gemma

import (
	"errors"
	"fmt"
	"math"
)

// Generation tells the three published Gemma architectures apart.
type Generation int

// The generations. Each one changes the block, not only its size.
const (
	Gemma1 Generation = 1 // one norm before attention, one before the feed-forward block
	Gemma2 Generation = 2 // norms before and after both, soft-caps, every other layer local
	Gemma3 Generation = 3 // norms before and after both, QK norm, local layers with their own RoPE base
)

// Config is everything about an architecture that changes its numbers. The zero value is invalid: use
// [ParseConfig], [Tiny], or fill it and call [Config.Validate].
type Config struct {
	Generation Generation

	VocabSize        int // rows of the embedding, which is also the head (tied)
	HiddenSize       int // d: width of the residual stream
	IntermediateSize int // width of the gated feed-forward block
	Layers           int
	Heads            int // query heads
	KVHeads          int // key and value heads; divides Heads; 1 is multi-query attention
	HeadDim          int // width of a head, even; Heads*HeadDim need not be HiddenSize
	MaxPositions     int // longest sequence that the weights were trained for, in tokens

	RMSNormEps         float64
	QueryPreAttnScalar float64 // attention logits are divided by its square root
	AttnSoftCap        float64 // Gemma 2: logits become cap*tanh(logits/cap); 0 is off
	FinalSoftCap       float64 // the same for the head; 0 is off

	RopeTheta      float64 // RoPE base of global layers
	RopeLocalTheta float64 // RoPE base of local layers; equals RopeTheta before Gemma 3
	RopeScale      float64 // linear scaling of positions in global layers; 1 is none

	SlidingWindow int    // tokens that a local layer sees, itself included; 0 when no layer is local
	Local         []bool // by layer: true where attention is a sliding window

	BOS, PAD int   // token ids
	EOS      []int // token ids that end a generation
}

// Tiny is a small architecture in Gemma 3's style, with a vocabulary of its own: 1.3 million parameters, for
// tests and measurements. Layers 0 to 2 are local over 32 tokens, layer 3 is global. The embedded default router
// is smaller still: see trainer/recipe.
func Tiny() Config {
	return Config{
		Generation: Gemma3, VocabSize: 4096, HiddenSize: 128, IntermediateSize: 384,
		Layers: 4, Heads: 4, KVHeads: 1, HeadDim: 32, MaxPositions: 512,
		RMSNormEps: 1e-6, QueryPreAttnScalar: 32,
		RopeTheta: 1e6, RopeLocalTheta: 1e4, RopeScale: 1,
		SlidingWindow: 32, Local: []bool{true, true, true, false},
		PAD: 0, EOS: []int{1}, BOS: 2,
	}
}

// QKNorm says whether queries and keys are normalised per head before RoPE (Gemma 3).
func (c Config) QKNorm() bool { return c.Generation >= Gemma3 }

// PostNorms says whether attention and feed-forward outputs are normalised before they are added back
// (Gemma 2 and 3).
func (c Config) PostNorms() bool { return c.Generation >= Gemma2 }

// QueryScale is the factor of the attention logits.
func (c Config) QueryScale() float64 { return 1 / math.Sqrt(c.QueryPreAttnScalar) }

// EmbedScale is the factor of the token embeddings on their way in; the head uses them unscaled.
func (c Config) EmbedScale() float64 { return math.Sqrt(float64(c.HiddenSize)) }

// Theta is the RoPE base of a layer and Position the factor of its positions.
func (c Config) Theta(layer int) (base, position float64) {
	if c.Local[layer] {
		return c.RopeLocalTheta, 1
	}
	return c.RopeTheta, 1 / c.RopeScale
}

// Window is the number of tokens that a layer sees, itself included; 0 is all before it.
func (c Config) Window(layer int) int {
	if c.Local[layer] {
		return c.SlidingWindow
	}
	return 0
}

// Parameters counts the weights; the tied embedding counts once.
func (c Config) Parameters() int {
	n := 0
	for _, t := range c.Tensors() {
		n += t.Elements()
	}
	return n
}

// Validate returns every fault of the configuration at once, each naming its field.
func (c Config) Validate() error {
	var faults []error
	bad := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.Generation < Gemma1 || c.Generation > Gemma3 {
		bad("generation %d is none of Gemma 1, 2, 3", c.Generation)
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"vocab_size", c.VocabSize},
		{"hidden_size", c.HiddenSize},
		{"intermediate_size", c.IntermediateSize},
		{"num_hidden_layers", c.Layers},
		{"num_attention_heads", c.Heads},
		{"num_key_value_heads", c.KVHeads},
		{"head_dim", c.HeadDim},
		{"max_position_embeddings", c.MaxPositions},
	} {
		if f.value <= 0 {
			bad("%s is %d, must be positive", f.name, f.value)
		}
	}
	if c.KVHeads > 0 && c.Heads%c.KVHeads != 0 {
		bad("num_attention_heads %d is no multiple of num_key_value_heads %d", c.Heads, c.KVHeads)
	}
	if c.HeadDim%2 != 0 {
		bad("head_dim %d is odd: RoPE turns pairs", c.HeadDim)
	}
	if c.RMSNormEps <= 0 || c.QueryPreAttnScalar <= 0 {
		bad("rms_norm_eps %g and query_pre_attn_scalar %g must be positive", c.RMSNormEps, c.QueryPreAttnScalar)
	}
	if c.RopeTheta <= 0 || c.RopeLocalTheta <= 0 || c.RopeScale <= 0 {
		bad("rope bases %g, %g and scale %g must be positive", c.RopeTheta, c.RopeLocalTheta, c.RopeScale)
	}
	if c.AttnSoftCap < 0 || c.FinalSoftCap < 0 {
		bad("soft-caps %g, %g must not be negative", c.AttnSoftCap, c.FinalSoftCap)
	}
	return errors.Join(append(faults, c.validateLayers()...)...)
}

func (c Config) validateLayers() (faults []error) {
	if len(c.Local) != c.Layers {
		faults = append(faults, fmt.Errorf("%d layer types for %d layers", len(c.Local), c.Layers))
	}
	for i, local := range c.Local {
		if local && c.SlidingWindow <= 0 {
			return append(faults, fmt.Errorf("layer %d is local but sliding_window is %d", i, c.SlidingWindow))
		}
	}
	return faults
}
