package gguf

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	theirs "github.com/gomlx/go-huggingface/models/gguf"
	"github.com/gomlx/gomlx/core/tensors"
)

// builder writes GGUF files for tests.
type builder struct {
	head, infos, data []byte
	values, tensors   uint64
}

func text(s string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(s))), s...)
}

func (b *builder) meta(key string, kind uint32, value []byte) {
	b.head = append(binary.LittleEndian.AppendUint32(append(b.head, text(key)...), kind), value...)
	b.values++
}

// tensor adds a tensor with dimensions innermost first, as the format has them.
func (b *builder) tensor(name string, kind Kind, data []byte, dims ...uint64) {
	b.infos = binary.LittleEndian.AppendUint32(append(b.infos, text(name)...), uint32(len(dims)))
	for _, d := range dims {
		b.infos = binary.LittleEndian.AppendUint64(b.infos, d)
	}
	b.infos = binary.LittleEndian.AppendUint32(b.infos, uint32(kind))
	b.infos = binary.LittleEndian.AppendUint64(b.infos, uint64(len(b.data)))
	b.data = append(b.data, data...)
	for len(b.data)%32 != 0 {
		b.data = append(b.data, 0)
	}
	b.tensors++
}

func (b *builder) file() []byte {
	out := binary.LittleEndian.AppendUint32([]byte("GGUF"), 3)
	out = binary.LittleEndian.AppendUint64(out, b.tensors)
	out = binary.LittleEndian.AppendUint64(out, b.values)
	out = append(append(out, b.head...), b.infos...)
	for len(out)%32 != 0 {
		out = append(out, 0)
	}
	return append(out, b.data...)
}

