// Package acceptance runs the program as its users do: the binary from a clean directory, the demo with its
// JSON checked, and what compose.yaml would run, each service a process of its own on loopback.
package acceptance
