package learn

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"sluice/gemma"
	"sluice/gemma/safetensors"
)

// State is all that a training run needs to go on elsewhere: the weights that learn, both moments of each, and
// the number of steps done. Frozen weights are not part of it.
type State struct {
	Step    int
	Tensors map[string]gemma.Tensor
}

// stepName holds the step inside a written state.
const stepName = "trainer.step"

// State copies the present state to the host. A run that restores it goes on as this one would, to the bit on
// the same backend.
func (t *Trainer) State() (State, error) {
	t.model.mu.Lock()
	defer t.model.mu.Unlock()
	s := State{Step: t.step, Tensors: map[string]gemma.Tensor{}}
	err := recovered("trainer state", func() error {
		if t.model.broken {
			return errBroken
		}
		for _, name := range t.names() {
			data, err := t.model.host(name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			s.Tensors[name] = gemma.Tensor{Shape: t.shape(name), Data: data}
		}
		return nil
	})
	return s, err
}

// Restore sets the state of a trainer whose model has the same configuration and options as the one that it was
// taken from; tensors that do not fit are an error that changes nothing.
func (t *Trainer) Restore(s State) error {
	t.model.mu.Lock()
	defer t.model.mu.Unlock()
	return recovered("restore trainer", func() error {
		if t.model.broken {
			return errBroken
		}
		names := t.names()
		if len(names) != len(s.Tensors) || s.Step < 0 {
			return fmt.Errorf("a state of %d tensors at step %d for a trainer of %d", len(s.Tensors), s.Step, len(names))
		}
		for _, name := range names {
			tensor, ok := s.Tensors[name]
			if want := t.shape(name); !ok || !slices.Equal(tensor.Shape, want) || len(tensor.Data) != (gemma.TensorInfo{Shape: want}).Elements() {
				return fmt.Errorf("tensor %s is %v in the state, %v in the trainer", name, tensor.Shape, want)
			}
		}
		for _, name := range names {
			if err := t.model.replace(name, s.Tensors[name]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		t.step = s.Step
		return nil
	})
}

// names are the variables of a state.
func (t *Trainer) names() (names []string) {
	for _, name := range t.model.trainable() {
		names = append(names, name, firstMoment+name, secondMoment+name)
	}
	return names
}

func (t *Trainer) shape(name string) []int {
	return slices.Clone(t.model.store.GetVariable("/" + name).Shape().Dimensions)
}

// Write writes a state in the safetensors format.
func (s State) Write(w io.Writer) error {
	tensors := map[string]safetensors.Tensor{stepName: {Shape: []int{2}, Data: []float32{float32(s.Step >> 12), float32(s.Step & 4095)}}}
	for name, t := range s.Tensors {
		tensors[name] = safetensors.Tensor(t)
	}
	if err := safetensors.Write(w, tensors, false); err != nil {
		return fmt.Errorf("write trainer state: %w", err)
	}
	return nil
}

// ReadState reads what Write wrote, from a source of the given size in bytes.
func ReadState(r io.ReaderAt, size int64) (State, error) {
	tensors, err := safetensors.Read(r, size, nil)
	if err != nil {
		return State{}, fmt.Errorf("read trainer state: %w", err)
	}
	step, ok := tensors[stepName]
	if !ok || len(step.Data) != 2 {
		return State{}, errors.New("read trainer state: it names no step")
	}
	delete(tensors, stepName)
	s := State{Step: int(step.Data[0])<<12 | int(step.Data[1]), Tensors: map[string]gemma.Tensor{}}
	for name, t := range tensors {
		s.Tensors[name] = gemma.Tensor(t)
	}
	return s, nil
}
