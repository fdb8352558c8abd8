// Package world makes up a small ring that has run: every fact of a number of queries, as the messages that the
// log would hold. Tests of the recorder and of what reads the tables share it.
//
// A number of queries enters; messages leave, the same ones every time. Nothing here talks to a server.
package world

import (
	"fmt"
	"testing"
	"time"

	"sluice"
	"sluice/streams"
)

// What the made-up ring ran with.
const (
	MediumModel  = "gemini-2.5-flash"
	LargeModel   = "gemini-2.5-pro"
	Judge        = "v1" // as in the default configuration, so that questions of docs/analysts.md work as they stand
	SecondJudge  = "v2"
	LabelVersion = "l1"
	Analysis     = "v1"
	Tenant       = "acme" // of every fifth query
	Source       = "bank" // of every query but each seventh, which is from the web
)

// Start is when the first query was asked; the others follow second by second.
var Start = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// World is a ring's facts.
type World struct {
	Queries []sluice.Query
	Pair    string
	// Cell is the pair of grades of each query under [Judge], medium first.
	Cell [][2]sluice.Grade
	// Messages are the facts in the order in which the log stored them.
	Messages []streams.Message

	arms     sluice.ArmKey
	matrix   sluice.Matrix
	tb       testing.TB
	sequence map[string]uint64
	calls    int
}

// New makes the facts of n queries. Query i is in the (i mod 9)-th cell of the oracle matrix. Every sixth has no number: it
// is of a log that counted nothing yet.
func New(tb testing.TB, n int) *World {
	tb.Helper()
	return made(tb, n, false)
}

// Numbered is New with a number for every query.
func Numbered(tb testing.TB, n int) *World {
	tb.Helper()
	return made(tb, n, true)
}

func made(tb testing.TB, n int, numbered bool) *World {
	tb.Helper()
	arms, err := sluice.NewArmKey([]byte("a secret of the test world"))
	if err != nil {
		tb.Fatal(err)
	}
	w := &World{tb: tb, arms: arms, matrix: sluice.DefaultMatrix(), sequence: map[string]uint64{}}
	w.Pair = arms.Pair(MediumModel, LargeModel, "a1")
	for i := range n {
		w.query(i, numbered || i%6 != 5)
	}
	return w
}

// store adds a message to the log.
func (w *World) store(m streams.Message, err error, at time.Time) {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatal(err)
	}
	place, ok := streams.PlaceOf(m.Subject)
	if !ok {
		w.tb.Fatalf("%s is no place", m.Subject)
	}
	stream := map[streams.Kind]string{
		streams.KindAccepted: streams.StreamAccepted, streams.KindSaid: streams.StreamAnswers,
		streams.KindGiven: streams.StreamVerdicts, streams.KindDrawn: streams.StreamLabels,
		streams.KindAnalyzed: streams.StreamAnalyses, streams.KindExample: streams.StreamExamples,
		streams.KindBilled: streams.StreamCalls, streams.KindDead: streams.StreamDead,
	}[place.Kind]
	w.sequence[stream]++
	m.Stream, m.Sequence, m.StoredAt, m.Deliveries = stream, w.sequence[stream], at, 1
	w.Messages = append(w.Messages, m)
}

// Of lists the messages of one stream.
func (w *World) Of(stream string) []streams.Message {
	var of []streams.Message
	for _, m := range w.Messages {
		if m.Stream == stream {
			of = append(of, m)
		}
	}
	return of
}

// query makes everything that the ring knows of query i.
func (w *World) query(i int, numbered bool) {
	w.tb.Helper()
	asked := Start.Add(time.Duration(i) * time.Second)
	q := sluice.Query{
		ID: fmt.Sprintf("q-%d", i), Text: fmt.Sprintf("What is the %dth question about?", i), Source: Source,
		Tags: []string{"made-up", fmt.Sprintf("tag \"%d\" \\ {,}", i%3)}, AskedAt: asked,
	}
	if i%5 == 0 {
		q.Tenant = Tenant
	}
	if i%7 == 0 {
		q.Source = "web"
		q.Priority = 1
		q.Deadline = asked.Add(time.Hour)
	}
	if numbered {
		q.Number = int64(i + 1)
	}
	q.Key, q.Split = sluice.QueryKey(q.Tenant, q.ID, q.Text), sluice.SplitOf(q.Text, 1, 0.8)
	accepted := sluice.Accepted{Query: q}
	if i%11 != 10 { // every eleventh has no reference
		accepted.GroundTruth = []string{fmt.Sprintf("answer %d", i), "forty-two, \"more or less\""}
	}
	w.Queries = append(w.Queries, q)
	m, err := streams.AcceptedFact(accepted)
	w.store(m, err, asked.Add(5*time.Millisecond))
	w.answers(i, accepted, asked.Add(5*time.Millisecond))
}

