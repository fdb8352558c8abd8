package learn

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"sluice/gemma"
	"sluice/gemma/internal/reference"
)

// A run that is cut and restored from its written state must end with the very weights of one that was not.
func TestARestoredRunGoesOnToTheBit(t *testing.T) {
	c := reference.Small(gemma.Gemma3)
	w := reference.Weights(c, 4)
	for name, o := range map[string]Options{"full": {}, "LoRA": {LoRA: &LoRA{Rank: 2, Alpha: 4}}} {
		steps := func(tr *Trainer, n int) {
			for range n {
				if _, err := tr.SFT(batchOf(t, 2, examples(c)...)); err != nil {
					t.Fatalf("%+v", err)
				}
			}
		}
		whole := newModel(t, c, w, o)
		steps(newTrainer(t, whole, DefaultHyper(6)), 6)

		first := newTrainer(t, newModel(t, c, w, o), DefaultHyper(6))
		steps(first, 3)
		state, err := first.State()
		if err != nil {
			t.Fatal(err)
		}
		state.Step += 5 << 12 // large steps survive too
		var written bytes.Buffer
		if err := state.Write(&written); err != nil {
			t.Fatal(err)
		}
		read, err := ReadState(bytes.NewReader(written.Bytes()), int64(written.Len()))
		if err != nil || !reflect.DeepEqual(read, state) {
			t.Fatalf("%s: the state did not survive being written (%v)", name, err)
		}
		read.Step -= 5 << 12
		resumed := newModel(t, c, w, o)
		second := newTrainer(t, resumed, DefaultHyper(6))
		if err := second.Restore(read); err != nil {
			t.Fatal(err)
		}
		steps(second, 3)
		if second.step != 6 || !reflect.DeepEqual(weightsOf(t, whole), weightsOf(t, resumed)) {
			t.Errorf("%s: the restored run went elsewhere", name)
		}
	}
}

func TestRestoreRefusesAnotherState(t *testing.T) {
	c := reference.Small(gemma.Gemma1)
	tr := newTrainer(t, newModel(t, c, reference.Weights(c, 1), Options{}), DefaultHyper(2))
	state, err := tr.State()
	if err != nil {
		t.Fatal(err)
	}
	state.Tensors[gemma.NormName] = gemma.Tensor{Shape: []int{1}, Data: []float32{1}}
	if err := tr.Restore(state); err == nil || !strings.Contains(err.Error(), gemma.NormName) {
		t.Errorf("error %v", err)
	}
	delete(state.Tensors, gemma.NormName)
	if err := tr.Restore(state); err == nil || !strings.Contains(err.Error(), "tensors") {
		t.Errorf("error %v", err)
	}
	if _, err := ReadState(strings.NewReader("short"), 5); err == nil {
		t.Error("a state was read from nothing")
	}
}
