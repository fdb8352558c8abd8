package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/routing"
)

// Serving is the opened routers of a [State]. A router that is not set, or could not be opened, is nil.
type Serving struct {
	Active routing.Router
	// Pins are by tenant.
	Pins        map[string]routing.Router
	Canary      routing.Router
	CanaryShare float64
	Shadow      routing.Router
}

// Sink serves. Use replaces what it served before, in one step.
type Sink interface {
	Use(ctx context.Context, s Serving)
}

// Opener opens an artifact's directory.
type Opener func(ctx context.Context, dir string) (routing.Router, error)

// Live keeps a sink supplied with the routers that the registry points to.
type Live struct {
	Registry *Registry
	Open     Opener
	// Dir is where artifacts are kept on this machine.
	Dir string
	// Again is the pause before a version that could not be opened is tried again; zero: 30 s.
	Again time.Duration
	Log   *slog.Logger

	opened map[Ref]routing.Router
	// refused is why a version can't be opened, so that it is said once.
	refused map[Ref]string
	last    Serving
}

// Run watches the pointers and feeds the sink until ctx is done; then it returns nil. The first Use comes
// when every pointer was read. A version that is missing, torn or corrupt, or that can't be opened, is
// refused, and what the pointer meant before goes on serving. Call it once.
func (l *Live) Run(ctx context.Context, sink Sink) error {
	again := l.Again
	if again <= 0 {
		again = 30 * time.Second
	}
	l.opened, l.refused = map[Ref]routing.Router{}, map[Ref]string{}
	watcher, err := l.Registry.kv.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch routers: %w", err)
	}
	defer func() { _ = watcher.Stop() }()
	retry := time.NewTicker(again)
	defer retry.Stop()
	state, whole := State{Pins: map[string]Pointer{}}, false
	for {
		select {
		case <-ctx.Done():
			return nil
		case entry, ok := <-watcher.Updates():
			switch {
			case !ok:
				if ctx.Err() != nil {
					return nil
				}
				return errors.New("watch routers: the watch ended")
			case entry == nil:
				whole = true // every key was read
			case !l.moved(entry, &state):
				continue
			}
		case <-retry.C:
			if len(l.refused) == 0 {
				continue
			}
		}
		if whole {
			l.serve(ctx, state, sink)
		}
	}
}

// moved puts a changed pointer into the state; one that can't be read changes nothing.
func (l *Live) moved(entry jetstream.KeyValueEntry, state *State) bool {
	p, err := parsePointer(entry)
	if err != nil {
		l.Log.Error("pointer refused; what was served goes on serving", "key", entry.Key(), "error", err)
		return false
	}
	state.put(entry.Key(), p)
	return true
}

// serve opens what the state names and hands it over.
func (l *Live) serve(ctx context.Context, state State, sink Sink) {
	next := Serving{Pins: map[string]routing.Router{}}
	next.Active = l.router(ctx, state.Active.Ref, l.last.Active)
	next.Shadow = l.router(ctx, state.Shadow.Ref, nil)
	if next.Canary = l.router(ctx, state.Canary.Ref, nil); next.Canary != nil {
		next.CanaryShare = state.Canary.Share
	}
	for tenant, p := range state.Pins {
		if r := l.router(ctx, p.Ref, l.last.Pins[tenant]); r != nil {
			next.Pins[tenant] = r
		}
	}
	if ctx.Err() != nil {
		return
	}
	l.forget(state)
	l.last = next
	sink.Use(ctx, next)
}

// router is the opened version, or else what there is in its place.
func (l *Live) router(ctx context.Context, ref Ref, instead routing.Router) routing.Router {
	if ref.Version == "" {
		return nil
	}
	if r, ok := l.opened[ref]; ok {
		return r
	}
	dir := filepath.Join(l.Dir, ref.Version)
	err := l.Registry.Fetch(ctx, ref, dir)
	var r routing.Router
	if err == nil {
		r, err = l.open(ctx, dir)
	}
	if err != nil {
		if why := err.Error(); ctx.Err() == nil && l.refused[ref] != why {
			l.refused[ref] = why
			l.Log.Error("router refused; what was served before goes on serving", "version", ref.Version, "serving", versionOf(instead), "error", err)
		}
		return instead
	}
	delete(l.refused, ref)
	l.opened[ref] = r
	l.Log.Info("router opened", "version", ref.Version)
	return r
}

// open opens a directory; an opener that panics over what it finds there has refused it.
func (l *Live) open(ctx context.Context, dir string) (r routing.Router, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("open %s: %v", dir, p)
		}
	}()
	return l.Open(ctx, dir)
}

// forget lets go of versions that nothing points to. Requests that still use one keep it alive.
func (l *Live) forget(state State) {
	named := map[Ref]bool{state.Active.Ref: true, state.Canary.Ref: true, state.Shadow.Ref: true}
	for _, p := range state.Pins {
		named[p.Ref] = true
	}
	for ref := range l.opened {
		if !named[ref] {
			delete(l.opened, ref)
		}
	}
	for ref := range l.refused {
		if !named[ref] {
			delete(l.refused, ref)
		}
	}
}

func versionOf(r routing.Router) string {
	if r == nil {
		return static
	}
	return r.Version()
}