func open(t *testing.T, data []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func unpack(kind Kind, block []byte) []float32 {
	out := make([]float32, kinds[kind].values)
	kinds[kind].unpack(out, block)
	return out
}

// one is 1.0 and two is 2.0 as half-precision numbers.
var one, two = []byte{0, 0x3c}, []byte{0, 0x40}

func TestBlocksByHand(t *testing.T) {
	near := func(name string, got []float32, want map[int]float32) {
		t.Helper()
		for i, v := range want {
			if got[i] != v {
				t.Errorf("%s: value %d is %g, by hand %g", name, i, got[i], v)
			}
		}
	}
	b := make([]byte, 34)
	copy(b, two)
	b[2], b[3], b[33] = 5, 0xff, 0x80
	near("Q8_0", unpack(Q8_0, b), map[int]float32{0: 10, 1: -2, 2: 0, 31: -256})

	b = make([]byte, 22) // the fifth bit of value 0 is set, and that of value 16 (bit 16)
	copy(b, two)
	b[2], b[4], b[6] = 1, 1, 0x3A // low half 10, high half 3
	near("Q5_0", unpack(Q5_0, b), map[int]float32{0: 2 * (10 + 16 - 16), 16: 2 * (3 + 16 - 16), 1: -32})

	b = make([]byte, 18)
	copy(b, one)
	b[2] = 0x91
	near("Q4_0", unpack(Q4_0, b), map[int]float32{0: 1 - 8, 16: 9 - 8})

	b = make([]byte, 144) // d 1, dmin 2
	copy(b, one)
	copy(b[2:], two)
	b[4], b[8] = 3, 1   // group 0: scale 3, minimum 1
	b[5], b[9] = 63, 63 // group 1
	b[4] |= 2 << 6      // the high bits of group 4's scale
	b[12] = 0x5 | 7<<4  // group 4: scale 5 + 2·16, minimum 7 + 1·16
	b[8] |= 1 << 6
	b[16], b[16+64] = 0xF4, 0x0B // value 0 is 4, value 32 is 15; value 128 is 11
	near("Q4_K", unpack(Q4_K, b), map[int]float32{0: 3*4 - 2, 32: 63*15 - 2*63, 1: -2, 128: 37*11 - 2*23, 129: -2 * 23})

	b = make([]byte, 210) // d 2
	copy(b[208:], two)
	b[192], b[193], b[196], b[200] = 1, 0xff, 3, 2 // scales of groups 0, 1, 4 and 8
	b[0], b[16] = 0x97, 1                          // values 0 (low 7) and 64 (low 9), value 16
	b[128] = 0x31                                  // high bits: value 0 has 1, value 64 has 3
	b[64] = 0xF                                    // value 128
	near("Q6_K", unpack(Q6_K, b), map[int]float32{
		0: 2 * 1 * (7 + 16 - 32), 64: 2 * 3 * (9 + 48 - 32), 16: 2 * -1 * (1 - 32), 128: 2 * 2 * (15 - 32),
	})
}

// Random blocks of every kind, against another reader.
func TestDequantizingAgreesWithAnotherReader(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var b builder
	b.meta("general.architecture", 8, text("gemma3"))
	b.meta("general.alignment", 4, []byte{32, 0, 0, 0})
	names := map[string]Kind{
		"q40": Q4_0, "q41": Q4_1, "q50": Q5_0, "q51": Q5_1, "q80": Q8_0, "q4k": Q4_K, "q5k": Q5_K, "q6k": Q6_K, "f16": F16, "bf16": BF16, "f32": F32,
	}
	for name, kind := range names {
		n := 1536 * kinds[kind].bytes / kinds[kind].values
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(rng.UintN(256))
		}
		for i := 0; i < n; i += kinds[kind].bytes { // scales must be ordinary numbers
			for _, at := range map[Kind][]int{Q4_1: {0, 2}, Q5_1: {0, 2}, Q4_K: {0, 2}, Q5_K: {0, 2}, Q6_K: {208}, F32: {2}, BF16: {0}}[kind] {
				data[i+at+1] = byte(0x2c + rng.UintN(8))
			}
			if kind == Q4_0 || kind == Q5_0 || kind == Q8_0 || kind == F16 {
				data[i+1] = byte(0x2c + rng.UintN(8))
			}
		}
		b.tensor(name, kind, data, 512, 3)
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(path, b.file(), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := theirs.NewFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // a reader
	mine := open(t, b.file())
	for name := range names {
		got, err := mine.Read(name)
		if err != nil || !slices.Equal(got.Shape, []int{3, 512}) {
			t.Fatalf("%s: %v %v", name, got.Shape, err)
		}
		want, err := other.GetTensor(nil, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		worst := 0.0
		compare := func(i int, v float64) {
			worst = math.Max(worst, math.Abs(float64(got.Data[i])-v)/(1+math.Abs(v)))
		}
		switch flat := flatOf(want.Tensor).(type) {
		case []float32:
			for i, v := range flat {
				compare(i, float64(v))
			}
		case []interface{ Float32() float32 }:
			for i, v := range flat {
				compare(i, float64(v.Float32()))
			}
		}
		if worst > 1e-6 {
			t.Errorf("%s: the readers differ by %g", name, worst)
		}
	}
}

// flatOf copies a tensor's values, halves as things that say their float32.
func flatOf(t *tensors.Tensor) (out any) {
	t.MustConstFlatData(func(flat any) {
		if f, ok := flat.([]float32); ok {
			out = slices.Clone(f)
			return
		}
		v, halves := reflect.ValueOf(flat), []interface{ Float32() float32 }{}
		for i := range v.Len() {
			halves = append(halves, v.Index(i).Interface().(interface{ Float32() float32 }))
		}
		out = halves
	})
	return out
}

func TestMetadataOfEveryType(t *testing.T) {
	var b builder
	b.meta("u8", 0, []byte{200})
	b.meta("i8", 1, []byte{0xff})
	b.meta("f32", 6, []byte{0, 0, 0xc0, 0x3f})
	b.meta("yes", 7, []byte{1})
	b.meta("name", 8, text("é"))
	b.meta("i64", 11, []byte{0xfe, 255, 255, 255, 255, 255, 255, 255})
	b.meta("list", 9, append([]byte{8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}, append(text("a"), text("")...)...))
	b.meta("scores", 9, []byte{6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0xbf})
	want := map[string]any{
		"u8": uint64(200), "i8": int64(-1), "f32": 1.5, "yes": true, "name": "é", "i64": int64(-2),
		"list": []string{"a", ""}, "scores": []float64{-1},
	}
	if got := open(t, b.file()).Metadata; !reflect.DeepEqual(got, want) {
		t.Errorf("metadata %v", got)
	}
}

func TestOpenAndReadRefuse(t *testing.T) {
	var b builder
	b.tensor("odd", Q8_0, make([]byte, 34), 31)
	b.tensor("strange", Kind(99), nil, 1)
	b.tensor("outside", F32, nil, 4)
	b.tensor("huge", F32, nil, 1<<40, 1<<20)
	good := b.file()
	f := open(t, good)
	for name, want := range map[string]string{
		"odd": "no whole blocks", "strange": "type 99", "outside": "outside the file", "huge": "larger than", "none": "no tensor",
	} {
		if _, err := f.Read(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, want)
		}
	}
	for want, data := range map[string][]byte{
		"no GGUF":    []byte("GGML1234567890"),
		"version":    []byte("GGUF\x09\x00\x00\x00"),
		"bytes left": nil,
		"entries in": append([]byte("GGUF\x03\x00\x00\x00"), bytes.Repeat([]byte{0xee}, 16)...),
	} {
		_, err := Open(bytes.NewReader(data), int64(len(data)))
		if want == "bytes left" {
			want = "no GGUF"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
	for n := range good { // every truncation is an error or a file whose tensors are
		f, err := Open(bytes.NewReader(good[:n]), int64(n))
		if err == nil {
			if _, err = f.Read("outside"); err == nil {
				t.Fatalf("a file cut at %d of %d bytes was read", n, len(good))
			}
		}
	}
}
