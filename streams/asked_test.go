package streams_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"sluice"
	"sluice/streams"
)

func pack(t *testing.T, v any) []byte {
	t.Helper()
	data, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestUpstreamMayPublishJSONOrMsgpack(t *testing.T) {
	want := streams.Asked{
		Query: "Who?", ID: "7", GroundTruth: []string{"me"}, Source: "web", Tags: []string{"a", "b"}, Tenant: "acme", Priority: 2,
		Deadline: goldenTime,
	}
	text := `{"query":"Who?","id":"7","ground_truth":"me","source":"web","tags":["a","b"],"tenant":"acme","priority":2,
		"deadline":"2026-11-03T05:05:06.789+01:00","extra":{"x":[1]}}`
	fields := map[string]any{
		"query": "Who?", "id": "7", "ground_truth": []string{"me"}, "source": "web", "tags": []string{"a", "b"}, "tenant": "acme",
		"priority": 2, "extra": nil,
	}
	withTime, withText := map[string]any{"deadline": goldenTime}, map[string]any{"deadline": "2026-11-03T04:05:06.789Z"}
	for k, v := range fields {
		withTime[k], withText[k] = v, v
	}
	ours, err := streams.AskedMessage("web", "id-1", want, true)
	if err != nil {
		t.Fatal(err)
	}
	if ours.Header[streams.HeaderSplit] != string(sluice.Test) || ours.Subject != "queries.asked.web" || ours.ID != "id-1" {
		t.Errorf("%+v", ours)
	}
	for name, m := range map[string]streams.Message{
		"JSON":                      {ContentType: streams.JSON, Data: []byte(text)},
		"JSON by default":           {Data: []byte(text)},
		"JSON with a charset":       {ContentType: "Application/JSON; charset=utf-8", Data: []byte(text)},
		"msgpack with a timestamp":  {ContentType: streams.MsgPack, Data: pack(t, withTime)},
		"msgpack with a text time":  {ContentType: streams.MsgPack, Data: pack(t, withText)},
		"msgpack by its other name": {ContentType: "application/x-msgpack", Data: pack(t, withText)},
		"ours":                      ours,
	} {
		got, err := streams.ParseAsked(m)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestAWholeNumberMayBeWrittenAsAFloat(t *testing.T) {
	for name, m := range map[string]streams.Message{
		"1.0":     {Data: []byte(`{"priority":1.0}`)},
		"10E-1":   {Data: []byte(`{"priority":10E-1}`)},
		"8 bytes": {ContentType: streams.MsgPack, Data: pack(t, map[string]any{"priority": 1.0})},
		"4 bytes": {ContentType: streams.MsgPack, Data: pack(t, map[string]any{"priority": float32(1)})},
	} {
		if got, err := streams.ParseAsked(m); err != nil || got.Priority != 1 {
			t.Errorf("%s is priority %d, %v; want 1", name, got.Priority, err)
		}
	}
}

func TestAnEmptyObjectIsRead(t *testing.T) {
	got, err := streams.ParseAsked(streams.Message{Data: []byte(`{}`)})
	if err != nil || !reflect.DeepEqual(got, streams.Asked{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPoisonInputSaysWhatIsWrongWithIt(t *testing.T) {
	cases := map[string]struct {
		contentType string
		data        []byte
		want        sluice.Reason
	}{
		"nothing":               {"", nil, sluice.ReasonUndecodable},
		"not JSON":              {"", []byte("who?"), sluice.ReasonUndecodable},
		"JSON cut short":        {streams.JSON, []byte(`{"query":"Who`), sluice.ReasonUndecodable},
		"two objects":           {streams.JSON, []byte(`{}{}`), sluice.ReasonUndecodable},
		"null":                  {streams.JSON, []byte(`null`), sluice.ReasonUndecodable},
		"a list":                {streams.JSON, []byte(`[]`), sluice.ReasonUndecodable},
		"deep JSON":             {streams.JSON, []byte(strings.Repeat(`{"a":`, 20000)), sluice.ReasonUndecodable},
		"not msgpack":           {streams.MsgPack, []byte(`{}`), sluice.ReasonUndecodable},
		"msgpack nil":           {streams.MsgPack, []byte{0xc0}, sluice.ReasonUndecodable},
		"deep msgpack":          {streams.MsgPack, []byte(strings.Repeat("\x81\xa1a", 100000)), sluice.ReasonUndecodable},
		"another content type":  {"text/plain", []byte(`{}`), sluice.ReasonUndecodable},
		"no content type":       {";;;", []byte(`{}`), sluice.ReasonUndecodable},
		"invalid UTF-8":         {streams.JSON, []byte("{\"query\":\"\xff\"}"), sluice.ReasonInvalidText},
		"invalid UTF-8 packed":  {streams.MsgPack, pack(t, map[string]any{"query": "\xff"}), sluice.ReasonInvalidText},
		"invalid UTF-8 in tags": {streams.MsgPack, pack(t, map[string]any{"tags": []string{"\xff"}}), sluice.ReasonInvalidText},
		"a number for text":     {streams.JSON, []byte(`{"query":5}`), sluice.ReasonInvalidField},
		"a list for text":       {streams.JSON, []byte(`{"id":["x"]}`), sluice.ReasonInvalidField},
		"numbers for tags":      {streams.JSON, []byte(`{"tags":[1]}`), sluice.ReasonInvalidField},
		"an object for answers": {streams.JSON, []byte(`{"ground_truth":{}}`), sluice.ReasonInvalidField},
		"half a priority":       {streams.JSON, []byte(`{"priority":1.5}`), sluice.ReasonInvalidField},
		"a huge priority":       {streams.JSON, []byte(`{"priority":1e300}`), sluice.ReasonInvalidField},
		"a packed fraction":     {streams.MsgPack, pack(t, map[string]any{"priority": 1.5}), sluice.ReasonInvalidField},
		"a day for a deadline":  {streams.JSON, []byte(`{"deadline":"2026-11-03"}`), sluice.ReasonInvalidField},
		"a number for a time":   {streams.JSON, []byte(`{"deadline":1}`), sluice.ReasonInvalidField},
		"bytes for text":        {streams.MsgPack, pack(t, map[string]any{"query": []byte("x")}), sluice.ReasonInvalidField},
	}
	for name, c := range cases {
		got, err := streams.ParseAsked(streams.Message{ContentType: c.contentType, Data: c.data})
		if err == nil {
			t.Errorf("%s: read as %+v", name, got)
			continue
		}
		if class, reason := sluice.ClassOf(err), sluice.ReasonOf(err); class != sluice.ClassPoison || reason != c.want {
			t.Errorf("%s: %s %s (%v), want poison %s", name, class, reason, err, c.want)
		}
	}
}

// A query without a deadline says nothing of one, in msgpack as in JSON: the entrance refuses the year 1.
func TestAnAskedMessageWithoutADeadlineHasNone(t *testing.T) {
	m, err := streams.AskedMessage("web", "id", streams.Asked{Query: "why?"}, false)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(m.Data, []byte("deadline")) {
		t.Errorf("the payload is %q", m.Data)
	}
}
