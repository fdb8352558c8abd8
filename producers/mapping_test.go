package producers

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func mapping(tb testing.TB, s string) Mapping {
	tb.Helper()
	m, err := ParseMapping(s)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestMappingFindsFields(t *testing.T) {
	const object = `{"prompt": " Why? ", "meta": {"uid": 12345678901234567890, "tags": ["a", 1, true, null, ""]},
		"refs": "because", "turns": ["first", "second"], "dotted.key": "found", "level": "hard"}`
	for m, want := range map[string]Row{
		"query=prompt": {Text: "Why?"},
		"query=prompt,id=meta.uid,ground_truth=refs": {Text: "Why?", ID: "12345678901234567890", GroundTruth: []string{"because"}},
		"query=turns.1, tags = meta.tags+level":      {Text: "second", Tags: []string{"a", "1", "true", "hard"}},
		"query=dotted.key,id=nowhere,tags=nowhere.0": {Text: "found"},
		"query=turns.0,id=turns.7,tenant=level":      {Text: "first", Tenant: "hard"},
	} {
		got, err := mapping(t, m).row([]byte(object))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", m, got, err, want)
		}
	}
}

func TestTheZeroMappingReadsThePublishedContract(t *testing.T) {
	got, err := Mapping{}.row([]byte(`{"query": "Why?", "id": "q1", "ground_truth": ["because", "so"], "tags": ["x"],
		"tenant": "acme", "priority": 2, "deadline": "2026-11-23T10:00:00+02:00", "other": {"ignored": 1}}`))
	want := Row{
		Text: "Why?", ID: "q1", GroundTruth: []string{"because", "so"}, Tags: []string{"x"}, Tenant: "acme", Priority: 2,
		Deadline: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestAPriorityMayBeAFloatThatIsWhole(t *testing.T) {
	for number, want := range map[string]int{"3": 3, "3.0": 3, "3e0": 3, `"3.0"`: 3} {
		if got, err := (Mapping{}).row([]byte(`{"query": "Why?", "priority": ` + number + `}`)); err != nil || got.Priority != want {
			t.Errorf("%s is priority %d, %v; want %d", number, got.Priority, err, want)
		}
	}
	if got, err := (Mapping{}).row([]byte(`{"query": "Why?", "priority": 1.5}`)); err == nil || !strings.Contains(err.Error(), `"priority": "1.5" is not a whole number`) {
		t.Errorf("1.5 is priority %d, %v", got.Priority, err)
	}
}

func TestMappingReportsEveryFaultOfARow(t *testing.T) {
	_, err := Mapping{}.row([]byte(`{"query": 7, "id": {}, "ground_truth": [["x"]], "tags": {"a": 1}, "tenant": [1],
		"priority": "high", "deadline": "tomorrow"}`))
	for _, want := range []string{
		`"query": not a string`, `"id": an object or a list`, `"ground_truth": holds an object or a list`,
		`"tags": holds`, `"tenant": an object`, `"priority": "high" is not a whole number`, `"deadline": "tomorrow" is not`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("fault %q is not in: %v", want, err)
		}
	}
	for in, want := range map[string]string{
		`{"id": 1}`: `"query": missing`, `{"query": "a"} {}`: "something follows", `null`: "null", `[]`: "not a JSON object",
		`"query"`: "not a JSON object", `{"query": "a",}`: "not a JSON object",
	} {
		if _, err := (Mapping{}).row([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func TestParseMappingReportsEveryFault(t *testing.T) {
	_, err := ParseMapping("prompt,answer=x,id=a,id=b,tenant=a+b,tags=a+")
	for _, want := range []string{
		`"prompt": want NAME=FIELD`, `"answer": want one of query, id`, `"id": mapped twice`, `"tenant": takes one field`,
		`"tags=a+": want NAME=FIELD`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("fault %q is not in: %v", want, err)
		}
	}
	if _, err := ParseMapping("id=uid"); err == nil || !strings.Contains(err.Error(), "query is not mapped") {
		t.Errorf("without query: %v", err)
	}
	if m := mapping(t, " tags=a+b.0 ,query=x"); m.String() != "query=x,tags=a+b.0" {
		t.Errorf("String() = %q", m)
	}
	if m := mapping(t, ""); !reflect.DeepEqual(m, Mapping{}) || m.String() != "" {
		t.Errorf("the empty mapping is %+v", m)
	}
}

func FuzzMapping(f *testing.F) {
	f.Add("query=prompt,id=meta.uid,tags=a+b.0", `{"prompt": "x", "meta": {"uid": 1}, "a": ["t"], "b": [null]}`)
	f.Add("", `{"query": "x", "deadline": "2026-01-01T00:00:00Z", "priority": 1e3}`)
	f.Add("query=a.b.c", `{"a": [{"b": {"c": "\ud800"}}]}`)
	f.Fuzz(func(t *testing.T, spec, object string) {
		m, err := ParseMapping(spec)
		if err != nil {
			return
		}
		if again := mapping(t, m.String()); !reflect.DeepEqual(again.String(), m.String()) {
			t.Errorf("mapping %q came back as %q", m, again)
		}
		for row, err := range Read(strings.NewReader(object), "f", Custom, m) {
			if err != nil {
				if fault, ok := errors.AsType[*RowError](err); !ok || fault.Line == 0 {
					t.Errorf("%q: %v is not a row's error", object, err)
				}
				continue
			}
			if !utf8.ValidString(row.Text) || row.File != "f" || row.Line == 0 {
				t.Errorf("%q: row %+v", object, row)
			}
			message, err := Options{}.message("queries.asked.fuzz", row)
			if err != nil || !json.Valid(message.Data) {
				t.Errorf("%q: message %s, %v", object, message.Data, err)
			}
		}
	})
}
