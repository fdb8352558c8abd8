package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// batch collects the rows of one transaction, by kind of fact.
type batch struct{ kinds []queued }

// queued is one statement and its rows, an array a column.
type queued struct {
	statement
	arrays []any
}

func (b *batch) add(s statement, arrays ...any) { b.kinds = append(b.kinds, queued{s, arrays}) }

// statements is the batch as INSERTs, to be sent at once.
func (b *batch) statements() *pgx.Batch {
	var out pgx.Batch
	for _, q := range b.kinds {
		args := make([]any, len(q.arrays))
		for i, array := range q.arrays {
			if lists, ok := array.([][]string); ok { // unnest would flatten an array of arrays
				array = literals(lists)
			}
			args[i] = array
		}
		for _, sql := range q.inserts {
			out.Queue(sql, args...)
		}
	}
	return &out
}

// Each function here queues the insert of one kind of fact; an empty kind queues nothing. The order of the
// arguments is that of the statement's columns.

func queueAccepted(b *batch, f []sluice.Fact[sluice.Accepted]) {
	if len(f) == 0 {
		return
	}
	type a = sluice.Accepted
	b.add(insertQueries, numbers(f, func(v *a) int64 { return v.Query.Number }),
		texts(f, func(v *a) string { return v.Query.Key }), texts(f, func(v *a) string { return v.Query.ID }),
		texts(f, func(v *a) string { return v.Query.Text }),
		texts(f, func(v *a) string { return sluice.ContentHash(v.Query.Text) }),
		texts(f, func(v *a) string { return v.Query.Source }), texts(f, func(v *a) string { return v.Query.Tenant }),
		texts(f, func(v *a) string { return string(v.Query.Split) }),
		lists(f, func(v *a) []string { return v.Query.Tags }), lists(f, func(v *a) []string { return v.GroundTruth }),
		numbers(f, func(v *a) int64 { return int64(v.Query.Priority) }),
		numbers(f, func(v *a) int64 { return int64(v.Query.Scrubbed) }),
		instants(f, func(v *a) time.Time { return v.Query.Deadline }, nil),
		instants(f, func(v *a) time.Time { return v.Query.AskedAt }, logged), stored(f))
}

func queueCalls(b *batch, f []sluice.Fact[sluice.Call]) {
	if len(f) == 0 {
		return
	}
	type c = sluice.Call
	b.add(insertCalls,
		texts(f, func(v *c) string { return v.ID }), texts(f, func(v *c) string { return v.Stage }),
		texts(f, func(v *c) string { return v.QueryKey }), texts(f, func(v *c) string { return v.Tenant }),
		texts(f, func(v *c) string { return v.Pair }), texts(f, func(v *c) string { return string(v.Arm) }),
		texts(f, func(v *c) string { return string(v.Tier) }), texts(f, func(v *c) string { return v.Provider }),
		texts(f, func(v *c) string { return v.Model }), texts(f, func(v *c) string { return v.PriceVersion }),
		texts(f, func(v *c) string { return string(v.Outcome) }), texts(f, func(v *c) string { return v.Error }),
		numbers(f, func(v *c) int64 { return int64(v.Attempt) }), numbers(f, func(v *c) int64 { return v.LatencyMS }),
		numbers(f, func(v *c) int64 { return v.Usage.Prompt }), numbers(f, func(v *c) int64 { return v.Usage.Cached }),
		numbers(f, func(v *c) int64 { return v.Usage.Output }), numbers(f, func(v *c) int64 { return v.Usage.Thoughts }),
		numbers(f, func(v *c) int64 { return int64(v.Cost) }), flags(f, func(v *c) bool { return v.CostEstimated }),
		instants(f, func(v *c) time.Time { return v.StartedAt }, logged), stored(f))
}

func queueDeaths(b *batch, f []sluice.Fact[sluice.Death]) {
	if len(f) == 0 {
		return
	}
	type d = sluice.Death
	raws := make([][]byte, len(f))
	for i := range f {
		if raws[i] = f[i].Value.Raw; raws[i] == nil {
			raws[i] = []byte{} // nil would be NULL
		}
	}
	b.add(insertDeaths,
		texts(f, func(v *d) string { return v.ID }), texts(f, func(v *d) string { return v.Stage }),
		texts(f, func(v *d) string { return v.Durable }), texts(f, func(v *d) string { return string(v.Reason) }),
		texts(f, func(v *d) string { return string(v.Class) }), texts(f, func(v *d) string { return v.Error }),
		texts(f, func(v *d) string { return v.Stream }), texts(f, func(v *d) string { return v.Subject }),
		texts(f, func(v *d) string { return v.MessageID }), texts(f, func(v *d) string { return v.ContentType }),
		texts(f, func(v *d) string { return v.QueryKey }), texts(f, func(v *d) string { return v.RetryID }),
		numbers(f, func(v *d) int64 { return int64(v.Attempts) }), numbers(f, func(v *d) int64 { return int64(v.Deliveries) }),
		numbers(f, func(v *d) int64 { return int64(v.Sequence) }), raws, flags(f, func(v *d) bool { return v.RawElsewhere }),
		instants(f, func(v *d) time.Time { return v.StoredAt }, logged), instants(f, func(v *d) time.Time { return v.DiedAt }, logged))
}

