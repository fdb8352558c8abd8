package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sluice/config"
	"sluice/gateway/keys"
	"sluice/gateway/page"
	"sluice/gateway/web"
	"sluice/postgres"
)

// pageSources is where the page's numbers come from: the tables, the log, and this gateway.
type pageSources struct {
	g      *openedGateway
	tables *pageTables
	// promoter may change which router decides.
	promoter *workshop
	looks    looks
}

// mountPage puts the page for people on a door.
func (g *openedGateway) mountPage(ctx context.Context, door *web.Door, tables func() (string, error)) error {
	if g.cfg.Gateway.Page == config.PageOff {
		return nil
	}
	p := &pageSources{g: g, tables: newPageTables(tables)}
	g.close = append(g.close, p.tables.Close)
	var err error
	if p.promoter, err = g.openPromoter(ctx); err != nil {
		return err
	}
	sources, err := p.sources(ctx)
	if err != nil {
		return err
	}
	h := page.New(sources, page.Options{Locked: g.cfg.Gateway.Page == config.PageLogin, Now: time.Now, Log: g.m.log})
	door.Handle("GET /{$}", h)
	door.Handle("/page/", h)
	return nil
}

func (p *pageSources) sources(ctx context.Context) (page.Sources, error) {
	budgets, err := p.budgets(ctx)
	if err != nil {
		return page.Sources{}, err
	}
	return page.Sources{
		Online: p.online, Quality: p.quality, Matrix: p.matrix, Routers: p.routers,
		Budgets: budgets, Pipeline: p.pipeline, Tables: p.warning, Dead: p.dead,
		Try: p.try, Promote: p.promote, Rollback: p.rollback, Replay: p.replay,
		Admin: p.admin, Holds: p.holds, Guest: p.guest,
	}, nil
}

// warning says that a newer sluice has migrated the tables, as commands that only look do.
func (p *pageSources) warning(ctx context.Context) (t page.Tables, err error) {
	url, err := p.tables.url()
	if err != nil {
		return t, err
	}
	err = postgres.CheckMigrations(ctx, url)
	if newer, ok := errors.AsType[*postgres.NewerError](err); ok {
		return page.Tables{Warning: newer.Error()}, nil
	}
	return t, err
}

// admin is the id of the admin key that a secret is of.
func (p *pageSources) admin(_ context.Context, secret string) (string, error) {
	key, err := p.g.Keys.Lookup(secret)
	if err != nil || !key.May(keys.ScopeAdmin) {
		return "", nil //nolint:nilerr // whatever is wrong with a key, who tries it is not told
	}
	return key.ID, nil
}

// holds says whether an admin key is in force.
func (p *pageSources) holds(id string) bool {
	key, ok := p.g.Keys.Get(id)
	return ok && key.RevokedAt.IsZero() && (key.ExpiresAt.IsZero() || time.Now().Before(key.ExpiresAt)) && key.May(keys.ScopeAdmin)
}

// guest lets programs and people of this machine try decisions as long as nobody has made a key, as /v1/route
// does.
func (p *pageSources) guest(r *http.Request) bool { return p.g.Keys.AnonymousOpen() && web.Loopback(r) }

// givenTables are those of DATABASE_URL: a gateway by itself starts no Postgres.
func (m *Main) givenTables() (string, error) {
	if url := m.config.Secrets.DatabaseURL.Reveal(); url != "" {
		return url, nil
	}
	return "", page.Absent("This gateway runs without Postgres. sluice up runs everything; or give it DATABASE_URL, and run sluice consume monitor beside it.")
}

// pageTables is a small pool of sessions that only read, opened when somebody looks.
type pageTables struct {
	url func() (string, error)
	// turn has room for one: who is in there opens the pool.
	turn   chan struct{}
	db     *postgres.DB
	closed bool
}

func newPageTables(url func() (string, error)) *pageTables {
	return &pageTables{url: url, turn: make(chan struct{}, 1)}
}

// pageConnections bounds what looking may cost a database.
const pageConnections = 3

// get opens the tables, or finds them open.
func (t *pageTables) get(ctx context.Context) (*postgres.DB, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch {
	case t.closed:
		return nil, page.Absent("the gateway is shutting down")
	case t.db != nil:
		return t.db, nil
	}
	url, err := t.url()
	if err != nil {
		return nil, err
	}
	t.db, err = postgres.Connect(ctx, withOptions(url, "-c default_transaction_read_only=on -c statement_timeout=5s"), "sluice page", pageConnections)
	return t.db, err
}

// Close waits for who looks, and closes the pool.
func (t *pageTables) Close() error {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	t.closed = true
	if t.db != nil {
		t.db.Close()
	}
	return nil
}
