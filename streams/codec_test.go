package streams_test

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"sluice"
	"sluice/streams"
)

func TestEncodeThenDecodeIsTheSame(t *testing.T) {
	for name, g := range goldens() {
		zero := reflect.New(reflect.TypeOf(g.value)).Elem().Interface()
		for what, v := range map[string]any{"full": g.value, "zero": zero} {
			data, err := streams.Encode(v)
			if err != nil {
				t.Fatalf("%s %s: %v", what, name, err)
			}
			got, err := g.decode(data)
			if err != nil {
				t.Fatalf("%s %s: %v", what, name, err)
			}
			if !reflect.DeepEqual(got, v) {
				t.Errorf("%s %s: read\n%+v\nwant\n%+v", what, name, got, v)
			}
		}
	}
}

func TestTimesAreReadAsUTCWhateverTheZone(t *testing.T) {
	zone := time.FixedZone("far", 5*3600)
	data, err := streams.Encode(sluice.Accepted{Query: sluice.Query{AskedAt: goldenTime.In(zone)}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := streams.Decode[sluice.Accepted](data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Query.AskedAt != goldenTime || !got.Query.Deadline.IsZero() || got.Query.Deadline.Location() != time.UTC {
		t.Errorf("asked at %v, deadline %v", got.Query.AskedAt, got.Query.Deadline)
	}
}

func TestUnknownFieldsArePassedOverAndMissingOnesAreZero(t *testing.T) {
	data, err := msgpack.Marshal(map[string]any{
		"arm": "b", "from_the_future": map[string]any{"deep": []any{1, "two", nil, 3.5, time.Now()}}, "text": "so",
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := streams.Decode[sluice.Answer](data)
	if err != nil {
		t.Fatal(err)
	}
	if want := (sluice.Answer{Arm: sluice.ArmB, Text: "so"}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestHostileBytesAreRefusedCheaply(t *testing.T) {
	huge := func(code byte) []byte {
		return binary.BigEndian.AppendUint32([]byte{code}, 0xffffffff)
	}
	cases := map[string][]byte{
		"nothing":                nil,
		"a truncated string":     {0xda, 0xff, 0xff, 'x'},
		"a huge string":          huge(0xdb),
		"huge bytes":             huge(0xc6),
		"a huge array":           huge(0xdd),
		"a huge map":             huge(0xdf),
		"a huge extension":       huge(0xc9),
		"a huge array of tags":   append([]byte{0x81, 0xa4, 't', 'a', 'g', 's'}, huge(0xdd)...),
		"a million open arrays":  bytes.Repeat([]byte{0x91}, 1<<20),
		"a million open maps":    bytes.Repeat([]byte{0x81, 0xa0}, 1<<19),
		"the code never used":    {0xc1},
		"two values":             {0x80, 0x80},
		"a map cut after a key":  {0x81, 0xa1, 'k'},
		"a wrong type":           {0x81, 0xa4, 't', 'e', 'x', 't', 0x07},
		"an array for a struct":  {0x91, 0x01},
		"a number for a struct":  {0x2a},
		"a time of three bytes":  {0x81, 0xa8, 'a', 's', 'k', 'e', 'd', '_', 'a', 't', 0xc7, 3, 0xff, 1, 2, 3},
		"a key that is no text":  {0x81, 0x01, 0x01},
		"json":                   []byte(`{"text":"x"}`),
		"a length of half a map": {0xdf, 0x00},
	}
	for name, data := range cases {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v, err := streams.Decode[sluice.Query](data)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: read as %+v", name, v)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%s: %d bytes of input took %d of memory", name, len(data), took)
		}
		if err != nil && !strings.Contains(err.Error(), "decode sluice.Query") {
			t.Errorf("%s: the error does not say what was decoded: %v", name, err)
		}
	}
}

func TestDecodedValuesShareNoMemoryWithTheirBytes(t *testing.T) {
	data, err := streams.Encode(goldenEnvelope)
	if err != nil {
		t.Fatal(err)
	}
	got, err := streams.Decode[streams.Envelope](data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if !reflect.DeepEqual(got, goldenEnvelope) {
		t.Errorf("the value changed with its bytes: %+v", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, g := range goldens() {
		data, err := streams.Encode(g.value)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(bytes.Repeat([]byte{0x91}, 100))
	types := goldens()
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, g := range types {
			v, err := g.decode(data)
			if err != nil {
				continue
			}
			again, err := streams.Encode(v)
			if err != nil {
				t.Fatalf("%s: read, but can't be written: %v", name, err)
			}
			back, err := g.decode(again)
			if err != nil {
				t.Fatalf("%s: written, but can't be read: %v", name, err)
			}
			third, err := streams.Encode(back)
			if err != nil {
				t.Fatal(err)
			}
			if name != "decision.v1" && !bytes.Equal(again, third) { // a map's order is free
				t.Fatalf("%s: reading and writing does not settle", name)
			}
		}
	})
}

func FuzzParseAsked(f *testing.F) {
	f.Add("application/json", []byte(`{"query":"Who?","ground_truth":"me","deadline":"2026-11-03T04:05:06Z","priority":1}`))
	f.Add("", []byte(`{"query":5}`))
	data, err := streams.Encode(goldens()["asked.v1"].value)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(streams.MsgPack, data)
	f.Fuzz(func(t *testing.T, contentType string, data []byte) {
		_, err := streams.ParseAsked(streams.Message{ContentType: contentType, Data: data})
		if err != nil && sluice.ClassOf(err) != sluice.ClassPoison {
			t.Fatalf("%v is %s", err, sluice.ClassOf(err))
		}
	})
}

func TestDecodingIntoAPlaceCopiesNothing(t *testing.T) {
	want := sluice.Verdict{Query: sluice.Query{Key: "k", Text: "Why?"}, Pair: "p", Arm: "b", Grade: sluice.Correct, Reason: "so", JudgeVersion: "j1"}
	data, err := streams.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	var got sluice.Verdict
	allocations := testing.AllocsPerRun(100, func() {
		got = sluice.Verdict{}
		if err := streams.DecodeInto(data, &got); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("%v allocations, %+v, want none and %+v", allocations, got, want)
	}
}
