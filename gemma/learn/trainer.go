package learn

import (
	"errors"
	"fmt"

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
	if err := h.Validate(); err != nil {
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
			for _, prefix := range []string{firstMoment, secondMoment, accumulated} {
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
// reports, and the norm.
func (t *Trainer) run(o objective, inputs [][]any) (sums []float64, norm float64, err error) {
	t.model.mu.Lock()
	defer t.model.mu.Unlock()
	for i, args := range inputs {
		last := i == len(inputs)-1
		out, err := t.micro(o, args, len(inputs) == 1, last)
		if err != nil {
			return nil, 0, err
		}
		values, err := scalarsOf(out)
		if err != nil {
			return nil, 0, err
		}
		if last {
			norm, values = values[0], values[1:]
		}
		if sums == nil {
			sums = make([]float64, len(values))
		}
		for j, v := range values {
			sums[j] += v
		}
	}
	t.step++
	return sums, norm, nil
}

// micro runs one micro-batch: alone and last it updates at once; otherwise it adds to the sums, and the last
// one also applies and clears them.
func (t *Trainer) micro(o objective, args []any, alone, last bool) ([]*tensors.Tensor, error) {
	m := t.model
	name := fmt.Sprintf("%s alone=%v last=%v", o.name, alone, last)
	return m.call(name, true, func(_ *model.Scope, in []*graph.Node) []*graph.Node {
		g := in[0].Graph()
		scalars, in := in[0], in[1:]
		out := o.build(m.forward(g, true), in)
		gradients := graph.Gradient(out[0], m.leaves(g)...)
		for i, variable := range m.trainable() {
			if alone {
				continue
			}
			gradients[i] = graph.Add(gradients[i], m.node(g, accumulated+variable))
			if last {
				m.assign(accumulated+variable, graph.ZerosLike(gradients[i]))
			} else {
				m.assign(accumulated+variable, gradients[i])
			}
		}
		if last {
			out = append([]*graph.Node{t.update(g, gradients, scalars)}, out...)
		}
		return out
	}, append([]any{t.scalars()}, args...)...)
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
