package intake_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"sluice"
	"sluice/consumers/intake"
	"sluice/streams"
)

// poison is every kind of input that must die at the entrance: its reason, and words that its publisher
// must find in the error.
var poison = []struct {
	name        string
	source      string // "web" if empty
	contentType string
	data        string
	reason      sluice.Reason
	says        string
}{
	// Not the format that it says.
	{"nothing", "", "", "", sluice.ReasonUndecodable, "empty"},
	{"blanks", "", "", " \n", sluice.ReasonUndecodable, "empty"},
	{"not JSON", "", "", "hello", sluice.ReasonUndecodable, "not a JSON object"},
	{"not an object", "", "", `["query"]`, sluice.ReasonUndecodable, "not a JSON object"},
	{"text", "", "", `"query"`, sluice.ReasonUndecodable, "not a JSON object"},
	{"null", "", "", `null`, sluice.ReasonUndecodable, "not a JSON object"},
	{"number", "", "", `7`, sluice.ReasonUndecodable, "not a JSON object"},
	{"cut JSON", "", "", `{"query":"Why`, sluice.ReasonUndecodable, "JSON"},
	{"cut after a key", "", "", `{"query"`, sluice.ReasonUndecodable, "JSON"},
	{"unquoted", "", "", `{query:"Why?"}`, sluice.ReasonUndecodable, "JSON"},
	{"number as key", "", "", `{1:"Why?"}`, sluice.ReasonUndecodable, "JSON"},
	{"comma at the end", "", "", `{"query":"Why?",}`, sluice.ReasonUndecodable, "JSON"},
	{"two objects", "", "", `{"query":"Why?"}{"query":"Who?"}`, sluice.ReasonUndecodable, "after top-level value"},
	{"garbage after", "", "", `{"query":"Why?"} x`, sluice.ReasonUndecodable, "after top-level value"},
	{"raw control character", "", "", "{\"query\":\"a\x01b\"}", sluice.ReasonUndecodable, "JSON"},
	{"leading zeros", "", "", `{"query":"Why?","priority":007}`, sluice.ReasonUndecodable, "JSON"},
	{"too deep", "", "", `{"query":"Why?","x_a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, sluice.ReasonUndecodable, "JSON"},
	{"msgpack without its header", "", "", "\x81\xa5query\xa4Why?", sluice.ReasonUndecodable, "Content-Type: application/msgpack"},
	{"JSON with msgpack's header", "", streams.MsgPack, `{"query":"Why?"}`, sluice.ReasonUndecodable, "Content-Type: application/json"},
	{"not msgpack", "", streams.MsgPack, "\xc1", sluice.ReasonUndecodable, "not a map"},
	{"empty msgpack", "", streams.MsgPack, "", sluice.ReasonUndecodable, "empty"},
	{"msgpack nil", "", streams.MsgPack, "\xc0", sluice.ReasonUndecodable, "not a map"},
	{"msgpack list", "", streams.MsgPack, "\x91\xa1a", sluice.ReasonUndecodable, "not a map"},
	{"cut msgpack", "", streams.MsgPack, "\x81\xa5query\xa9Why?", sluice.ReasonUndecodable, "msgpack"},
	{"a map that promises more", "", streams.MsgPack, "\xdf\xff\xff\xff\xff\xa5query\xa4Why?", sluice.ReasonUndecodable, "msgpack"},
	{"a list that promises more", "", streams.MsgPack, "\x81\xa4tags\xdd\xff\xff\xff\xff\xa1a", sluice.ReasonUndecodable, "msgpack"},
	{"msgpack garbage after", "", streams.MsgPack, "\x81\xa5query\xa4Why?\xc0\xc0", sluice.ReasonUndecodable, "2 bytes after"},
	{"unknown extension", "", streams.MsgPack, "\x82\xa5query\xa4Why?\xa3x_e\xd4\x05\x00", sluice.ReasonUndecodable, "msgpack"},
	{"unknown type", "", "text/plain", `{"query":"Why?"}`, sluice.ReasonUndecodable, "text/plain"},
	{"garbage type", "", ";;", `{"query":"Why?"}`, sluice.ReasonUndecodable, ";;"},
	{"other charset", "", "application/json; charset=latin1", `{"query":"Why?"}`, sluice.ReasonUndecodable, "latin1"},
	{"half a surrogate pair", "", "", `{"query":"\ud83e"}`, sluice.ReasonInvalidText, `half a surrogate pair at byte 10: \ud83e`},
	// Wrong types.
	{"query is a number", "", "", `{"query":7}`, sluice.ReasonInvalidField, `"query" is a whole number, want text`},
	{"query is a list", "", "", `{"query":["Why?"]}`, sluice.ReasonInvalidField, `"query" is a list`},
	{"query is an object", "", "", `{"query":{"text":"Why?"}}`, sluice.ReasonInvalidField, `"query" is an object`},
	{"query is true", "", "", `{"query":true}`, sluice.ReasonInvalidField, `"query" is true or false`},
	{"query is bytes", "", streams.MsgPack, "\x81\xa5query\xc4\x04Why?", sluice.ReasonInvalidField, `"query" is bytes`},
	{"id is a number", "", "", `{"query":"Why?","id":17}`, sluice.ReasonInvalidField, `"id" is a whole number, want text`},
	{"truth is a number", "", "", `{"query":"Why?","ground_truth":1869}`, sluice.ReasonInvalidField, `"ground_truth" is a whole number, want text or a list of text`},
	{"truth holds a number", "", "", `{"query":"Why?","ground_truth":["1869",1869]}`, sluice.ReasonInvalidField, `"ground_truth[1]" is a whole number`},
	{"truth is nested", "", "", `{"query":"Why?","ground_truth":[["1869"]]}`, sluice.ReasonInvalidField, `"ground_truth[0]" is a list`},
	{"truth holds null", "", "", `{"query":"Why?","ground_truth":[null]}`, sluice.ReasonInvalidField, `"ground_truth[0]" is null`},
	{"nested msgpack", "", streams.MsgPack, "\x82\xa5query\xa4Why?\xa4tags\x91" + strings.Repeat("\x91", 100000) + "\xc0", sluice.ReasonInvalidField, `"tags[0]" is a list`},
	{"tags are text", "", "", `{"query":"Why?","tags":"a,b"}`, sluice.ReasonInvalidField, `"tags" is text, want a list of text`},
	{"priority is text", "", "", `{"query":"Why?","priority":"high"}`, sluice.ReasonInvalidField, `"priority" is text, want a whole number from 0 to 9`},
	{"priority is a fraction", "", "", `{"query":"Why?","priority":1.5}`, sluice.ReasonInvalidField, "not whole"},
	{"priority is nearly 2", "", "", `{"query":"Why?","priority":1.999e0}`, sluice.ReasonInvalidField, `"priority" is a number that is not whole`},
	{"priority is a float", "", streams.MsgPack, "\x82\xa5query\xa4Why?\xa8priority\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", sluice.ReasonInvalidField, `"priority" is a number that is not whole`},
	{"priority is no number", "", streams.MsgPack, "\x82\xa5query\xa4Why?\xa8priority\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", sluice.ReasonInvalidField, "not whole"},
	{"priority of 10.0", "", "", `{"query":"Why?","priority":10.0}`, sluice.ReasonInvalidField, "out of range"},
	{"priority below 0", "", "", `{"query":"Why?","priority":-1}`, sluice.ReasonInvalidField, "out of range"},
	{"priority above 9", "", "", `{"query":"Why?","priority":10}`, sluice.ReasonInvalidField, "out of range"},
	{"priority of 30 digits", "", "", `{"query":"Why?","priority":123456789012345678901234567890}`, sluice.ReasonInvalidField, "out of range"},
	{"priority of 64 bits", "", streams.MsgPack, "\x82\xa5query\xa4Why?\xa8priority\xcf\xff\xff\xff\xff\xff\xff\xff\xff", sluice.ReasonInvalidField, "out of range"},
	{"priority beyond floats", "", "", `{"query":"Why?","priority":1e999}`, sluice.ReasonInvalidField, "out of range"},
	{"deadline is a number", "", "", `{"query":"Why?","deadline":1700000000}`, sluice.ReasonInvalidField, `"deadline" is a whole number`},
	{"deadline is a word", "", "", `{"query":"Why?","deadline":"tomorrow"}`, sluice.ReasonInvalidField, "RFC 3339"},
	{"deadline without a zone", "", "", `{"query":"Why?","deadline":"2030-01-31T12:00:00"}`, sluice.ReasonInvalidField, "RFC 3339"},
	{"deadline of the year 1", "", "", `{"query":"Why?","deadline":"0001-01-01T00:00:00Z"}`, sluice.ReasonInvalidField, "year 1"},
	{"source is a list", "", "", `{"query":"Why?","source":["web"]}`, sluice.ReasonInvalidField, `"source" is a list`},
	{"tenant is a number", "", "", `{"query":"Why?","tenant":5}`, sluice.ReasonInvalidField, `"tenant" is a whole number`},
	// Keys.
	{"no query", "", "", `{}`, sluice.ReasonEmptyQuery, "absent"},
	{"no query but others", "", "", `{"id":"1"}`, sluice.ReasonEmptyQuery, "absent"},
	{"typing error", "", "", `{"query":"Why?","groundtruth":"x"}`, sluice.ReasonInvalidField, "did you mean ground_truth?"},
	{"other case", "", "", `{"Query":"Why?"}`, sluice.ReasonInvalidField, "did you mean query?"},
	{"other word", "", "", `{"question":"Why?"}`, sluice.ReasonInvalidField, "did you mean query?"},
	{"one letter off", "", "", `{"query":"Why?","dedline":"x"}`, sluice.ReasonInvalidField, "did you mean deadline?"},
	{"strange key", "", "", `{"query":"Why?","frobnicate":1}`, sluice.ReasonInvalidField, "the keys are query, id,"},
	{"personal key", "", "", `{"query":"Why?","bob@example.com":1}`, sluice.ReasonInvalidField, `unknown key "[EMAIL]"`},
	{"long key", "", "", `{"query":"Why?","` + strings.Repeat("k", 5000) + `":1}`, sluice.ReasonInvalidField, "unknown key"},
	{"a key twice", "", "", `{"query":"Why?","query":"Who?"}`, sluice.ReasonInvalidField, `"query" is given twice`},
	{"a msgpack key twice", "", streams.MsgPack, "\x82\xa5query\xa4Why?\xa5query\xa4Who?", sluice.ReasonInvalidField, "twice"},
	{"a number as msgpack key", "", streams.MsgPack, "\x81\x01\xa4Why?", sluice.ReasonInvalidField, "key 1 of the map is not text"},
	// Blank and too large.
	{"empty query", "", "", `{"query":""}`, sluice.ReasonEmptyQuery, "blank"},
	{"null query", "", "", `{"query":null}`, sluice.ReasonEmptyQuery, "absent or blank"},
	{"blank query", "", "", `{"query":" \t\n \u3000"}`, sluice.ReasonEmptyQuery, "blank"},
	{"invisible query", "", "", `{"query":"\u200b\u2060\ufeff"}`, sluice.ReasonEmptyQuery, "blank"},
	{"long query", "", "", `{"query":"` + strings.Repeat("a", 16<<10+1) + `"}`, sluice.ReasonTooLarge, "16385 bytes, at most 16384"},
	{"long payload", "", "", `{"query":"Why?","x_a":"` + strings.Repeat("a", 256<<10) + `"}`, sluice.ReasonTooLarge, "payload"},
	{"long truth", "", "", `{"query":"Why?","ground_truth":["a","` + strings.Repeat("a", 16<<10+1) + `"]}`, sluice.ReasonTooLarge, "answer 2"},
	{"blank truth", "", "", `{"query":"Why?","ground_truth":""}`, sluice.ReasonInvalidField, "leave the key out"},
	{"many truths", "", "", `{"query":"Why?","ground_truth":["a"` + strings.Repeat(`,"a"`, 64) + `]}`, sluice.ReasonInvalidField, "more than 64"},
	{"id of 4 KB", "", "", `{"query":"Why?","id":"` + strings.Repeat("a", 4<<10) + `"}`, sluice.ReasonInvalidField, `"id" has 4096 bytes, at most 256`},
	{"long tenant", "", "", `{"query":"Why?","tenant":"` + strings.Repeat("a", 129) + `"}`, sluice.ReasonInvalidField, `"tenant" has 129 bytes`},
	{"many tags", "", "", `{"query":"Why?","tags":["a"` + strings.Repeat(`,"a"`, 32) + `]}`, sluice.ReasonInvalidField, "more than 32"},
	{"long tag", "", "", `{"query":"Why?","tags":["` + strings.Repeat("a", 129) + `"]}`, sluice.ReasonInvalidField, `"tags" has 129`},
	{"blank tag", "", "", `{"query":"Why?","tags":[""]}`, sluice.ReasonInvalidField, "blank tag"},
	// Not text.
	{"invalid UTF-8", "", "", "{\"query\":\"caf\xe9\"}", sluice.ReasonInvalidText, "UTF-8 at byte 13"},
	{"UTF-16", "", "", "\xff\xfe{\x00", sluice.ReasonUndecodable, "not a JSON object"},
	{"invalid UTF-8 in msgpack", "", streams.MsgPack, "\x81\xa5query\xa4caf\xe9", sluice.ReasonInvalidText, `"query" is not valid UTF-8`},
	{"invalid UTF-8 in a msgpack key", "", streams.MsgPack, "\x81\xa2\xff\xfe\xa1a", sluice.ReasonInvalidText, "key 1"},
	{"NUL", "", "", `{"query":"a\u0000b"}`, sluice.ReasonInvalidText, "U+0000 at byte 1"},
	{"only NUL", "", "", `{"query":"\u0000"}`, sluice.ReasonInvalidText, "U+0000"},
	{"escape", "", "", `{"query":"\u001b[31mred"}`, sluice.ReasonInvalidText, "U+001B"},
	{"carriage return", "", "", `{"query":"a\rb"}`, sluice.ReasonInvalidText, "U+000D"},
	{"C1 control", "", "", `{"query":"a\u0085b"}`, sluice.ReasonInvalidText, "U+0085"},
	{"control in msgpack", "", streams.MsgPack, "\x81\xa5query\xa3a\x07b", sluice.ReasonInvalidText, "U+0007"},
	{"control in a truth", "", "", `{"query":"Why?","ground_truth":"a\u0000"}`, sluice.ReasonInvalidText, `"ground_truth" holds`},
	{"line feed in an id", "", "", `{"query":"Why?","id":"a\nb"}`, sluice.ReasonInvalidText, "U+000A"},
	{"half a character in an id", "", "", `{"query":"Why?","id":"\ud83d"}`, sluice.ReasonInvalidText, "half a surrogate pair"},
	{"the trace of half a character in an id", "", "", `{"query":"Why?","id":"\ufffd"}`, sluice.ReasonInvalidText, "U+FFFD"},
	{"control in a tag", "", "", `{"query":"Why?","tags":["\u0007"]}`, sluice.ReasonInvalidText, "U+0007"},
	// The subject.
	{"wildcard", "*", "", `{"query":"Why?"}`, sluice.ReasonInvalidField, "source"},
	{"full wildcard", ">", "", `{"query":"Why?"}`, sluice.ReasonInvalidField, "source"},
	{"wildcard in a word", "a*b", "", `{"query":"Why?"}`, sluice.ReasonInvalidField, "source"},
	{"two tokens", "a.b", "", `{"query":"Why?"}`, sluice.ReasonInvalidField, "source"},
	{"long source", strings.Repeat("s", 300), "", `{"query":"Why?"}`, sluice.ReasonInvalidField, "source"},
	{"invalid UTF-8 in the subject", "a\xff", "", `{"query":"Why?"}`, sluice.ReasonInvalidField, "source"},
}

func TestPoisonDiesAtTheEntranceWithItsReason(t *testing.T) {
	s := newStage(t)
	for _, c := range poison {
		source := c.source
		if source == "" {
			source = "web"
		}
		out, err := s.Handle(t.Context(), asked(source, c.contentType, c.data))
		if len(out) != 0 || err == nil {
			t.Errorf("%s: let in", c.name)
			continue
		}
		if sluice.ClassOf(err) != sluice.ClassPoison || sluice.ReasonOf(err) != c.reason {
			t.Errorf("%s: %s %s, want poison %s: %v", c.name, sluice.ClassOf(err), sluice.ReasonOf(err), c.reason, err)
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the error doesn't say %q: %v", c.name, c.says, err)
		}
		if len(err.Error()) > 1000 || !utf8.ValidString(err.Error()) {
			t.Errorf("%s: an error of %d bytes is for nobody", c.name, len(err.Error()))
		}
	}
}

func TestAnExpiredDeadlineIsTerminal(t *testing.T) {
	s := newStage(t)
	for _, deadline := range []string{"2026-11-23T12:00:00Z", "2020-01-01T00:00:00+02:00"} {
		_, err := s.Handle(t.Context(), asked("web", "", `{"query":"Why?","deadline":"`+deadline+`"}`))
		if sluice.ClassOf(err) != sluice.ClassTerminal || sluice.ReasonOf(err) != sluice.ReasonExpired {
			t.Errorf("%s: %v", deadline, err)
		}
	}
}

func TestAnotherSchemaVersionIsRefused(t *testing.T) {
	s := newStage(t)
	if _, err := s.Handle(t.Context(), asked("web", "", `{"query":"Why?"}`, streams.HeaderSchema, streams.SchemaVersion)); err != nil {
		t.Error(err)
	}
	_, err := s.Handle(t.Context(), asked("web", "", `{"query":"Why?"}`, streams.HeaderSchema, "2"))
	if sluice.ReasonOf(err) != sluice.ReasonUndecodable || !strings.Contains(err.Error(), "version 1") {
		t.Errorf("%v", err)
	}
}

// FuzzHandle: whatever the bytes, the stage answers with one accepted query that holds what every later
// stage and Postgres rely on, or with a reason.
func FuzzHandle(f *testing.F) {
	for _, c := range poison {
		f.Add(c.source, c.contentType == streams.MsgPack, []byte(c.data))
	}
	f.Add("web", false, []byte(`{"query":"Why?","id":"1","ground_truth":["a","b"],"tags":["t"],"priority":1,"deadline":"2030-01-31T12:00:00Z"}`))
	f.Add("online", true, []byte("\x82\xa5query\xa4Why?\xaagcround_tru\x91\xa1a"))
	s := newStage(f)
	f.Fuzz(func(t *testing.T, source string, packed bool, data []byte) {
		contentType := streams.JSON
		if packed {
			contentType = streams.MsgPack
		}
		out, err := s.Handle(t.Context(), asked(source, contentType, string(data)))
		if err != nil {
			class := sluice.ClassOf(err)
			if len(out) > 0 || class != sluice.ClassPoison && class != sluice.ClassTerminal || sluice.ReasonOf(err) == sluice.ReasonExhausted {
				t.Fatalf("%d messages, %s, %s: %v", len(out), class, sluice.ReasonOf(err), err)
			}
			return
		}
		a, err := streams.Decode[sluice.Accepted](out[0].Data)
		if err != nil {
			t.Fatal(err)
		}
		texts := append([]string{a.Query.Text, a.Query.ID, a.Query.Tenant, a.Query.Source}, append(a.GroundTruth, a.Query.Tags...)...)
		for _, text := range texts {
			if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				t.Fatalf("%q does not fit Postgres", text)
			}
		}
		if strings.TrimSpace(a.Query.Text) == "" || len(a.Query.Key) != 26 || a.Query.Split == "" || len(a.Query.ID) > 256 {
			t.Fatalf("%+v", a.Query)
		}
	})
}

// TestMessagesOfOtherClientsAreReadForEver holds bytes as Python's and the NATS CLI's users send them.
func TestMessagesOfOtherClientsAreReadForEver(t *testing.T) {
	s := newStage(t)
	for name, m := range map[string]streams.Message{
		"json.dumps":    asked("web", "", `{"query": "Wer malte die \"Mona Lisa\"? \u00fc\ud83d\ude00", "id": "7", "ground_truth": ["Leonardo"]}`),
		"msgpack.packb": asked("web", streams.MsgPack, "\x83\xa5query\xd9\x21Wer malte die \"Mona Lisa\"? \xc3\xbc\xf0\x9f\x98\x80\xa2id\xa17\xacground_truth\x91\xa8Leonardo"),
	} {
		a, out := accept(t, s, m)
		if a.Query.Text != `Wer malte die "Mona Lisa"? ü😀` || a.GroundTruth[0] != "Leonardo" || out.Subject != "queries.accepted.normal.x5whwmsryrc67qjc342gehcq7m" {
			t.Errorf("%s: %+v on %s", name, a, out.Subject)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	const data = `{"query":"In which year was the Suez Canal opened?","id":"faq-1017","ground_truth":["1869"],"tags":["history"]}`
	var fields map[string]any
	if err := json.Unmarshal([]byte(data), &fields); err != nil {
		b.Fatal(err)
	}
	packed, err := msgpack.Marshal(fields)
	if err != nil {
		b.Fatal(err)
	}
	s := newStage(b, func(o *intake.Options) { o.ScrubSources = []string{"*"} })
	for name, m := range map[string]streams.Message{"json": asked("web", "", data), "msgpack": asked("web", streams.MsgPack, string(packed))} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Handle(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
