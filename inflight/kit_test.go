package inflight

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sluice"
	"sluice/streams"
)

// ledger is a log that keeps lines by their subject and refuses a second.
type ledger struct {
	lines map[string]sluice.Call
	fail  error
	// refuse is the id of a line that is never stored.
	refuse string
}

func (l *ledger) Publish(_ context.Context, msgs []streams.Message) ([]streams.Ack, error) {
	acks := make([]streams.Ack, len(msgs))
	if l.fail != nil {
		return acks, l.fail
	}
	if l.lines == nil {
		l.lines = map[string]sluice.Call{}
	}
	var err error
	for i, m := range msgs {
		line, decodeErr := streams.Decode[sluice.Call](m.Data)
		if decodeErr != nil {
			return acks, decodeErr
		}
		if line.ID == l.refuse {
			err = errors.New("refused")
			continue
		}
		_, there := l.lines[m.Subject]
		acks[i] = streams.Ack{New: !there, Stream: streams.StreamCalls}
		if !there {
			line.StartedAt = line.StartedAt.UTC()
			l.lines[m.Subject] = line
		}
	}
	return acks, err
}

func (l *ledger) ids() []string {
	var ids []string
	for _, c := range l.lines {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	return ids
}

func call(id string) *sluice.Call {
	return &sluice.Call{
		ID: id, Stage: "answer", QueryKey: "k-" + id, Tenant: "acme", Pair: "p1", Arm: sluice.ArmB, Tier: sluice.Large, Provider: "gemini",
		Model: "gemini-2.5-pro", Attempt: 3, StartedAt: time.Date(2026, 11, 26, 12, 0, 0, 123_000, time.UTC), Cost: 1234, PriceVersion: "v7",
	}
}

func open(tb testing.TB, o Options) *Journal {
	tb.Helper()
	j, err := Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = j.Close() })
	return j
}

// die ends a journal as a killed process does: its locks go, and its files stay as they are.
func die(tb testing.TB, j *Journal) {
	tb.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	for _, s := range j.sheets {
		if err := s.close(false); err != nil {
			tb.Fatal(err)
		}
	}
}

func adopt(tb testing.TB, a Adoption) Adopted {
	tb.Helper()
	got, err := a.Run(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

func files(tb testing.TB, dir string) []string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		tb.Fatal(err)
	}
	return found
}
