package micro_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	natsmicro "github.com/nats-io/nats.go/micro"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/micro"
	"sluice/internal/gatetest"
	"sluice/internal/natstest"
	"sluice/routing"
	"sluice/routing/front"
)

func serve(t *testing.T, options ...gatetest.Option) (*nats.Conn, *gatetest.Rig) {
	t.Helper()
	nc := natstest.Start(t).Connect()
	r := gatetest.Start(t, options...)
	s, err := micro.Gateway(context.WithoutCancel(t.Context()), nc, "1.0.0", r.Pipeline, micro.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.WithoutCancel(t.Context())) })
	return nc, r
}

func TestAServiceDecidesAndAnswersByRequestAndReply(t *testing.T) {
	t.Parallel()
	nc, r := serve(t)
	m, err := nc.Request(micro.SubjectDecide, []byte(`{"query":"A complex question?","tenant":"acme"}`), 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Policy        sluice.Policy
		Model, Rule   string
		RouterVersion string `json:"router_version"`
		Probabilities map[sluice.Policy]float64
	}
	if err := json.Unmarshal(m.Data, &d); err != nil || d.Policy != sluice.Complex || d.Model != gatetest.Large || d.RouterVersion != "words" || d.Probabilities[sluice.Complex] != 0.8 {
		t.Errorf("decision %s (%v)", m.Data, err)
	}
	if n := len(r.Decisions(t)); n != 0 {
		t.Errorf("%d decisions published of one that was not answered", n)
	}
	m, err = nc.Request(micro.SubjectAnswer, []byte(`{"query":"Which river flows through Baghdad?","tenant":"acme"}`), 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var a micro.Reply
	if err := json.Unmarshal(m.Data, &a); err != nil || a.Text == "" || a.Cost == 0 || m.Header.Get(micro.HeaderFinal) != "true" {
		t.Errorf("answer %s (%v)", m.Data, err)
	}
	got := r.Decisions(t)
	if len(got) != 1 || got[0].API != "nats" || got[0].Query.Tenant != "acme" || got[0].ID != m.Header.Get("X-Sluice-Decision-Id") {
		t.Errorf("decisions %+v", got)
	}
}

func TestWhatIsAskedOverNATSReachesTheModelAndTheDecision(t *testing.T) {
	t.Parallel()
	h := &gatetest.Heard{}
	nc, r := serve(t, func(p *gatetest.Plan) { p.Gateway.Models = h })
	if _, err := nc.Request(micro.SubjectAnswer, []byte(`{"query":"Hi","system":"Be brief.","max_output_tokens":99,"temperature":0.5,"tags":["vip"],"conversation":"c"}`), 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if c := h.Last(); c.System != "Be brief." || c.MaxOutputTokens != 99 || *c.Temperature != 0.5 || c.Messages[0].Text != "Hi" {
		t.Errorf("asked %+v", c)
	}
	if d := r.Decisions(t); len(d) != 1 || len(d[0].Query.Tags) != 1 || d[0].Query.Tags[0] != "vip" || d[0].Conversation != "c" {
		t.Errorf("decisions %+v", d)
	}
}

func TestAStreamedReplyEndsWithAMarkedMessage(t *testing.T) {
	t.Parallel()
	nc, _ := serve(t)
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest(micro.SubjectAnswer, inbox, []byte(`{"query":"Which river flows through Baghdad?","stream":true}`)); err != nil {
		t.Fatal(err)
	}
	text := ""
	for {
		m, err := sub.NextMsg(30 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if m.Header.Get(micro.HeaderFinal) == "true" {
			var a micro.Reply
			if err := json.Unmarshal(m.Data, &a); err != nil || a.Text != text || text == "" {
				t.Errorf("pieces %q, the whole %s", text, m.Data)
			}
			return
		}
		var p micro.Piece
		if err := json.Unmarshal(m.Data, &p); err != nil {
			t.Fatal(err)
		}
		text += p.Text
	}
}

func TestFaultsHaveTheHeadersOfMicroServices(t *testing.T) {
	t.Parallel()
	nc, _ := serve(t)
	for body, want := range map[string]string{
		`{"query":"Hi","model":"gpt-17"}`: "404", `{"query":""}`: "400", `{"query":"Hi","temper":1}`: "400", `nonsense`: "400",
		`{"query":"Hi","tenant":"` + strings.Repeat("x", 201) + `"}`: "400", // it would keep the request out of the log
	} {
		m, err := nc.Request(micro.SubjectAnswer, []byte(body), 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if m.Header.Get(natsmicro.ErrorCodeHeader) != want || m.Header.Get(natsmicro.ErrorHeader) == "" {
			t.Errorf("%s: headers %v, want code %s", body, m.Header, want)
		}
	}
	m, err := nc.Request(micro.SubjectDecide, []byte(`{"query":" "}`), 30*time.Second)
	if err != nil || m.Header.Get(natsmicro.ErrorCodeHeader) != "400" || !strings.Contains(m.Header.Get(natsmicro.ErrorHeader), "query") {
		t.Errorf("no query to decide on: headers %v (%v), want code 400 and the field's name", m.Header, err)
	}
	// Discovery and figures are those of every micro service.
	m, err = nc.Request("$SRV.STATS."+micro.GatewayName, nil, 30*time.Second)
	if err != nil || !strings.Contains(string(m.Data), `"route.answer"`) || !strings.Contains(string(m.Data), `"faults":5`) {
		t.Errorf("stats %s (%v)", m.Data, err)
	}
}

type broken struct{ err error }

func (b broken) Route(context.Context, routing.Request) (routing.Choice, error) {
	return routing.Choice{}, b.err
}

func TestARouterIsAskedOverNATSWithinItsDeadline(t *testing.T) {
	t.Parallel()
	nc := natstest.Start(t).Connect()
	r := micro.NewRouter(nc)
	if _, err := r.Route(t.Context(), routing.Request{Text: "Hi"}); !errors.Is(err, routing.ErrUnavailable) {
		t.Fatalf("nobody serves: %v", err)
	}
	s, err := micro.Serve(context.WithoutCancel(t.Context()), nc, "1.0.0", gatetest.Words{}, 2, micro.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Route(t.Context(), routing.Request{Text: "A complex one"})
	want, _ := gatetest.Words{}.Route(t.Context(), routing.Request{Text: "A complex one"})
	if err != nil || c.Policy != want.Policy || c.Reasoning != want.Reasoning || c.Score() != want.Score() || r.Version() != "words" {
		t.Errorf("choice %+v (%v), want %+v", c, err, want)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	for _, fault := range []error{routing.ErrTooLong, routing.ErrUnparseable, routing.ErrUnavailable} {
		s, err := micro.Serve(context.WithoutCancel(t.Context()), nc, "1.0.0", broken{fault}, 2, micro.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Route(t.Context(), routing.Request{Text: "Hi"}); !errors.Is(err, fault) {
			t.Errorf("%v came back as %v", fault, err)
		}
		_ = s.Stop(t.Context())
	}
	// Somebody listens and says nothing.
	sub, err := nc.SubscribeSync(micro.SubjectRouter)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := r.Route(ctx, routing.Request{Text: "Hi"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silence: %v", err)
	}
}

// several stands for more than one router: what decides goes by tenant and key, and brings a threshold of its own.
type several struct{}

func (several) Route(_ context.Context, r routing.Request) (routing.Choice, error) {
	return routing.Choice{
		Policy: sluice.Standard, Version: r.Tenant + " " + r.Key, Threshold: 0.3, ReasoningSource: routing.ReasoningNone,
		Probabilities: map[sluice.Policy]float64{sluice.Standard: 0.6, sluice.Complex: 0.4},
	}, nil
}

// A front that asks over NATS decides as one that has the routers itself: pins and canary go by tenant and key, and
// P(Complex) is held against the threshold of the version that chose.
func TestWhoIsAskedOverNATSKnowsTheTenantAndBringsItsThreshold(t *testing.T) {
	t.Parallel()
	nc := natstest.Start(t).Connect()
	s, err := micro.Serve(context.WithoutCancel(t.Context()), nc, "1.0.0", several{}, 2, micro.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := front.New(front.Options{Static: gatetest.Words{}, Deadline: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	f.Swap(front.Set{Active: micro.NewRouter(nc)})
	d := f.Decide(t.Context(), front.Request{Text: "Hi", Tenant: "acme", RequestKey: "k1"})
	if d.Fault != "" || d.Choice.Version != "acme k1" || d.Threshold != 0.3 || d.Choice.Policy != sluice.Complex {
		t.Errorf("decided %+v", d)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// rotten panics wherever it is asked.
type rotten struct{}

func (rotten) Decide(context.Context, *gateway.Ask) (sluice.Decision, error) { panic("ouch") }

func (rotten) Answer(context.Context, *gateway.Ask, gateway.Stream) (*gateway.Answer, error) {
	panic("ouch")
}

func (rotten) Route(context.Context, routing.Request) (routing.Choice, error) { panic("ouch") }

func TestAPanicEndsItsRequestAlone(t *testing.T) {
	t.Parallel()
	nc := natstest.Start(t).Connect()
	var log strings.Builder
	panics := &gateway.Panics{Log: slog.New(slog.NewTextHandler(&log, nil))}
	g, err := micro.Gateway(context.WithoutCancel(t.Context()), nc, "1.0.0", rotten{}, micro.Options{Panics: panics})
	if err != nil {
		t.Fatal(err)
	}
	r, err := micro.Serve(context.WithoutCancel(t.Context()), nc, "1.0.0", rotten{}, 1, micro.Options{Panics: panics})
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{micro.SubjectDecide, micro.SubjectAnswer, micro.SubjectRouter, micro.SubjectRouter} {
		m, err := nc.Request(subject, []byte(map[bool]string{true: `{"text":"Hi"}`, false: `{"query":"Hi"}`}[subject == micro.SubjectRouter]), 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if m.Header.Get(natsmicro.ErrorCodeHeader) != "500" || m.Header.Get(micro.HeaderFinal) != "true" || !strings.Contains(string(m.Data), `"kind":"internal"`) {
			t.Errorf("%s: headers %v, %s", subject, m.Header, m.Data)
		}
	}
	m, err := nc.Request("$SRV.STATS."+micro.RouterName, nil, 30*time.Second)
	if err != nil || !strings.Contains(string(m.Data), `"panics":2`) {
		t.Errorf("stats %s (%v)", m.Data, err)
	}
	if err := errors.Join(g.Stop(t.Context()), r.Stop(t.Context())); err != nil {
		t.Error(err)
	}
	if panics.Count() != 4 || strings.Count(log.String(), "ouch") != 4 || !strings.Contains(log.String(), "micro_test.go") {
		t.Errorf("%d counted, log %s", panics.Count(), log.String())
	}
}
