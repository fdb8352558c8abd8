// Package safetensors reads and writes the safetensors format: a JSON header that names every tensor, then
// the values.
//
// A file enters and float32 tensors leave, whether it holds F32, F16, BF16 or F64; tensors enter and a file of
// F32 or BF16 leaves. Headers are not trusted: offsets, sizes and lengths are checked before anything is
// allocated by them. The package never maps memory, follows an index file or knows what a tensor means.
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// Tensor is a dense array, row-major.
type Tensor struct {
	Shape []int
	Data  []float32
}

// maxHeader is the limit that the format's own library sets.
const maxHeader = 100_000_000

type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// sizes are the bytes of a value of the types that can be read.
var sizes = map[string]int64{"F64": 8, "F32": 4, "F16": 2, "BF16": 2}

// Read reads the tensors that keep wants (nil is all of them) from a file of the given size in bytes.
func Read(r io.ReaderAt, size int64, keep func(name string) bool) (map[string]Tensor, error) {
	out := map[string]Tensor{}
	err := Each(r, size, keep, func(name string, t Tensor) { out[name] = t })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Each reads as [Read] does, one tensor after the other by name, and keeps none.
func Each(r io.ReaderAt, size int64, keep func(name string) bool, visit func(name string, t Tensor)) error {
	header, start, err := readHeader(r, size)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if keep != nil && !keep(name) {
			continue
		}
		t, err := readTensor(r, header[name], start, size)
		if err != nil {
			return fmt.Errorf("safetensors: tensor %s: %w", name, err)
		}
		visit(name, t)
	}
	return nil
}

func readHeader(r io.ReaderAt, size int64) (map[string]entry, int64, error) {
	var length [8]byte
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, 0, fmt.Errorf("no header length: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, 0, fmt.Errorf("a header of %d bytes in a file of %d", n, size)
	}
	data := make([]byte, n)
	if _, err := r.ReadAt(data, 8); err != nil {
		return nil, 0, fmt.Errorf("header: %w", err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, 0, fmt.Errorf("header: %w", err)
	}
	delete(raw, "__metadata__")
	header := make(map[string]entry, len(raw))
	for name, text := range raw {
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, 0, fmt.Errorf("header: tensor %s: %w", name, err)
		}
		header[name] = e
	}
	return header, 8 + int64(n), nil
}

func readTensor(r io.ReaderAt, e entry, start, size int64) (Tensor, error) {
	width, ok := sizes[e.DType]
	if !ok {
		return Tensor{}, fmt.Errorf("type %q is none of F32, F16, BF16, F64", e.DType)
	}
	n := int64(1)
	for _, d := range e.Shape {
		if d < 0 || d > 0 && n > size/int64(d) {
			return Tensor{}, fmt.Errorf("shape %v is larger than the file", e.Shape)
		}
		n *= int64(d)
	}
	from, to := e.Offsets[0], e.Offsets[1]
	if from < 0 || to-from != n*width || to > size-start {
		return Tensor{}, fmt.Errorf("offsets %v do not hold %v of %s in %d bytes", e.Offsets, e.Shape, e.DType, size-start)
	}
	t := Tensor{Shape: e.Shape, Data: make([]float32, 0, n)}
	if t.Shape == nil {
		t.Shape = []int{}
	}
	buffer := make([]byte, min(1<<20, max(to-from, 1))) // a multiple of every width, or the whole tensor
	for at := from; at < to; at += int64(len(buffer)) {
		chunk := buffer[:min(int64(len(buffer)), to-at)]
		if _, err := r.ReadAt(chunk, start+at); err != nil {
			return Tensor{}, err
		}
		t.Data = appendValues(t.Data, e.DType, chunk)
	}
	return t, nil
}

func appendValues(to []float32, dtype string, data []byte) []float32 {
	little := binary.LittleEndian
	switch dtype {
	case "F64":
		for ; len(data) >= 8; data = data[8:] {
			to = append(to, float32(math.Float64frombits(little.Uint64(data))))
		}
	case "F32":
		for ; len(data) >= 4; data = data[4:] {
			to = append(to, math.Float32frombits(little.Uint32(data)))
		}
	case "F16":
		for ; len(data) >= 2; data = data[2:] {
			to = append(to, Half(little.Uint16(data)))
		}
	case "BF16":
		for ; len(data) >= 2; data = data[2:] {
			to = append(to, math.Float32frombits(uint32(little.Uint16(data))<<16))
		}
	}
	return to
}

// Half is the value of an IEEE 754 half-precision number.
func Half(bits uint16) float32 {
	sign, exponent, fraction := uint32(bits>>15)<<31, uint32(bits>>10)&31, uint32(bits)&1023
	switch exponent {
	case 0: // zero and subnormal numbers: fraction · 2^-24
		v := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// Write writes tensors in the order of their names, as BF16 (rounded to nearest even) or F32.
func Write(w io.Writer, tensors map[string]Tensor, bf16 bool) error {
	dtype, width := "F32", int64(4)
	if bf16 {
		dtype, width = "BF16", 2
	}
	names := slices.Sorted(maps.Keys(tensors))
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	at := int64(0)
	for _, name := range names {
		end := at + int64(len(tensors[name].Data))*width
		header[name] = entry{dtype, tensors[name].Shape, [2]int64{at, end}}
		at = end
	}
	data, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("safetensors: header: %w", err)
	}
	for len(data)%8 != 0 {
		data = append(data, ' ')
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(data))), data...)); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	for _, name := range names {
		if err := writeValues(w, tensors[name].Data, bf16); err != nil {
			return fmt.Errorf("safetensors: tensor %s: %w", name, err)
		}
	}
	return nil
}

func writeValues(w io.Writer, values []float32, bf16 bool) error {
	buffer := make([]byte, 0, 1<<16)
	for len(values) > 0 {
		n := min(len(values), 1<<14)
		buffer = buffer[:0]
		for _, v := range values[:n] {
			bits := math.Float32bits(v)
			if !bf16 {
				buffer = binary.LittleEndian.AppendUint32(buffer, bits)
				continue
			}
			if v != v {
				return errors.New("a value is not a number")
			}
			buffer = binary.LittleEndian.AppendUint16(buffer, uint16((bits+0x7fff+bits>>16&1)>>16))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}
