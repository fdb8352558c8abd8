// Package chaos holds the fault runs: the real binary, a real NATS server, a real Postgres and the
// emulated provider, each a process of its own, killed by SIGKILL at seeded random moments while
// queries flow. What the tables, the log and the provider's books say at the end is compared with what
// the invariants promise.
//
// A run is sized for CI. SLUICE_CHAOS=long makes it a soak; SLUICE_CHAOS_SEED=N repeats the draw that a
// failed run printed.
package chaos
