package postgres

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"
)

// cell appends one row's value of a column as COPY reads it: its length, then its bytes.
type cell func(b []byte, row int) []byte

// null is the length of a value that is not there.
const null = 0xffffffff

// postgresEpoch is when Postgres begins to count, in Unix seconds: the year 2000.
const postgresEpoch = 946_684_800

// textOID is the type of the elements of a list.
const textOID = 25

// cellsOf writes the elements of a column's array; nil for an array of another type.
func cellsOf(array any, emptyIsNull bool) cell {
	switch array := array.(type) {
	case []string:
		return func(b []byte, row int) []byte {
			if emptyIsNull && array[row] == "" {
				return binary.BigEndian.AppendUint32(b, null)
			}
			return appendText(b, array[row])
		}
	case []int64:
		return func(b []byte, row int) []byte { return appendInt(b, array[row]) }
	case []bool:
		return func(b []byte, row int) []byte {
			if array[row] {
				return append(b, 0, 0, 0, 1, 1)
			}
			return append(b, 0, 0, 0, 1, 0)
		}
	case []time.Time:
		return func(b []byte, row int) []byte { return appendInstant(b, array[row]) }
	case []*time.Time:
		return func(b []byte, row int) []byte {
			if array[row] == nil {
				return binary.BigEndian.AppendUint32(b, null)
			}
			return appendInstant(b, *array[row])
		}
	case [][]byte:
		return func(b []byte, row int) []byte {
			return append(binary.BigEndian.AppendUint32(b, uint32(len(array[row]))), array[row]...)
		}
	case [][]string:
		return func(b []byte, row int) []byte { return appendList(b, array[row]) }
	}
	return nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendInt(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(n))
}

func appendInstant(b []byte, at time.Time) []byte {
	return appendInt(b, (at.Unix()-postgresEpoch)*1_000_000+int64(at.Nanosecond())/1000)
}

// appendList writes an array of one dimension, counted from 1; an empty one has no dimension.
func appendList(b []byte, list []string) []byte {
	head := len(b)
	b = append(b, 0, 0, 0, 0)
	if len(list) == 0 {
		b = appendWords(b, 0, 0, textOID)
	} else {
		b = appendWords(b, 1, 0, textOID, uint32(len(list)), 1)
	}
	for _, s := range list {
		b = appendText(b, s)
	}
	binary.BigEndian.PutUint32(b[head:], uint32(len(b)-head-4))
	return b
}

func appendWords(b []byte, words ...uint32) []byte {
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

// order lists the rows by their key.
func (q queued) order() []int {
	var (
		rows []int
		keys []func(a, b int) int
	)
	for _, column := range q.sorted {
		switch array := q.arrays[column].(type) {
		case []int64:
			rows, keys = make([]int, len(array)), append(keys, func(a, b int) int { return cmp.Compare(array[a], array[b]) })
		case []string:
			rows, keys = make([]int, len(array)), append(keys, func(a, b int) int { return cmp.Compare(array[a], array[b]) })
		}
	}
	for i := range rows {
		rows[i] = i
	}
	slices.SortFunc(rows, func(a, b int) int {
		for _, key := range keys {
			if c := key(a, b); c != 0 {
				return c
			}
		}
		return 0
	})
	return rows
}
