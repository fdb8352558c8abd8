package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/privacy"
	"sluice/streams"
)

// Name is the stage's name in durables, dead letters and configuration.
const Name = "intake"

// Options are the terms of entrance. See [DefaultOptions].
type Options struct {
	// MaxQueryBytes bounds a question, and each accepted answer. A whole message may hold 16 times as much, and
	// 512 KiB at most.
	MaxQueryBytes int
	// Seed and TrainShare draw the split: see sluice.SplitOf.
	Seed       uint64
	TrainShare float64
	// ScrubSources are the sources whose text is masked by package privacy; "*" is every source.
	ScrubSources []string
	// Now is the clock that deadlines are held against.
	Now func() time.Time
}

// DefaultOptions are questions of 16 KiB, four of five for training, masking for online traffic.
func DefaultOptions() Options {
	return Options{
		MaxQueryBytes: 16 << 10, Seed: 42, TrainShare: 0.8,
		ScrubSources: []string{"online", "gateway"}, Now: time.Now,
	}
}

// maxPayload bounds every payload: an answer's message carries the query, its accepted answers and the
// answer, and NATS carries 1 MiB.
const maxPayload = 512 << 10

// Stored looks into the log; streams.Latest does.
type Stored interface {
	// Get finds the message of each subject; a subject without one is absent from the map.
	Get(ctx context.Context, stream string, subjects ...string) (map[string]streams.Stored, error)
}

// Stage is the intake. It is safe for use by many goroutines.
type Stage struct {
	stored Stored
	opts   Options
}

// New checks the options and reports every fault of them at once.
func New(stored Stored, o Options) (*Stage, error) {
	var faults []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	want(o.MaxQueryBytes > 0, "query.max_bytes %d: want at least 1", o.MaxQueryBytes)
	want(o.MaxQueryBytes <= maxPayload, "query.max_bytes %d: more than a whole message may hold (%d)", o.MaxQueryBytes, maxPayload)
	want(o.TrainShare >= 0 && o.TrainShare <= 1, "split.train_share %g: want 0 to 1", o.TrainShare)
	want(o.Now != nil, "intake: no clock")
	if len(faults) > 0 {
		return nil, fmt.Errorf("intake: %w", errors.Join(faults...))
	}
	return &Stage{stored: stored, opts: o}, nil
}

// Handle turns a message of QUERIES into one of ACCEPTED, or into two where it is in a hurry.
func (s *Stage) Handle(ctx context.Context, in streams.Message) ([]streams.Message, error) {
	accepted, err := s.Accept(in)
	if err != nil {
		return nil, fmt.Errorf("query on %.200q (%s:%d): %w", in.Subject, in.Stream, in.Sequence, err)
	}
	out, err := s.facts(ctx, accepted)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", accepted.Query.Key, err)
	}
	return out, nil
}

// Accept checks everything and makes the accepted query, of a number of its own. It looks at nothing else: the query may
// have been accepted before.
func (s *Stage) Accept(in streams.Message) (sluice.Accepted, error) {
	if n, most := len(in.Data), min(16*s.opts.MaxQueryBytes, maxPayload); n > most {
		return sluice.Accepted{}, refuse(sluice.ReasonTooLarge, "the payload has %d bytes, at most %d are let in", n, most)
	}
	source, err := sourceOf(in.Subject)
	if err != nil {
		return sluice.Accepted{}, err
	}
	a, err := decode(in)
	if err != nil {
		return sluice.Accepted{}, err
	}
	unixLines(&a)
	if err := check(a, s.opts.MaxQueryBytes); err != nil {
		return sluice.Accepted{}, err
	}
	if !a.Deadline.IsZero() && !s.opts.Now().Before(a.Deadline) {
		return sluice.Accepted{}, sluice.Terminalf(sluice.ReasonExpired, "its deadline, %s, has passed: nobody waits for the answer", a.Deadline.Format(time.RFC3339))
	}
	// The key is made of the id as it was given, so that whoever knows the id finds the query, masked or
	// not; without an id, of the text as it goes on.
	id := a.ID
	var masked int
	if s.scrubs(source, a.Source) {
		masked = scrub(&a)
	}
	if a.Source != "" && a.Source != source {
		a.Tags = append(a.Tags, "source:"+a.Source)
	}
	split, err := s.split(in, a.Query)
	if err != nil {
		return sluice.Accepted{}, err
	}
	return sluice.Accepted{
		Query: sluice.Query{
			Key: sluice.QueryKey(a.Tenant, id, a.Query), Number: int64(in.Sequence), ID: a.ID, Text: a.Query, Source: source, Tenant: a.Tenant, Tags: a.Tags,
			Priority: a.Priority, Deadline: a.Deadline, AskedAt: in.StoredAt.UTC(), Split: split, Scrubbed: masked,
		},
		GroundTruth: a.GroundTruth,
	}, nil
}

// unixLines writes every line's end as a line feed.
func unixLines(a *streams.Asked) {
	a.Query = strings.ReplaceAll(a.Query, "\r\n", "\n")
	for i, truth := range a.GroundTruth {
		a.GroundTruth[i] = strings.ReplaceAll(truth, "\r\n", "\n")
	}
}

// sourceOf reads the source off the subject: one plain token.
func sourceOf(subject string) (string, error) {
	source := streams.SourceOf(subject)
	if err := streams.ValidToken("source", source); err != nil {
		return "", refuse(sluice.ReasonInvalidField, "the subject's source: %w; publish on queries.asked.<source>, where the source is one plain word", err)
	}
	return source, nil
}

// split draws the split of the text. A header may keep a query out of training; nothing can put one into
// it (Invariant 4).
func (s *Stage) split(in streams.Message, text string) (sluice.Split, error) {
	switch asked := in.Header[streams.HeaderSplit]; asked {
	case "":
		return sluice.SplitOf(text, s.opts.Seed, s.opts.TrainShare), nil
	case string(sluice.Test):
		return sluice.Test, nil
	default:
		return "", refuse(sluice.ReasonInvalidField, "header %s: %.40q: only %q may be asked for, training never", streams.HeaderSplit, asked, sluice.Test)
	}
}

// scrubs says whether text of a source is masked; upstream's own word for the source can only add to it.
func (s *Stage) scrubs(source, word string) bool {
	return slices.ContainsFunc(s.opts.ScrubSources, func(of string) bool {
		return of == "*" || of == source || word != "" && of == word
	})
}

// scrub masks personal data wherever upstream may have put it, and counts the pieces.
func scrub(a *streams.Asked) int {
	found := 0
	mask := func(text *string) {
		clean, n := privacy.Scrub(*text)
		*text, found = clean, found+n
	}
	mask(&a.Query)
	mask(&a.ID)
	for i := range a.GroundTruth {
		mask(&a.GroundTruth[i])
	}
	for i := range a.Tags {
		mask(&a.Tags[i])
	}
	return found
}

// refuse makes the error of a message that is at fault itself.
func refuse(reason sluice.Reason, format string, args ...any) error {
	return sluice.Poison(reason, fmt.Errorf(format, args...))
}
