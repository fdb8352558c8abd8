//go:build goexperiment.simd && amd64

package kernel

import "simd/archsimd"

// vector says whether this processor runs the loops of this file.
var vector = archsimd.X86.AVX2() && archsimd.X86.FMA()

// clearUpper ends vector code: scalar floating point is many times slower while the upper halves of the
// registers are in use.
func clearUpper() { archsimd.ClearAVXUpperBits() }

// product4 is Product for four rows: eight sums stay in registers.
func product4(dst []float32, ldd int, x []float32, ldx int, w []float32, ldw, k int) {
	x0, x1, x2, x3 := x[:k], x[ldx:ldx+k], x[2*ldx:2*ldx+k], x[3*ldx:3*ldx+k]
	var a0, a1, b0, b1, c0, c1, d0, d1 archsimd.Float32x8
	for i := range k {
		row := (*[Width]float32)(w[i*ldw:])
		w0, w1 := archsimd.LoadFloat32x8Slice(row[:8]), archsimd.LoadFloat32x8Slice(row[8:])
		v := archsimd.BroadcastFloat32x8(x0[i])
		a0, a1 = v.MulAdd(w0, a0), v.MulAdd(w1, a1)
		v = archsimd.BroadcastFloat32x8(x1[i])
		b0, b1 = v.MulAdd(w0, b0), v.MulAdd(w1, b1)
		v = archsimd.BroadcastFloat32x8(x2[i])
		c0, c1 = v.MulAdd(w0, c0), v.MulAdd(w1, c1)
		v = archsimd.BroadcastFloat32x8(x3[i])
		d0, d1 = v.MulAdd(w0, d0), v.MulAdd(w1, d1)
	}
	store := func(at int, lo, hi archsimd.Float32x8) {
		row := (*[Width]float32)(dst[at:])
		lo.StoreSlice(row[:8])
		hi.StoreSlice(row[8:])
	}
	store(0, a0, a1)
	store(ldd, b0, b1)
	store(2*ldd, c0, c1)
	store(3*ldd, d0, d1)
}

// product1 is Product for one row, with two chains of sums a column so that none waits for the other.
func product1(dst, x, w []float32, ldw, k int) {
	var a0, a1, b0, b1 archsimd.Float32x8
	i := 0
	for ; i+2 <= k; i += 2 {
		row := (*[Width]float32)(w[i*ldw:])
		v := archsimd.BroadcastFloat32x8(x[i])
		a0 = v.MulAdd(archsimd.LoadFloat32x8Slice(row[:8]), a0)
		a1 = v.MulAdd(archsimd.LoadFloat32x8Slice(row[8:]), a1)
		row = (*[Width]float32)(w[(i+1)*ldw:])
		v = archsimd.BroadcastFloat32x8(x[i+1])
		b0 = v.MulAdd(archsimd.LoadFloat32x8Slice(row[:8]), b0)
		b1 = v.MulAdd(archsimd.LoadFloat32x8Slice(row[8:]), b1)
	}
	if i < k {
		row := (*[Width]float32)(w[i*ldw:])
		v := archsimd.BroadcastFloat32x8(x[i])
		a0 = v.MulAdd(archsimd.LoadFloat32x8Slice(row[:8]), a0)
		a1 = v.MulAdd(archsimd.LoadFloat32x8Slice(row[8:]), a1)
	}
	a0.Add(b0).StoreSlice(dst[:8])
	a1.Add(b1).StoreSlice(dst[8:16])
}

func vectorDot(a, b []float32) float32 {
	var s0, s1 archsimd.Float32x8
	i := 0
	for ; i+16 <= len(a); i += 16 {
		s0 = archsimd.LoadFloat32x8Slice(a[i:]).MulAdd(archsimd.LoadFloat32x8Slice(b[i:]), s0)
		s1 = archsimd.LoadFloat32x8Slice(a[i+8:]).MulAdd(archsimd.LoadFloat32x8Slice(b[i+8:]), s1)
	}
	sum := total(s0.Add(s1))
	for ; i < len(a); i++ {
		sum += a[i] * b[i]
	}
	return sum
}

func total(v archsimd.Float32x8) (sum float32) {
	var lanes [8]float32
	v.Store(&lanes)
	clearUpper()
	for _, lane := range lanes {
		sum += lane
	}
	return sum
}

// vectorExp is Exp on eight values.
func vectorExp(x archsimd.Float32x8) archsimd.Float32x8 {
	all := archsimd.BroadcastFloat32x8
	x = x.Max(all(expMin)).Min(all(expMax))
	n := x.Mul(all(log2e)).RoundToEven()
	r := x.Sub(n.Mul(all(ln2Hi))).Sub(n.Mul(all(ln2Lo)))
	p := all(1.0 / 5040)
	p = p.MulAdd(r, all(1.0/720))
	p = p.MulAdd(r, all(1.0/120))
	p = p.MulAdd(r, all(1.0/24))
	p = p.MulAdd(r, all(1.0/6))
	p = p.MulAdd(r, all(0.5))
	p = p.MulAdd(r, all(1))
	p = p.MulAdd(r, all(1))
	// Two factors, since 2^128 is no float32.
	whole := n.ConvertToInt32()
	half := whole.ShiftAllRight(1)
	bias := archsimd.BroadcastInt32x8(127)
	power := func(e archsimd.Int32x8) archsimd.Float32x8 { return e.Add(bias).ShiftAllLeft(23).AsFloat32x8() }
	return p.Mul(power(half)).Mul(power(whole.Sub(half)))
}

// vectorGeGLU handles the leading multiple of eight values and says how many.
func vectorGeGLU(gate, up []float32) (i int) {
	all := archsimd.BroadcastFloat32x8
	one := all(1)
	for ; i+8 <= len(gate); i += 8 {
		x := archsimd.LoadFloat32x8Slice(gate[i:])
		cube := x.Mul(x).MulAdd(all(0.044715), one)
		u := x.Mul(all(-2 * sqrt2OverPi)).Mul(cube)
		x.Div(one.Add(vectorExp(u))).Mul(archsimd.LoadFloat32x8Slice(up[i:])).StoreSlice(gate[i:])
	}
	clearUpper()
	return i
}

func vectorExpSum(x []float32, top float32) (i int, sum float32) {
	var sums archsimd.Float32x8
	shift := archsimd.BroadcastFloat32x8(top)
	for ; i+8 <= len(x); i += 8 {
		e := vectorExp(archsimd.LoadFloat32x8Slice(x[i:]).Sub(shift))
		e.StoreSlice(x[i:])
		sums = sums.Add(e)
	}
	return i, total(sums)
}
