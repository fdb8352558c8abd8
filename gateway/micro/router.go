package micro

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"sluice"
	"sluice/gateway/web"
	"sluice/routing"
	"sluice/streams"
	"sluice/telemetry"
)

// routed is a choice as it travels.
type routed struct {
	Policy        sluice.Policy             `json:"policy"`
	Probabilities map[sluice.Policy]float64 `json:"probabilities,omitempty"`
	Reasoning     string                    `json:"reasoning,omitempty"`
	Source        string                    `json:"reasoning_source"`
	Version       string                    `json:"version"`
	Threshold     float64                   `json:"threshold,omitempty"`
	Truncated     bool                      `json:"truncated,omitempty"`
}

type routerRequest struct {
	Text    string `json:"text"`
	Explain bool   `json:"explain,omitempty"`
	Tenant  string `json:"tenant,omitempty"`
	Key     string `json:"key,omitempty"`
}

// Deciding decides; front.Front behind an adapter, or any router, is one.
type Deciding interface {
	Route(ctx context.Context, r routing.Request) (routing.Choice, error)
}

// faults of a router by the code that they travel under.
var faults = map[string]error{"413": routing.ErrTooLong, "422": routing.ErrUnparseable, "503": routing.ErrUnavailable}

// Serve serves a router to gateways, with so many decisions in hand at once.
func Serve(ctx context.Context, nc *nats.Conn, version string, r Deciding, concurrency int, o Options) (*Service, error) {
	s, err := start(ctx, nc, RouterName, version, "Decides which kind of query a text is.", concurrency, o)
	if err != nil {
		return nil, err
	}
	err = s.handle("route", SubjectRouter, func(ctx context.Context, req micro.Request) { //nolint:contextcheck // see Service.ctx
		var b routerRequest
		if fault := web.Decode(req.Data(), &b); fault != nil {
			fail(req, fault)
			return
		}
		c, err := r.Route(ctx, routing.Request{Text: b.Text, Explain: b.Explain, Tenant: b.Tenant, Key: b.Key})
		if err != nil {
			code := "500"
			for known, fault := range faults {
				if errors.Is(err, fault) {
					code = known
				}
			}
			_ = req.Error(code, err.Error(), nil)
			return
		}
		_ = req.RespondJSON(routed{c.Policy, c.Probabilities, c.Reasoning, c.ReasoningSource, c.Version, c.Threshold, c.Truncated}) // whoever asked is told by its own deadline
	})
	if err != nil {
		_ = s.Stop(ctx)
		return nil, fmt.Errorf("NATS service %s: %w", RouterName, err)
	}
	return s, nil
}

// Router is a router that is asked over NATS: any copy of the service that is free. It waits as long as its
// caller's context lets it. It is safe for concurrent use.
type Router struct {
	nc      *nats.Conn
	version atomic.Pointer[string] // of the copy that answered last
}

// NewRouter makes a client; nobody is asked yet.
func NewRouter(nc *nats.Conn) *Router { return &Router{nc: nc} }

// Version is that of the copy that answered last; "nats" before the first.
func (r *Router) Version() string {
	if v := r.version.Load(); v != nil {
		return *v
	}
	return "nats"
}

// Route asks.
func (r *Router) Route(ctx context.Context, req routing.Request) (routing.Choice, error) {
	data, err := json.Marshal(routerRequest{Text: req.Text, Explain: req.Explain, Tenant: req.Tenant, Key: req.Key})
	if err != nil {
		return routing.Choice{}, fmt.Errorf("router over NATS: %w", err)
	}
	asked := &nats.Msg{Subject: SubjectRouter, Data: data}
	if parent := telemetry.Of(ctx).Parent(); parent != "" {
		asked.Header = nats.Header{streams.HeaderTraceParent: {parent}}
	}
	m, err := r.nc.RequestMsgWithContext(ctx, asked)
	switch {
	case ctx.Err() != nil:
		return routing.Choice{}, ctx.Err()
	case err != nil: // no responders, no connection
		return routing.Choice{}, fmt.Errorf("router over NATS: %w: %w", routing.ErrUnavailable, err)
	}
	if code := m.Header.Get(micro.ErrorCodeHeader); code != "" {
		fault := faults[code]
		if fault == nil {
			fault = routing.ErrUnavailable
		}
		return routing.Choice{}, fmt.Errorf("router over NATS: %w", fault)
	}
	var c routed
	if err := json.Unmarshal(m.Data, &c); err != nil || c.Policy == "" {
		return routing.Choice{}, fmt.Errorf("router over NATS: %w", routing.ErrUnparseable)
	}
	r.version.Store(&c.Version)
	return routing.Choice{
		Policy: c.Policy, Probabilities: c.Probabilities, Reasoning: c.Reasoning, ReasoningSource: c.Source, Version: c.Version,
		Threshold: c.Threshold, Truncated: c.Truncated,
	}, nil
}
