package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// sift writes a batch that holds rows which may be there, orphans, or queries whose number is another one here: level by
// level in one transaction, asking before each level which parents are there.
func (r *Recorder) sift(ctx context.Context, f *sluice.Facts) (orphans []int, err error) {
	err = pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		orphans = nil
		if err := send(ctx, tx, func(b *batch) { queueParents(b, f) }); err != nil {
			return err
		}
		s, err := parentsOf(ctx, tx, f)
		if err != nil {
			return err
		}
		rest := s.children(f)
		if err := send(ctx, tx, func(b *batch) { queueChildren(b, rest) }); err != nil {
			return err
		}
		labels, err := labelsOf(ctx, tx, rest.Examples)
		if err != nil {
			return err
		}
		rest.Examples = keep(s, rest.Examples, func(v *sluice.Example) (string, bool) {
			return v.Label.Query.Key, labels[v.ID]
		})
		orphans = s.orphans
		return send(ctx, tx, func(b *batch) { queueExamples(b, rest.Examples) })
	})
	return orphans, err
}

func send(ctx context.Context, tx pgx.Tx, queue func(*batch)) error {
	var b batch
	if queue(&b); len(b.kinds) == 0 {
		return nil
	}
	return tx.SendBatch(ctx, b.statements()).Close()
}

// sieve knows which parents are there.
type sieve struct {
	queries   map[string]parent // that are there, by key
	forgotten map[string]bool
	orphans   []int
}

// parent is what a query's children must agree with.
type parent struct {
	number int64
	split  sluice.Split
}

// keep returns the facts whose parent is there, drops those of forgotten queries, and notes the rest. What parentOf
// changes of a fact, it changes of the one that is kept.
func keep[T any](s *sieve, facts []sluice.Fact[T], parentOf func(*T) (queryKey string, there bool)) []sluice.Fact[T] {
	kept := make([]sluice.Fact[T], 0, len(facts))
	for _, fact := range facts {
		key, there := parentOf(&fact.Value)
		switch {
		case there:
			kept = append(kept, fact)
		case s.forgotten[clean(key)]:
		default:
			s.orphans = append(s.orphans, fact.Ref)
		}
	}
	return kept
}

// children are the facts whose query is there, each under the number that the query has in the tables: the log may have
// given it another one since.
func (s *sieve) children(f *sluice.Facts) *sluice.Facts {
	query := func(key string, number *int64) (string, bool) {
		p, there := s.queries[clean(key)]
		*number = p.number
		return key, there
	}
	split := func(q *sluice.Query) (string, bool) {
		key, there := query(q.Key, &q.Number)
		return key, there && s.queries[clean(key)].split == q.Split
	}
	return &sluice.Facts{
		Answers:  keep(s, f.Answers, func(v *sluice.Answer) (string, bool) { return query(v.Query.Key, &v.Query.Number) }),
		Verdicts: keep(s, f.Verdicts, func(v *sluice.Verdict) (string, bool) { return query(v.Query.Key, &v.Query.Number) }),
		Analyses: keep(s, f.Analyses, func(v *sluice.Analyzed) (string, bool) { return query(v.QueryKey, &v.QueryNumber) }),
		Labels:   keep(s, f.Labels, func(v *sluice.Label) (string, bool) { return split(&v.Query) }),
		Examples: keep(s, f.Examples, func(v *sluice.Example) (string, bool) { return split(&v.Label.Query) }),
	}
}

func parentsOf(ctx context.Context, tx pgx.Tx, f *sluice.Facts) (*sieve, error) {
	keys := queryKeys(f)
	s := &sieve{queries: map[string]parent{}, forgotten: map[string]bool{}}
	rows, err := tx.Query(ctx, `SELECT q.key, q.number, q.split FROM unnest($1::text[]) u (key) JOIN queries q ON q.key = u.key`, keys)
	if err != nil {
		return nil, fmt.Errorf("look for parents: %w", err)
	}
	var (
		key string
		p   parent
	)
	if _, err := pgx.ForEachRow(rows, []any{&key, &p.number, &p.split}, func() error { s.queries[key] = p; return nil }); err != nil {
		return nil, fmt.Errorf("look for parents: %w", err)
	}
	s.forgotten, err = found(ctx, tx, `SELECT f.query_key FROM unnest($1::text[]) u (key) JOIN forgotten f ON f.query_key = u.key`, keys)
	return s, err
}

func labelsOf(ctx context.Context, tx pgx.Tx, examples []sluice.Fact[sluice.Example]) (map[string]bool, error) {
	return found(ctx, tx, `SELECT l.id FROM unnest($1::bigint[], $2::text[]) u (query_number, id)
		JOIN labels l ON l.query_number = u.query_number AND l.id = u.id`,
		numbers(examples, func(v *sluice.Example) int64 { return v.Label.Query.Number }),
		texts(examples, func(v *sluice.Example) string { return v.ID }))
}

// found is the set of a query's one column.
func found(ctx context.Context, tx pgx.Tx, sql string, args ...any) (map[string]bool, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("look for parents: %w", err)
	}
	set := map[string]bool{}
	var s string
	if _, err := pgx.ForEachRow(rows, []any{&s}, func() error { set[s] = true; return nil }); err != nil {
		return nil, fmt.Errorf("look for parents: %w", err)
	}
	return set, nil
}

// queryKeys are the queries that the batch's children refer to.
func queryKeys(f *sluice.Facts) []string {
	keys := texts(f.Answers, func(v *sluice.Answer) string { return v.Query.Key })
	keys = append(keys, texts(f.Verdicts, func(v *sluice.Verdict) string { return v.Query.Key })...)
	keys = append(keys, texts(f.Labels, func(v *sluice.Label) string { return v.Query.Key })...)
	keys = append(keys, texts(f.Analyses, func(v *sluice.Analyzed) string { return v.QueryKey })...)
	return append(keys, texts(f.Examples, func(v *sluice.Example) string { return v.Label.Query.Key })...)
}
