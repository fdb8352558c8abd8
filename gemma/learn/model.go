package learn

import (
	"fmt"
	"sync"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sluice/gemma"
)

const float32Type = dtypes.Float32

// Options say which weights learn and how much memory the backward pass may take. The zero value trains
// every weight and keeps every activation.
type Options struct {
	// LoRA freezes the model's own weights and trains low-rank adapters beside them; nil trains the weights.
	LoRA *LoRA
	// Checkpoint recomputes each layer in the backward pass instead of keeping its activations: about a third
	// more time, for the memory of one layer instead of all (Chen et al. 2016, arXiv:1604.06174).
	Checkpoint bool
}

// Model is a Gemma on a backend. Its methods may be called from any goroutine; they run one at a time.
type Model struct {
	config  gemma.Config
	options Options
	backend *Backend

	mu     sync.Mutex // held by every method
	store  *model.Store
	broken bool
	frozen map[string]frozen // quantized linears, by name; empty without QLoRA

	building sync.Mutex // guards execs against micro-batches that run side by side
	execs    map[string]*model.Exec
}

// shapesKept is how many graphs an executor keeps compiled. Length buckets keep well below it.
const shapesKept = 64

// NewModel puts weights on a backend. The weights are copied; the caller keeps its own.
func NewModel(b *Backend, c gemma.Config, w gemma.Weights, o Options) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("build model: %w", err)
	}
	if err := w.Check(c); err != nil {
		return nil, fmt.Errorf("build model: %w", err)
	}
	if err := o.LoRA.validate(); err != nil {
		return nil, fmt.Errorf("build model: %w", err)
	}
	m := &Model{
		config: c, options: o, backend: b, store: model.NewStore(),
		execs: map[string]*model.Exec{}, frozen: map[string]frozen{},
	}
	return m, recovered("build model", func() error { return m.fill(w) })
}

// fill creates the variables.
func (m *Model) fill(w gemma.Weights) error {
	for _, info := range m.config.Tensors() {
		if m.options.LoRA.quantizes(info.Name) {
			if err := m.freeze(info, w[info.Name]); err != nil {
				return err
			}
		} else if err := m.create(info.Name, w[info.Name], m.options.LoRA == nil); err != nil {
			return err
		}
	}
	return m.createAdapters()
}

func (m *Model) create(name string, t gemma.Tensor, trainable bool) error {
	v, err := m.store.CreateVariable("/"+name, tensors.FromFlatDataAndDimensions(t.Data, t.Shape...))
	if err != nil {
		return fmt.Errorf("variable %s: %w", name, err)
	}
	v.SetTrainable(trainable)
	return nil
}

// Close frees the device memory of the model. The backend stays open.
func (m *Model) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.execs {
		e.Finalize()
	}
	m.store.Finalize()
	m.broken = true
}

// trainable lists the variables that learn, in the order of computation.
func (m *Model) trainable() (names []string) {
	for _, info := range m.config.Tensors() {
		if m.options.LoRA == nil {
			names = append(names, info.Name)
		} else if m.options.LoRA.targets(info.Name) {
			names = append(names, loraA(info.Name), loraB(info.Name))
		}
	}
	return names
}

// node is a variable's value in a graph.
func (m *Model) node(g *graph.Graph, name string) *graph.Node {
	v := m.store.GetVariable("/" + name)
	if v == nil {
		panic(fmt.Errorf("no variable %s", name))
	}
	return v.NodeValue(g)
}

// forward prepares the decoder for one graph.
func (m *Model) forward(g *graph.Graph, training bool) *forward {
	f := &forward{config: m.config, remat: training && m.options.Checkpoint}
	f.plainGo = m.backend.name == "go" && !f.remat
	f.weight = func(name string) *graph.Node { return m.node(g, name) }
	f.linear = func(name string, x *graph.Node) *graph.Node { return m.linear(f, g, name, x) }
	return f
}

// call runs a graph by name, building it on first use. A failure of a graph that changes variables loses
// them (they are donated to the device), hence mutates. Graphs that only read may run side by side.
func (m *Model) call(name string, mutates bool, build func(s *model.Scope, in []*graph.Node) []*graph.Node, args ...any) (out []*tensors.Tensor, err error) {
	if m.broken {
		return nil, fmt.Errorf("%s: %w", name, errBroken)
	}
	err = recovered(name, func() error {
		e, err := m.exec(name, build)
		if err != nil {
			return err
		}
		out, err = e.Call(args...)
		return err
	})
	if err != nil && mutates {
		m.broken = true
	}
	return out, err
}

func (m *Model) exec(name string, build func(s *model.Scope, in []*graph.Node) []*graph.Node) (*model.Exec, error) {
	m.building.Lock()
	defer m.building.Unlock()
	if e := m.execs[name]; e != nil {
		return e, nil
	}
	e, err := model.NewExec(m.backend.device, m.store, build)
	if err != nil {
		return nil, err
	}
	e.SetMaxCache(shapesKept)
	m.execs[name] = e
	return e, nil
}

// Weights copies the weights back to the host: trained ones as they are, adapters merged into their linears.
func (m *Model) Weights() (gemma.Weights, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := gemma.Weights{}
	err := recovered("read weights", func() error {
		if m.broken {
			return errBroken
		}
		for _, info := range m.config.Tensors() {
			data, err := m.merged(info)
			if err != nil {
				return fmt.Errorf("%s: %w", info.Name, err)
			}
			out[info.Name] = gemma.Tensor{Shape: info.Shape, Data: data}
		}
		return nil
	})
	return out, err
}

// host copies a variable to the host.
func (m *Model) host(name string) ([]float32, error) {
	v := m.store.GetVariable("/" + name)
	if v == nil {
		return nil, fmt.Errorf("no variable %s", name)
	}
	value, err := v.Value()
	if err != nil {
		return nil, err
	}
	return tensors.CopyFlatData[float32](value)
}
