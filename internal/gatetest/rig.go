// Package gatetest builds whole gateways for tests: emulated models, a router that reads the question's
// words, rules, a spool on the test's own disk, and a log in memory that remembers every fact.
//
// Options enter; a running [Rig] leaves. Everything it starts ends with the test.
package gatetest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/gemini"
	"sluice/gateway/keys"
	"sluice/gateway/openai"
	"sluice/gateway/spool"
	"sluice/gateway/web"
	"sluice/llm"
	"sluice/llm/emulator"
	"sluice/pricing"
	"sluice/routing"
	"sluice/routing/front"
	"sluice/routing/rules"
	"sluice/streams"
)

// The models of the rig.
const (
	Medium = "gemini-2.5-flash"
	Large  = "gemini-2.5-pro"
	Third  = "gpt-4o-mini" // spoken to in OpenAI's dialect
)

// Rig is a gateway under test.
type Rig struct {
	URL      string
	Emulator *emulator.Server
	Pipeline *gateway.Pipeline
	Log      *Log
	Spool    *spool.Spool
	Dir      string
}

// Option changes how a rig is built.
type Option func(*Plan)

// Plan is what a rig is built of.
type Plan struct {
	Emulator emulator.Config
	Models   []llm.ModelConfig
	Gateway  gateway.Options
	Web      web.Options
	Spool    spool.Options
	Rules    rules.Spec
	// Silent leaves facts in the spool: nothing is published.
	Silent bool
}

// Start builds and starts a rig.
func Start(tb testing.TB, options ...Option) *Rig {
	tb.Helper()
	source, err := emulator.NewSynthetic([]emulator.Item{{Question: "Which river flows through Baghdad?", Gold: []string{"Tigris"}}}, emulator.SyntheticConfig{})
	must(tb, err)
	p := &Plan{
		Emulator: emulator.Config{Source: source, KeepBills: true},
		Spool:    spool.Options{Dir: tb.TempDir(), Linger: time.Millisecond},
		Web:      web.Options{Keys: Everybody{}, Replies: web.NewReplies(1<<20, time.Hour, time.Now)},
		Rules:    rules.Spec{Preset: "none", Policies: sluice.DefaultPolicies(), Medium: Medium, Large: Large, Models: []string{Medium, Large, Third}},
		Gateway:  gateway.Options{Medium: Medium, Large: Large, Named: []string{Third}, KeepAnswers: true, TrainShare: 0.8},
	}
	p.Models = []llm.ModelConfig{
		{Provider: "gemini", Model: Medium}, {Provider: "gemini", Model: Large}, {Provider: "openai", Model: Third},
	}
	for _, o := range options {
		o(p)
	}
	return p.build(tb)
}

func (p *Plan) build(tb testing.TB) *Rig {
	tb.Helper()
	r := &Rig{Log: &Log{}, Dir: p.Spool.Dir}
	var err error
	r.Emulator, err = emulator.New(p.Emulator)
	must(tb, err)
	upstream, err := r.Emulator.Start("127.0.0.1:0")
	must(tb, err)
	tb.Cleanup(func() { r.Emulator.Close() })
	for i := range p.Models {
		if p.Models[i].BaseURL == "" {
			p.Models[i].BaseURL = upstream
		}
	}
	caller, err := llm.New(tb.Context(), llm.Config{Models: p.Models, Prices: []pricing.Row{{Model: Third, Prompt: 150_000, Output: 600_000}}}, llm.Deps{Jitter: func() float64 { return 0 }})
	must(tb, err)
	tb.Cleanup(caller.Close)
	r.Spool, _, err = spool.Open(p.Spool)
	must(tb, err)
	f, err := front.New(front.Options{Static: Words{}})
	must(tb, err)
	f.Swap(front.Set{Active: Words{}})
	mapper, err := rules.New(p.Rules)
	must(tb, err)
	o := &p.Gateway
	setUnlessGiven(&o.Front, gateway.Decider(f))
	setUnlessGiven(&o.Rules, gateway.Mapper(mapper))
	setUnlessGiven(&o.Models, gateway.Models(caller))
	setUnlessGiven(&o.Spool, gateway.Spool(r.Spool))
	r.Pipeline, err = gateway.New(context.WithoutCancel(tb.Context()), *o)
	must(tb, err)
	routes := append(openai.Routes(r.Pipeline), gemini.Routes(r.Pipeline)...)
	routes = append(routes, web.Own(r.Pipeline, r.Spool, NewIDs("f"), time.Now, openai.Fail)...)
	server, err := web.Listen(context.WithoutCancel(tb.Context()), "127.0.0.1:0", "", "", time.Minute, web.New(p.Web, openai.Fail, routes...), slog.New(slog.DiscardHandler))
	must(tb, err)
	r.URL = server.URL()
	stop := r.publish(tb, p.Silent)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), time.Minute)
		defer cancel()
		must(tb, server.Shutdown(ctx))
		r.Pipeline.Drain(ctx)
		stop()
		must(tb, f.Close())
		_ = r.Spool.Close()
	})
	return r
}

