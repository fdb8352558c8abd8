package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func random(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 3))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

func TestProductOfPackedPanels(t *testing.T) {
	for _, s := range [][3]int{{1, 3, 5}, {4, 16, 16}, {7, 37, 33}, {2, 1, 1}, {9, 128, 48}} {
		rows, in, out := s[0], s[1], s[2]
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			x, w := random(rows*in, 1), random(out*in, 2)
			packed, dst := Pack(w, out, in), make([]float32, rows*Pad(out))
			for p := 0; p < Pad(out); p += Width {
				Product(dst[p:], Pad(out), x, in, rows, packed[p*in:], Width, in)
			}
			for r := range rows {
				for o := range Pad(out) {
					want := 0.0
					for k := 0; o < out && k < in; k++ {
						want += float64(x[r*in+k]) * float64(w[o*in+k])
					}
					if got := float64(dst[r*Pad(out)+o]); math.Abs(got-want) > 1e-4 {
						t.Fatalf("row %d column %d: %g, want %g", r, o, got, want)
					}
				}
			}
		})
	}
}

func TestExpIsAccurate(t *testing.T) {
	var inputs []float32
	for x := float32(-90); x < 89; x += 0.0317 {
		inputs = append(inputs, x)
	}
	inputs = append(inputs, 0, float32(math.Inf(-1)), -1e30, 200)
	outputs := append([]float32{}, inputs...)
	ExpSum(outputs, 0)
	worst := 0.0
	for i, x := range inputs {
		want := math.Exp(float64(min(max(x, expMin), expMax)))
		for _, got := range []float32{outputs[i], Exp(x)} {
			worst = math.Max(worst, math.Abs(float64(got)-want)/want)
		}
	}
	t.Logf("largest relative error %.2g", worst)
	if !(worst < 3e-7) {
		t.Errorf("e^x is wrong by %g", worst)
	}
}

func TestGeGLUAndDot(t *testing.T) {
	for _, n := range []int{1, 7, 8, 19, 64} {
		gate, up := random(n, 4), random(n, 5)
		gate[0] = -30
		want, dot := make([]float64, n), 0.0
		for i := range gate {
			x := float64(gate[i])
			want[i] = 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) * float64(up[i])
			dot += x * float64(up[i])
		}
		if got := Dot(gate, up); math.Abs(float64(got)-dot) > 1e-4 {
			t.Errorf("dot of %d is %g, want %g", n, got, dot)
		}
		GeGLU(gate, up)
		for i := range gate {
			if math.Abs(float64(gate[i])-want[i]) > 2e-6 {
				t.Errorf("GeGLU %d of %d is %g, want %g", i, n, gate[i], want[i])
			}
		}
	}
}

func BenchmarkProduct(b *testing.B) {
	for _, rows := range []int{1, 32} {
		b.Run(fmt.Sprintf("%dx128x384", rows), func(b *testing.B) {
			x, packed, dst := random(rows*128, 1), Pack(random(384*128, 2), 384, 128), make([]float32, rows*384)
			for b.Loop() {
				for p := 0; p < 384; p += Width {
					Product(dst[p:], 384, x, 128, rows, packed[p*128:], Width, 128)
				}
			}
			b.ReportMetric(2*float64(rows)*128*384*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
