package judge_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice"
	"sluice/consumers/judge"
)

func TestRepliesThatAreVerdicts(t *testing.T) {
	for reply, want := range map[string]struct {
		grade  sluice.Grade
		reason string
	}{
		`{"verdict":"correct","reason":"Same year."}`:                        {sluice.Correct, "Same year."},
		`{"reason":"Same year.","verdict":"incorrect"}`:                      {sluice.Incorrect, "Same year."},
		" \n{ \"verdict\" : \"idk\" }\n ":                                    {sluice.IDK, ""},
		"```json\n{\"verdict\":\"correct\",\"reason\":\"x\"}\n```":           {sluice.Correct, "x"},
		"```\n{\"verdict\":\"correct\",\"reason\":\"x\"}\n```\n":             {sluice.Correct, "x"},
		`{"verdict":"Correct ","reason":" a\u0000b "}`:                       {sluice.Correct, "ab"},
		`{"verdict":"IDK","reason":"","confidence":0.5,"notes":{"a":[1,2]}}`: {sluice.IDK, ""},
		`{"verdict":"correct","reason":null}`:                                {sluice.Correct, ""},
		`{"verdict":"correct","reason":["a"]}`:                               {sluice.Correct, ""},
		`{"verdict":"correct","reason":"` + strings.Repeat("é", 400) + `"}`:  {sluice.Correct, strings.Repeat("é", 250)},
	} {
		grade, reason, err := judge.ParseReply(reply)
		if err != nil || grade != want.grade || reason != want.reason {
			t.Errorf("%q: %s, %q, %v", reply, grade, reason, err)
		}
	}
}

func TestRepliesThatAreNot(t *testing.T) {
	for _, reply := range []string{
		"", " ", "correct", `"correct"`, "[]", "null", "{}", `{"reason":"x"}`, `{"verdict":""}`, `{"verdict":null}`, `{"verdict":1}`,
		`{"verdict":"right"}`, `{"verdict":"not correct"}`, `{"verdict":"correct or incorrect"}`, `{"verdict":["correct"]}`,
		`{"verdict":"correct","verdict":"incorrect"}`, `{"verdict":"correct"} {"verdict":"incorrect"}`, `{"verdict":"correct"`,
		`{"verdict":"correct","reason":"cut o`, `Sure: {"verdict":"correct"}`, `{"verdict":"correct"} I am sure.`,
		`[{"verdict":"correct"}]`, "```json\n{\"verdict\":\"correct\"}", "```python\n{\"verdict\":\"correct\"}\n```", `{"VERDICT":"correct"}`,
		`{verdict:"correct"}`, `{"verdict":"correct",}`, "{\"verdict\":\"c\u043errect\"}",
	} {
		if grade, _, err := judge.ParseReply(reply); err == nil || grade != "" {
			t.Errorf("%q: %s", reply, grade)
		}
	}
}

// FuzzParseReply: a grade is found only where the reply holds exactly one, spelled out.
func FuzzParseReply(f *testing.F) {
	for _, s := range []string{
		good, "```json\n" + good + "\n```", `{"verdict":"idk"}`, `{"verdict":"correct","verdict":"idk"}`, `{"verdict":"\u0063orrect"}`, "{", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		grade, reason, err := judge.ParseReply(reply)
		if err != nil {
			if grade != "" || reason != "" {
				t.Fatalf("%q: %s and %q with %v", reply, grade, reason, err)
			}
			return
		}
		if _, err := sluice.ParseGrade(string(grade)); err != nil {
			t.Fatalf("%q: %v", reply, err)
		}
		if !utf8.ValidString(reason) || len(reason) > 500 || strings.ContainsRune(reason, 0) {
			t.Fatalf("%q: reason %q", reply, reason)
		}
		object := reply[strings.Index(reply, "{") : strings.LastIndex(reply, "}")+1]
		var doc map[string]any
		if err := json.Unmarshal([]byte(object), &doc); err != nil {
			t.Fatalf("%q is no JSON and gave %s", reply, grade)
		}
		if s, _ := doc["verdict"].(string); !strings.EqualFold(strings.TrimSpace(s), string(grade)) {
			t.Fatalf("%q gave %s", reply, grade)
		}
	})
}
