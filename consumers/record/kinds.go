package record

import (
	"sluice"
	"sluice/streams"
)

// Each function here says where a payload belongs, by what it says of itself, and what of it the tables need.

func ofAccepted(w *sluice.Accepted) (streams.Place, sluice.Accepted) {
	return streams.Place{Key: w.Query.Key}, *w
}

func ofSaid(w *said) (streams.Place, sluice.Answer) {
	return streams.Place{Key: w.Query.Key, Number: w.Query.Number, Pair: w.Pair, Arm: w.Arm},
		sluice.Answer{Query: w.Query.query(), Pair: w.Pair, Arm: w.Arm, Text: w.Text, CallID: w.CallID}
}

func ofGiven(w *given) (streams.Place, sluice.Verdict) {
	return streams.Place{Key: w.Query.Key, Number: w.Query.Number, Pair: w.Pair, Arm: w.Arm, Version: w.JudgeVersion},
		sluice.Verdict{
			Query: w.Query.query(), Pair: w.Pair, Arm: w.Arm, Grade: w.Grade, Reason: w.Reason, Basis: w.Basis,
			JudgeVersion: w.JudgeVersion, Shortcut: w.Shortcut, CallID: w.CallID,
		}
}

func ofDrawn(w *drawn) (streams.Place, sluice.Label) {
	return streams.Place{Key: w.Query.Key, Number: w.Query.Number, ID: w.ID},
		sluice.Label{
			ID: w.ID, Query: w.Query.query(), Pair: w.Pair, Policy: w.Policy, Basis: w.Basis,
			JudgeVersion: w.JudgeVersion, LabelVersion: w.LabelVersion, MatrixVersion: w.MatrixVersion,
		}
}

func ofAnalyzed(w *sluice.Analyzed) (streams.Place, sluice.Analyzed) {
	return streams.Place{Key: w.QueryKey, Number: w.QueryNumber, Version: w.AnalysisVersion}, *w
}

func ofExample(w *example) (streams.Place, sluice.Example) {
	return streams.Place{Key: w.Label.Query.Key, Number: w.Label.Query.Number, ID: w.ID},
		sluice.Example{ID: w.ID, Label: sluice.Label{Query: w.Label.Query.query()}, AnalysisVersion: w.AnalysisVersion}
}

func ofBilled(w *sluice.Call) (streams.Place, sluice.Call) { return streams.Place{ID: w.ID}, *w }

func ofDead(w *streams.DeadLetter) (streams.Place, sluice.Death) {
	e := &w.Envelope
	d := sluice.Death{
		ID: w.ID(), Stage: w.Stage, Durable: w.Durable, Reason: w.Reason, Class: w.Class, Error: w.Error,
		Attempts: w.Attempts, Deliveries: w.Deliveries, Stream: e.Stream, Subject: e.Subject, Sequence: e.Sequence,
		MessageID: e.ID, ContentType: e.ContentType, Raw: e.Data, RawElsewhere: e.ByReference, RetryID: w.Retry,
		StoredAt: e.StoredAt, DiedAt: w.DiedAt,
	}
	if at, ok := streams.PlaceOf(e.Subject); ok {
		d.QueryKey = at.Key
	}
	return streams.Place{ID: d.ID}, d
}

func (k keyed) query() sluice.Query {
	return sluice.Query{Key: k.Key, Number: k.Number, Split: k.Split}
}
