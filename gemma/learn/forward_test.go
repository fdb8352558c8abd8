package learn

import (
	"slices"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// usual is the median of some runs of a graph on a matrix of ones.
func usual(t *testing.T, build func(x *graph.Node) *graph.Node) time.Duration {
	t.Helper()
	const side = 256
	e, err := graph.NewExec(openGo(t).device, build)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Finalize)
	ones := make([]float32, side*side)
	for i := range ones {
		ones[i] = 1
	}
	took := make([]time.Duration, 11)
	for i := range took {
		x := tensors.FromFlatDataAndDimensions(ones, side, side)
		begun := time.Now()
		if _, err := e.Call(x); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(begun)
	}
	slices.Sort(took)
	return took[len(took)/2]
}

func TestExponentialsAreFastAfterAProduct(t *testing.T) {
	product := usual(t, func(x *graph.Node) *graph.Node { return times(x, x) })
	for name, f := range map[string]func(*graph.Node) *graph.Node{
		"exp":     func(x *graph.Node) *graph.Node { e, _ := exp(x); return e },
		"gelu":    gelu,
		"softCap": func(x *graph.Node) *graph.Node { return softCap(x, 30) },
	} {
		took := usual(t, func(x *graph.Node) *graph.Node { return f(times(x, graph.MulScalar(x, 1.0/256))) })
		t.Logf("%s: %v with a product, which takes %v", name, took, product)
		if took > 15*product {
			t.Errorf("%s takes %v with a product that takes %v", name, took, product)
		}
	}
}
