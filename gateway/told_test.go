package gateway

import (
	"log/slog"
	"testing"
	"time"

	"sluice"
	"sluice/bulkhead"
)

type observer func(*sluice.Decision)

func (o observer) Observe(d *sluice.Decision) { o(d) }

func TestAnObserverThatPanicsKeepsNobodyElseFromHearing(t *testing.T) {
	beside := bulkhead.New(slog.New(slog.DiscardHandler), time.Now)
	var heard []string
	told := newTold([]Observer{
		observer(func(*sluice.Decision) { panic("no such label") }),
		observer(func(d *sluice.Decision) { heard = append(heard, d.ID) }),
	}, beside)
	told.tell(&sluice.Decision{ID: "a"})
	told.tell(&sluice.Decision{ID: "b"})
	told.close()
	if len(heard) != 2 || beside.Counts()["observer of requests"] != 2 {
		t.Errorf("heard %v, panics %v", heard, beside.Counts())
	}
}

// gatherer tells nothing before it is flushed.
type gatherer struct{ waits, told int }

func (g *gatherer) Observe(*sluice.Decision) { g.waits++ }

func (g *gatherer) Flush() { g.told, g.waits = g.told+g.waits, 0 }

func TestWhatAnObserverGathersIsToldBeforeTheEnd(t *testing.T) {
	g := &gatherer{}
	told := newTold([]Observer{g}, bulkhead.New(slog.New(slog.DiscardHandler), time.Now))
	for range 200 {
		told.tell(&sluice.Decision{})
	}
	told.close()
	if g.told+g.waits != 200 || g.waits != 0 {
		t.Errorf("%d told, %d left", g.told, g.waits)
	}
}
