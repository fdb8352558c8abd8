package learn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"

	"sluice/gemma"
	"sluice/gemma/nf4"
)

// LoRA adds (Alpha/Rank)·B·A to chosen linears and trains A and B only (Hu et al. 2021, arXiv:2106.09685). With
// Quantize it is QLoRA (Dettmers et al. 2023, arXiv:2305.14314): the frozen linears are kept in 4 bits.
type LoRA struct {
	Rank    int
	Alpha   float64
	Targets []string // parts of a layer, from [gemma.Linears]; empty means all
	Seed    uint64   // draws A; B starts at zero, so that the adapted model starts as the base

	// Quantize keeps the layers' linears as NF4; nil keeps them in float32.
	Quantize *nf4.Options
	// Unpack dequantizes once when the model is built and keeps float32 values: the numbers of 4 bits without
	// their memory. It is right on the Go backend, where unpacking in every step costs more than the step.
	Unpack bool
}

func (l *LoRA) validate() error {
	if l == nil {
		return nil
	}
	var faults []error
	if l.Rank <= 0 || l.Alpha <= 0 {
		faults = append(faults, fmt.Errorf("lora rank %d and alpha %g must be positive", l.Rank, l.Alpha))
	}
	for _, t := range l.Targets {
		if !slices.Contains(gemma.Linears(), t) {
			faults = append(faults, fmt.Errorf("lora target %q is none of %s", t, strings.Join(gemma.Linears(), ", ")))
		}
	}
	return errors.Join(faults...)
}

// targets says whether a tensor gets an adapter.
func (l *LoRA) targets(name string) bool {
	part := linearPart(name)
	return l != nil && part != "" && (len(l.Targets) == 0 || slices.Contains(l.Targets, part))
}

// quantizes says whether a tensor is frozen in 4 bits: every linear of a layer, adapted or not.
func (l *LoRA) quantizes(name string) bool {
	return l != nil && l.Quantize != nil && linearPart(name) != ""
}

// linearPart is "mlp.up_proj" of "model.layers.3.mlp.up_proj.weight", and empty for what is no linear.
func linearPart(name string) string {
	for _, part := range gemma.Linears() {
		if strings.HasSuffix(name, "."+part+".weight") {
			return part
		}
	}
	return ""
}

// Adapter names are those of the PEFT library.
func loraA(name string) string { return strings.TrimSuffix(name, ".weight") + ".lora_A.weight" } // [rank, in]
func loraB(name string) string { return strings.TrimSuffix(name, ".weight") + ".lora_B.weight" } // [out, rank]

func (m *Model) createAdapters() error {
	l := m.options.LoRA
	for i, info := range m.config.Tensors() {
		if !l.targets(info.Name) {
			continue
		}
		out, in := info.Shape[0], info.Shape[1]
		rng := rand.New(rand.NewPCG(l.Seed, uint64(i)))
		a := gemma.Tensor{Shape: []int{l.Rank, in}, Data: make([]float32, l.Rank*in)}
		for j := range a.Data {
			a.Data[j] = float32(rng.NormFloat64() / math.Sqrt(float64(in)))
		}
		b := gemma.Tensor{Shape: []int{out, l.Rank}, Data: make([]float32, out*l.Rank)}
		if err := m.create(loraA(info.Name), a, true); err != nil {
			return err
		}
		if err := m.create(loraB(info.Name), b, true); err != nil {
			return err
		}
	}
	return nil
}

// linear is x Wᵀ, plus the adapter's (Alpha/Rank)·(x Aᵀ) Bᵀ where there is one.
func (m *Model) linear(f *forward, g *graph.Graph, name string, x *graph.Node) *graph.Node {
	y := f.productT(x, m.base(g, name))
	l := m.options.LoRA
	if !l.targets(name) {
		return y
	}
	low := graph.MulScalar(f.productT(x, m.node(g, loraA(name))), l.Alpha/float64(l.Rank))
	return graph.Add(y, f.productT(low, m.node(g, loraB(name))))
}

// merged is a tensor with its adapter added, on the host.
func (m *Model) merged(info gemma.TensorInfo) ([]float32, error) {
	data, err := m.hostBase(info.Name)
	l := m.options.LoRA
	if err != nil || !l.targets(info.Name) {
		return data, err
	}
	a, err := m.host(loraA(info.Name))
	if err != nil {
		return nil, err
	}
	b, err := m.host(loraB(info.Name))
	if err != nil {
		return nil, err
	}
	in := info.Shape[1]
	factor := float32(l.Alpha / float64(l.Rank))
	for o := range info.Shape[0] {
		row := data[o*in : (o+1)*in]
		for r := range l.Rank {
			weight := factor * b[o*l.Rank+r]
			for j := range row {
				row[j] += weight * a[r*in+j]
			}
		}
	}
	return data, nil
}
