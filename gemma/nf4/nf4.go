// Package nf4 is the 4-bit NormalFloat of QLoRA (Dettmers et al. 2023, arXiv:2305.14314): blocks of 64 values, each
// value one of 16 quantiles of a normal distribution times the block's largest magnitude.
//
// Float32 values enter and packed codes with their scales leave, and back. With double quantization the
// scales themselves are kept in 8 bits, which brings a weight from 4.5 to 4.127 bits. The package never
// rounds twice: dequantizing gives exactly what a graph computes from the same codes and scales.
package nf4

import (
	"fmt"
	"math"
	"slices"
)

// BlockSize is the number of values that share a scale, and scaleBlock the number of scales that share one.
const (
	BlockSize  = 64
	scaleBlock = 256
)

// codeBook is the published table (appendix E of the paper), ascending.
var codeBook = [16]float32{
	-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
	-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
	0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
	0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
}

// CodeBook copies the 16 values that a code can stand for.
func CodeBook() []float32 { return slices.Clone(codeBook[:]) }

// Options of a quantization. The zero value keeps scales in float32.
type Options struct {
	// Double keeps the scales as 8-bit steps around their mean, a float32 step for each 256 of them. The
	// paper uses an 8-bit float there; an even grid has the same size and here a smaller largest error.
	Double bool
}

// Blocks are quantized values.
type Blocks struct {
	Codes []byte // two values a byte, the first in the high half

	scales []float32 // without double quantization
	steps  []int8    // with it: scale = mean + step*unit
	units  []float32
	mean   float32
}

// Quantize packs values, whose number must be a multiple of [BlockSize]. A value that is not finite is an
// error.
func Quantize(values []float32, o Options) (Blocks, error) {
	if len(values)%BlockSize != 0 {
		return Blocks{}, fmt.Errorf("nf4: %d values are no multiple of %d", len(values), BlockSize)
	}
	scales := make([]float32, len(values)/BlockSize)
	for i, v := range values {
		if v-v != 0 {
			return Blocks{}, fmt.Errorf("nf4: value %d is %g", i, v)
		}
		scales[i/BlockSize] = max(scales[i/BlockSize], float32(math.Abs(float64(v))))
	}
	b := Blocks{Codes: make([]byte, len(values)/2), scales: scales}
	if o.Double {
		b.double(scales)
		scales = b.Scales()
	}
	for i, v := range values {
		code := nearest(v, scales[i/BlockSize])
		if i%2 == 0 {
			code <<= 4
		}
		b.Codes[i/2] |= code
	}
	return b, nil
}

// nearest is the code whose value times scale is closest to v.
func nearest(v, scale float32) byte {
	if scale <= 0 {
		return 7 // zero
	}
	x := v / scale
	at, _ := slices.BinarySearch(codeBook[:], x)
	switch {
	case at == 0:
		return 0
	case at == len(codeBook):
		return 15
	case x-codeBook[at-1] <= codeBook[at]-x:
		return byte(at - 1)
	}
	return byte(at)
}

func (b *Blocks) double(scales []float32) {
	sum := 0.0
	for _, s := range scales {
		sum += float64(s)
	}
	b.scales, b.steps = nil, make([]int8, len(scales))
	if len(scales) > 0 {
		b.mean = float32(sum / float64(len(scales)))
	}
	for first := 0; first < len(scales); first += scaleBlock {
		block := scales[first:min(first+scaleBlock, len(scales))]
		unit := float32(0)
		for _, s := range block {
			unit = max(unit, float32(math.Abs(float64(s-b.mean)))/127)
		}
		b.units = append(b.units, unit)
		for j, s := range block {
			if unit > 0 {
				b.steps[first+j] = int8(math.RoundToEven(float64((s - b.mean) / unit)))
			}
		}
	}
}

// Scales are the largest magnitudes of the blocks, as dequantization sees them.
func (b Blocks) Scales() []float32 {
	if b.steps == nil {
		return slices.Clone(b.scales)
	}
	out := make([]float32, len(b.steps))
	for i, s := range b.steps {
		out[i] = max(0, b.mean+float32(s)*b.units[i/scaleBlock])
	}
	return out
}

// Dequantize unpacks the values.
func (b Blocks) Dequantize() []float32 {
	scales := b.Scales()
	out := make([]float32, 2*len(b.Codes))
	for i := range out {
		code := b.Codes[i/2] >> 4
		if i%2 == 1 {
			code = b.Codes[i/2] & 15
		}
		out[i] = codeBook[code] * scales[i/BlockSize]
	}
	return out
}
