// Package ringtest tests what no stage can promise alone: that the judge is blind to what the answer
// stage knows, and that intake, answer, judge, label and analysis together carry every query to one
// example, on a real log with a real client of an emulated provider that fails. Postgres and the program
// itself have their own tests (internal/acceptance, internal/chaos).
package ringtest
