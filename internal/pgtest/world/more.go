package world

import (
	"time"

	"sluice"
	"sluice/streams"
)

// SecondOpinion adds verdicts of [SecondJudge] about every answer: an exact match with the ground truth
// found by the short cut, and otherwise the first judge's grade, but for every tenth query, whose answers it
// finds incorrect.
func (w *World) SecondOpinion() {
	w.tb.Helper()
	for i, q := range w.Queries {
		at := Start.Add(time.Hour + time.Duration(i)*time.Second)
		for _, arm := range sluice.Arms() {
			grade := w.Cell[i][0]
			if w.arms.Tier(q.Key, arm) == sluice.Large {
				grade = w.Cell[i][1]
			}
			v := sluice.Verdict{
				Query: q, Pair: w.Pair, Arm: arm, Grade: grade, Reason: "a second opinion", Basis: sluice.Reference,
				JudgeVersion: SecondJudge, Shortcut: grade == sluice.Correct,
			}
			if i%10 == 0 {
				v.Grade, v.Shortcut = sluice.Incorrect, false
			}
			if !v.Shortcut {
				v.CallID = w.bill(sluice.Call{
					Stage: "judge", QueryKey: q.Key, Tenant: q.Tenant, Pair: w.Pair, Arm: arm, Model: MediumModel,
					Outcome: sluice.OutcomeOK, Cost: 5, LatencyMS: 100, Usage: sluice.Usage{Prompt: 90, Output: 9},
				}, at)
			}
			m, err := streams.GivenFact(v)
			w.store(m, err, at)
		}
	}
}

// Stuck adds an accepted query that was answered once and then lost to the dead letters.
func (w *World) Stuck() sluice.Query {
	w.tb.Helper()
	at := Start.Add(2 * time.Hour)
	q := sluice.Query{ID: "stuck", Text: "Which question is never answered?", Source: "web", AskedAt: at, Split: sluice.Train}
	q.Key = sluice.QueryKey(q.Tenant, q.ID, q.Text)
	m, err := streams.AcceptedFact(sluice.Accepted{Query: q, GroundTruth: []string{"this one"}})
	w.store(m, err, at)
	accepted := w.Messages[len(w.Messages)-1]
	arm := w.arms.Arm(q.Key, sluice.Medium)
	call := w.bill(sluice.Call{
		Stage: "answer", QueryKey: q.Key, Pair: w.Pair, Arm: arm, Tier: sluice.Medium, Model: MediumModel,
		Outcome: sluice.OutcomeOK, Cost: 30, LatencyMS: 400, Usage: sluice.Usage{Prompt: 20, Output: 10},
	}, at.Add(time.Second))
	m, err = streams.SaidFact(sluice.Answer{Query: q, Pair: w.Pair, Arm: arm, Text: "none", CallID: call})
	w.store(m, err, at.Add(time.Second))
	w.bill(sluice.Call{ // bought by a worker that died before it could store the answer
		Stage: "answer", QueryKey: q.Key, Pair: w.Pair, Arm: arm, Tier: sluice.Medium, Model: MediumModel,
		Outcome: sluice.OutcomeOK, Cost: 31, LatencyMS: 400, Usage: sluice.Usage{Prompt: 20, Output: 10},
	}, at.Add(2*time.Second))
	w.Dead("answer", sluice.ReasonExhausted, accepted, at.Add(3*time.Second))
	return q
}

// Poison adds a message that was dead at the entrance: bytes that no text column takes.
func (w *World) Poison() {
	w.tb.Helper()
	w.Dead("intake", sluice.ReasonUndecodable, streams.Message{
		Stream: streams.StreamQueries, Subject: "queries.asked.web", Sequence: 7, ID: "QUERIES:7",
		ContentType: "application/json\x00", Data: []byte("{\"query\": \"\x00\xff\xfe\""), StoredAt: Start,
	}, Start.Add(time.Second))
}

// Dead adds a dead letter about a message.
func (w *World) Dead(stage string, reason sluice.Reason, m streams.Message, at time.Time) {
	w.tb.Helper()
	letter, err := streams.DeadMessage(streams.DeadLetter{
		Envelope: streams.Seal(m), Stage: stage, Durable: stage + "-v1", Class: sluice.ClassTerminal, Reason: reason,
		Error: "it could not be \xff handled", Attempts: 3, Deliveries: 4, DiedAt: at,
	})
	w.store(letter, err, at)
}
