package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/keys"
	"sluice/llm"
	"sluice/streams"
)

// Decider decides on a request without answering it; *gateway.Pipeline is one.
type Decider interface {
	Decide(ctx context.Context, a *gateway.Ask) (sluice.Decision, error)
}

// Recorder writes facts down that will be published; *spool.Spool is one.
type Recorder interface {
	End(id string, facts []streams.Message) error
}

// Own are the endpoints of no dialect: /v1/route and /v1/feedback. fail writes their faults.
func Own(d Decider, r Recorder, newID func() string, now func() time.Time, fail func(http.ResponseWriter, *gateway.Fault)) []Route {
	o := own{d, r, newID, now}
	return []Route{
		{Pattern: "POST /v1/route", Scope: keys.ScopeRoute, Handle: o.route, Fail: fail},
		{Pattern: "POST /v1/feedback", Scope: keys.ScopeFeedback, Rated: true, Handle: o.feedback, Fail: fail},
	}
}

type own struct {
	decider  Decider
	recorder Recorder
	newID    func() string
	now      func() time.Time
}

// RouteBody is what /v1/route is asked; route.decide over NATS takes the same.
type RouteBody struct {
	Query        string   `json:"query"`
	Model        string   `json:"model"` // empty: auto
	Conversation string   `json:"conversation"`
	Tags         []string `json:"tags"`
	Threshold    *float64 `json:"threshold"`
	Explain      bool     `json:"explain"`
}

// Check finds a query without a word. The pipeline would too, and speak of messages.
func (b RouteBody) Check() *gateway.Fault {
	if sluice.CleanText(b.Query, 0) == "" {
		return gateway.Invalid("query", "is missing, or has no text")
	}
	return nil
}

// Ask is the question as the pipeline takes it.
func (b RouteBody) Ask() *gateway.Ask {
	a := &gateway.Ask{
		API: "route", Model: b.Model, Conversation: b.Conversation, Tags: b.Tags, Threshold: b.Threshold, Explain: b.Explain,
		Chat: llm.ChatRequest{Messages: []llm.Message{{Role: llm.User, Text: b.Query}}},
	}
	if a.Model == "" {
		a.Model = gateway.Auto
	}
	return a
}

func (o own) route(w http.ResponseWriter, r *Request) *gateway.Fault {
	var b RouteBody
	if fault := Decode(r.Body, &b); fault != nil {
		return fault
	}
	if fault := b.Check(); fault != nil {
		return fault
	}
	a := b.Ask()
	if fault := r.Knobs(a); fault != nil {
		return fault
	}
	d, err := o.decider.Decide(r.Context(), a)
	if err != nil {
		return AsFault(err)
	}
	Describe(w.Header(), &d)
	body, err := json.Marshal(Routed(&d))
	if err != nil {
		return &gateway.Fault{Kind: gateway.Internal, Message: "the decision can't be written as JSON"}
	}
	WriteJSON(w, body)
	return nil
}

// Decision is a decision as /v1/route and route.decide tell it.
type Decision struct {
	ID              string                    `json:"id"`
	Policy          sluice.Policy             `json:"policy,omitempty"`
	Reasoning       string                    `json:"reasoning,omitempty"`
	ReasoningSource string                    `json:"reasoning_source"`
	Probabilities   map[sluice.Policy]float64 `json:"probabilities,omitempty"`
	Threshold       float64                   `json:"threshold,omitempty"`
	Model           string                    `json:"model"`
	Tier            sluice.Tier               `json:"tier,omitempty"`
	Rule            string                    `json:"rule"`
	RuleReason      string                    `json:"rule_reason,omitempty"`
	RouterVersion   string                    `json:"router_version"`
	RouterFault     string                    `json:"router_fault,omitempty"`
	RulesVersion    string                    `json:"rules_version"`
	Canary          bool                      `json:"canary,omitempty"`
	Features        map[string]float64        `json:"features,omitempty"`
	RouterUS        int64                     `json:"router_us"`
	// Refusal says why the request would not be answered; empty where it would.
	Refusal string `json:"refusal,omitempty"`
}

