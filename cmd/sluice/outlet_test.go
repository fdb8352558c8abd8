package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/gateway/spool"
	"sluice/llm"
	"sluice/streams"
)

// logThat says what a log says to a publisher.
type logThat struct{ err error }

func (l *logThat) Publish(context.Context, []streams.Message) ([]streams.Ack, error) {
	return nil, l.err
}

func TestASpoolThatCanNotBeReadIsToldApartFromALogThatIsAway(t *testing.T) {
	now, log := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), &logThat{err: errors.New("no responders")}
	o := &outlet{publisher: log, now: func() time.Time { return now }}
	publish := func() error { _, err := o.Publish(t.Context(), nil); return err }

	if o.failed(fmt.Errorf("spool: %w", publish())) {
		t.Error("a log that is away is no fault of the spool")
	}
	now = now.Add(time.Minute)
	if d, own := o.stuck(3); d != time.Minute || own != nil {
		t.Errorf("stuck for %v, %v", d, own)
	}
	if d, _ := o.stuck(0); d != 0 {
		t.Errorf("stuck for %v with nothing to publish", d)
	}
	log.err = nil
	_ = publish()
	if d, _ := o.stuck(3); d != 0 {
		t.Errorf("stuck for %v after it got through", d)
	}

	broken := fmt.Errorf("spool: read: %w", syscall.EIO)
	if !o.failed(broken) || o.failed(broken) {
		t.Error("the first failure of a disk is to be told, once")
	}
	now = now.Add(time.Second)
	if d, own := o.stuck(1); d != time.Second || !errors.Is(own, syscall.EIO) {
		t.Errorf("stuck for %v, %v", d, own)
	}
	_ = publish()
	if _, own := o.stuck(1); own != nil || !o.failed(broken) {
		t.Error("the next episode is to be told again")
	}
}

// neverAsked is models for a gateway that nobody asks.
type neverAsked struct{}

func (neverAsked) Chat(context.Context, llm.ChainOptions, llm.ChatRequest, llm.Hooks, func(llm.Chunk) error) (llm.ChainResult, error) {
	return llm.ChainResult{}, errors.New("asked")
}

// withGateway opens a gateway on a log of its own.
func (p *program) withGateway(do func(context.Context, *openedGateway)) {
	p.t.Helper()
	p.withLog(func(ctx context.Context, l *openedLog) {
		m := p.opened()
		g, err := m.openGateway(ctx, m.config, l, neverAsked{})
		if err != nil {
			p.t.Fatal(err)
		}
		defer func() { _ = g.Close(ctx) }()
		do(ctx, g)
	})
}

func TestAGatewayWhoseSpoolCanNotBeReadIsNotReady(t *testing.T) {
	newProgram(t).withGateway(func(ctx context.Context, g *openedGateway) {
		if err := g.readiness(ctx); err != nil {
			t.Fatal(err)
		}
		g.outlet.failed(syscall.EIO)
		if err := g.unreadable(1); !errors.Is(err, syscall.EIO) {
			t.Errorf("readiness says %v", err)
		}
		if err := g.readiness(ctx); err != nil {
			t.Errorf("nothing waits to be published, but: %v", err)
		}
	})
}

// Whoever panics each time publishes nothing either: stuck, and not ready.
func TestAGatewayWhosePublishingPanicsIsNotReady(t *testing.T) {
	m, _ := besides()
	g := &openedGateway{m: m, slot: &spool.Slot{Dir: "spool/0"}, outlet: &outlet{publisher: &logThat{}, now: time.Now}}
	err := g.publishSpool(t.Context(), func() error { panic("a frame of no kind") })
	g.working.Wait()
	if own := g.unreadable(1); err == nil || own == nil || !strings.Contains(own.Error(), "a frame of no kind") {
		t.Errorf("publishing ended with %v, readiness says %v", err, own)
	}
	if n := m.beside.Counts()["publishing of facts"]; n != 1 {
		t.Errorf("%d panics counted", n)
	}
}
