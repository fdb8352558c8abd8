package main

import (
	"context"
	"log/slog"
	"time"

	"sluice"
	"sluice/bulkhead"
	"sluice/streams"
)

// What a gateway does beside its requests, and what becomes of it where it panics:
//
//   - contained, told and done again: publishing from the spool, following of registry, rules and keys, looks of the
//     monitor and of the trainer, the sampler, adoption, purses, renewal of idempotency claims;
//   - contained and told: observers of requests, alerts, routers, shadows, roll-backs;
//   - rightly the end of the process: goroutines of the keeper of budgets and of the publisher of the log, and the runner
//     of stages. They hold money, or what was confirmed, in memory that nobody can vouch for after a panic; what spool,
//     journal and log hold is enough for the next process to go on from.

// again is how long what failed beside the requests rests.
const again = time.Second

// always does something again and again until ctx ends; Close waits for it. A failure, or a panic, is told and
// followed by a pause.
func (g *openedGateway) always(ctx context.Context, work, failed string, do func() error) {
	g.working.Go(func() {
		for ctx.Err() == nil {
			if err := g.m.beside.Contain(work, do); err != nil {
				g.m.log.Error(failed, "error", err)
				pauseFor(ctx, again)
			}
		}
	})
}

// alert raises an alert beside whoever has cause to; Close waits for it. A panic is told.
func (g *openedGateway) alert(raise func()) {
	g.working.Go(func() {
		g.m.beside.Do("alert", raise)
	})
}

// panicAlerts has panics raised as alerts by the task that it returns, which ends with its context. Nobody who panics
// waits for it: those that come faster than they can be stored are in the log and counted all the same.
func panicAlerts(beside *bulkhead.Bulkhead, store func(context.Context, sluice.Alert)) func(context.Context) {
	alerts := make(chan sluice.Alert, 8)
	beside.Alert(func(work, message string) {
		select {
		case alerts <- panicAlert(work, message, time.Now().UTC()):
		default:
		}
	})
	return func(ctx context.Context) {
		for ctx.Err() == nil { // where both are there, select would draw
			select {
			case a := <-alerts:
				beside.Do("alert", func() { store(ctx, a) })
			case <-ctx.Done():
				return
			}
		}
	}
}

// panicAlert is an alert of a panic: once an hour for each kind of work, whichever process it is in.
func panicAlert(work, message string, at time.Time) sluice.Alert {
	const rule = "panic"
	return sluice.Alert{
		ID: sluice.HashID(rule, work, at.Truncate(time.Hour).Format(time.RFC3339)), Rule: rule, Subject: work,
		Severity: "warning", Message: message, RaisedAt: at,
	}
}

// storeAlert stores an alert; that it can't is told.
func storeAlert(ctx context.Context, log *slog.Logger, publisher *streams.Publisher, a sluice.Alert) {
	msg, err := streams.RaisedFact(a)
	if err == nil {
		_, err = publisher.Publish(ctx, []streams.Message{msg})
	}
	if err != nil && ctx.Err() == nil {
		log.Error("an alert can't be raised", "rule", a.Rule, "error", err)
	}
}

func pauseFor(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
