package operate

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// LetterTables is the part of Postgres that keeps which of the recorded dead letters are open.
type LetterTables interface {
	// OpenLetters lists the ids of those that are not noted as gone.
	OpenLetters(ctx context.Context) ([]string, error)
	// NoteLetters notes that letters are gone from the log, and that others are there; some may not be recorded yet.
	NoteLetters(ctx context.Context, gone, there []string) error
}

// CompareLetters notes in the tables which recorded dead letters the log holds no more, for whatever reason, and which
// it holds after all. Any number of copies may do so at once, and again: the last word is the log's. Where the log or the
// tables can't be read, nothing is noted.
func CompareLetters(ctx context.Context, js jetstream.JetStream, t LetterTables) error {
	// The tables first: what they have was in the log, so that it is gone if the log does not have it now. What is
	// recorded between the two is for the next time.
	open, err := t.OpenLetters(ctx)
	if err != nil {
		return err
	}
	subjects, err := deadSubjects(ctx, js)
	if err != nil {
		return err
	}
	there := make(map[string]bool, len(subjects))
	for subject := range subjects {
		if at, ok := streams.PlaceOf(subject); ok {
			there[at.ID] = true
		}
	}
	var gone []string
	for _, id := range open {
		if there[id] {
			delete(there, id)
		} else {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 && len(there) == 0 {
		return nil
	}
	return t.NoteLetters(ctx, gone, slices.Collect(maps.Keys(there)))
}

// deadSubjects are the subjects of all that DEAD holds, each with the number of its messages.
func deadSubjects(ctx context.Context, js jetstream.JetStream) (map[string]uint64, error) {
	stream, err := js.Stream(ctx, streams.StreamDead)
	if err != nil {
		return nil, fmt.Errorf("dead letters: %w", err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("dead.>"))
	if err != nil {
		return nil, fmt.Errorf("dead letters: %w", err)
	}
	return info.State.Subjects, nil
}
