package producers

import (
	"fmt"
	"time"
)

// Row is one question of a data set.
type Row struct {
	// ID is the data set's own identifier; empty where it has none, and the question is then known by
	// its content.
	ID string
	// Text is the question as the file has it, without the blanks around it. It may be empty.
	Text string
	// GroundTruth lists the accepted answers; empty where the data set knows none.
	GroundTruth []string
	// Tags are the data set's own words for it: "topic:Geography".
	Tags []string
	// Tenant, Priority and Deadline are zero unless a mapping names their fields.
	Tenant   string
	Priority int
	Deadline time.Time
	// File and Line are where the row begins; lines count from 1.
	File string
	Line int
}

// Kind says why a row was left out.
type Kind string

// The kinds.
const (
	// Invalid rows cannot become a message: a broken line, a missing field, a wrong type.
	Invalid Kind = "invalid"
	// Repeated rows are in the file once already.
	Repeated Kind = "repeated"
)

// RowError says why one row was left out, and where it is. Iteration goes on after it; any other error
// that a loader yields is the last thing that it yields.
type RowError struct {
	File string
	Line int
	Kind Kind
	Err  error
}

// Error writes "file:line: what is wrong".
func (e *RowError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap is the fault itself.
func (e *RowError) Unwrap() error { return e.Err }

// leftOut is the error that stands in the row's place.
func (r Row) leftOut(kind Kind, err error) *RowError {
	return &RowError{File: r.File, Line: r.Line, Kind: kind, Err: err}
}

func invalidf(file string, line int, format string, args ...any) *RowError {
	return &RowError{File: file, Line: line, Kind: Invalid, Err: fmt.Errorf(format, args...)}
}
