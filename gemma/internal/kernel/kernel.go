// Package kernel is the arithmetic of the serving pass: products of a few rows with a packed matrix,
// exponentials and dot products in float32.
//
// Slices enter and slices are filled; nothing allocates, starts a goroutine or checks a shape beyond the
// bounds of its slices. With GOEXPERIMENT=simd on a processor with AVX2 and FMA the loops are vector code;
// anywhere else they are plain Go with the same results to rounding.
package kernel

import "math"

// Width is the number of columns of a panel. Packed rows are padded to a multiple of it.
const Width = 16

// Pad rounds up to a multiple of [Width].
func Pad(n int) int { return (n + Width - 1) / Width * Width }

// Pack lays a matrix [out, in] out as panels [Pad(out)/16][in][16], so that one pass over the inputs fills
// 16 outputs. Missing columns are zero.
func Pack(w []float32, out, in int) []float32 {
	packed := make([]float32, Pad(out)*in)
	for o := range out {
		panel := packed[o/Width*in*Width:]
		for k := range in {
			panel[k*Width+o%Width] = w[o*in+k]
		}
	}
	return packed
}

// Product sets dst[r][0:16] = sum over k of x[r][k]·w[k][0:16] for every row r. Rows of dst, x and w are ldd,
// ldx and ldw apart, so that w may be a packed panel (ldw 16) or columns of a wider matrix.
func Product(dst []float32, ldd int, x []float32, ldx, rows int, w []float32, ldw, k int) {
	r := 0
	if vector {
		for ; r+4 <= rows; r += 4 {
			product4(dst[r*ldd:], ldd, x[r*ldx:], ldx, w, ldw, k)
		}
		for ; r < rows; r++ {
			product1(dst[r*ldd:], x[r*ldx:], w, ldw, k)
		}
		clearUpper()
		return
	}
	for ; r < rows; r++ {
		plainProduct(dst[r*ldd:r*ldd+Width], x[r*ldx:r*ldx+k], w, ldw)
	}
}

func plainProduct(dst, x, w []float32, ldw int) {
	var sum [Width]float32
	for k, v := range x {
		row := (*[Width]float32)(w[k*ldw:])
		for j := range sum {
			sum[j] += v * row[j]
		}
	}
	copy(dst, sum[:])
}

// Dot is the sum of products of two slices of the same length.
func Dot(a, b []float32) float32 {
	if vector {
		return vectorDot(a, b)
	}
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a) && i+4 <= len(b); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// GeGLU sets gate = gelu(gate)·up (Shazeer 2020, arXiv:2002.05202) with the tanh form of GELU, as x·sigmoid(2u).
func GeGLU(gate, up []float32) {
	i := 0
	if vector {
		i = vectorGeGLU(gate, up)
	}
	for ; i < len(gate); i++ {
		x := gate[i]
		u := -2 * sqrt2OverPi * x * (1 + 0.044715*x*x)
		gate[i] = x / (1 + Exp(u)) * up[i]
	}
}

const sqrt2OverPi = 0.7978845608028654

// ExpSum sets x = e^(x-top) and returns the sum.
func ExpSum(x []float32, top float32) (sum float32) {
	i := 0
	if vector {
		i, sum = vectorExpSum(x, top)
	}
	for ; i < len(x); i++ {
		x[i] = Exp(x[i] - top)
		sum += x[i]
	}
	return sum
}

// Constants of the exponential: x = n·ln2 + r with |r| <= ln2/2, e^r by its series to the seventh power.
const (
	log2e  = 1.4426950408889634
	ln2Hi  = 0.693359375 // exact in few bits, so that n·ln2Hi is exact
	ln2Lo  = -2.12194440e-4
	expMin = -87.3 // e^-87.3 is about the last normal float32
	expMax = 88.7
)

// Exp is e^x to about one unit in the last place, for x held between -87.3 and 88.7.
func Exp(x float32) float32 {
	x = min(max(x, expMin), expMax)
	n := float32(math.RoundToEven(float64(x * log2e)))
	r := x - n*ln2Hi - n*ln2Lo
	p := float32(1.0 / 5040)
	p = p*r + 1.0/720
	p = p*r + 1.0/120
	p = p*r + 1.0/24
	p = p*r + 1.0/6
	p = p*r + 0.5
	p = p*r + 1
	p = p*r + 1
	half := int32(n) / 2 // two factors, since 2^128 is no float32
	return p * power2(half) * power2(int32(n)-half)
}

func power2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }
