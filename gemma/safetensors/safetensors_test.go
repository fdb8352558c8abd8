package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// file puts a header and data together by hand.
func file(header string, data ...byte) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
}

func read(data []byte) (map[string]Tensor, error) {
	return Read(bytes.NewReader(data), int64(len(data)), nil)
}

func TestReadAHandMadeFileOfEveryType(t *testing.T) {
	got, err := read(file(`{"__metadata__":{"format":"pt"},
		"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
		"b":{"dtype":"F16","shape":[2,2],"data_offsets":[4,12]},
		"c":{"dtype":"BF16","shape":[2],"data_offsets":[12,16]},
		"d":{"dtype":"F64","shape":[],"data_offsets":[16,24]}}`,
		0, 0, 0x28, 0x42, // 42
		0, 0x3c, 0, 0xc0, 0xff, 0x7b, 1, 0, // 1, -2, 65504, 2^-24
		0xc0, 0x3f, 0x80, 0xbf, // 1.5, -1
		0, 0, 0, 0, 0, 0, 0xf8, 0x3f)) // 1.5
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Tensor{
		"a": {[]int{1}, []float32{42}},
		"b": {[]int{2, 2}, []float32{1, -2, 65504, 1.0 / (1 << 24)}},
		"c": {[]int{2}, []float32{1.5, -1}},
		"d": {[]int{}, []float32{1.5}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %v", got)
	}
}

func TestHalfMatchesItsDefinition(t *testing.T) {
	for bits := range 1 << 16 {
		e, f := bits>>10&31, float64(bits&1023)
		want := math.Ldexp(1024+f, e-25)
		switch {
		case e == 0:
			want = math.Ldexp(f, -24)
		case e == 31 && f == 0:
			want = math.Inf(1)
		case e == 31:
			if got := Half(uint16(bits)); got == got {
				t.Fatalf("%#x is %g, not a NaN", bits, got)
			}
			continue
		}
		if bits>>15 == 1 {
			want = -want
		}
		if got := float64(Half(uint16(bits))); got != want {
			t.Fatalf("%#x is %g, want %g", bits, got, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	tensors := map[string]Tensor{"w": {[]int{3, 70000}, make([]float32, 210000)}, "n": {[]int{2}, []float32{-0.5, 3}}}
	for i := range tensors["w"].Data {
		tensors["w"].Data[i] = float32(i) * 1.0001
	}
	var exact, rounded bytes.Buffer
	if err := Write(&exact, tensors, false); err != nil {
		t.Fatal(err)
	}
	if err := Write(&rounded, tensors, true); err != nil {
		t.Fatal(err)
	}
	if got, err := read(exact.Bytes()); err != nil || !reflect.DeepEqual(got, tensors) {
		t.Errorf("float32 did not survive: %v", err)
	}
	got, err := read(rounded.Bytes())
	if err != nil || !slices.Equal(got["n"].Data, tensors["n"].Data) {
		t.Fatalf("bf16: %v %v", got["n"], err)
	}
	for i, v := range tensors["w"].Data {
		if diff := math.Abs(float64(got["w"].Data[i] - v)); diff > math.Abs(float64(v))/256 {
			t.Fatalf("value %g became %g", v, got["w"].Data[i])
		}
	}
}

func TestReadRefusesWhatDoesNotAddUp(t *testing.T) {
	one := `{"a":{"dtype":%q,"shape":%s,"data_offsets":%s}}`
	for want, data := range map[string][]byte{
		"no header length": {1, 2},
		"a header of":      {255, 255, 255, 255, 0, 0, 0, 0},
		"unexpected end":   file(`{"a"`),
		`type "I8"`:        file(fmt.Sprintf(one, "I8", "[1]", "[0,1]"), 1),
		"do not hold":      file(fmt.Sprintf(one, "F32", "[2]", "[0,4]"), 1, 2, 3, 4),
		"larger than":      file(fmt.Sprintf(one, "F32", "[9000000000,9000000000]", "[0,4]"), 1, 2, 3, 4),
		"offsets [0 8]":    file(fmt.Sprintf(one, "F32", "[2]", "[0,8]"), 1, 2, 3, 4),
		"offsets [-4 0]":   file(fmt.Sprintf(one, "F32", "[1]", "[-4,0]"), 1, 2, 3, 4),
	} {
		if _, err := read(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, err := read(data)
		for name, tensor := range tensors {
			n := 1
			for _, d := range tensor.Shape {
				n *= d
			}
			if err != nil || n != len(tensor.Data) {
				t.Errorf("%s: shape %v with %d values, %v", name, tensor.Shape, len(tensor.Data), err)
			}
		}
	})
}
