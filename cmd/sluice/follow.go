package main

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"sluice"
	"sluice/routing/front"
	"sluice/trainer/registry"
)

// firstLook bounds how long a start waits for the registry's first word; until it comes the static map decides.
const firstLook = 10 * time.Second

// follow keeps the front supplied with the routers that the registry points to, until ctx ends. It returns when
// the first ones are in service, or when the registry took too long to say which.
func (g *openedGateway) follow(ctx context.Context) {
	live := &registry.Live{Registry: g.registry, Open: shelf{}.Open, Dir: filepath.Join(g.cfg.DataDir, "routers"), Log: g.m.log}
	s := &frontSink{front: g.Front, first: make(chan struct{})}
	g.always(ctx, "following of the registry", "the registry of routers can't be followed; trying again", func() error { return live.Run(ctx, s) })
	late := time.NewTimer(firstLook)
	defer late.Stop()
	select {
	case <-s.first:
	case <-late.C:
		g.m.log.Warn("the registry has not said yet which router decides; the static map does until then")
	case <-ctx.Done():
	}
}

// frontSink puts what the registry points to into service.
type frontSink struct {
	front *front.Front
	told  sync.Once
	first chan struct{} // closed by the first Use
}

// Use swaps all of it at once.
func (s *frontSink) Use(_ context.Context, serving registry.Serving) {
	s.front.Swap(front.Set{
		Active: serving.Active, Pins: serving.Pins, Canary: serving.Canary, CanaryShare: serving.CanaryShare, Shadow: serving.Shadow,
	})
	s.told.Do(func() { close(s.first) })
}

// rolledBack tells the registry of a canary that was dropped, so that every gateway drops it, and raises an
// alert: once, however many gateways dropped it within the hour.
func (g *openedGateway) rolledBack(ctx context.Context, r front.Rollback) {
	if ctx.Err() != nil {
		return
	}
	g.m.log.Warn("a canary was dropped", "version", r.Version, "reason", r.Reason)
	if err := g.registry.DropCanary(ctx, r.Version); err != nil {
		g.m.log.Error("the registry still points to a canary that was dropped here", "version", r.Version, "error", err)
	}
	g.raise(ctx, "canary_rollback", r.Version, "the canary "+r.Version+" was dropped: "+r.Reason, r.At)
}

// raise stores an alert whose id is a function of what it is about and the hour.
func (g *openedGateway) raise(ctx context.Context, rule, subject, message string, at time.Time) {
	g.raiseOnce(ctx, rule, subject, at.UTC().Truncate(time.Hour).Format(time.RFC3339), message, at)
}

// raiseOnce stores an alert of something that happened, once an episode, however many gateways saw it.
func (g *openedGateway) raiseOnce(ctx context.Context, rule, subject, episode, message string, at time.Time) {
	g.store(ctx, sluice.Alert{
		ID: sluice.HashID(rule, subject, episode), Rule: rule, Subject: subject, Severity: "warning", Message: message, RaisedAt: at.UTC(),
	})
}

// store stores an alert; that it can't is told.
func (g *openedGateway) store(ctx context.Context, a sluice.Alert) {
	if g.publisher == nil { // a router's process, which may not raise any
		return
	}
	storeAlert(ctx, g.m.log, g.publisher, a)
}