// Routed is a decision without what only answering adds.
func Routed(d *sluice.Decision) Decision {
	return Decision{
		ID: d.ID, Policy: d.Policy, Reasoning: d.Reasoning, ReasoningSource: d.ReasoningSource, Probabilities: d.Probabilities,
		Threshold: d.Threshold, Model: d.Model, Tier: d.Tier, Rule: d.Rule, RuleReason: d.RuleReason, RouterVersion: d.RouterVersion,
		RouterFault: d.RouterFault, RulesVersion: d.RulesVersion, Canary: d.Canary, Features: d.Features,
		RouterUS: d.RouterUS, Refusal: d.Error,
	}
}

type feedbackBody struct {
	DecisionID string   `json:"decision_id"`
	Thumb      string   `json:"thumb"`
	Score      *float64 `json:"score"`
	Correction string   `json:"correction"`
	Comment    string   `json:"comment"`
}

// What OpenAI's dialect puts before a decision's id to name its replies by.
const (
	ChatPrefix     = "chatcmpl-"
	ResponsePrefix = "resp_"
)

// decision is the id of the decision, where a client sent that of the reply, too.
func (b feedbackBody) decision() string {
	return strings.TrimPrefix(strings.TrimPrefix(b.DecisionID, ChatPrefix), ResponsePrefix)
}

// longestFeedback bounds, in bytes, each text of a feedback.
const longestFeedback = 16 << 10

func (b feedbackBody) check() *gateway.Fault {
	switch {
	case streams.ValidToken("decision_id", b.decision()) != nil || len(b.DecisionID) > 64:
		return gateway.Invalid("decision_id", "want the id of a decision, as X-Sluice-Decision-Id tells it, or of its reply")
	case b.Thumb != "" && b.Thumb != "up" && b.Thumb != "down":
		return gateway.Invalid("thumb", "want up or down")
	case b.Score != nil && !(*b.Score >= 0 && *b.Score <= 1):
		return gateway.Invalid("score", "want a number from 0 (useless) to 1 (perfect)")
	case len(b.Correction) > longestFeedback:
		return gateway.Invalid("correction", "is longer than "+sizeOf(longestFeedback))
	case len(b.Comment) > longestFeedback:
		return gateway.Invalid("comment", "is longer than "+sizeOf(longestFeedback))
	case b.Thumb == "" && b.Score == nil && strings.TrimSpace(b.Correction) == "" && strings.TrimSpace(b.Comment) == "":
		return gateway.Invalid("thumb", "say something: a thumb, a score, a correction or a comment")
	}
	return nil
}

func (o own) feedback(w http.ResponseWriter, r *Request) *gateway.Fault {
	var b feedbackBody
	if fault := Decode(r.Body, &b); fault != nil {
		return fault
	}
	if fault := b.check(); fault != nil {
		return fault
	}
	f := sluice.Feedback{
		ID: o.newID(), DecisionID: b.decision(), Tenant: r.Key.Tenant, Source: "client", Thumb: b.Thumb, Score: b.Score,
		Correction: gateway.Scrubbed(b.Correction), Comment: gateway.Scrubbed(b.Comment), GivenAt: o.now().UTC().Truncate(time.Microsecond),
	}
	m, err := streams.FeedbackFact(f)
	if err == nil {
		err = o.recorder.End("", []streams.Message{m})
	}
	if err != nil {
		return &gateway.Fault{Kind: gateway.Unavailable, Message: "the feedback can't be written down now", RetryAfter: time.Second}
	}
	body, _ := json.Marshal(map[string]string{"id": f.ID, "decision_id": f.DecisionID}) // strings alone
	WriteJSON(w, body)
	return nil
}
