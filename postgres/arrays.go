package postgres

import (
	"strings"
	"time"
	"unicode/utf8"

	"sluice"
)

// texts makes one array parameter of a batch.
func texts[T any](facts []sluice.Fact[T], of func(*T) string) []string {
	array := make([]string, len(facts))
	for i := range facts {
		array[i] = clean(of(&facts[i].Value))
	}
	return array
}

// lists makes one array parameter of lists of texts.
func lists[T any](facts []sluice.Fact[T], of func(*T) []string) [][]string {
	array := make([][]string, len(facts))
	for i := range facts {
		for _, s := range of(&facts[i].Value) {
			array[i] = append(array[i], clean(s))
		}
	}
	return array
}

func numbers[T any](facts []sluice.Fact[T], of func(*T) int64) []int64 {
	array := make([]int64, len(facts))
	for i := range facts {
		array[i] = of(&facts[i].Value)
	}
	return array
}

func flags[T any](facts []sluice.Fact[T], of func(*T) bool) []bool {
	array := make([]bool, len(facts))
	for i := range facts {
		array[i] = of(&facts[i].Value)
	}
	return array
}

// stored lists when the log stored the facts.
func stored[T any](facts []sluice.Fact[T]) []time.Time {
	array := make([]time.Time, len(facts))
	for i := range facts {
		array[i] = facts[i].At
	}
	return array
}

// instants makes an array in which the zero time is NULL, or orElse where that is given.
func instants[T any](facts []sluice.Fact[T], of func(*T) time.Time, orElse func(sluice.Fact[T]) time.Time) []*time.Time {
	array, room := make([]*time.Time, len(facts)), make([]time.Time, len(facts))
	for i := range facts {
		at := of(&facts[i].Value)
		if !representable(at) && orElse != nil {
			at = orElse(facts[i])
		}
		if room[i] = at; representable(at) {
			array[i] = &room[i]
		}
	}
	return array
}

// representable says whether Postgres can hold the instant, and a person can mean it.
func representable(at time.Time) bool { return !at.IsZero() && at.Year() > 0 && at.Year() < 10_000 }

// logged is when the log stored the fact.
func logged[T any](f sluice.Fact[T]) time.Time { return f.At }

// clean makes a text fit for Postgres, which refuses NUL and invalid UTF-8. Each such byte becomes the
// replacement character, so that what was wrong stays visible.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func literals(lists [][]string) []string {
	array := make([]string, len(lists))
	for i, list := range lists {
		array[i] = literal(list)
	}
	return array
}

// literal writes an array the way that Postgres reads one from a text.
func literal(elements []string) string {
	if len(elements) == 0 {
		return "{}"
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, e := range elements {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		for j := range len(e) {
			if e[j] == '"' || e[j] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(e[j])
		}
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}
