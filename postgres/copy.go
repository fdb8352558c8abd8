package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// copy writes a batch of rows that are not there yet, as nearly every one is, by COPY; the tables' own triggers look at
// the parents. It writes nothing, and returns false, where a query of the batch is without a number, or forgotten, since
// a COPY can't leave out rows. Whoever is forgotten between that look and the COPY is no worse off than with an INSERT
// whose snapshot is as old: the rows go when the recorder has let go of the batch.
func (r *Recorder) copy(ctx context.Context, f *sluice.Facts) (copied bool, err error) {
	if slices.ContainsFunc(f.Accepted, func(a sluice.Fact[sluice.Accepted]) bool { return a.Value.Query.Number <= 0 }) {
		return false, nil
	}
	var b batch
	queueParents(&b, f)
	queueChildren(&b, f)
	queueExamples(&b, f.Examples)
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	if keys := b.guarded(); len(keys) > 0 {
		var forgotten bool
		err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM forgotten)
			AND EXISTS (SELECT FROM unnest($1::text[]) u (key) JOIN forgotten f ON f.query_key = u.key)`, keys).Scan(&forgotten)
		if err != nil || forgotten {
			return false, err
		}
	}
	if len(b.kinds) == 1 { // a transaction by itself
		return true, copyRows(ctx, conn.Conn(), b.kinds[0])
	}
	return true, pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, q := range b.kinds {
			if err := copyRows(ctx, tx.Conn(), q); err != nil {
				return err
			}
		}
		return nil
	})
}

// guarded lists the queries that a tombstone would keep out of the batch.
func (b *batch) guarded() []string {
	var keys []string
	for _, q := range b.kinds {
		if q.guard < 0 {
			continue
		}
		if of, ok := q.arrays[q.guard].([]string); ok {
			keys = append(keys, of...)
		}
	}
	return keys
}

// copies holds buffers for the rows of a COPY, mostCopied is the largest that is kept.
var copies = sync.Pool{New: func() any { return new([]byte) }}

const mostCopied = 4 << 20

func copyRows(ctx context.Context, conn *pgx.Conn, q queued) error {
	buf := copies.Get().(*[]byte)
	rows, err := q.binary((*buf)[:0])
	if err != nil {
		return err
	}
	if _, err = conn.PgConn().CopyFrom(ctx, bytes.NewReader(rows), q.copy); err != nil {
		return err // who reads the rows yet is not known: not pooled
	}
	if *buf = rows; cap(rows) <= mostCopied {
		copies.Put(buf)
	}
	return nil
}

// binary appends the rows in the format of COPY, in the order of their key.
func (q queued) binary(b []byte) ([]byte, error) {
	cells := make([]cell, len(q.arrays))
	for i, array := range q.arrays {
		if cells[i] = cellsOf(array, q.columns[i].null); cells[i] == nil {
			return nil, fmt.Errorf("copy: column %s: no array of %T", q.columns[i].name, array)
		}
	}
	order := q.order()
	b = append(b, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...) // no flags, no extension
	for n, row := range order {
		b = append(b, byte(len(cells)>>8), byte(len(cells)))
		for _, c := range cells {
			b = c(b, row)
		}
		if n == 0 { // the others are about as long
			b = slices.Grow(b, min(len(b)*len(order), mostCopied))
		}
	}
	return append(b, 0xff, 0xff), nil
}
