// Package sample closes the loop: it chooses a few of the queries that were asked online, by lot and by the router's
// hesitation, and asks them again of the offline ring, where two models, a blind judge and the oracle matrix
// say what the router should have said.
//
// Decisions in the tables enter; messages of QUERIES leave. A query is asked once, however often it is chosen
// and by however many copies; personal data is masked; a tenant that opted out is never read.
package sample

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sluice"
	"sluice/online"
	"sluice/privacy"
	"sluice/streams"
)

// Source is where the offline ring has these queries from.
const Source = "online"

// TagPrefix begins the tag that says how a query was chosen.
const TagPrefix = "sampled:"

// Choosing is the part of the tables that chooses. Package postgres has one.
type Choosing interface {
	Sample(ctx context.Context, p online.Plan, keyOf func(online.Candidate) string) ([]online.Sample, online.Labelling, error)
	Unasked(ctx context.Context, limit int) ([]online.Sample, error)
	Asked(ctx context.Context, keys []string, at time.Time) error
}

// Publisher stores messages in the log. streams.Publisher is one.
type Publisher interface {
	Publish(ctx context.Context, msgs []streams.Message) ([]streams.Ack, error)
}

// Sampler chooses and asks. Several may work on the same tables at once; one is not safe for concurrent use.
type Sampler struct {
	tables    Choosing
	publisher Publisher
	plan      online.Plan
	now       func() time.Time
	sampled   func([]online.Sample, online.Labelling)
	traceOf   func(ctx context.Context, decisionID string) string
	rested    time.Time // when the next round may begin
}

// New makes a sampler; the plan's Now is filled in at every round. sampled hears what was asked and how much of the
// day's budget is used.
func New(tables Choosing, p Publisher, plan online.Plan, now func() time.Time, sampled func([]online.Sample, online.Labelling)) *Sampler {
	return &Sampler{tables: tables, publisher: p, plan: plan, now: now, sampled: sampled}
}

// Follow has what is asked from now on continue the trace of the request that it was sampled from; traceOf is that
// trace's traceparent header, empty for none.
func (s *Sampler) Follow(traceOf func(ctx context.Context, decisionID string) string) {
	s.traceOf = traceOf
}

// askedAtOnce bounds one round.
const askedAtOnce = 500

// restsFor is how many times as long as a round took the next one is put off at least: a round goes over all decisions
// of the lookback, and under much traffic it would keep Postgres from everything else.
const restsFor = 20

// Round chooses what the plan allows now, and asks what was chosen. What is chosen and not yet asked, since a process
// died between both, is asked by the next round of whichever copy; asking twice is asking once (Invariant 2). A round
// that comes too soon after a long one does nothing.
func (s *Sampler) Round(ctx context.Context) error {
	plan := s.plan
	plan.Now = s.now().UTC()
	if plan.Now.Before(s.rested) {
		return nil
	}
	defer func() { s.rested = s.now().Add(restsFor * s.now().Sub(plan.Now)) }()
	_, day, err := s.tables.Sample(ctx, plan, Key)
	if err != nil {
		return err
	}
	unasked, err := s.tables.Unasked(ctx, askedAtOnce)
	if err != nil {
		return err
	}
	if err := s.ask(ctx, unasked); err != nil {
		return err
	}
	s.sampled(unasked, day)
	return nil
}

func (s *Sampler) ask(ctx context.Context, all []online.Sample) error {
	if len(all) == 0 {
		return nil
	}
	msgs := make([]streams.Message, len(all))
	keys := make([]string, len(all))
	for i, one := range all {
		var err error
		if msgs[i], err = Message(one); err != nil {
			return fmt.Errorf("ask sample %s: %w", one.QueryKey, err)
		}
		if s.traceOf != nil {
			msgs[i] = msgs[i].Continue(s.traceOf(ctx, one.DecisionID))
		}
		keys[i] = one.QueryKey
	}
	if _, err := s.publisher.Publish(ctx, msgs); err != nil {
		return fmt.Errorf("ask %d samples: %w", len(all), err)
	}
	return s.tables.Asked(ctx, keys, s.now().UTC())
}

// masked is the text as it leaves: without personal data.
func masked(c online.Candidate) string {
	text, _ := privacy.Scrub(strings.ReplaceAll(c.Text, "\r\n", "\n"))
	return text
}

// Key is the key that the offline ring's entrance will give the query. It is empty, and the query is not asked, where
// the client's own identifier holds personal data: without it the query could not be found again by whoever
// wants it forgotten.
func Key(c online.Candidate) string {
	if _, found := privacy.Scrub(c.QueryID); found > 0 {
		return ""
	}
	return sluice.QueryKey(c.Tenant, c.QueryID, masked(c))
}

// Message asks a sample of the offline ring. Its message id is a function of the query's key; the entrance accepts
// a key once, whatever comes after the deduplication window.
func Message(s online.Sample) (streams.Message, error) {
	return streams.AskedMessage(Source, "sample:"+s.QueryKey, streams.Asked{
		Query: masked(s.Candidate), ID: s.QueryID, Tenant: s.Tenant, Tags: []string{TagPrefix + s.ChosenBy},
	}, false)
}
