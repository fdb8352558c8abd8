// Package migrations holds the schema as forward steps, NNNN_verb_noun.sql, each applied once and in order by
// the postgres package. A step that was released is never edited: the next one corrects it. There is no way
// back but a backup.
package migrations

import "embed"

// FS holds every step.
//
//go:embed *.sql
var FS embed.FS
