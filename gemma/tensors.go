package gemma

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Names of the tensors outside the layers. All names are those of Hugging Face checkpoints.
const (
	EmbedName = "model.embed_tokens.weight" // [VocabSize, HiddenSize], also the head
	NormName  = "model.norm.weight"         // [HiddenSize]
)

// LayerName is the name of a tensor inside a layer, such as LayerName(0, "self_attn.q_proj").
func LayerName(layer int, part string) string {
	return fmt.Sprintf("model.layers.%d.%s.weight", layer, part)
}

// TensorInfo is one tensor that a configuration calls for. Linears are stored [out, in]: y = x Wᵀ.
type TensorInfo struct {
	Name  string
	Shape []int
}

// Elements is the number of values.
func (t TensorInfo) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// IsNorm says whether a tensor is an RMSNorm weight: stored around zero, applied as 1+w, never decayed.
func IsNorm(name string) bool { return strings.HasSuffix(name, "norm.weight") }

// Linears are the parts of a layer that an adapter can sit on.
func Linears() []string {
	return []string{
		"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
		"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
	}
}

// Tensors lists every tensor of the architecture, in the order of computation.
func (c Config) Tensors() []TensorInfo {
	d, f, q, kv := c.HiddenSize, c.IntermediateSize, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	out := []TensorInfo{{EmbedName, []int{c.VocabSize, d}}}
	for i := range c.Layers {
		add := func(part string, shape ...int) {
			out = append(out, TensorInfo{LayerName(i, part), shape})
		}
		add("input_layernorm", d)
		add("self_attn.q_proj", q, d)
		add("self_attn.k_proj", kv, d)
		add("self_attn.v_proj", kv, d)
		if c.QKNorm() {
			add("self_attn.q_norm", c.HeadDim)
			add("self_attn.k_norm", c.HeadDim)
		}
		add("self_attn.o_proj", d, q)
		add("post_attention_layernorm", d)
		if c.PostNorms() {
			add("pre_feedforward_layernorm", d)
		}
		add("mlp.gate_proj", f, d)
		add("mlp.up_proj", f, d)
		add("mlp.down_proj", d, f)
		if c.PostNorms() {
			add("post_feedforward_layernorm", d)
		}
	}
	return append(out, TensorInfo{NormName, []int{d}})
}

// Tensor is a dense array on the host, row-major.
type Tensor struct {
	Shape []int
	Data  []float32
}

// Weights are the tensors of a model by their Hugging Face name.
type Weights map[string]Tensor

// Check returns every tensor that is missing, superfluous, wrongly shaped or not finite.
func (w Weights) Check(c Config) error {
	check := newCheck(c)
	for _, name := range slices.Sorted(maps.Keys(w)) {
		check.add(name, w[name])
	}
	return check.err()
}

// check holds tensors against a configuration, one at a time.
type check struct {
	want   []TensorInfo
	seen   map[string]bool
	faults []error
}

func newCheck(c Config) *check { return &check{want: c.Tensors(), seen: map[string]bool{}} }

func (c *check) add(name string, t Tensor) {
	c.seen[name] = true
	i := slices.IndexFunc(c.want, func(info TensorInfo) bool { return info.Name == name })
	switch {
	case i < 0:
		c.faults = append(c.faults, fmt.Errorf("tensor %s is not part of the architecture", name))
	case !slices.Equal(t.Shape, c.want[i].Shape) || len(t.Data) != c.want[i].Elements():
		c.faults = append(c.faults, fmt.Errorf("tensor %s is %v with %d values, the configuration wants %v", name, t.Shape, len(t.Data), c.want[i].Shape))
	case !finite(t.Data):
		c.faults = append(c.faults, fmt.Errorf("tensor %s holds a value that is not finite", name))
	}
}

// err joins the faults, those that are missing last.
func (c *check) err() error {
	for _, info := range c.want {
		if !c.seen[info.Name] {
			c.faults = append(c.faults, fmt.Errorf("tensor %s is missing", info.Name))
		}
	}
	return errors.Join(c.faults...)
}

// RandomWeights draws fresh weights: linears and embedding from a normal distribution, norms at zero. The
// same seed gives the same bits on every machine. Linears have deviation 1/sqrt(fan-in), outputs that are
// added to the residual stream are damped by 1/sqrt(2*Layers) (GPT-2), the embedding has 1/sqrt(d), which
// [Config.EmbedScale] brings to one.
func RandomWeights(c Config, seed uint64) Weights {
	out := Weights{}
	for i, info := range c.Tensors() {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		t := Tensor{Shape: info.Shape, Data: make([]float32, info.Elements())}
		if !IsNorm(info.Name) {
			deviation := 1 / math.Sqrt(float64(info.Shape[1]))
			if strings.HasSuffix(info.Name, "o_proj.weight") || strings.HasSuffix(info.Name, "down_proj.weight") {
				deviation /= math.Sqrt(2 * float64(c.Layers))
			}
			for j := range t.Data {
				t.Data[j] = float32(rng.NormFloat64() * deviation)
			}
		}
		out[info.Name] = t
	}
	return out
}

func finite(values []float32) bool {
	for _, v := range values {
		if v-v != 0 { // NaN and both infinities
			return false
		}
	}
	return true
}