func queueAnswers(b *batch, f []sluice.Fact[sluice.Answer]) {
	if len(f) == 0 {
		return
	}
	type a = sluice.Answer
	b.add(insertAnswers, numbers(f, func(v *a) int64 { return v.Query.Number }),
		texts(f, func(v *a) string { return v.Query.Key }), texts(f, func(v *a) string { return v.Pair }),
		texts(f, func(v *a) string { return string(v.Arm) }), texts(f, func(v *a) string { return v.Text }),
		texts(f, func(v *a) string { return v.CallID }), stored(f))
}

func queueVerdicts(b *batch, f []sluice.Fact[sluice.Verdict]) {
	if len(f) == 0 {
		return
	}
	type v = sluice.Verdict
	b.add(insertVerdicts, numbers(f, func(x *v) int64 { return x.Query.Number }),
		texts(f, func(x *v) string { return x.Query.Key }), texts(f, func(x *v) string { return x.JudgeVersion }),
		texts(f, func(x *v) string { return x.Pair }), texts(f, func(x *v) string { return string(x.Arm) }),
		texts(f, func(x *v) string { return string(x.Grade) }), texts(f, func(x *v) string { return x.Reason }),
		texts(f, func(x *v) string { return string(x.Basis) }), texts(f, func(x *v) string { return x.CallID }),
		flags(f, func(x *v) bool { return x.Shortcut }), stored(f))
}

func queueLabels(b *batch, f []sluice.Fact[sluice.Label]) {
	if len(f) == 0 {
		return
	}
	type l = sluice.Label
	b.add(insertLabels, numbers(f, func(v *l) int64 { return v.Query.Number }),
		texts(f, func(v *l) string { return v.ID }), texts(f, func(v *l) string { return v.Query.Key }),
		texts(f, func(v *l) string { return string(v.Query.Split) }), texts(f, func(v *l) string { return v.Pair }),
		texts(f, func(v *l) string { return string(v.Policy) }), texts(f, func(v *l) string { return string(v.Basis) }),
		texts(f, func(v *l) string { return v.JudgeVersion }), texts(f, func(v *l) string { return v.LabelVersion }),
		texts(f, func(v *l) string { return v.MatrixVersion }), stored(f))
}

func queueAnalyses(b *batch, f []sluice.Fact[sluice.Analyzed]) {
	if len(f) == 0 {
		return
	}
	type a = sluice.Analyzed
	b.add(insertAnalyses, numbers(f, func(v *a) int64 { return v.QueryNumber }),
		texts(f, func(v *a) string { return v.QueryKey }), texts(f, func(v *a) string { return v.AnalysisVersion }),
		texts(f, func(v *a) string { return v.Analysis.Domain }), texts(f, func(v *a) string { return v.Analysis.Complexity }),
		texts(f, func(v *a) string { return v.Analysis.Ambiguity }), texts(f, func(v *a) string { return v.Analysis.KnowledgeRecency }),
		texts(f, func(v *a) string { return v.Analysis.AnswerType }), texts(f, func(v *a) string { return v.Analysis.Specificity }),
		texts(f, func(v *a) string { return v.Analysis.Language }), texts(f, func(v *a) string { return v.Analysis.Summary }),
		texts(f, func(v *a) string { return v.CallID }), numbers(f, func(v *a) int64 { return int64(v.Analysis.ReasoningSteps) }),
		flags(f, func(v *a) bool { return v.Analysis.RequiresMath }), flags(f, func(v *a) bool { return v.Analysis.RequiresCode }),
		stored(f))
}

func queueExamples(b *batch, f []sluice.Fact[sluice.Example]) {
	if len(f) == 0 {
		return
	}
	type e = sluice.Example
	b.add(insertExamples, numbers(f, func(v *e) int64 { return v.Label.Query.Number }),
		texts(f, func(v *e) string { return v.ID }), texts(f, func(v *e) string { return v.Label.Query.Key }),
		texts(f, func(v *e) string { return string(v.Label.Query.Split) }),
		texts(f, func(v *e) string { return v.AnalysisVersion }), stored(f))
}
