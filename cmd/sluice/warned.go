package main

import (
	"context"
	"fmt"
	"time"

	"sluice/gateway"
	"sluice/gateway/budget"
)

// budgetWarned tells the log, and raises an alert, of a budget that warns, downgrades or refuses: once a period,
// however many gateways find it so.
func (g *openedGateway) budgetWarned(ctx context.Context) func(budget.Verdict) {
	ctx = context.WithoutCancel(ctx)
	return func(v budget.Verdict) {
		name := gateway.BudgetName(v.Budget, v.Subject)
		message := fmt.Sprintf("%.0f%% of the budget %s is spent or reserved until %s: %s",
			100*v.Share, name, v.ResetsAt.UTC().Format(time.RFC3339), consequences[v.Decision])
		g.m.log.Warn("budget", "budget", name, "verdict", string(v.Decision), "message", message)
		g.alert(func() { // the request must not wait for the log
			g.raiseOnce(ctx, "budget_warning", name, string(v.Decision)+" "+v.ResetsAt.UTC().Format(time.RFC3339), message, time.Now())
		})
	}
}

var consequences = map[budget.Decision]string{
	budget.Warn:      "calls still pass",
	budget.Downgrade: "the medium model answers instead",
	budget.Refuse:    "a call that did not fit was refused",
}
