// Package inflight keeps a journal of the model calls that a process has in flight, for the case that it is
// killed: a provider bills such a call all the same, and its line of the ledger is made of the reply.
//
// A line enters before its call is made, at the most that the call can cost, is completed when the call has ended, and
// leaves once the log has confirmed it (Invariant 6). What a process left that was killed, or stopped while the log took
// nothing, is adopted by another one of the directory, which publishes lines of calls that had ended as they were, and
// the others as estimated. A line's subject is its id, so that one that had reached the log after all stands, and
// publishing it again changes nothing (Invariant 2).
//
// The journal is files of fixed slots, written through memory: the operating system keeps what a killed process
// wrote. Nothing is forced to the disk: a loss of power, or of the machine, may take it. It holds no word of a
// query, an answer or a prompt, and it never refuses a call.
package inflight
