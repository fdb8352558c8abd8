package nf4

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The code book follows from its definition: quantiles of the normal distribution, eight steps above zero
// and seven below, zero itself, all divided by the largest.
func TestCodeBookIsThePublishedOne(t *testing.T) {
	const offset = 0.9677083
	quantile := func(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
	derived := []float64{0}
	for i := range 8 {
		derived = append(derived, quantile(offset+(0.5-offset)*float64(i)/8))
	}
	for i := range 7 {
		derived = append(derived, -quantile(offset+(0.5-offset)*float64(i)/7))
	}
	slices.Sort(derived)
	worst := 0.0
	for i, v := range CodeBook() {
		worst = max(worst, math.Abs(float64(v)-derived[i]/derived[15]))
	}
	if worst > 1e-6 {
		t.Errorf("the code book is %g away from the quantiles that define it", worst)
	}
	t.Logf("largest difference to the derived quantiles: %.2g", worst)
}

func TestQuantizeAHandWorkedBlock(t *testing.T) {
	values := make([]float32, BlockSize)
	values[0], values[1], values[2], values[3] = -2, 1, 0.16, 2 // scale 2: -1, 0.5, 0.08, 1
	b, err := Quantize(values, Options{})
	if err != nil {
		t.Fatal(err)
	}
	// 0.5 lies between 0.4407 and 0.5626; the middle is 0.5017, so code 12; 0.08 is nearest to 0.0796, code 8.
	if b.Codes[0] != 0x0C || b.Codes[1] != 0x8F || b.Codes[2] != 0x77 {
		t.Errorf("codes %x, by hand 0c 8f 77", b.Codes[:3])
	}
	back := b.Dequantize()
	want := []float32{-2, 2 * 0.44070982933044434, 2 * 0.07958029955625534, 2, 0}
	if !slices.Equal(back[:5], want) {
		t.Errorf("dequantized %v, by hand %v", back[:5], want)
	}
	if bits(b) != 4.5 {
		t.Errorf("%g bits a value, want 4 + 32/64", bits(b))
	}
}

func TestQuantizeNeverErrsByMoreThanHalfAStep(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, 300*BlockSize)
	for i := range values {
		values[i] = float32(rng.NormFloat64() * 0.02)
	}
	for _, o := range []Options{{}, {Double: true}} {
		b, err := Quantize(values, o)
		if err != nil {
			t.Fatal(err)
		}
		scales, back := b.Scales(), b.Dequantize()
		square := 0.0
		for i := range values {
			limit := 0.1525*scales[i/BlockSize] + 0.0003 // half the widest gap, and what double quantization moves the ends
			if diff := float32(math.Abs(float64(values[i] - back[i]))); diff > limit {
				t.Fatalf("double %v: value %g became %g, limit %g", o.Double, values[i], back[i], limit)
			}
			square += float64(values[i]-back[i]) * float64(values[i]-back[i])
		}
		noise := math.Sqrt(square/float64(len(values))) / 0.02
		if noise > 0.1 {
			t.Errorf("double %v: noise is %.3f of the signal", o.Double, noise)
		}
		t.Logf("double %v: %.3f bits a value, noise %.4f of the signal", o.Double, bits(b), noise)
	}
}

func TestDoubleQuantizationSavesBits(t *testing.T) {
	b, err := Quantize(make([]float32, 256*BlockSize), Options{Double: true})
	if err != nil || bits(b) != 4+8.0/64+32.0/(64*256) {
		t.Errorf("%g bits, want 4.127 (%v)", bits(b), err)
	}
	if slices.Max(b.Dequantize()) != 0 {
		t.Error("zeros did not survive")
	}
}

func TestQuantizeRefuses(t *testing.T) {
	if _, err := Quantize(make([]float32, 63), Options{}); err == nil {
		t.Error("63 values were packed")
	}
	bad := make([]float32, 64)
	bad[9] = float32(math.Inf(1))
	if _, err := Quantize(bad, Options{}); err == nil {
		t.Error("an infinity was packed")
	}
}

// bits is the average size of a value.
func bits(b Blocks) float64 {
	if len(b.Codes) == 0 {
		return 0
	}
	bytes := len(b.Codes) + 4*len(b.scales) + len(b.steps) + 4*len(b.units)
	return 8 * float64(bytes) / float64(2*len(b.Codes))
}
