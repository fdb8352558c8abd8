// Package imports holds the house's import rules and the test that keeps them: imports run downwards
// only. The rules are a table, rules.go; whoever adds a folder adds its line.
package imports
