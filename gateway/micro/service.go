package micro

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/keys"
	"sluice/gateway/web"
	"sluice/llm"
	"sluice/streams"
	"sluice/telemetry"
)

// Names of the services, and the subjects of their endpoints.
const (
	GatewayName   = "sluice-gateway"
	RouterName    = "sluice-router"
	SubjectDecide = "route.decide"
	SubjectAnswer = "route.answer"
	SubjectRouter = "router.route"
	queueGroup    = "sluice"
)

// HeaderFinal is "true" on the last message of a streamed reply, and on one that comes whole.
const HeaderFinal = "Sluice-Final"

// Pipeline decides and answers; *gateway.Pipeline is one.
type Pipeline interface {
	Decide(ctx context.Context, a *gateway.Ask) (sluice.Decision, error)
	Answer(ctx context.Context, a *gateway.Ask, stream gateway.Stream) (*gateway.Answer, error)
}

// Options of a service. The zero value traces nothing, and tells nobody of panics.
type Options struct {
	Tracing *telemetry.Tracing
	// Panics hears of requests that panicked: each is answered with a fault, and the service goes on.
	Panics *gateway.Panics
}

// Service is a running service; its owner calls Stop.
type Service struct {
	nc      *nats.Conn
	s       micro.Service
	figures sync.Map        // *figures by endpoint
	ctx     context.Context // ends with the service; requests have no context of their own
	cancel  context.CancelFunc
	room    chan struct{} // holds one element for each request in hand
	working sync.WaitGroup
	tracing *telemetry.Tracing // nil: nobody traces
	panics  *gateway.Panics
}

