package judge

import (
	"testing"

	"sluice"
)

// FuzzPlainReply: the short way never differs from the one by the book.
func FuzzPlainReply(f *testing.F) {
	for _, s := range []string{
		`{"verdict":"correct","reason":"Same year."}`, " {\n\t\"reason\" : \"é\" ,\r\n \"verdict\":\"IDK\" } ", `{"verdict":"right"}`,
		`{"verdict":"correct","verdict":"idk"}`, `{"verdict":"correct",}`, `{"verdict":"correct"} x`, `{"verdict":"correct","reason":"a\"b"}`,
		`{"verdict":"","reason":"x"}`, `{"reason":"x"}`, `{}`, `{`, `{"verdict":"correct","reason":"` + "\xff" + `"}`, "{\"verdict\":\"cor\nrect\"}",
		`{"verdict":"correct","reason":"a","reason":"b","more":"c"}`, `{"verdict":"correct" "reason":"x"}`, `{"verdict":"correct","reason":5}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		verdict, reason, ok := plainReply(text)
		if !ok {
			return
		}
		grade, err := gradeOf(verdict)
		if err != nil {
			reason = ""
		}
		wantGrade, wantReason, wantErr := parseReply(text)
		if grade != wantGrade || sluice.CleanText(reason, maxReasonBytes) != wantReason || (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %s, %q, %v; by the book %s, %q, %v", text, grade, reason, err, wantGrade, wantReason, wantErr)
		}
	})
}

func TestAPlainReplyIsReadTheShortWay(t *testing.T) {
	for _, s := range []string{`{"verdict":"correct","reason":"Same year."}`, "{\n  \"reason\": \"Same year.\",\n  \"verdict\": \"correct\"\n}"} {
		if verdict, reason, ok := plainReply(s); !ok || verdict != "correct" || reason != "Same year." {
			t.Errorf("%q: %q, %q, %v", s, verdict, reason, ok)
		}
	}
}
