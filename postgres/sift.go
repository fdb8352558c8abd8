package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// sift writes a batch that holds orphans: level by level in one transaction, asking before each level
// which parents are there.
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
		if s.labels, err = labelsOf(ctx, tx, f.Examples); err != nil {
			return err
		}
		rest.Examples = keep(s, f.Examples, func(v *sluice.Example) (string, bool) {
			return v.Label.Query.Key, s.labels[v.ID]
		})
		orphans = s.orphans
		return send(ctx, tx, func(b *batch) { queueExamples(b, rest.Examples) })
	})
	return orphans, err
}

func send(ctx context.Context, tx pgx.Tx, queue func(*batch)) error {
	var b batch
	if queue(&b); len(b.inserts) == 0 {
		return nil
	}
	return tx.SendBatch(ctx, b.statements(true)).Close()
}

// sieve knows which parents are there.
type sieve struct {
	splits    map[string]sluice.Split // of the queries that are there
	forgotten map[string]bool
	labels    map[string]bool
	orphans   []int
}

// keep returns the facts whose parent is there, drops those of forgotten queries, and notes the rest.
func keep[T any](s *sieve, facts []sluice.Fact[T], parent func(*T) (queryKey string, there bool)) []sluice.Fact[T] {
	kept := make([]sluice.Fact[T], 0, len(facts))
	for i := range facts {
		key, there := parent(&facts[i].Value)
		switch {
		case there:
			kept = append(kept, facts[i])
		case s.forgotten[clean(key)]:
		default:
			s.orphans = append(s.orphans, facts[i].Ref)
		}
	}
	return kept
}

func (s *sieve) children(f *sluice.Facts) *sluice.Facts {
	query := func(key string) (string, bool) {
		_, there := s.splits[clean(key)]
		return key, there
	}
	return &sluice.Facts{
		Answers:  keep(s, f.Answers, func(v *sluice.Answer) (string, bool) { return query(v.Query.Key) }),
		Verdicts: keep(s, f.Verdicts, func(v *sluice.Verdict) (string, bool) { return query(v.Query.Key) }),
		Analyses: keep(s, f.Analyses, func(v *sluice.Analyzed) (string, bool) { return query(v.QueryKey) }),
		Labels: keep(s, f.Labels, func(v *sluice.Label) (string, bool) {
			return v.Query.Key, s.splits[clean(v.Query.Key)] == v.Query.Split && v.Query.Split != ""
		}),
	}
}

func parentsOf(ctx context.Context, tx pgx.Tx, f *sluice.Facts) (*sieve, error) {
	keys := queryKeys(f)
	s := &sieve{splits: map[string]sluice.Split{}, forgotten: map[string]bool{}}
	rows, err := tx.Query(ctx, `SELECT q.key, q.split FROM unnest($1::text[]) u (key) JOIN queries q ON q.key = u.key`, keys)
	if err != nil {
		return nil, fmt.Errorf("look for parents: %w", err)
	}
	var key, split string
	if _, err := pgx.ForEachRow(rows, []any{&key, &split}, func() error {
		s.splits[key] = sluice.Split(split)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("look for parents: %w", err)
	}
	s.forgotten, err = found(ctx, tx, `SELECT f.query_key FROM unnest($1::text[]) u (key) JOIN forgotten f ON f.query_key = u.key`, keys)
	return s, err
}

func labelsOf(ctx context.Context, tx pgx.Tx, examples []sluice.Fact[sluice.Example]) (map[string]bool, error) {
	return found(ctx, tx, `SELECT l.id FROM unnest($1::text[], $2::text[], $3::text[]) u (query_key, id, split)
		JOIN labels l ON l.query_key = u.query_key AND l.id = u.id AND l.split = u.split`,
		texts(examples, func(v *sluice.Example) string { return v.Label.Query.Key }),
		texts(examples, func(v *sluice.Example) string { return v.ID }),
		texts(examples, func(v *sluice.Example) string { return string(v.Label.Query.Split) }))
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
