// Package gguf reads GGUF files, versions 2 and 3: typed metadata and tensors, quantized or not.
//
// A file enters; metadata and float32 tensors leave, dequantized with code of its own from the types Q4_0,
// Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, F16, BF16 and F32. Lengths in the file are not trusted. The package
// knows nothing of any architecture and never writes.
package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// File is a parsed header. Values are read on demand.
type File struct {
	// Metadata by key: uint64, int64, float64, bool, string, or a slice of one of these.
	Metadata map[string]any

	r       io.ReaderAt
	size    int64
	start   int64 // of the values
	tensors map[string]info
}

type info struct {
	shape  []int // outermost first, the order of Hugging Face
	kind   Kind
	offset int64
}

// Tensor is a dense array, row-major, outermost axis first.
type Tensor struct {
	Shape []int
	Data  []float32
}

// Open parses the header of a file of the given size in bytes. The reader must outlive the File.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{Metadata: map[string]any{}, r: r, size: size, tensors: map[string]info{}}
	p := &parser{r: io.NewSectionReader(r, 0, size), left: size}
	if err := f.parse(p); err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	return f, nil
}

func (f *File) parse(p *parser) error {
	if string(p.bytes(4)) != "GGUF" {
		return errors.New("no GGUF file: the first four bytes differ")
	}
	if version := p.u32(); version != 2 && version != 3 {
		return fmt.Errorf("version %d is neither 2 nor 3", version)
	}
	tensors, values := p.count(), p.count()
	for range values {
		key := p.text()
		f.Metadata[key] = p.value(p.u32())
		if p.err != nil {
			return fmt.Errorf("metadata %q: %w", key, p.err)
		}
	}
	for range tensors {
		name, t := p.text(), info{}
		for range min(p.u32(), 8) {
			t.shape = append(t.shape, int(p.u64()))
		}
		slices.Reverse(t.shape)
		t.kind, t.offset = Kind(p.u32()), int64(p.u64())
		if p.err != nil {
			return fmt.Errorf("tensor %q: %w", name, p.err)
		}
		f.tensors[name] = t
	}
	if p.err != nil {
		return p.err
	}
	alignment, ok := f.Metadata["general.alignment"].(uint64)
	if !ok || alignment == 0 || alignment > 1<<20 {
		alignment = 32
	}
	at := uint64(f.size - p.left)
	f.start = int64((at + alignment - 1) / alignment * alignment)
	return nil
}

// Names lists the tensors in alphabetical order.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.tensors)) }

// Read dequantizes one tensor.
func (f *File) Read(name string) (Tensor, error) {
	t, ok := f.tensors[name]
	if !ok {
		return Tensor{}, fmt.Errorf("gguf: no tensor %s", name)
	}
	k, ok := kinds[t.kind]
	if !ok {
		return Tensor{}, fmt.Errorf("gguf: tensor %s has type %d, which is not read", name, t.kind)
	}
	n := int64(1)
	for _, d := range t.shape {
		if d <= 0 || n > 8*f.size/int64(d) {
			return Tensor{}, fmt.Errorf("gguf: tensor %s: shape %v is larger than the file", name, t.shape)
		}
		n *= int64(d)
	}
	if n%int64(k.values) != 0 {
		return Tensor{}, fmt.Errorf("gguf: tensor %s: %d values are no whole blocks of %d", name, n, k.values)
	}
	bytes := n / int64(k.values) * int64(k.bytes)
	if t.offset < 0 || bytes > f.size-f.start-t.offset {
		return Tensor{}, fmt.Errorf("gguf: tensor %s ends outside the file", name)
	}
	data := make([]byte, bytes)
	if _, err := f.r.ReadAt(data, f.start+t.offset); err != nil {
		return Tensor{}, fmt.Errorf("gguf: tensor %s: %w", name, err)
	}
	out := Tensor{Shape: t.shape, Data: make([]float32, n)}
	for i := int64(0); i*int64(k.bytes) < bytes; i++ {
		k.unpack(out.Data[i*int64(k.values):][:k.values], data[i*int64(k.bytes):][:k.bytes])
	}
	return out, nil
}

// parser reads little-endian values and keeps the first error.
type parser struct {
	r    io.Reader
	left int64
	err  error
}

func (p *parser) bytes(n int64) []byte {
	if p.err == nil && (n < 0 || n > p.left) {
		p.err = fmt.Errorf("%d bytes wanted, %d left", n, p.left)
	}
	if p.err != nil {
		return make([]byte, min(max(n, 0), 8))
	}
	data := make([]byte, n)
	_, p.err = io.ReadFull(p.r, data)
	p.left -= n
	return data
}

func (p *parser) u32() uint32  { return binary.LittleEndian.Uint32(p.bytes(4)) }
func (p *parser) u64() uint64  { return binary.LittleEndian.Uint64(p.bytes(8)) }
func (p *parser) text() string { return string(p.bytes(int64(min(p.u64(), math.MaxInt64)))) }

// count is a number of things that take at least a byte each.
func (p *parser) count() uint64 {
	n := p.u64()
	if p.err == nil && n > uint64(p.left) {
		p.err = fmt.Errorf("%d entries in %d bytes", n, p.left)
	}
	if p.err != nil {
		return 0
	}
	return n
}

// value reads metadata of a type, as the format numbers them.
func (p *parser) value(kind uint32) any {
	switch kind {
	case 0:
		return uint64(p.bytes(1)[0])
	case 1:
		return int64(int8(p.bytes(1)[0]))
	case 2:
		return uint64(binary.LittleEndian.Uint16(p.bytes(2)))
	case 3:
		return int64(int16(binary.LittleEndian.Uint16(p.bytes(2))))
	case 4:
		return uint64(p.u32())
	case 5:
		return int64(int32(p.u32()))
	case 6:
		return float64(math.Float32frombits(p.u32()))
	case 7:
		return p.bytes(1)[0] != 0
	case 8:
		return p.text()
	case 9:
		return p.array()
	case 10:
		return p.u64()
	case 11:
		return int64(p.u64())
	case 12:
		return math.Float64frombits(p.u64())
	}
	if p.err == nil {
		p.err = fmt.Errorf("metadata type %d is unknown", kind)
	}
	return nil
}

func (p *parser) array() any {
	kind, n := p.u32(), p.count()
	switch kind {
	case 8:
		return collect[string](p, kind, n)
	case 6, 12:
		return collect[float64](p, kind, n)
	case 7:
		return collect[bool](p, kind, n)
	case 1, 3, 5, 11:
		return collect[int64](p, kind, n)
	case 0, 2, 4, 10:
		return collect[uint64](p, kind, n)
	}
	if p.err == nil {
		p.err = fmt.Errorf("arrays of type %d are not read", kind)
	}
	return nil
}

func collect[T any](p *parser, kind uint32, n uint64) []T {
	out := []T{}
	for range n {
		v, ok := p.value(kind).(T)
		if !ok || p.err != nil {
			break
		}
		out = append(out, v)
	}
	return out
}
