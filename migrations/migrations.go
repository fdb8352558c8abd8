// Package migrations holds the schema as forward steps, NNNN_verb_noun.sql, each applied once and in order by
// the postgres package. A step that was released is never edited: the next one corrects it. There is no way
// back but a backup.
//
// Each step from 0015 on says which releases may still write to the tables after it, by the last step that they know:
//
//	CREATE OR REPLACE FUNCTION oldest_writer() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 15';
//
// A step that only adds (a table, a view, a column that is NULL or has a default, an index that is not unique, a wider
// check) says what the step before said. One that takes something away from older writers, refuses what they do, or
// means something else by what they write, says its own number: older processes are then refused when they start. Where
// that can be had in two releases, do so: add, and write both; take away when nobody of before is left (docs/adr/0031).
package migrations

import (
	"embed"
	"regexp"
	"strconv"
)

// FS holds every step.
//
//go:embed *.sql
var FS embed.FS

var says = regexp.MustCompile(`(?m)^CREATE (?:OR REPLACE )?FUNCTION oldest_writer\(\) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT (\d{1,9})';$`)

// OldestWriter is the number that a step's text says, of the last step that the oldest release knows that may still write
// after it; 0 where it does not say that just once.
func OldestWriter(step string) int64 {
	said := says.FindAllStringSubmatch(step, 2)
	if len(said) != 1 {
		return 0
	}
	oldest, _ := strconv.ParseInt(said[0][1], 10, 64) // digits, nine at most
	return oldest
}
