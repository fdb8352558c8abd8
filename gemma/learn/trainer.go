package learn

import (
	"errors"
	"fmt"
	"sync"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sluice/gemma"
)

// Trainer changes a model's weights step by step. One goroutine at a time may use it.
type Trainer struct {
	model *Model
	hyper Hyper
	step  int
}

// Report is what one step found before it changed the weights.
type Report struct {
	Step   int     // optimiser steps done, this one included
	Loss   float64 // mean over completion tokens (SFT) or pairs (DPO)
	Norm   float64 // global norm of the gradient, before clipping
	Rate   float64 // learning rate that was applied
	Count  int     // completion tokens or pairs
	Margin float64 // DPO: mean of the term inside the sigmoid
	Wins   float64 // DPO: share of pairs whose margin is positive
}

// NewTrainer adds an optimiser's state to a model. A model has one trainer at a time: a new one starts the
// moments at zero.
func NewTrainer(m *Model, h Hyper) (*Trainer, error) {
	if err := h.validate(); err != nil {
		return nil, fmt.Errorf("build trainer: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &Trainer{model: m, hyper: h}
	return t, recovered("build trainer", func() error {
		for name, e := range m.execs { // graphs of an earlier trainer hold its settings
			e.Finalize()
			delete(m.execs, name)
		}
		for _, name := range m.trainable() {
			shape := m.store.GetVariable("/" + name).Shape().Dimensions
			for _, prefix := range []string{firstMoment, secondMoment} {
				zero := gemma.Tensor{Shape: shape, Data: make([]float32, gemma.TensorInfo{Shape: shape}.Elements())}
				if err := m.replace(prefix+name, zero); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// replace sets a variable that learns nothing, creating it where needed.
func (m *Model) replace(name string, t gemma.Tensor) error {
	if v := m.store.GetVariable("/" + name); v != nil {
		return v.SetValue(tensors.FromFlatDataAndDimensions(t.Data, t.Shape...))
	}
	return m.create(name, t, false)
}

func (m *Model) assign(name string, value *graph.Node) {
	m.store.GetVariable("/" + name).SetNodeValue(value)
}

// objective builds a loss that is a sum already divided by the total count, and further scalars to report.
type objective struct {
	name  string
	build func(f *forward, in []*graph.Node) []*graph.Node
}

// run takes one optimiser step over micro-batches, whose gradients are summed: the result is that of one
// batch of all of them. inputs has one argument list a micro-batch. It returns the sums of what the objective
// reports, and the norm. Only the last act changes the model: a step that fails before it may be repeated.
func (t *Trainer) run(o objective, inputs [][]any) (sums []float64, norm float64, err error) {
	t.model.mu.Lock()
	defer t.model.mu.Unlock()
	scalars, gradients, err := t.gradients(o, inputs)
	if err != nil {
		return nil, 0, err
	}
	out, err := t.model.call("optimiser", true, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		return []*graph.Node{t.update(in[0].Graph(), in[1:], in[0])}
	}, append([]any{t.scalars()}, gradients...)...)
	if err != nil {
		return nil, 0, err
	}
	last, err := scalarsOf(out)
	if err != nil {
		return nil, 0, err
	}
	t.step++
	return scalars, last[0], nil
}

// gradients runs the micro-batches, as many at a time as the device likes, and adds up what they give. The
// sum is taken in the order of the batches, so that a run repeats to the bit.
func (t *Trainer) gradients(o objective, inputs [][]any) (sums []float64, total []any, err error) {
	for first := 0; first < len(inputs); first += t.model.backend.lanes {
		wave := inputs[first:min(first+t.model.backend.lanes, len(inputs))]
		results, errs := make([][]*tensors.Tensor, len(wave)), make([]error, len(wave))
		var group sync.WaitGroup
		for i, args := range wave {
			group.Go(func() { results[i], errs[i] = t.micro(o, args) })
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			return nil, nil, err
		}
		for _, out := range results {
			if sums, total, err = t.add(sums, total, out); err != nil {
				return nil, nil, err
			}
		}
	}
	return sums, total, nil
}

// micro computes the objective's scalars and the gradients of one micro-batch.
func (t *Trainer) micro(o objective, args []any) ([]*tensors.Tensor, error) {
	m := t.model
	return m.call(o.name, false, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		g := in[0].Graph()
		out := o.build(m.forward(g, true), in)
		return append(out, graph.Gradient(out[0], m.leaves(g)...)...)
	}, args...)
}

// add takes the scalars off a micro-batch's results and adds its gradients to the total, on the device.
func (t *Trainer) add(sums []float64, total []any, out []*tensors.Tensor) ([]float64, []any, error) {
	n := len(out) - len(t.model.trainable())
	values, err := scalarsOf(out[:n])
	if err != nil {
		return nil, nil, err
	}
	if sums == nil {
		for _, gradient := range out[n:] {
			total = append(total, gradient)
		}
		return values, total, nil
	}
	for i, v := range values {
		sums[i] += v
	}
	args := total
	for _, gradient := range out[n:] {
		args = append(args, gradient)
	}
	added, err := t.model.call("add gradients", false, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		half := len(in) / 2
		nodes := make([]*graph.Node, half)
		for i := range nodes {
			nodes[i] = graph.Add(in[i], in[half+i])
		}
		return nodes
	}, args...)
	if err != nil {
		return nil, nil, err
	}
	total = make([]any, len(added))
	for i, tensor := range added {
		total[i] = tensor
	}
	return sums, total, nil
}

// leaves are the nodes of what learns.
func (m *Model) leaves(g *graph.Graph) (nodes []*graph.Node) {
	for _, name := range m.trainable() {
		nodes = append(nodes, m.node(g, name))
	}
	return nodes
}

func scalarsOf(out []*tensors.Tensor) ([]float64, error) {
	values := make([]float64, len(out))
	for i, tensor := range out {
		flat, err := tensors.CopyFlatData[float32](tensor)
		if err != nil {
			return nil, err
		}
		if len(flat) != 1 {
			return nil, errors.New("a step reported more than a scalar")
		}
		values[i] = float64(flat[0])
	}
	return values, nil
}
