// Package online is the arithmetic of watching the online ring: rolling windows over decisions, percentiles from
// histograms, drift (population stability index), calibration error, budgets' burn rate, and the rules that
// turn those into alerts.
//
// Counts that somebody else read enter; numbers and alerts leave. Nothing here reads a clock or a table, so
// that any number of monitors who read the same rows come to the same conclusions.
package online
