// Package bench measures the ring: how fast messages go round it against what the log alone can do, how
// close a slow model is used to its concurrency, how soon the first label appears, how much memory an
// idle ring holds.
//
// A way to start the real ring enters ([Ring]); numbers leave. The package never wires a stage itself, so
// that what it measures is what runs.
package bench
