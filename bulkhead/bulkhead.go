// Package bulkhead keeps a panic within the work that it happened in.
//
// Work that others must outlive enters: what a process does beside its requests and messages. An error takes the
// panic's place, and the log, a counter and whoever raises alerts hear of it. Whether the work is begun anew is its
// owner's to decide. Work that holds money or facts in memory whose state nobody can vouch for after a panic does not
// belong in here: it ends the process, whose files and log say how to go on.
package bulkhead

import (
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"sync"
	"time"
)

// tellEvery is how often panics of one work are told at most; all are counted.
const tellEvery = 10 * time.Second

// Bulkhead contains panics, and tells of them. A nil one contains nothing: what nobody would hear of ends the process.
type Bulkhead struct {
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex
	counts map[string]int64
	told   map[string]time.Time
	alert  func(work, message string)
}

// New makes a bulkhead that tells a log. now is time.Now outside tests.
func New(log *slog.Logger, now func() time.Time) *Bulkhead {
	return &Bulkhead{log: log, now: now, counts: map[string]int64{}, told: map[string]time.Time{}}
}

// Alert has f told from now on, in place of whoever was told before. It is called by the goroutine that panicked, so
// it must not wait; one that panics itself is logged.
func (b *Bulkhead) Alert(f func(work, message string)) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alert = f
}

// Contain does the work. A panic becomes an error that names the work; the stack is in the log. work is one of a few
// words of ours, for metrics and alerts.
func (b *Bulkhead) Contain(work string, do func() error) (err error) {
	if b == nil {
		return do()
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%s: it panicked: %v", work, v)
			b.tell(work, v)
		}
	}()
	return do()
}

// Do is Contain for work that has no error to return: its panic is told, and that is all.
func (b *Bulkhead) Do(work string, do func()) {
	_ = b.Contain(work, func() error { do(); return nil })
}

func (b *Bulkhead) tell(work string, v any) {
	n, alert := b.count(work)
	if n == 0 {
		return
	}
	b.log.Error("work beside the requests panicked", "work", work, "panic", fmt.Sprint(v), "so_far", n, "stack", string(debug.Stack()))
	if alert == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			b.log.Error("an alert of a panic panicked", "work", work, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	alert(work, fmt.Sprintf("%s panicked and was contained: %v; the log has the stack", work, v))
}

// count counts a panic. n is 0 where the last one of the work was told just now.
func (b *Bulkhead) count(work string) (n int64, alert func(work, message string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[work]++
	now := b.now()
	if last, ok := b.told[work]; ok && now.Sub(last) < tellEvery {
		return 0, nil
	}
	b.told[work] = now
	return b.counts[work], b.alert
}

// Counts is how often each kind of work panicked.
func (b *Bulkhead) Counts() map[string]int64 {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.counts)
}
