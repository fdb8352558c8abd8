// Package meter is the monitor's Prometheus metrics: counters and histograms of what this process was the first to
// record, and gauges of what every monitor sees alike.
//
// Facts and views enter; an HTTP handler for Prometheus leaves. Sum counters over instances (each decision is
// counted by exactly one); take the maximum of gauges (each instance shows the same value). Every name is
// spelled here and begins with sluice_; dashboards/ is checked against them.
package meter