func (w *World) answers(i int, a sluice.Accepted, at time.Time) {
	w.tb.Helper()
	grades := sluice.Grades()
	cell := [2]sluice.Grade{grades[i%9/3], grades[i%3]}
	w.Cell = append(w.Cell, cell)
	basis := sluice.ReferenceFree
	if len(a.GroundTruth) > 0 {
		basis = sluice.Reference
	}
	if i%10 == 3 { // a call that failed first
		w.bill(sluice.Call{
			Stage: "answer", QueryKey: a.Query.Key, Tenant: a.Query.Tenant, Pair: w.Pair,
			Arm: w.arms.Arm(a.Query.Key, sluice.Large), Tier: sluice.Large, Model: LargeModel,
			Outcome: sluice.OutcomeRateLimited, Error: "429: too many requests", LatencyMS: 12,
		}, at.Add(20*time.Millisecond))
	}
	said := at.Add(600 * time.Millisecond)
	for _, arm := range sluice.Arms() {
		tier := w.arms.Tier(a.Query.Key, arm)
		model, grade, cost := MediumModel, cell[0], sluice.MicroUSD(30)
		if tier == sluice.Large {
			model, grade, cost = LargeModel, cell[1], 400
		}
		call := w.bill(sluice.Call{
			Stage: "answer", QueryKey: a.Query.Key, Tenant: a.Query.Tenant, Pair: w.Pair, Arm: arm, Tier: tier, Model: model,
			Outcome: sluice.OutcomeOK, Cost: cost, LatencyMS: 400 + int64(i%100),
			Usage: sluice.Usage{Prompt: 20, Cached: 4, Output: 10, Thoughts: 5},
		}, said)
		m, err := streams.SaidFact(sluice.Answer{
			Query: a.Query, GroundTruth: a.GroundTruth, Pair: w.Pair, Arm: arm,
			Text: fmt.Sprintf("%s answer %d", grade, i), CallID: call,
		})
		w.store(m, err, said)
		w.verdict(a.Query, arm, grade, basis, said.Add(300*time.Millisecond))
	}
	w.label(a.Query, cell, basis, said.Add(310*time.Millisecond))
}

func (w *World) verdict(q sluice.Query, arm sluice.Arm, grade sluice.Grade, basis sluice.Basis, at time.Time) {
	w.tb.Helper()
	call := w.bill(sluice.Call{
		Stage: "judge", QueryKey: q.Key, Tenant: q.Tenant, Pair: w.Pair, Arm: arm, Model: LargeModel,
		Outcome: sluice.OutcomeOK, Cost: 50, LatencyMS: 290, Usage: sluice.Usage{Prompt: 100, Output: 12},
	}, at)
	m, err := streams.GivenFact(sluice.Verdict{
		Query: q, Pair: w.Pair, Arm: arm, Grade: grade, Reason: "because it says so", Basis: basis,
		JudgeVersion: Judge, CallID: call,
	})
	w.store(m, err, at)
}

func (w *World) label(q sluice.Query, cell [2]sluice.Grade, basis sluice.Basis, at time.Time) {
	w.tb.Helper()
	c, err := w.matrix.Cell(cell[0], cell[1])
	if err != nil {
		w.tb.Fatal(err)
	}
	l := sluice.Label{
		ID: sluice.LabelID(q.Key, w.Pair, Judge, LabelVersion, w.matrix.Version()), Query: q, Pair: w.Pair, Policy: c.Policy,
		Basis: basis, JudgeVersion: Judge, LabelVersion: LabelVersion, MatrixVersion: w.matrix.Version(),
	}
	m, err := streams.DrawnFact(l)
	w.store(m, err, at)
	call := w.bill(sluice.Call{
		Stage: "analysis", QueryKey: q.Key, Tenant: q.Tenant, Model: MediumModel, Outcome: sluice.OutcomeOK, Cost: 20,
		LatencyMS: 240, Usage: sluice.Usage{Prompt: 60, Output: 40},
	}, at.Add(250*time.Millisecond))
	analysis := sluice.Analysis{
		Domain: []string{"geography", "history", "mathematics"}[len(w.Queries)%3], Complexity: "low", ReasoningSteps: 1 + len(w.Queries)%4,
		Ambiguity: "none", KnowledgeRecency: "timeless", AnswerType: "number", Specificity: "narrow",
		RequiresMath: len(w.Queries)%3 == 2, Language: "en", Summary: "A made-up question.",
	}
	m, err = streams.AnalyzedFact(sluice.Analyzed{QueryKey: q.Key, QueryNumber: q.Number, AnalysisVersion: Analysis, Analysis: analysis, CallID: call})
	w.store(m, err, at.Add(250*time.Millisecond))
	m, err = streams.ExampleFact(sluice.Example{ID: l.ID, Label: l, AnalysisVersion: Analysis, Analysis: analysis})
	w.store(m, err, at.Add(251*time.Millisecond))
}

// bill adds a line to the ledger and returns its id.
func (w *World) bill(c sluice.Call, at time.Time) string {
	w.tb.Helper()
	w.calls++
	c.ID = sluice.HashID("call", fmt.Sprint(w.calls))
	c.Provider, c.PriceVersion, c.Attempt = "gemini", "2026-11", 1
	c.StartedAt = at.Add(-time.Duration(c.LatencyMS) * time.Millisecond)
	m, err := streams.BilledFact(c)
	w.store(m, err, at)
	return c.ID
}
