package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// commandsWith lists the commands that take a flag.
func commandsWith(t *testing.T, flag string) []string {
	t.Helper()
	m, _, _ := newProgram(t).command("version")
	var found []string
	for _, leaf := range m.selected.Model.Leaves(true) {
		if slices.ContainsFunc(leaf.Flags, func(f *kong.Flag) bool { return f.Name == flag }) {
			found = append(found, leaf.Name)
		}
	}
	return found
}

// Whoever runs a command is told, whichever command may ask an emulator in place of the models.
func TestWhoAsksAnEmulatorSaysThatTheModelsAreSimulated(t *testing.T) {
	t.Parallel()
	books, _ := newProgram(t).serve("emulator", "--port", "0")
	words := map[string][]string{"consume": {"judge"}, "ask": {"Why?"}}
	commands := commandsWith(t, "upstream")
	for _, command := range []string{"up", "consume", "gateway", "ask", "demo"} {
		if !slices.Contains(commands, command) {
			t.Errorf("%s is not among %v", command, commands)
		}
	}
	for _, command := range commands {
		if command == "demo" {
			continue // whose summary says so: demo_test.go
		}
		p := newProgram(t).withTables()
		for upstream, want := range map[string]string{
			"emulator":     "the models are SIMULATED by emulator:synthetic at http://",
			books.Emulator: "the models are SIMULATED at " + books.Emulator + "\n",
		} {
			m, out, errs := p.command(append([]string{command, "--upstream", upstream}, words[command]...)...)
			ctx, stop := context.WithCancel(t.Context())
			m.Ready = func(Where) { stop() }
			status := m.report(m.Run(ctx))
			stop()
			if status != statusDone || strings.Count(errs.String(), want) != 1 {
				t.Errorf("%s --upstream %s: status %d, want %q once in\n%s%s", command, upstream, status, want, out, errs)
			}
		}
	}
}
