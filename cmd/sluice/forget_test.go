package main

import (
	"strings"
	"testing"
	"time"
)

func TestALongErasingSaysNowAndThenHowFarItIs(t *testing.T) {
	var out strings.Builder
	at := time.Unix(0, 0)
	erased := erasing(&out, func() time.Time { return at })
	for i := range 2500 {
		at = at.Add(10 * time.Millisecond)
		erased([]string{"QUERIES", "ANSWERS"}[i/1500])
	}
	if want := "1,000 messages overwritten so far, the last one of QUERIES\n2,000 messages overwritten so far, the last one of ANSWERS\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
