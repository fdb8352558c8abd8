package operate_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sluice"
	"sluice/internal/natstest"
	"sluice/operate"
)

func TestTheNewestLettersAreFoundAcrossGaps(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	if letters, total, err := operate.Newest(t.Context(), js, 3); err != nil || len(letters) != 0 || total != 0 {
		t.Fatalf("of none: %v, %d, %v", letters, total, err)
	}
	const n = 40
	for i := range n {
		bury(t, p, "judge", sluice.ReasonRefused, i+1, time.Now())
	}
	all, err := operate.Letters(t.Context(), js, operate.Selection{})
	if err != nil || len(all) != n {
		t.Fatalf("%d letters, %v", len(all), err)
	}
	if _, err := operate.Drop(t.Context(), js, all[5:38]); err != nil { // 0..4, 38 and 39 are left
		t.Fatal(err)
	}
	for most, want := range map[int]string{1: "[40]", 3: "[40 39 5]", 5: "[40 39 5 4 3]", 100: "[40 39 5 4 3 2 1]"} {
		letters, total, err := operate.Newest(t.Context(), js, most)
		if err != nil || total != 7 {
			t.Fatalf("%d in all, %v", total, err)
		}
		var got []uint64
		for _, l := range letters {
			got = append(got, l.Envelope.Sequence)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("the newest %d are %v, want %s", most, got, want)
		}
	}
}

func TestALetterIsFoundByItsWholeId(t *testing.T) {
	js := natstest.Log(t)
	p := publisher(t, js)
	bury(t, p, "judge", sluice.ReasonRefused, 1, time.Now())
	bury(t, p, "intake", sluice.ReasonEmptyQuery, 2, time.Now())
	all, err := operate.Letters(t.Context(), js, operate.Selection{Stage: "intake"})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if l, err := operate.Find(t.Context(), js, all[0].ID); err != nil || l.Stage != "intake" || l.Sequence != all[0].Sequence {
		t.Errorf("found %+v, %v", l, err)
	}
	if _, err := operate.Find(t.Context(), js, "nobody"); !errors.Is(err, operate.ErrNoLetter) {
		t.Errorf("nobody: %v", err)
	}
	for _, id := range []string{"", "*", ">", "a.b"} {
		if _, err := operate.Find(t.Context(), js, id); err == nil {
			t.Errorf("%q was found", id)
		}
	}
}
