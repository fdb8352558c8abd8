// Package producers puts questions into the ring: it reads benchmark files row by row and publishes
// each row as upstream would, to queries.asked.<source> with a confirmation for every one.
//
// Files enter (SimpleQA's csv, NQ-open, recorded rows, any jsonl with a field mapping; plain or
// gzipped) and confirmed messages leave, in batches, resumable, no faster than the log takes them.
//
// The package never judges a question: an empty, oversized or garbled one is published as it is, so
// that the ring's entrance refuses it with its reason and the dead letters keep it. Only what cannot
// become a message at all (a broken line, a missing field) is left out, and every such row is reported
// with its file and line and counted. It never draws the split: that is a function of the content,
// drawn at the entrance.
package producers
