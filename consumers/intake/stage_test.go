package intake_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"sluice"
	"sluice/consumers/intake"
	"sluice/internal/stagetest"
	"sluice/streams"
)

var (
	now      = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	storedAt = time.Date(2026, 11, 23, 11, 59, 58, 123456000, time.UTC)
)

func newStage(tb testing.TB, change ...func(*intake.Options)) *intake.Stage {
	tb.Helper()
	return newStageOn(tb, &stagetest.Log{}, change...)
}

func newStageOn(tb testing.TB, log *stagetest.Log, change ...func(*intake.Options)) *intake.Stage {
	tb.Helper()
	o := intake.DefaultOptions()
	o.Now = func() time.Time { return now }
	for _, c := range change {
		c(&o)
	}
	s, err := intake.New(log, o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// asked is a message of QUERIES as the runner hands it over.
func asked(source, contentType, data string, header ...string) streams.Message {
	m := streams.Message{
		Subject: "queries.asked." + source, ID: "QUERIES:7", ContentType: contentType, Data: []byte(data),
		Stream: streams.StreamQueries, Sequence: 7, StoredAt: storedAt, Deliveries: 1,
	}
	for i := 0; i+1 < len(header); i += 2 {
		m.Header = map[string]string{header[i]: header[i+1]}
	}
	return m
}

func accept(tb testing.TB, s *intake.Stage, m streams.Message) (sluice.Accepted, streams.Message) {
	tb.Helper()
	out, err := s.Handle(tb.Context(), m)
	if err != nil {
		tb.Fatalf("%s: %v", m.Data, err)
	}
	last := out[len(out)-1]
	a, err := streams.Decode[sluice.Accepted](last.Data)
	if err != nil {
		tb.Fatal(err)
	}
	if claimed := streams.IsClaim(out[0].Subject, &a.Query); len(out) != 1 && (len(out) != 2 || !claimed) {
		tb.Fatalf("%s: %d messages, the first on %s", m.Data, len(out), out[0].Subject)
	}
	return a, last
}

func TestAWholeMessageIsAccepted(t *testing.T) {
	a, m := accept(t, newStage(t), asked("faq", "application/json; charset=UTF-8", `{
		"query": "When was the\r\n\tSuez Canal opened? ✓", "id": "q-1", "ground_truth": ["1869", "November\r\n1869"], "source": "import",
		"tags": ["history"], "tenant": "acme", "priority": 3, "deadline": "2026-11-23T13:00:00.5+01:00", "x_row": {"any": [1, {"thing": null}]}
	}`))
	want := sluice.Accepted{
		Query: sluice.Query{
			Key: sluice.QueryKey("acme", "q-1", ""), Number: 7, ID: "q-1", Text: "When was the\n\tSuez Canal opened? ✓", Source: "faq", Tenant: "acme",
			Tags: []string{"history", "source:import"}, Priority: 3, Deadline: time.Date(2026, 11, 23, 12, 0, 0, 500_000_000, time.UTC),
			AskedAt: storedAt, Split: sluice.SplitOf("When was the\n\tSuez Canal opened? ✓", 42, 0.8),
		},
		GroundTruth: []string{"1869", "November\n1869"},
	}
	a.Query.Deadline, a.Query.AskedAt = a.Query.Deadline.UTC(), a.Query.AskedAt.UTC()
	if !reflect.DeepEqual(a, want) {
		t.Errorf("accepted\n%+v, want\n%+v", a, want)
	}
	if wantSubject := "queries.accepted.urgent." + want.Query.Key; m.Subject != wantSubject || m.ID != wantSubject || m.ContentType != streams.MsgPack {
		t.Errorf("message %q with id %q and type %q, want %q", m.Subject, m.ID, m.ContentType, wantSubject)
	}
}

func TestTheLeastMessageIsAccepted(t *testing.T) {
	s := newStage(t)
	for name, data := range map[string]string{
		"plain":      `{"query":"Why?"}`,
		"nulls":      `{"query":"Why?","id":null,"ground_truth":null,"source":null,"tags":null,"tenant":null,"priority":null,"deadline":null}`,
		"empty":      `{"query":"Why?","id":"","ground_truth":[],"tags":[],"tenant":"","priority":0}`,
		"blanks":     " \n{ \"query\" : \"Why?\" }\r\n\t ",
		"order mark": "\ufeff{\"query\":\"Why?\"}",
	} {
		a, m := accept(t, s, asked("web", "", data))
		a.Query.AskedAt = a.Query.AskedAt.UTC()
		want := sluice.Query{
			Key: sluice.QueryKey("", "", "Why?"), Number: 7, Text: "Why?", Source: "web", AskedAt: storedAt, Split: sluice.SplitOf("Why?", 42, 0.8),
		}
		if !reflect.DeepEqual(a.Query, want) || a.GroundTruth != nil || m.Subject != "queries.accepted.normal."+want.Key {
			t.Errorf("%s: %+v with %q on %s, want %+v", name, a.Query, a.GroundTruth, m.Subject, want)
		}
	}
}

func TestASingleAcceptedAnswerNeedsNoList(t *testing.T) {
	a, _ := accept(t, newStage(t), asked("web", streams.JSON, `{"query":"When?","ground_truth":"1869"}`))
	if !reflect.DeepEqual(a.GroundTruth, []string{"1869"}) {
		t.Errorf("ground truth %q", a.GroundTruth)
	}
}

func TestOneQuestionAskedTwiceIsOneQuery(t *testing.T) {
	s := newStage(t)
	_, one := accept(t, s, asked("web", "", `{"query":"When was  it OPENED?"}`))
	_, two := accept(t, s, asked("faq", "", `{"query":"when was it opened?\n","tags":["again"]}`))
	_, other := accept(t, s, asked("faq", "", `{"query":"when was it opened?","tenant":"acme"}`))
	_, named := accept(t, s, asked("faq", "", `{"query":"when was it opened?","id":"1"}`))
	if one.ID != two.ID {
		t.Errorf("two spellings: %s and %s", one.ID, two.ID)
	}
	if other.ID == one.ID || named.ID == one.ID || other.ID == named.ID {
		t.Errorf("another tenant or id is another query: %s, %s, %s", one.ID, other.ID, named.ID)
	}
}

func TestTheSplitIsOfTheContentAndTheHeaderCanOnlyForceTest(t *testing.T) {
	s := newStage(t)
	train := 0
	for range 400 {
		text := "question number " + strings.Repeat("i", train+1)
		a, _ := accept(t, s, asked("web", "", `{"query":"`+text+`"}`))
		b, _ := accept(t, s, asked("faq", "", `{"query":"`+text+`","id":"x","tenant":"t"}`))
		if a.Query.Split != b.Query.Split || a.Query.Split != sluice.SplitOf(text, 42, 0.8) {
			t.Fatalf("%q: split %s and %s", text, a.Query.Split, b.Query.Split)
		}
		forced, _ := accept(t, s, asked("web", "", `{"query":"`+text+`"}`, streams.HeaderSplit, "test"))
		if forced.Query.Split != sluice.Test {
			t.Fatalf("%q: forced to test, is %s", text, forced.Query.Split)
		}
		train++
	}
	for _, header := range []string{"train", "Test", "all"} {
		_, err := s.Handle(t.Context(), asked("web", "", `{"query":"Why?"}`, streams.HeaderSplit, header))
		if sluice.ReasonOf(err) != sluice.ReasonInvalidField {
			t.Errorf("header %s: %v", header, err)
		}
	}
}

func TestOnlineTrafficIsScrubbedAndTheKeyStaysFindable(t *testing.T) {
	const data = `{"query":"Is bob@example.com on +1 415 555 2671?","id":"bob@example.com","ground_truth":["ask bob@example.com"],"tags":["from:bob@example.com"],"tenant":"t"}`
	s := newStage(t)
	for _, source := range []string{"online", "gateway"} {
		a, _ := accept(t, s, asked(source, "", data))
		q := a.Query
		if q.Text != "Is [EMAIL] on [PHONE]?" || q.ID != "[EMAIL]" || a.GroundTruth[0] != "ask [EMAIL]" || q.Tags[0] != "from:[EMAIL]" || q.Scrubbed != 5 {
			t.Errorf("%s: %+v with %q", source, q, a.GroundTruth)
		}
		if q.Key != sluice.QueryKey("t", "bob@example.com", "") {
			t.Errorf("%s: the key isn't of the id as it was given", source)
		}
	}
	a, _ := accept(t, s, asked("simpleqa", "", data))
	if !strings.Contains(a.Query.Text, "bob@example.com") || a.Query.Scrubbed != 0 {
		t.Errorf("a benchmark was scrubbed: %+v", a.Query)
	}
	a, _ = accept(t, s, asked("simpleqa", "", `{"query":"bob@example.com?","source":"online"}`))
	if a.Query.Text != "[EMAIL]?" {
		t.Errorf("upstream calls it online, and it was not scrubbed: %+v", a.Query)
	}
	all := newStage(t, func(o *intake.Options) { o.ScrubSources = []string{"*"} })
	if a, _ = accept(t, all, asked("simpleqa", "", data)); a.Query.Scrubbed != 5 {
		t.Errorf("* is every source: %+v", a.Query)
	}
	none := newStage(t, func(o *intake.Options) { o.ScrubSources = nil })
	if a, _ = accept(t, none, asked("online", "", data)); a.Query.Scrubbed != 0 {
		t.Errorf("none is no source: %+v", a.Query)
	}
}

// TestBothFormatsSayTheSame publishes one payload as JSON and as msgpack.
func TestBothFormatsSayTheSame(t *testing.T) {
	s := newStage(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[\x20-\x7eäß日本\n\t]{0,40}[a-z]`)
		payload := map[string]any{"query": text.Draw(t, "query")}
		maybe := func(key string, v any) {
			if rapid.Bool().Draw(t, key+"?") {
				payload[key] = v
			}
		}
		maybe("id", rapid.StringMatching(`[ -~é]{0,40}`).Draw(t, "id"))
		maybe("tenant", rapid.StringMatching(`[a-z]{0,8}`).Draw(t, "tenant"))
		maybe("ground_truth", rapid.SliceOfN(text, 0, 4).Draw(t, "ground truth"))
		maybe("ground_truth", text.Draw(t, "one truth"))
		maybe("tags", rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,9}`), 0, 4).Draw(t, "tags"))
		maybe("priority", rapid.IntRange(0, 9).Draw(t, "priority"))
		maybe("deadline", now.Add(time.Duration(rapid.IntRange(1, 1e9).Draw(t, "seconds"))*time.Second).Format(time.RFC3339))
		maybe("x_other", map[string]any{"a": []any{1, "b", nil, 2.5}})
		asJSON, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		asMsgPack, err := msgpack.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		one, errJSON := s.Handle(t.Context(), asked("web", streams.JSON, string(asJSON)))
		two, errMsgPack := s.Handle(t.Context(), asked("web", streams.MsgPack, string(asMsgPack)))
		if errJSON != nil || errMsgPack != nil {
			t.Fatalf("%s: %v, %v", asJSON, errJSON, errMsgPack)
		}
		if !reflect.DeepEqual(one, two) {
			t.Fatalf("%s: %q and %q", asJSON, one[0].Data, two[0].Data)
		}
	})
}