func setUnlessGiven[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (r *Rig) publish(tb testing.TB, silent bool) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	var g sync.WaitGroup
	g.Go(func() { r.Spool.ForceInTime(ctx) })
	if !silent {
		g.Go(func() {
			if err := r.Spool.Run(ctx, r.Log); err != nil {
				tb.Error(err)
			}
		})
	}
	return func() { cancel(); g.Wait() }
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Words is a router that calls a question complex if it says so.
type Words struct{}

// Version is "words".
func (Words) Version() string { return "words" }

// Route decides.
func (Words) Route(_ context.Context, r routing.Request) (routing.Choice, error) {
	c := routing.Choice{
		Policy: sluice.Standard, Version: "words", Reasoning: "It says nothing of being complex.", ReasoningSource: routing.ReasoningTemplate,
		Probabilities: map[sluice.Policy]float64{sluice.Standard: 0.8, sluice.Complex: 0.1, sluice.Ambiguous: 0.1},
	}
	if strings.Contains(strings.ToLower(r.Text), "complex") {
		c.Policy, c.Reasoning = sluice.Complex, "It says that it is complex."
		c.Probabilities = map[sluice.Policy]float64{sluice.Standard: 0.1, sluice.Complex: 0.8, sluice.Ambiguous: 0.1}
	}
	return c, nil
}

// Everybody lets everybody in, as the tenant that the secret names.
type Everybody struct{}

// Authenticate makes a key.
func (Everybody) Authenticate(secret string, _ bool) (keys.Key, error) {
	if secret == "wrong" {
		return keys.Key{}, keys.ErrUnknown
	}
	if scope, ok := strings.CutPrefix(secret, "only-"); ok {
		return keys.Key{ID: secret, Scopes: []keys.Scope{keys.Scope(scope)}}, nil
	}
	return keys.Key{ID: "key-" + secret, Tenant: secret, Scopes: keys.Scopes()}, nil
}

// NewIDs counts ids up.
func NewIDs(prefix string) func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return prefix + strings.Repeat("a", n)
	}
}

// Log is a log in memory that holds one fact a subject, as the real one does.
type Log struct {
	mu    sync.Mutex
	facts map[string][]byte
	order []string
}

// Publish stores what is new.
func (l *Log) Publish(_ context.Context, msgs []streams.Message) ([]streams.Ack, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	acks := make([]streams.Ack, len(msgs))
	for i, m := range msgs {
		if _, has := l.facts[m.Subject]; has {
			continue
		}
		if l.facts == nil {
			l.facts = map[string][]byte{}
		}
		l.facts[m.Subject] = bytes.Clone(m.Data)
		l.order = append(l.order, m.Subject)
		acks[i].New = true
	}
	return acks, nil
}

// Facts are all of one kind, in the order in which they were stored.
func Facts[T any](tb testing.TB, l *Log, prefix string) []T {
	tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []T
	for _, s := range l.order {
		if !strings.HasPrefix(s, prefix) {
			continue
		}
		v, err := streams.Decode[T](l.facts[s])
		must(tb, err)
		out = append(out, v)
	}
	return out
}

// Decisions waits until everything is published and lists the decisions.
func (r *Rig) Decisions(tb testing.TB) []sluice.Decision {
	tb.Helper()
	must(tb, r.Spool.Flush(tb.Context()))
	return Facts[sluice.Decision](tb, r.Log, "decisions.taken.")
}

// Lines waits until everything is published and lists the lines of the ledger that the decisions bring.
func (r *Rig) Lines(tb testing.TB) []sluice.Call {
	tb.Helper()
	var lines []sluice.Call
	for _, d := range r.Decisions(tb) {
		lines = append(lines, d.Calls...)
	}
	return lines
}

// Reply is a whole reply.
type Reply struct {
	Status          int
	Header, Trailer http.Header
	Body            string
}

// Cost is what the reply says that it cost, in micro-dollars: before the body, or behind a stream.
func (r Reply) Cost() string {
	const name = "X-Sluice-Cost-Microusd"
	if cost := r.Header.Get(name); cost != "" {
		return cost
	}
	return r.Trailer.Get(name)
}

// Post sends a JSON body, with headers given as names and values in turn.
func (r *Rig) Post(tb testing.TB, path, body string, header ...string) Reply {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, r.URL+path, strings.NewReader(body))
	must(tb, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	must(tb, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	must(tb, err)
	return Reply{resp.StatusCode, resp.Header, resp.Trailer, string(text)}
}