// start makes a service that has so many requests in hand at once.
func start(ctx context.Context, nc *nats.Conn, name, version, about string, concurrency int, o Options) (*Service, error) {
	s := &Service{nc: nc, room: make(chan struct{}, concurrency), tracing: o.Tracing, panics: o.Panics}
	var err error
	s.s, err = micro.AddService(nc, micro.Config{
		Name: name, Version: version, Description: about, QueueGroup: queueGroup, StatsHandler: func(e *micro.Endpoint) any { return s.figuresOf(e.Name).now() },
	})
	if err != nil {
		return nil, fmt.Errorf("NATS service %s: %w", name, err)
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s, nil
}

func (s *Service) figuresOf(endpoint string) *figures {
	f, _ := s.figures.LoadOrStore(endpoint, &figures{})
	return f.(*figures) //nolint:forcetypeassert // nothing else is stored
}

// handle adds an endpoint. Requests are handled beside one another; a request that finds no room waits, and
// with it those behind it, until another copy of the queue group takes them.
func (s *Service) handle(name, subject string, h func(context.Context, micro.Request)) error {
	f := s.figuresOf(name)
	return s.s.AddEndpoint(name, micro.HandlerFunc(func(asked micro.Request) {
		r, end := apart{asked, s.nc, &f.failed}, f.begin()
		select {
		case s.room <- struct{}{}:
		case <-s.ctx.Done():
			_ = r.Error("503", "the service is shutting down", nil)
			end()
			return
		}
		s.working.Go(func() {
			defer func() { <-s.room }()
			defer end()
			s.traced(subject, h, r, f)
		})
	}), micro.WithEndpointSubject(subject))
}

// traced handles a request as a part of the trace that its header names. A panic ends the request alone.
func (s *Service) traced(subject string, h func(context.Context, micro.Request), r micro.Request, f *figures) {
	ctx, span := s.tracing.Request(s.ctx, subject, r.Headers().Get(streams.HeaderTraceParent))
	defer span.End(nil)
	defer func() {
		if v := recover(); v != nil {
			f.panicked.Add(1)
			s.panics.Note(subject, v)
			fail(r, &gateway.Fault{Kind: gateway.Internal, Message: "the service failed; its log says how"})
		}
	}()
	h(ctx, r)
}

// Stop takes no request any more and waits for those in hand; cut ends them.
func (s *Service) Stop(cut context.Context) error {
	err := s.s.Stop()
	stop := context.AfterFunc(cut, s.cancel)
	s.working.Wait()
	stop()
	s.cancel()
	return err
}

// Gateway serves a pipeline. The requests' key is the given one: its tenant is theirs unless they name one.
func Gateway(ctx context.Context, nc *nats.Conn, version string, p Pipeline, o Options) (*Service, error) {
	s, err := start(ctx, nc, GatewayName, version, "Decides which model answers a query, and has it answered.", 256, o)
	if err != nil {
		return nil, err
	}
	if err = s.handle("decide", SubjectDecide, func(ctx context.Context, r micro.Request) { decide(ctx, p, r) }); err == nil { //nolint:contextcheck // see Service.ctx
		err = s.handle("answer", SubjectAnswer, func(ctx context.Context, r micro.Request) { answer(ctx, p, r) }) //nolint:contextcheck // see Service.ctx
	}
	if err != nil {
		_ = s.Stop(ctx)
		return nil, fmt.Errorf("NATS service %s: %w", GatewayName, err)
	}
	return s, nil
}

// request is what both endpoints are asked.
type request struct {
	web.RouteBody
	Tenant          string   `json:"tenant"`
	System          string   `json:"system"`
	MaxOutputTokens int      `json:"max_output_tokens"`
	Temperature     *float32 `json:"temperature"`
	Stream          bool     `json:"stream"`
}

func (b request) ask() *gateway.Ask {
	a := b.Ask()
	a.API, a.Stream = "nats", b.Stream
	a.Key = keys.Key{ID: "nats", Tenant: b.Tenant, Scopes: keys.Scopes()}
	a.Chat.System, a.Chat.MaxOutputTokens, a.Chat.Temperature = b.System, b.MaxOutputTokens, b.Temperature
	return a
}

// mostTenant bounds a tenant's name, in bytes, as keys do: it is in every fact of a request, and one that is too long
// for a message of the log would keep them out of it.
const mostTenant = 200

// read reads what is asked.
func (b *request) read(data []byte) *gateway.Fault {
	if fault := web.Decode(data, b); fault != nil {
		return fault
	}
	if len(b.Tenant) > mostTenant {
		return gateway.Invalid("tenant", fmt.Sprintf("has more than %d bytes", mostTenant))
	}
	return b.Check()
}

func decide(ctx context.Context, p Pipeline, r micro.Request) {
	var b request
	if fault := b.read(r.Data()); fault != nil {
		fail(r, fault)
		return
	}
	d, err := p.Decide(ctx, b.ask())
	if err != nil {
		fail(r, web.AsFault(err))
		return
	}
	respond(r, web.Routed(&d), &d)
}

// Reply is an answer over NATS: the only message, or the last one of a stream.
type Reply struct {
	Text     string          `json:"text"`
	Finish   string          `json:"finish_reason"`
	Usage    sluice.Usage    `json:"usage"`
	Cost     sluice.MicroUSD `json:"cost_microusd"`
	Decision web.Decision    `json:"decision"`
}

// Piece is a message of a stream before the last.
type Piece struct {
	Text string `json:"text"`
}

func answer(ctx context.Context, p Pipeline, r micro.Request) {
	var b request
	if fault := b.read(r.Data()); fault != nil {
		fail(r, fault)
		return
	}
	var stream gateway.Stream
	if b.Stream {
		stream = &pieces{r: r}
	}
	a, err := p.Answer(ctx, b.ask(), stream)
	if err != nil {
		fail(r, web.AsFault(err))
		return
	}
	d := &a.Decision
	respond(r, Reply{Text: a.Text, Finish: string(a.FinishReason), Usage: a.Usage, Cost: d.Cost, Decision: web.Routed(d)}, d)
}

// pieces sends chunks to the reply's subject.
type pieces struct{ r micro.Request }

// Begin has nothing to send.
func (p *pieces) Begin(*sluice.Decision) error { return nil }

// Chunk sends a piece.
func (p *pieces) Chunk(c llm.Chunk) error {
	if c.Text == "" {
		return nil
	}
	return p.r.RespondJSON(Piece{Text: c.Text})
}

// respond sends the last message.
func respond(r micro.Request, v any, d *sluice.Decision) {
	data, err := json.Marshal(v)
	if err != nil {
		fail(r, &gateway.Fault{Kind: gateway.Internal, Message: "the reply can't be written as JSON"})
		return
	}
	h := micro.Headers{
		HeaderFinal: {"true"}, web.HeaderDecision: {d.ID}, web.HeaderModel: {d.Model}, web.HeaderPolicy: {string(d.Policy)},
		web.HeaderRouter: {d.RouterVersion}, web.HeaderCost: {strconv.FormatInt(int64(d.Cost), 10)},
	}
	_ = r.Respond(data, micro.WithHeaders(h)) // whoever asked is told by its own deadline
}

// fail ends with a fault: the headers Nats-Service-Error and Nats-Service-Error-Code, and a JSON body.
func fail(r micro.Request, f *gateway.Fault) {
	body, _ := json.Marshal(map[string]string{"error": f.Error(), "kind": string(f.Kind), "param": f.Param}) // strings alone
	_ = r.Error(strconv.Itoa(f.Status()), f.Error(), body, micro.WithHeaders(micro.Headers{HeaderFinal: {"true"}}))
}