func TestMsgPackTakesItsOwnTypes(t *testing.T) {
	s := newStage(t)
	deadline := now.Add(time.Hour)
	data, err := msgpack.Marshal(map[string]any{"query": "Why?", "priority": uint64(9), "deadline": deadline, "x_bytes": []byte{1}, "x_f": 1.5})
	if err != nil {
		t.Fatal(err)
	}
	for _, contentType := range []string{"application/msgpack", "application/x-msgpack", "application/vnd.msgpack", "Application/MsgPack"} {
		a, _ := accept(t, s, asked("web", contentType, string(data)))
		if a.Query.Priority != 9 || !a.Query.Deadline.Equal(deadline) {
			t.Errorf("%s: %+v", contentType, a.Query)
		}
	}
}

// JSON Schema's integer, which the published schema asks for, is any number whose fraction is zero.
func TestAWholeNumberMayBeWrittenAsAFloat(t *testing.T) {
	s := newStage(t)
	for name, m := range map[string]streams.Message{
		"1.0":     asked("web", "", `{"query":"Why?","priority":1.0}`),
		"1e0":     asked("web", "", `{"query":"Why?","priority":1e0}`),
		"10E-1":   asked("web", "", `{"query":"Why?","priority":10E-1}`),
		"msgpack": asked("web", streams.MsgPack, "\x82\xa5query\xa4Why?\xa8priority\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
		"4 bytes": asked("web", streams.MsgPack, "\x82\xa5query\xa4Why?\xa8priority\xca\x3f\x80\x00\x00"),
	} {
		if a, _ := accept(t, s, m); a.Query.Priority != 1 {
			t.Errorf("%s is priority %d, want 1", name, a.Query.Priority)
		}
	}
}

func TestOptionsAreCheckedAllAtOnce(t *testing.T) {
	_, err := intake.New(nil, intake.Options{TrainShare: 2})
	for _, want := range []string{"query.max_bytes", "split.train_share", "clock"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("fault of %s is not told: %v", want, err)
		}
	}
	if _, err := intake.New(nil, intake.Options{MaxQueryBytes: 1 << 20, Now: time.Now}); err == nil {
		t.Error("a query as large as what NATS carries was allowed")
	}
}

// One id of one tenant is one query: what came first by it, answered by whatever lane.
func TestWhatIsBroughtForwardIsWhatWasAcceptedFirst(t *testing.T) {
	log := &stagetest.Log{}
	s := newStageOn(t, log)
	first, stored := accept(t, s, asked("web", "", `{"query":"Who?","id":"q","ground_truth":"Ann","deadline":"2099-11-23T12:00:00Z"}`))
	log.Publish(stored)
	again := asked("faq", "", `{"query":"Where?","id":"q","ground_truth":"Rome","priority":4,"deadline":"2099-11-24T12:00:00Z"}`, streams.HeaderSplit, "test")
	again.Sequence, again.StoredAt = 9, storedAt.Add(time.Minute)
	urgent, m := accept(t, s, again)
	want := first
	want.Query.Priority, want.Query.Deadline = 4, time.Date(2099, 11, 24, 12, 0, 0, 0, time.UTC)
	if !reflect.DeepEqual(urgent, want) || m.Subject != streams.AcceptedSubject(streams.LaneUrgent, want.Query.Key) {
		t.Errorf("brought forward on %s: %+v, want %+v", m.Subject, urgent, want)
	}
}
