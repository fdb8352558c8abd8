package streams

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
)

// library reads by the msgpack library what a layout would read.
func library[T any](t *rapid.T, data []byte) T {
	var v T
	if err := wellFormed(data); err != nil {
		t.Fatal(err)
	}
	d := decoders.Get().(*decoder)
	defer decoders.Put(d)
	d.r.Reset(data)
	d.dec.Reset(&d.r)
	d.dec.SetCustomStructTag("json")
	if err := d.dec.Decode(&v); err != nil {
		t.Fatalf("the library can't read it: %v", err)
	}
	return v
}

func TestALayoutAndTheLibrarySpeakTheSameFormat(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.Just(strings.Repeat("ü", 40)), rapid.Just(strings.Repeat("x", 300)),
		rapid.Just(strings.Repeat("y", 70_000)))
	at := rapid.Custom(func(t *rapid.T) time.Time {
		nanos := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 999_999_999)).Draw(t, "nanos")
		return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "seconds"), nanos).UTC()
	})
	number := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-200, 300), rapid.SampledFrom([]int64{
		-1 << 15, -129, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64, math.MinInt64,
	}))
	rapid.Check(t, func(t *rapid.T) {
		want := sluice.Answer{
			Query: sluice.Query{
				Key: text.Draw(t, "key"), Text: text.Draw(t, "text"), Tags: rapid.SliceOfN(text, 0, 20).Draw(t, "tags"),
				Priority: int(number.Draw(t, "priority")), AskedAt: at.Draw(t, "asked"), Deadline: at.Draw(t, "deadline"),
			},
			GroundTruth: rapid.SliceOfN(rapid.String(), 0, 70).Draw(t, "truth"), Arm: sluice.ArmB,
		}
		if len(want.Query.Tags) == 0 {
			want.Query.Tags = nil // left out: read as nil
		}
		if len(want.GroundTruth) == 0 {
			want.GroundTruth = nil
		}
		ours, err := Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode[sluice.Answer](theirs)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("a layout reads %+v (%v) of what the library wrote, want %+v", got, err, want)
		}
		read := library[sluice.Answer](t, ours)
		inUTC(&read.Query)
		if !reflect.DeepEqual(read, want) {
			t.Fatalf("the library reads %+v of what a layout wrote, want %+v", read, want)
		}
	})
}

func TestTheTypesOfTheRingHaveALayout(t *testing.T) {
	for _, v := range []any{
		sluice.Accepted{}, sluice.Answer{}, sluice.Verdict{}, sluice.Label{}, sluice.Analyzed{}, sluice.Example{}, sluice.Call{}, Asked{},
	} {
		if layoutOf(reflect.TypeOf(v)) == nil {
			t.Errorf("%T has none", v)
		}
	}
	if l := layoutOf(reflect.TypeFor[sluice.Decision]()); l != nil {
		t.Error("a struct with maps has one")
	}
}
