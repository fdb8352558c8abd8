// Command sluice runs the ring: it reads flags and configuration, opens the log, the tables and the
// models, wires the stages to them, and ends cleanly.
//
// Flags, sluice.yaml and the environment enter; a running program, or one command's result on standard
// output, leaves. Progress, prose and logs go to standard error. The package decides nothing about a
// message: it only chooses which parts meet.
//
// A command is the file of its name, and its parts are files that begin with it (demo_route.go, bench_gateway.go).
// What commands share: open*.go bring up log, tables, models, calls in flight, gateway and data sets; stages.go and
// monitor.go make the stages, crew.go runs them, ring.go runs all of them; workshop.go is where routers are trained;
// page*.go is what the page shows; flags.go, table.go, words.go and progress.go read and write for people.
//
// Exit status: 0 done; 1 failed; 2 wrong flags or configuration; 3 a spending cap was reached;
// 130 interrupted before the work was done.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(realMain()) }

// realMain is main with a status, so that deferred calls run.
func realMain() int {
	m := &Main{Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
	if err := m.ParseFlags(os.Args[1:]); err != nil {
		return m.report(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal drains; after it the default is back, so that the second one kills.
	release := context.AfterFunc(ctx, func() {
		stop()
		fmt.Fprintln(os.Stderr, "\nstopping: what is in hand is finished first; once more stops at once")
	})
	defer release()
	return m.report(m.Run(ctx))
}
