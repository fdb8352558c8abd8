package learn

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"sluice/gemma"
)

// MatMulFLOPs is what the matrix products of a training step over tokens take, of whom the head is asked at some
// positions: two operations a weight and token, and the same again twice for the gradients.
// Products of attention are left out: they are small where sequences are short.
func MatMulFLOPs(c gemma.Config, tokens, positions int64) float64 {
	linears := 0
	for _, info := range c.Tensors() {
		if linearPart(info.Name) != "" {
			linears += info.Elements()
		}
	}
	return 3 * 2 * (float64(tokens)*float64(linears) + float64(positions)*float64(c.VocabSize*c.HiddenSize))
}

// Peak measures how many operations a second the backend's matrix product reaches, on as many lanes as a
// training step uses, for about a second.
func (b *Backend) Peak() (flops float64, err error) {
	const side = 512
	err = recovered("measure the peak", func() error {
		e, err := graph.NewExec(b.device, func(x, y *graph.Node) *graph.Node { return times(x, y) })
		if err != nil {
			return err
		}
		defer e.Finalize()
		values := make([]float32, side*side)
		multiply := func() error {
			x := tensors.FromFlatDataAndDimensions(values, side, side)
			_, err := e.Call(x, x)
			return err
		}
		if err := multiply(); err != nil { // compiles
			return err
		}
		errs := make([]error, b.lanes)
		var products atomic.Int64
		begun := time.Now()
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() {
				for errs[i] == nil && time.Since(begun) < time.Second {
					errs[i] = multiply()
					products.Add(1)
				}
			})
		}
		group.Wait()
		flops = float64(products.Load()) * 2 * side * side * side / time.Since(begun).Seconds()
		return errors.Join(errs...)
	})
	return flops, err
}
