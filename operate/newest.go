package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// ErrNoLetter says that no dead letter has the id: it was replayed or dropped, or never was.
var ErrNoLetter = errors.New("there is no such dead letter (any more)")

// Newest lists the newest dead letters, at most n and newest first, and says how many there are in all.
// However many those are, it reads little more than n.
func Newest(ctx context.Context, js jetstream.JetStream, n int) (letters []Letter, total uint64, err error) {
	stream, err := js.Stream(ctx, streams.StreamDead)
	if err != nil {
		return nil, 0, fmt.Errorf("dead letters: %w", err)
	}
	state := stream.CachedInfo().State
	for span := uint64(n); state.Msgs > 0; span *= 4 { // letters that were replayed leave gaps
		from := state.FirstSeq
		if state.LastSeq-state.FirstSeq >= span {
			from = state.LastSeq - span + 1
		}
		letters = letters[:0]
		for m, err := range streams.Scan(ctx, js, streams.StreamDead, streams.Window{From: from}) {
			if err != nil {
				return nil, 0, fmt.Errorf("dead letters: %w", err)
			}
			letters = append(letters, letterOf(m))
		}
		if len(letters) >= n || from == state.FirstSeq {
			break
		}
	}
	slices.Reverse(letters)
	return letters[:min(n, len(letters))], state.Msgs, nil
}

// Find is the dead letter of a whole id; where it is not there the error is an [ErrNoLetter].
func Find(ctx context.Context, js jetstream.JetStream, id string) (Letter, error) {
	if err := streams.ValidToken("id of a dead letter", id); err != nil {
		return Letter{}, err
	}
	w := streams.Window{Filter: "dead.*.*." + id}
	if sequence, ok := strings.CutPrefix(id, undecodable); ok {
		from, err := strconv.ParseUint(sequence, 10, 64)
		if err != nil {
			return Letter{}, fmt.Errorf("dead letter %s: %w", id, ErrNoLetter)
		}
		w = streams.Window{From: from}
	}
	for m, err := range streams.Scan(ctx, js, streams.StreamDead, w) {
		if err != nil {
			return Letter{}, fmt.Errorf("dead letter %s: %w", id, err)
		}
		if l := letterOf(m); l.ID == id {
			return l, nil
		}
		break // its place is empty
	}
	return Letter{}, fmt.Errorf("dead letter %s: %w", id, ErrNoLetter)
}
