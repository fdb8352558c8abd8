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

var (
	someText = rapid.OneOf(rapid.String(), rapid.Just(strings.Repeat("ü", 40)), rapid.Just(strings.Repeat("x", 300)),
		rapid.Just(strings.Repeat("y", 70_000)))
	someInstant = rapid.Custom(func(t *rapid.T) time.Time {
		nanos := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 999_999_999)).Draw(t, "nanos")
		return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "seconds"), nanos).UTC()
	})
	someWhole = rapid.OneOf(rapid.Int64(), rapid.Int64Range(-200, 300), rapid.SampledFrom([]int64{
		-1 << 15, -129, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64, math.MinInt64,
	}))
)

// speakTheSame says that the library reads what a layout wrote, and a layout what the library wrote. times
// are those of a value: the library reads them in the machine's zone.
func speakTheSame[T any](t *rapid.T, want T, times func(*T) []*time.Time) {
	ours, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode[T](theirs)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("a layout reads %+v (%v) of what the library wrote, want %+v", got, err, want)
	}
	read := library[T](t, ours)
	utc(times(&read)...)
	if !reflect.DeepEqual(read, want) {
		t.Fatalf("the library reads %+v of what a layout wrote, want %+v", read, want)
	}
}

func TestALayoutAndTheLibrarySpeakTheSameFormat(t *testing.T) {
	text, at, number := someText, someInstant, someWhole
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
		speakTheSame(t, want, func(a *sluice.Answer) []*time.Time { return []*time.Time{&a.Query.AskedAt, &a.Query.Deadline} })
	})
}

func TestALayoutAndTheLibrarySpeakTheSameFormatOfDecisions(t *testing.T) {
	fraction := rapid.Float64()
	shares := rapid.MapOfN(rapid.SampledFrom([]sluice.Policy{sluice.Standard, sluice.Complex, sluice.Ambiguous}), fraction, 1, 3)
	rapid.Check(t, func(t *rapid.T) {
		want := sluice.Decision{
			ID: someText.Draw(t, "id"), Query: sluice.Query{AskedAt: someInstant.Draw(t, "asked")}, DecidedAt: someInstant.Draw(t, "decided"),
			Threshold: fraction.Draw(t, "threshold"), Cost: sluice.MicroUSD(someWhole.Draw(t, "cost")),
		}
		if rapid.Bool().Draw(t, "routed") {
			want.Probabilities = shares.Draw(t, "probabilities")
			want.Features = rapid.MapOfN(rapid.String(), fraction, 1, 40).Draw(t, "features")
			want.Shadow = &sluice.Shadow{RouterVersion: someText.Draw(t, "shadow"), Probabilities: shares.Draw(t, "shadow's"), RouterUS: 7}
		}
		for range rapid.SampledFrom([]int{0, 1, 2, 15, 16, 40}).Draw(t, "calls") {
			want.Calls = append(want.Calls, sluice.Call{
				ID: rapid.String().Draw(t, "call"), StartedAt: someInstant.Draw(t, "started"), Cost: sluice.MicroUSD(someWhole.Draw(t, "call's cost")),
			})
		}
		speakTheSame(t, want, func(d *sluice.Decision) []*time.Time {
			times := []*time.Time{&d.DecidedAt, &d.Query.AskedAt, &d.Query.Deadline}
			for i := range d.Calls {
				times = append(times, &d.Calls[i].StartedAt)
			}
			return times
		})
	})
}

func TestALayoutAndTheLibrarySpeakTheSameFormatOfFeedback(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := sluice.Feedback{ID: someText.Draw(t, "id"), GivenAt: someInstant.Draw(t, "given")}
		if rapid.Bool().Draw(t, "scored") {
			score := rapid.Float64().Draw(t, "score")
			want.Score = &score
		}
		speakTheSame(t, want, func(f *sluice.Feedback) []*time.Time { return []*time.Time{&f.GivenAt} })
	})
}

func TestEqualDecisionsAreEqualBytes(t *testing.T) {
	d := sluice.Decision{Features: map[string]float64{}}
	for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH", "") {
		d.Features[name] = 1
	}
	first, err := Encode(d)
	for range 20 {
		again, errAgain := Encode(d)
		if err != nil || errAgain != nil || string(again) != string(first) {
			t.Fatal("the same decision is written in two ways")
		}
	}
}

func TestAListTakesNoMoreMemoryThanItsBytesAllow(t *testing.T) {
	const n = 60_000
	for name, list := range map[string]string{
		"of nothing":     "\xdc\xea\x60" + strings.Repeat("\xc0", n),
		"of empty maps":  "\xdc\xea\x60" + strings.Repeat("\x80", n),
		"that is cut":    "\xdd\xff\xff\xff\xff\x80",
		"that is a text": "\xa5calls",
	} {
		d, err := Decode[sluice.Decision]([]byte("\x81\xa5calls" + list))
		if err == nil || d.Calls != nil {
			t.Errorf("a list %s: %d calls, %v", name, len(d.Calls), err)
		}
	}
	d, err := Decode[sluice.Decision]([]byte("\x81\xa5calls\x92\x81\xa2id\xbf" + strings.Repeat("1", 31) + "\x82\xa2id\xbf" + strings.Repeat("2", 31) + "\xa5later\x90"))
	if err != nil || len(d.Calls) != 2 || d.Calls[1].ID != strings.Repeat("2", 31) {
		t.Errorf("two calls of another version: %+v, %v", d.Calls, err)
	}
}

func TestALayoutReadsAFractionWrittenAsAnother(t *testing.T) {
	for name, written := range map[string]string{"whole": "\x02", "single": "\xca\x40\x00\x00\x00", "double": "\xcb\x40\x00\x00\x00\x00\x00\x00\x00"} {
		d, err := Decode[sluice.Decision]([]byte("\x81\xa9threshold" + written))
		if err != nil || d.Threshold != 2 {
			t.Errorf("%s: read %g (%v), want 2", name, d.Threshold, err)
		}
	}
	if _, err := Decode[sluice.Decision]([]byte("\x81\xa9threshold\xa1x")); err == nil {
		t.Error("a text is read as a number")
	}
}

func TestTheTypesOfTheRingHaveALayout(t *testing.T) {
	for _, v := range []any{
		sluice.Accepted{},
		sluice.Answer{},
		sluice.Verdict{},
		sluice.Label{},
		sluice.Analyzed{},
		sluice.Example{},
		sluice.Call{},
		Asked{},
		sluice.Decision{},
		sluice.Feedback{},
		sluice.Alert{},
		sluice.TrainingEvent{},
	} {
		if layoutOf(reflect.TypeOf(v)) == nil {
			t.Errorf("%T has none", v)
		}
	}
	if l := layoutOf(reflect.TypeFor[Envelope]()); l != nil {
		t.Error("a struct with bytes has one")
	}
}
