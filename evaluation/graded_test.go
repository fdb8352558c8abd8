package evaluation_test

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice"
	"sluice/evaluation"
)

func free(string, string, string) (sluice.MicroUSD, error) { return 0, nil }

func write(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "graded.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadGradedReadsBothForms(t *testing.T) {
	path := write(t,
		`{"id":1,"question":"Q one?","runs":{"m":{"answer":"x","grade":"CORRECT"},"l":{"answer":"yy","grade":"NOT_ATTEMPTED"}}}`,
		`{"id":"1b","question":"q  ONE?","runs":{"m":{"answer":"x","grade":"CORRECT"},"l":{"answer":"y","grade":"CORRECT"}}}`,
		`{"id":2,"question":"Q two?","runs":{"m":{"answer":"x","grade":"CORRECT"}}}`,
		``,
		`{"id":"g:3","prompt":"Q three?","weak_correct":false,"strong_correct":true,"contaminated":false}`,
		`{"id":4,"prompt":"Q four?","weak_correct":false,"strong_correct":true,"contaminated":true}`)
	cost := func(model, _, answer string) (sluice.MicroUSD, error) {
		return sluice.MicroUSD(len(model) + 10*len(answer)), nil
	}
	got, skipped, err := evaluation.LoadGraded(path, "m", "l", cost)
	if err != nil {
		t.Fatal(err)
	}
	want := []evaluation.Sample{
		{ID: "1", Text: "Q one?", Medium: 1, Large: 0, MediumCost: 11, LargeCost: 21},
		{ID: "g:3", Text: "Q three?", Medium: 0, Large: 1, MediumCost: 1, LargeCost: 1},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("samples %+v, want %+v", got, want)
	}
	if skipped["repeated question"] != 1 || skipped["a model is missing"] != 1 || skipped["contaminated"] != 1 {
		t.Errorf("skipped %v", skipped)
	}
	if got[0].Policy() != sluice.Standard || got[1].Policy() != sluice.Complex || (evaluation.Sample{}).Policy() != sluice.Ambiguous {
		t.Error("policies of right/wrong pairs")
	}
}

func TestLoadGradedReadsAFileHoweverItIsStored(t *testing.T) {
	const row = "\ufeff" + `{"id":0,"prompt":"p","weak_correct":true,"strong_correct":false}`
	var zipped strings.Builder
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(row)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, stored := range map[string]string{"a mark": row, "gzip under another name": zipped.String()} {
		got, _, err := evaluation.LoadGraded(write(t, stored), "m", "l", free)
		if err != nil || len(got) != 1 || got[0].Text != "p" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestLoadGradedNamesTheLine(t *testing.T) {
	for _, bad := range []string{`{"id":1,`, `{"id":1,"question":"q"}`} {
		_, _, err := evaluation.LoadGraded(write(t, `{"id":0,"prompt":"p","weak_correct":true,"strong_correct":true}`, bad), "m", "l", free)
		if err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: error %v does not name line 2", bad, err)
		}
	}
	if _, _, err := evaluation.LoadGraded(write(t, `{"id":1,"question":"q","runs":{}}`), "m", "l", free); err == nil {
		t.Error("a file without a usable row was accepted")
	}
}

// A word that is no grade must not count as a wrong answer.
func TestAFileWithoutTheTwoModelsSaysWhichItHas(t *testing.T) {
	row := `{"id":1,"question":"q","runs":{"gpt-4":{"grade":"CORRECT"},"gpt-3":{"grade":"CORRECT"}}}`
	if _, _, err := evaluation.LoadGraded(write(t, row), "gpt-3", "claude", free); err == nil || !strings.Contains(err.Error(), "the models of this file are gpt-3, gpt-4") {
		t.Error(err)
	}
	if _, _, err := evaluation.LoadGraded(write(t), "m", "l", free); err == nil || !strings.Contains(err.Error(), "it is empty") {
		t.Error(err)
	}
}

func TestLoadGradedLeavesOutWhatIsNoGrade(t *testing.T) {
	row := func(question, m, l string) string {
		return fmt.Sprintf(`{"id":1,"question":%q,"runs":{"m":{"grade":%q},"l":{"grade":%q}}}`, question, m, l)
	}
	got, skipped, err := evaluation.LoadGraded(write(t, row("one", "correct", "idk"), row("two", "MAYBE", "CORRECT"), row("three", "CORRECT", ""), row(" ", "CORRECT", "CORRECT")), "m", "l", free)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Medium != 1 || got[0].Large != 0 {
		t.Errorf("samples %+v", got)
	}
	if skipped["a grade is none of CORRECT, INCORRECT, NOT_ATTEMPTED"] != 2 || skipped["no question"] != 1 {
		t.Errorf("skipped %v", skipped)
	}
}

func TestFoldsKeepRepeatedTextsTogether(t *testing.T) {
	counts := make([]int, 5)
	for i := range 5000 {
		text := strings.Repeat("x", i%97) + " question " + string(rune('a'+i%26)) + strings.Repeat("y", i/97)
		f := evaluation.Fold(text, 1, 5)
		if f != evaluation.Fold(strings.ToUpper("  "+text), 1, 5) {
			t.Fatalf("%q: case or blanks change the fold", text)
		}
		counts[f]++
	}
	for f, n := range counts {
		if n < 850 || n > 1150 {
			t.Errorf("fold %d has %d of 5000", f, n)
		}
	}
}
