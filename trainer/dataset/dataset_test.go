package dataset_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/routing"
	"sluice/trainer/dataset"
)

func example(id, text string, split sluice.Split) sluice.Example {
	return sluice.Example{
		ID:       id,
		Label:    sluice.Label{ID: id, Query: sluice.Query{Key: "k" + id, Text: text, Split: split}, Policy: sluice.Complex},
		Analysis: sluice.Analysis{Domain: "history", AnswerType: "date", Complexity: "high", ReasoningSteps: 2, Summary: "It was 1912."},
	}
}

func TestATestExampleIsRefused(t *testing.T) {
	_, err := dataset.New([]sluice.Example{example("a", "When?", sluice.Train), example("b", "Where?", sluice.Test)})
	if !errors.Is(err, dataset.ErrTestRow) || !strings.Contains(err.Error(), "example b") {
		t.Errorf("%v", err)
	}
	if _, err := dataset.New([]sluice.Example{example("c", "Who?", "")}); !errors.Is(err, dataset.ErrTestRow) {
		t.Errorf("an example of no split: %v", err)
	}
}

func TestRowsWithoutIdentityOrTextAreRefused(t *testing.T) {
	for _, rows := range [][]dataset.Row{
		{{ID: "", Text: "q", Policy: "p"}},
		{{ID: "a", Text: " ", Policy: "p"}},
		{{ID: "a", Text: "q"}},
		{{ID: "a", Text: "q", Policy: "p"}, {ID: "a", Text: "r", Policy: "p"}},
	} {
		if _, err := dataset.Of(rows); err == nil {
			t.Errorf("%+v was taken", rows)
		}
	}
}

func TestPersonalDataIsMaskedBeforeAnythingIsWritten(t *testing.T) {
	set, err := dataset.New([]sluice.Example{
		example("a", "Is jane.doe@example.com the owner of 4111 1111 1111 1111?", sluice.Train),
		example("b", "When did the Titanic sink?", sluice.Train),
	})
	if err != nil {
		t.Fatal(err)
	}
	if set.Masked() != 1 {
		t.Errorf("%d rows masked", set.Masked())
	}
	for _, f := range []dataset.Format{dataset.FormatSFT, dataset.FormatDPO} {
		var b bytes.Buffer
		if _, err := dataset.Write(&b, set, f, routing.FullPrompt(sluice.DefaultPolicies()), sluice.DefaultPolicies()); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "jane") || strings.Contains(b.String(), "4111") || !strings.Contains(b.String(), "[EMAIL]") || !strings.Contains(b.String(), "[CARD]") {
			t.Errorf("%s: %s", f, b.String())
		}
	}
}

func TestRowsHoldPromptAndBothReasonings(t *testing.T) {
	specs := sluice.DefaultPolicies()
	set, err := dataset.New([]sluice.Example{example("a", "When did <it> sink?", sluice.Train)})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	card, err := dataset.Write(&b, set, dataset.FormatDPO, routing.FullPrompt(specs), specs)
	if err != nil {
		t.Fatal(err)
	}
	var row map[string]string
	if err := json.Unmarshal(b.Bytes(), &row); err != nil {
		t.Fatal(err)
	}
	if len(row) != 3 || !strings.Contains(row["prompt"], "When did <it> sink?") {
		t.Errorf("row %v", row)
	}
	chosen, why, err := routing.Parse(row["chosen"], specs)
	if err != nil || chosen != sluice.Complex || why == "" {
		t.Errorf("chosen %q", row["chosen"])
	}
	rejected, plea, err := routing.Parse(row["rejected"], specs)
	if err != nil || rejected == sluice.Complex || plea == "" || plea == why {
		t.Errorf("rejected %q", row["rejected"])
	}
	text, err := card.Markdown()
	if err != nil || !strings.Contains(text, card.Digest) || !strings.Contains(text, "    a\n") || !strings.Contains(text, "| Complex_Query | 1 | 100.0% |") {
		t.Errorf("card %v:\n%s", err, text)
	}
}

func TestACardSaysWhatItsRowsHold(t *testing.T) {
	for format, want := range map[dataset.Format][2]string{
		dataset.FormatOracle: {"both grades", "No row holds an answer, a verdict"},
		dataset.FormatTrain:  {"No row holds an answer, a verdict or a ground truth", "both grades"},
		dataset.FormatTest:   {"which nothing may be trained on", "both grades"},
	} {
		text, err := dataset.Card{Format: format, Fields: []string{"text", "policy"}, Policies: sluice.DefaultPolicies()}.Markdown()
		if err != nil || !strings.Contains(text, "keys text, policy: ") || !strings.Contains(text, want[0]) || strings.Contains(text, want[1]) {
			t.Errorf("%s, %v:\n%s", format, err, text)
		}
	}
}

func TestTheSameExamplesMakeTheSameBytes(t *testing.T) {
	specs := sluice.DefaultPolicies()
	digest := func(ids ...string) (string, string) {
		var all []sluice.Example
		for _, id := range ids {
			all = append(all, example(id, "Question "+id+"?", sluice.Train))
		}
		set, err := dataset.New(all)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(set.IDs(), ids) {
			t.Errorf("ids %v of %v", set.IDs(), ids)
		}
		card, err := dataset.Write(&bytes.Buffer{}, set, dataset.FormatSFT, routing.CompactPrompt(specs), specs)
		if err != nil {
			t.Fatal(err)
		}
		return card.Digest, card.SetDigest
	}
	a, seta := digest("a", "b", "c")
	if b, setb := digest("a", "b", "c"); a != b || seta != setb {
		t.Error("two digests of one set")
	}
	if b, setb := digest("a", "c", "b"); a == b || seta == setb {
		t.Error("one digest of two orders")
	}
}

func TestAWrongPolicyIsNeverTheRightOne(t *testing.T) {
	specs := append(sluice.DefaultPolicies(), sluice.PolicySpec{Name: "Legal_Query"})
	counts := map[sluice.Policy]int{}
	for i := range 400 {
		for _, s := range specs {
			r := dataset.Row{ID: strings.Repeat("x", i%20) + string(rune('a'+i/20)), Policy: s.Name}
			wrong := dataset.Wrong(r, specs)
			if wrong == s.Name || wrong == "" {
				t.Fatalf("%s: wrong policy %q", s.Name, wrong)
			}
			if s.Name == sluice.Standard {
				counts[wrong]++
			}
		}
	}
	if counts[sluice.Complex] < 240 || counts[sluice.Ambiguous] == 0 || counts["Legal_Query"] == 0 {
		t.Errorf("wrong policies of Standard: %v", counts)
	}
}
