package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sluice/gateway/page"
	"sluice/operate"
	"sluice/postgres"
	"sluice/trainer/board"
	"sluice/trainer/registry"
)

// pageLetters is how many dead letters the page lists.
const pageLetters = 50

// looks remembers the last look at the ring: rates are measured between two.
type looks struct {
	mu     sync.Mutex
	before operate.Status
}

// pipeline looks at the ring.
func (p *pageSources) pipeline(ctx context.Context) ([]page.Stage, error) {
	p.looks.mu.Lock()
	before := p.looks.before
	p.looks.mu.Unlock()
	s, err := operate.Look(ctx, p.g.log.JS, p.g.m.allStages(), before, time.Now().UTC())
	if err != nil {
		return nil, err
	}
	p.looks.mu.Lock()
	p.looks.before = s
	p.looks.mu.Unlock()
	stages := make([]page.Stage, 0, len(s.Stages))
	for _, r := range s.Stages {
		stages = append(stages, page.Stage{
			Name: r.Stage, Lag: r.Lag, InFlight: r.InFlight, Redelivered: r.Redelivered, PerSecond: r.PerSecond, Dead: r.Dead,
			Ran: len(r.Durables) > 0, Alive: r.Waiting > 0 || r.InFlight > 0,
		})
	}
	return stages, nil
}

// dead lists the newest dead letters.
func (p *pageSources) dead(ctx context.Context) (page.Letters, error) {
	letters, total, err := operate.Newest(ctx, p.g.log.JS, pageLetters)
	if err != nil {
		return page.Letters{}, err
	}
	all := page.Letters{Total: total, List: make([]page.Letter, 0, len(letters))}
	for _, l := range letters {
		all.List = append(all.List, page.Letter{
			ID: l.ID, Stage: l.Stage, Reason: string(l.Reason), Error: oneLine(l.Error, 300), DiedAt: l.DiedAt, Undecodable: l.Undecodable,
		})
	}
	return all, nil
}

// replay hands one dead letter to its stage once more.
func (p *pageSources) replay(ctx context.Context, id string) error {
	l, err := operate.Find(ctx, p.g.log.JS, id)
	if errors.Is(err, operate.ErrNoLetter) {
		return &page.Fault{Status: http.StatusGone, Message: "This letter is gone: somebody replayed or dropped it already."}
	}
	if err == nil {
		_, err = operate.Revive(ctx, p.g.log.JS, p.g.publisher, []operate.Letter{l})
	}
	if errors.Is(err, operate.ErrUndecodable) {
		return &page.Fault{Status: http.StatusConflict, Message: "This letter can't be read: sluice dead show shows its bytes, sluice dead drop deletes it."}
	}
	return err
}

// openPromoter is the registry as sluice model has it.
func (g *openedGateway) openPromoter(ctx context.Context) (*workshop, error) {
	r, err := registry.Open(ctx, g.log.JS, board.Teller{Publisher: g.publisher}, time.Now)
	if err != nil {
		return nil, err
	}
	return &workshop{m: g.m, cfg: g.cfg, js: g.log.JS, publisher: g.publisher, registry: r}, nil
}

// fates are what became of routers; none where there are no tables.
func (p *pageSources) fates(ctx context.Context) (map[string]postgres.Fate, error) {
	db, err := p.tables.get(ctx)
	if err != nil {
		return nil, err
	}
	return db.Fates(ctx)
}

// routers lists the registry, with what the tables know of its versions, and the static map.
func (p *pageSources) routers(ctx context.Context) ([]page.Router, error) {
	models, err := p.promoter.registry.List(ctx)
	if err != nil {
		return nil, err
	}
	state, err := p.promoter.registry.State(ctx)
	if err != nil {
		return nil, err
	}
	short, cancel := context.WithTimeout(ctx, time.Second) // the registry is worth showing without the tables
	defer cancel()
	fates, err := p.fates(short)
	if err != nil {
		p.g.m.log.Debug("the page shows routers without what the tables know of them", "error", err)
	}
	back, known := "", len(state.Active.Before) > 0
	if known {
		back = state.Active.Before[0].Version
	}
	var all []page.Router
	for _, x := range models {
		r := pageRouter(x, state, fates[x.Version])
		r.Before = known && x.Version == back
		all = append(all, r)
	}
	return append(all, page.Router{
		Version: "static", Kind: "map", Status: "the fallback of every router", Active: state.Active.Version == "", Before: known && back == "",
	}), nil
}

func pageRouter(x registry.Model, state registry.State, fate postgres.Fate) page.Router {
	r := page.Router{
		Version: x.Version, Kind: x.Kind, Status: fate.Status, Reason: fate.Reason,
		Active: x.Version == state.Active.Version, MadeAt: x.CreatedAt,
	}
	if r.Active {
		r.Reason = state.Active.Reason
	}
	if state.Canary.Version == x.Version {
		r.Uses = append(r.Uses, fmt.Sprintf("canary of %.3g%%", 100*state.Canary.Share))
	}
	if state.Shadow.Version == x.Version {
		r.Uses = append(r.Uses, "shadow")
	}
	pins := 0
	for _, pin := range state.Pins {
		if pin.Version == x.Version {
			pins++
		}
	}
	if pins > 0 {
		r.Uses = append(r.Uses, "pinned by "+several(pins, "tenant", "tenants"))
	}
	var metrics map[string]float64
	if json.Unmarshal(x.Metrics, &metrics) == nil {
		number := func(name string) *float64 {
			if v, ok := metrics[name]; ok {
				return &v
			}
			return nil
		}
		r.APGR, r.APGRLo, r.APGRHi, r.TestRows = number("apgr"), number("apgr_lo"), number("apgr_hi"), int64(metrics["test_rows"])
	}
	return r
}

// promote lets a version decide, as sluice model promote does: only one that is whole, and only over the one
// that the person saw as active. What the gate refused is promoted by who was told so alone.
func (p *pageSources) promote(ctx context.Context, want page.Promotion) error {
	if !want.Anyway {
		if fate := p.fateOf(ctx, want.Version); fate.Status == "refused" {
			return &page.Fault{Status: http.StatusConflict, Message: "The gate refused " + want.Version + ": " + fate.Reason}
		}
	}
	if _, err := p.promoter.whole(ctx, want.Version); err != nil {
		if errors.Is(err, registry.ErrNotThere) {
			return &page.Fault{Status: http.StatusNotFound, Message: err.Error()}
		}
		return err
	}
	return moved(p.promoter.registry.Promote(ctx, want.Version, want.Over, "by hand, on the page, with key "+want.By, registry.Source{Worker: "page"}))
}

func (p *pageSources) fateOf(ctx context.Context, version string) postgres.Fate {
	fates, err := p.fates(ctx)
	if err != nil { // no tables: nobody here knows what the gate said, as the page tells
		return postgres.Fate{}
	}
	return fates[version]
}

// rollback lets the version before the active one decide again, if that is the one that the person saw as active.
func (p *pageSources) rollback(ctx context.Context, want page.Promotion) error {
	_, err := p.promoter.registry.Rollback(ctx, want.Over, "by hand, on the page, with key "+want.By)
	if errors.Is(err, registry.ErrFirst) {
		return &page.Fault{Status: http.StatusConflict, Message: "Nothing was active before: there is nothing to roll back to."}
	}
	return moved(err)
}

// moved tells that somebody else was faster.
func moved(err error) error {
	if errors.Is(err, registry.ErrMoved) {
		return &page.Fault{Status: http.StatusConflict, Message: "Another router is active than this page showed: look again."}
	}
	return err
}
