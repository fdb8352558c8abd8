package sluice_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"sluice"
)

func TestClassOfSurvivesWrapping(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("judge q_42: %w", err) }
	for _, c := range []struct {
		err    error
		class  sluice.Class
		reason sluice.Reason
		delay  time.Duration
	}{
		{io.ErrUnexpectedEOF, sluice.ClassRetryable, sluice.ReasonExhausted, 0},
		{sluice.Terminal(sluice.ReasonExpired, io.EOF), sluice.ClassTerminal, sluice.ReasonExpired, 0},
		{sluice.Poison(sluice.ReasonUndecodable, io.EOF), sluice.ClassPoison, sluice.ReasonUndecodable, 0},
		{sluice.RetryAfter(io.EOF, time.Minute), sluice.ClassWait, sluice.ReasonExhausted, time.Minute},
		{sluice.Stale(io.EOF), sluice.ClassStale, sluice.ReasonExhausted, 0},
		{sluice.WithReason(sluice.ReasonUnparseable, io.EOF), sluice.ClassRetryable, sluice.ReasonUnparseable, 0},
		{context.Canceled, sluice.ClassInterrupted, sluice.ReasonExhausted, 0},
		{context.DeadlineExceeded, sluice.ClassRetryable, sluice.ReasonExhausted, 0},
		{sluice.RetryAfter(context.Canceled, time.Second), sluice.ClassWait, sluice.ReasonExhausted, time.Second},
	} {
		err := wrap(c.err)
		if sluice.ClassOf(err) != c.class || sluice.ReasonOf(err) != c.reason || sluice.DelayOf(err) != c.delay {
			t.Errorf("%v: %s %s %s, want %s %s %s", c.err, sluice.ClassOf(err), sluice.ReasonOf(err), sluice.DelayOf(err), c.class, c.reason, c.delay)
		}
		if c.class != sluice.ClassRetryable && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
			t.Errorf("%v: the cause is lost", c.err)
		}
	}
}

func TestMicroUSDIsReadable(t *testing.T) {
	for m, want := range map[sluice.MicroUSD]string{0: "$0.000000", 1: "$0.000001", 1_234_567: "$1.234567", -5: "-$0.000005"} {
		if m.String() != want {
			t.Errorf("%d: %s, want %s", int64(m), m, want)
		}
	}
}

func TestReasonsAreAllThatThereAre(t *testing.T) {
	source, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []sluice.Reason
	for _, m := range regexp.MustCompile(`\bReason = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		want = append(want, sluice.Reason(m[1]))
	}
	if got := sluice.Reasons(); len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%v, the source has %v", got, want)
	}
}
