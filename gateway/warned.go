package gateway

import (
	"maps"
	"sync"
	"time"

	"sluice/gateway/budget"
)

// warnings tells of budgets that did not simply let a call pass: once a period and budget for each verdict, since
// every request of a busy tenant hears the same.
type warnings struct {
	tell func(budget.Verdict)

	mu   sync.Mutex
	told map[warning]time.Time // until when it counts as told
}

type warning struct {
	budget, subject string
	decision        budget.Decision
}

func newWarnings(tell func(budget.Verdict)) *warnings {
	if tell == nil {
		return nil
	}
	return &warnings{tell: tell, told: map[warning]time.Time{}}
}

// hear takes a verdict of that time. A nil one hears nothing.
func (w *warnings) hear(v budget.Verdict, at time.Time) {
	if w == nil || v.Decision == budget.OK || v.Unreachable {
		return
	}
	key := warning{v.Budget, v.Subject, v.Decision}
	w.mu.Lock()
	known := at.Before(w.told[key])
	if !known {
		maps.DeleteFunc(w.told, func(_ warning, until time.Time) bool { return !at.Before(until) })
		w.told[key] = v.ResetsAt
	}
	w.mu.Unlock()
	if !known {
		w.tell(v)
	}
}
