package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/bulkhead"
)

// besides is a program whose bulkhead tells a buffer.
func besides() (*Main, *bytes.Buffer) {
	var log bytes.Buffer
	m := &Main{log: slog.New(slog.NewTextHandler(&log, nil))}
	m.beside = bulkhead.New(m.log, time.Now)
	return m, &log
}

func TestWhatAGatewayDoesBesideItsRequestsGoesOnAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, log := besides()
		g := &openedGateway{m: m}
		ctx, stop := context.WithCancel(t.Context())
		rounds := 0
		g.always(ctx, "publishing of facts", "facts can't be published; trying again", func() error {
			switch rounds++; rounds {
			case 1:
				panic("a frame of no kind")
			case 2:
				return errors.New("the log is away")
			}
			<-ctx.Done()
			return nil
		})
		pauseFor(t.Context(), 3*again)
		stop()
		g.working.Wait()
		if rounds != 3 || m.beside.Counts()["publishing of facts"] != 1 {
			t.Errorf("%d rounds, panics %v", rounds, m.beside.Counts())
		}
		for _, want := range []string{"a frame of no kind", "beside_test.go", "the log is away"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %q", want)
			}
		}
	})
}

func TestWhatAMonitorDoesBesideItsMessagesGoesOnAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := besides()
		p := parts{log: m.log, beside: m.beside}
		ctx, stop := context.WithCancel(t.Context())
		rounds := 0
		task := p.repeated(time.Second, "look at the online ring", func(context.Context) error {
			if rounds++; rounds == 1 {
				panic("a window without an end")
			}
			stop()
			return nil
		})
		if err := task(ctx); err != nil || rounds != 2 || m.beside.Counts()["look at the online ring"] != 1 {
			t.Errorf("error %v, %d rounds, panics %v", err, rounds, m.beside.Counts())
		}
	})
}

func TestAPanicBesideTheRequestsIsAnAlertAndAMetric(t *testing.T) {
	p := newProgram(t).withTables()
	m, _, _ := p.command("up", "--upstream", "emulator")
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan Where, 1), make(chan int, 1)
	m.Ready = func(w Where) { ready <- w }
	go func() { done <- m.report(m.Run(ctx)) }() // joined below
	where := <-ready
	_ = m.beside.Contain("sampler", func() error { panic("no lot to draw") })
	db := p.db()
	eventually(t, "the alert in the tables", func() bool {
		return countOf(t, db, `SELECT count(*) FROM alerts WHERE rule = 'panic' AND subject = 'sampler' AND message LIKE '%no lot to draw%'`) == 1
	})
	if text := scrape(t, where.Metrics); !strings.Contains(text, `sluice_panics_total{work="sampler"} 1`) {
		t.Error("no metric counts the panic")
	}
	cancel()
	if status := <-done; status != statusDone {
		t.Errorf("status %d", status)
	}
}

// One alert waits for a log that is away: nobody who panics waits with it, and nothing piles up.
func TestAlertsOfPanicsKeepNobodyWaiting(t *testing.T) {
	m, _ := besides()
	asked, stored := make(chan struct{}), 0
	raise := panicAlerts(m.beside, func(ctx context.Context, _ sluice.Alert) {
		stored++
		if stored == 1 {
			panic("no pen")
		}
		close(asked)
		<-ctx.Done()
	})
	ctx, stop := context.WithCancel(t.Context())
	var raising sync.WaitGroup
	raising.Go(func() { raise(ctx) })
	for i := range 50 {
		_ = m.beside.Contain(fmt.Sprint("work ", i), func() error { panic("again") })
	}
	<-asked
	stop()
	raising.Wait()
	if stored != 2 || m.beside.Counts()["alert"] != 1 {
		t.Errorf("%d alerts stored, panics %v", stored, m.beside.Counts())
	}
}
