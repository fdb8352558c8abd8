package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"sluice/config"
	"sluice/gateway"
	"sluice/gateway/claims"
	"sluice/gateway/gemini"
	"sluice/gateway/micro"
	"sluice/gateway/openai"
	"sluice/gateway/web"
	"sluice/routing/front"
)

// serviceVersion is what the NATS services call themselves; micro wants a semantic version.
const serviceVersion = "1.0.0"

// gatewayCmd answers requests for models.
type gatewayCmd struct {
	Listen   address `placeholder:"HOST:PORT" help:"Address of the HTTP APIs. Default: gateway.listen."`
	MaxSpend dollars `placeholder:"USD" help:"Stop, with status 3, when models have cost this process that much."`
	upstreamFlag
}

// Run serves until interrupted, then lets what is in hand end.
func (c *gatewayCmd) Run(ctx context.Context, m *Main) (err error) {
	if c.Listen != "" {
		m.config.Gateway.Listen = string(c.Listen)
	}
	models, err := c.apply(m)
	if err != nil {
		return err
	}
	defer models.Close()
	l, err := m.openLog(ctx, "gateway", toRun)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	caller, err := gatewayModels(ctx, models.cfg, spendCap(c.MaxSpend, func() { stop(errBudget) }))
	if err != nil {
		return err
	}
	defer caller.Close()
	g, s, err := m.openDoors(ctx, models.cfg, l, caller, m.givenTables)
	if err != nil {
		return err
	}
	if err := g.Metrics.Register(m.process(nil)); err != nil {
		return errors.Join(err, s.Close(ctx), g.Close(ctx))
	}
	if err = c.announce(m, g, s, l, models.url); err == nil {
		select {
		case <-ctx.Done():
		case err = <-s.http.Failed():
		}
	}
	if err = errors.Join(err, s.Close(ctx), g.Close(ctx)); err != nil {
		return err
	}
	return budgetOrNil(ctx)
}

func (c *gatewayCmd) announce(m *Main, g *openedGateway, s *serving, l *openedLog, emulatorURL string) error {
	fmt.Fprintf(m.Stdout, "the gateway is up; Ctrl-C lets what is in hand end, then stops it\n")
	g.announce(m, s)
	fmt.Fprintf(m.Stdout, "  log      %s\n", l.URL)
	return m.serves(l, Where{NATS: l.URL, Emulator: emulatorURL, Gateway: s.http.URL()})
}

// announce says where the gateway is, and to whom it is open.
func (g *openedGateway) announce(m *Main, s *serving) {
	fmt.Fprintf(m.Stdout, "  gateway  %s/v1 (OpenAI), %s (Gemini)\n", s.http.URL(), s.http.URL())
	if g.cfg.Gateway.Page != config.PageOff {
		fmt.Fprintf(m.Stdout, "  page     %s/\n", s.http.URL())
	}
	if g.Keys.AnonymousOpen() {
		fmt.Fprintf(m.Stdout, "           open to programs of this machine without a key, until one is made: sluice keys create\n")
	}
}

// serving is a gateway's doors.
type serving struct {
	http  *web.Server
	micro *micro.Service
	g     *openedGateway
}

// reading is how long a client may take to send its request and to read the reply, beside the time that answering takes.
const reading = 2 * time.Minute

// serve opens the doors: HTTP, with the page for people, and NATS. tables says where the page's tables are.
func (g *openedGateway) serve(ctx context.Context, tables func() (string, error)) (*serving, error) {
	c := g.cfg.Gateway
	if g.cfg.Gateway.Router == "nats" {
		g.Front.Swap(front.Set{Active: micro.NewRouter(g.log.NC)})
	}
	o := web.Options{Keys: doorKeys{g.Keys}, Panics: &g.panics, Beside: g.m.beside, MaxBody: c.MaxBody, Rates: g.Keys, Ready: g.readiness, Metrics: g.Metrics.Handler(), Tracing: g.m.tracing, Log: g.m.log}
	if c.ReplyBytes > 0 {
		o.Replies = web.NewReplies(int(c.ReplyBytes), c.ReplyAge, time.Now)
		shared, err := claims.Open(ctx, g.log.JS)
		if err != nil {
			return nil, err
		}
		o.Shared = shared
	}
	routes := append(openai.Routes(g.Pipeline), gemini.Routes(g.Pipeline)...)
	routes = append(routes, web.Own(g.Pipeline, g.Spool, gateway.NewID, time.Now, openai.Fail)...)
	s := &serving{g: g}
	door := web.New(o, openai.Fail, routes...)
	err := g.mountPage(ctx, door, tables)
	if err != nil {
		return nil, err
	}
	if s.http, err = web.Listen(ctx, c.Listen, c.TLSCert, c.TLSKey, c.Timeout+reading, door, g.m.log); err != nil {
		return nil, err
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && g.Keys.AnonymousOpen() && !net.ParseIP(host).IsLoopback() && host != "localhost" {
		g.m.log.Warn("the gateway listens beyond this machine and no key was made yet: only programs of this machine are let in", "listen", c.Listen)
	}
	if s.micro, err = micro.Gateway(context.WithoutCancel(ctx), g.log.NC, serviceVersion, g.Pipeline, micro.Options{Tracing: g.m.tracing, Panics: &g.panics}); err != nil {
		return nil, errors.Join(err, s.http.Shutdown(ctx))
	}
	return s, nil
}

// readiness says why requests should go elsewhere.
func (g *openedGateway) readiness(context.Context) error {
	if g.Pipeline.Draining() {
		return errors.New("the gateway is shutting down")
	}
	if err := g.Spool.Room(); err != nil {
		return fmt.Errorf("every request is refused, since none could be accounted for: %w", err)
	}
	if err := g.unnamed(); err != nil {
		return err
	}
	return g.unreadable(g.Spool.Stats().Unpublished)
}

// Close closes the doors: what is in hand ends by itself within gateway.drain, and is cut off then.
func (s *serving) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.g.cfg.Gateway.Drain)
	defer cancel()
	drained := make(chan struct{})
	go func() { // ends with the requests in hand, which ctx bounds; waited for below
		s.g.Pipeline.Drain(ctx)
		close(drained)
	}()
	err := s.micro.Stop(ctx)
	<-drained
	last, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // last bytes
	defer done()
	if shut := s.http.Shutdown(last); !errors.Is(shut, http.ErrServerClosed) {
		err = errors.Join(err, shut)
	}
	return err
}

// openDoors opens a gateway and its doors; the owner closes both, doors first. tables says where the tables
// are that the page shows, or why they can't be shown; it is asked whenever they are wanted.
func (m *Main) openDoors(ctx context.Context, cfg config.Config, l *openedLog, models gateway.Models, tables func() (string, error)) (*openedGateway, *serving, error) {
	g, err := m.openGateway(ctx, cfg, l, models)
	if err != nil {
		return nil, nil, err
	}
	s, err := g.serve(ctx, tables)
	if err != nil {
		return nil, nil, errors.Join(err, g.Close(ctx))
	}
	return g, s, nil
}
