package learn

import (
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// sloped runs an elementwise function and its gradient on values.
func sloped(t *testing.T, f func(x *graph.Node) *graph.Node, values []float32) (y, slope []float32) {
	t.Helper()
	e, err := graph.NewExec(openGo(t).device, func(x *graph.Node) []*graph.Node {
		y := f(x)
		return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(y), x)[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Finalize)
	out, err := e.Call(tensors.FromFlatDataAndDimensions(values, 1, len(values)))
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1])
}

// The functions that do without the assembly's exponential are what they stand for, and so are the slopes that they are
// given by hand.
func TestFunctionsOfTheExponentialAndTheirSlopesAreThoseOfMath(t *testing.T) {
	c := math.Sqrt(2 / math.Pi)
	for _, f := range []struct {
		name     string
		ours     func(x *graph.Node) *graph.Node
		y, slope func(x float64) float64
	}{
		{"tanh", tanh, math.Tanh, func(x float64) float64 { return 1 - math.Tanh(x)*math.Tanh(x) }},
		{
			"softCap", func(x *graph.Node) *graph.Node { return softCap(x, 30) },
			func(x float64) float64 { return 30 * math.Tanh(x/30) },
			func(x float64) float64 { return 1 - math.Tanh(x/30)*math.Tanh(x/30) },
		},
		{
			"gelu", gelu,
			func(x float64) float64 { return 0.5 * x * (1 + math.Tanh(c*(x+0.044715*x*x*x))) },
			func(x float64) float64 {
				tanh := math.Tanh(c * (x + 0.044715*x*x*x))
				return 0.5*(1+tanh) + 0.5*x*(1-tanh*tanh)*c*(1+3*0.044715*x*x)
			},
		},
		{
			"exp below the largest, 3", func(x *graph.Node) *graph.Node {
				e, _ := exp(graph.Concatenate([]*graph.Node{x, graph.AddScalar(graph.ZerosLike(x), 3)}, -1))
				return graph.Slice(e, graph.AxisRange(), graph.AxisRange(0, x.Shape().Dimensions[1]))
			},
			func(x float64) float64 { return math.Exp(x - 3) }, func(x float64) float64 { return math.Exp(x - 3) },
		},
	} {
		values := []float32{-1000, -90, -20, -5, -1, -1e-3, 0, 1e-3, 0.5, 1, 3}
		if f.name != "exp below the largest, 3" {
			values = append(values, 5, 20, 90, 1000)
		}
		y, slope := sloped(t, f.ours, values)
		for i, x := range values {
			for what, v := range map[string][2]float64{"value": {float64(y[i]), f.y(float64(x))}, "slope": {float64(slope[i]), f.slope(float64(x))}} {
				if !(math.Abs(v[0]-v[1]) <= 1e-5*max(1, math.Abs(v[1]))) { // NaN too
					t.Errorf("%s at %g: %s %g, want %g", f.name, x, what, v[0], v[1])
				}
			}
		}
	}
}

// What functions of the exponential take after a product, in whose wake the assembly's takes sixty times as long on some
// processors: they should be near the product's own.
func BenchmarkExponentialsAfterAProduct(b *testing.B) {
	const side = 256
	ones := make([]float32, side*side)
	for i := range ones {
		ones[i] = 1
	}
	for name, f := range map[string]func(*graph.Node) *graph.Node{
		"product": func(x *graph.Node) *graph.Node { return x },
		"exp":     func(x *graph.Node) *graph.Node { e, _ := exp(x); return e },
		"gelu":    gelu,
		"softCap": func(x *graph.Node) *graph.Node { return softCap(x, 30) },
	} {
		b.Run(name, func(b *testing.B) {
			e, err := graph.NewExec(openGo(b).device, func(x *graph.Node) *graph.Node {
				return f(times(x, graph.MulScalar(x, 1.0/side)))
			})
			if err != nil {
				b.Fatal(err)
			}
			defer e.Finalize()
			for b.Loop() {
				if _, err := e.Call(tensors.FromFlatDataAndDimensions(ones, side, side)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
