package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"sluice/gateway"
	"sluice/gateway/micro"
	"sluice/routing"
	"sluice/routing/front"
)

// routeCmd is about the router.
type routeCmd struct {
	Serve routeServeCmd `cmd:"" help:"Serve the router to gateways over NATS, as one of any number of copies (gateway.router: nats)."`
}

type routeServeCmd struct {
	Concurrency int `min:"1" placeholder:"N" help:"Decisions in hand at once. Default: routing.concurrency."`
	metricsFlag
}

// Run serves until interrupted.
func (c *routeServeCmd) Run(ctx context.Context, m *Main) (err error) {
	if c.Concurrency > 0 {
		m.config.Routing.Concurrency = c.Concurrency
	}
	l, err := m.openLog(ctx, "route serve", toRun)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	m.config.Gateway.Router = "local" // this is the process that others ask
	g := &openedGateway{m: m, cfg: m.config, log: l}
	beside, stop := context.WithCancel(ctx)
	g.stop = stop
	defer func() { err = errors.Join(err, g.Close(ctx)) }()
	e, err := m.alone(ctx, c.metricsFlag, m.process(nil))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if err := g.openFront(beside); err != nil {
		return err
	}
	s, err := micro.Serve(context.WithoutCancel(ctx), l.NC, serviceVersion, frontRouter{g.Front}, m.config.Routing.Concurrency, micro.Options{Tracing: m.tracing, Panics: &gateway.Panics{Log: m.log}})
	if err != nil {
		return err
	}
	fmt.Fprintf(m.Stdout, "the router is served at %s (process %d); Ctrl-C stops it\n", l.URL, os.Getpid())
	if err = m.serves(l, Where{NATS: l.URL, Metrics: e.URL()}); err == nil {
		e.readyWhen(l.reaches(ctx))
		<-ctx.Done()
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, s.Stop(last))
}

// frontRouter is a front as a router: what the static map would decide is the asking gateway's own to decide.
type frontRouter struct{ front *front.Front }

// Route decides.
func (d frontRouter) Route(ctx context.Context, r routing.Request) (routing.Choice, error) {
	out := d.front.Decide(ctx, front.Request{Text: r.Text, Explain: r.Explain, Tenant: r.Tenant, RequestKey: r.Key})
	out.Choice.Threshold = out.Threshold
	switch out.Fault {
	case "":
		return out.Choice, nil
	case front.FaultTooLong:
		return out.Choice, routing.ErrTooLong
	case front.FaultUnparseable:
		return out.Choice, routing.ErrUnparseable
	}
	return out.Choice, routing.ErrUnavailable
}
