// Package operate is what an operator does to a running ring: look at it, bring dead letters back or
// drop them, send a window of the log through a stage once more, and erase a person's queries. It also compares the dead
// letters of the tables with the log's, as copies of the record stage have it do.
//
// A log and a selection enter; counts, letters and messages to RETRIES leave. It never handles a
// message itself: whatever is replayed runs through the stage's own code, on whichever copy fetches it.
package operate
