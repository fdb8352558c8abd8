package producers

import (
	"errors"
	"fmt"
	"iter"

	"sluice"
)

// Selection says which rows of a data set are asked.
type Selection struct {
	// Limit takes the first so many rows of the file, those that are left out counted; 0 takes all.
	Limit int
	// Tenant is the tenant of rows that name none.
	Tenant string
}

// seen is the first row of a key.
type seen struct {
	content string
	line    int
}

// Select takes the first rows and leaves out those whose key came already in this file: the ring keeps
// one query a key, so that a second one would be lost without a word there. The same question again is
// [Repeated]; another question under a used id is [Invalid].
func Select(s Selection, rows iter.Seq2[Row, error]) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		first := map[string]seen{}
		taken := 0
		for row, err := range rows {
			taken++
			if err == nil {
				if row.Tenant == "" {
					row.Tenant = s.Tenant
				}
				if fault := unique(first, row); fault != nil {
					row, err = Row{}, fault
				}
			}
			if !yield(row, err) || taken == s.Limit {
				return
			}
		}
	}
}

// unique notes the row's key, or says why it can't be asked beside the row that has it.
func unique(first map[string]seen, row Row) error {
	key := sluice.QueryKey(row.Tenant, row.ID, row.Text)
	content := sluice.ContentHash(row.Text)
	was, again := first[key]
	switch {
	case !again:
		first[key] = seen{content, row.Line}
		return nil
	case was.content == content:
		return row.leftOut(Repeated, fmt.Errorf("the same query as line %d", was.line))
	}
	return row.leftOut(Invalid, fmt.Errorf("id %q is that of another question, in line %d", row.ID, was.line))
}

// Survey is what a data set holds, counted by reading it once.
type Survey struct {
	// Rows counts every row, those left out included; the rest of the fields count parts of it.
	Rows, Invalid, Repeated int
	// WithoutTruth counts rows that can only be judged reference-free.
	WithoutTruth int
}

// Count reads all rows and counts them. Its error is one that ended the reading.
func Count(rows iter.Seq2[Row, error]) (Survey, error) {
	var s Survey
	for row, err := range rows {
		fault, leftOut := errors.AsType[*RowError](err)
		switch {
		case leftOut && fault.Kind == Repeated:
			s.Repeated++
		case leftOut:
			s.Invalid++
		case err != nil:
			return s, err
		case len(row.GroundTruth) == 0:
			s.WithoutTruth++
		}
		s.Rows++
	}
	return s, nil
}
