package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/operate"
	"sluice/postgres"
	"sluice/streams"
)

const (
	// pollRing is how often a demo looks how far the ring has come.
	pollRing = 100 * time.Millisecond
	// stuckAfter is how long nothing may move before a demo gives up.
	stuckAfter = 3 * time.Minute
	// restPatience is how long the ring may take to come to rest once every question is accounted for.
	restPatience = 20 * time.Second
)

// await waits until every question that was published is accounted for in the tables, as an example or as a
// dead letter, and the ring has come to rest.
func (d *demo) await(ctx context.Context) error {
	select {
	case <-d.ring.begun:
	case <-d.ring.ended:
	case <-ctx.Done():
	}
	db, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	bars := newProgress(d.m.Stderr)
	ticker := time.NewTicker(pollRing)
	defer ticker.Stop()
	var before ringCounts
	moved := time.Now()
	for {
		now, err := d.counts(ctx, db)
		if err != nil {
			return d.whyEnded(ctx, err)
		}
		if now != before {
			before, moved = now, time.Now()
		}
		if now.accounted() >= d.published {
			d.working = time.Since(d.publishAt)
			bars.end(now.bars(d.published))
			return d.rest(ctx)
		}
		bars.show(now.bars(d.published), time.Now())
		if time.Since(moved) > stuckAfter {
			return fmt.Errorf("nothing has moved for %s: %d of %d questions are accounted for; see sluice status with NATS_URL=%s",
				stuckAfter, now.accounted(), d.published, d.log.URL)
		}
		select {
		case <-d.ring.ended:
			return d.whyEnded(ctx, errors.New("the ring ended before its work was done"))
		case <-ctx.Done():
			return d.whyEnded(ctx, errInterrupted)
		case <-ticker.C:
		}
	}
}

// connect opens the tables for reading. Where there are none the ring says why.
func (d *demo) connect(ctx context.Context) (*postgres.DB, error) {
	t := d.tables.get()
	if t == nil {
		return nil, d.whyEnded(ctx, errors.New("there are no tables"))
	}
	db, err := postgres.Connect(ctx, t.URL, "sluice demo", 2)
	if err != nil {
		return nil, d.whyEnded(ctx, err)
	}
	return db, nil
}

// whyEnded prefers the reason that the ring ended for to what was noticed of it.
func (d *demo) whyEnded(ctx context.Context, noticed error) error {
	if err := budgetOrNil(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	select {
	case <-d.ring.ended:
		if err := d.ring.err; err != nil {
			d.ring.err = nil // told here, and not once more when the demo waits for it
			return err
		}
	default:
	}
	return noticed
}

// ringCounts is how far the ring has come.
type ringCounts struct {
	accepted, answers, verdicts, labels, examples, dead uint64
	// recorded counts questions with an example in the tables, given those that will have none, since a
	// message of theirs is a recorded dead letter.
	recorded, given int
}

func (c ringCounts) accounted() int { return c.recorded + c.given }

func (c ringCounts) bars(n int) []stageProgress {
	return []stageProgress{
		{"intake", int(c.accepted), n},
		{"answer", int(c.answers), 2 * n},
		{"judge", int(c.verdicts), 2 * n},
		{"label", int(c.labels), n},
		{"analysis", int(c.examples), n},
		{"record", c.accounted(), n},
	}
}

func (d *demo) counts(ctx context.Context, db *postgres.DB) (ringCounts, error) {
	var c ringCounts
	for _, s := range []struct {
		name string
		to   *uint64
	}{
		{streams.StreamAccepted, &c.accepted},
		{streams.StreamAnswers, &c.answers},
		{streams.StreamVerdicts, &c.verdicts},
		{streams.StreamLabels, &c.labels},
		{streams.StreamExamples, &c.examples},
		{streams.StreamDead, &c.dead},
	} {
		stream, err := d.log.JS.Stream(ctx, s.name)
		if err != nil {
			return c, fmt.Errorf("stream %s: %w", s.name, err)
		}
		*s.to = stream.CachedInfo().State.Msgs
	}
	var err error
	if c.recorded, err = db.ExampleCount(ctx, d.filter()); err != nil {
		return c, err
	}
	if c.dead > 0 {
		c.given, err = d.givenUp(ctx, db)
	}
	return c, err
}

// filter restricts the tables to this run.
func (d *demo) filter() postgres.SummaryFilter {
	if d.tenant == "" {
		return postgres.SummaryFilter{}
	}
	return postgres.SummaryFilter{Tenant: &d.tenant}
}

// givenUp counts questions without an example that have a dead letter in the tables.
func (d *demo) givenUp(ctx context.Context, db *postgres.DB) (int, error) {
	letters, err := operate.Letters(ctx, d.log.JS, operate.Selection{})
	if err != nil {
		return 0, err
	}
	keys, raw := map[string]bool{}, []string{}
	for _, l := range letters {
		place, ok := streams.PlaceOf(l.Envelope.Subject)
		switch {
		case !ok && l.Envelope.Stream == streams.StreamQueries:
			raw = append(raw, l.ID)
		case place.Key != "":
			keys[place.Key] = true
		}
	}
	return db.GivenUp(ctx, sortedKeys(keys), raw)
}

// rest waits until no stage has anything to do, so that the ledger is whole.
func (d *demo) rest(ctx context.Context) error {
	deadline := time.Now().Add(restPatience)
	ticker := time.NewTicker(pollRing / 2)
	defer ticker.Stop()
	for {
		s, err := operate.Look(ctx, d.log.JS, nil, operate.Status{}, time.Now())
		if err != nil && !errors.Is(err, jetstream.ErrNoStreamResponse) {
			return d.whyEnded(ctx, err)
		}
		if err == nil && s.Idle() {
			return nil
		}
		if time.Now().After(deadline) {
			d.m.log.Warn("the ring has not come to rest; the summary may lack the last lines of the ledger")
			return nil
		}
		select {
		case <-ctx.Done():
			return d.whyEnded(ctx, errInterrupted)
		case <-ticker.C:
		}
	}
}
