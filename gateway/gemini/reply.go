package gemini

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/keys"
	"sluice/gateway/web"
	"sluice/llm"
)

// Pipeline answers; *gateway.Pipeline is one.
type Pipeline interface {
	web.Answerer
	Names() []string
}

// Routes are the endpoints, and what is not there: its client understands no other envelope.
func Routes(p Pipeline) []web.Route {
	h := handler{p}
	routes := []web.Route{
		{Pattern: "/v1beta/", Scope: keys.ScopeChat, Handle: lost, Fail: Fail},
		{Pattern: "GET /v1beta/models", Scope: keys.ScopeChat, Handle: h.models, Fail: Fail},
		{Pattern: "GET /v1beta/models/{model}", Scope: keys.ScopeChat, Handle: h.model, Fail: Fail},
		{Pattern: "GET /v1/models", Google: true, Scope: keys.ScopeChat, Handle: h.models, Fail: Fail},
		{Pattern: "GET /v1/models/{model}", Google: true, Scope: keys.ScopeChat, Handle: h.model, Fail: Fail},
	}
	for _, version := range []string{"v1beta", "v1"} {
		routes = append(routes, web.Route{
			Pattern: "POST /" + version + "/models/{call}", Scope: keys.ScopeChat, Handle: h.generate, Fail: Fail,
		})
	}
	return routes
}

func lost(http.ResponseWriter, *web.Request) *gateway.Fault {
	return &gateway.Fault{Kind: gateway.NotFound, Message: "there is no such endpoint here; there are /v1beta/models and its generateContent and streamGenerateContent"}
}

type handler struct{ p Pipeline }

type reply struct {
	Candidates   []candidate `json:"candidates"`
	Usage        *usage      `json:"usageMetadata,omitempty"`
	ModelVersion string      `json:"modelVersion"`
	ResponseID   string      `json:"responseId"`
	Sluice       *explained  `json:"sluice,omitempty"`
}

type candidate struct {
	Content      said   `json:"content"`
	FinishReason string `json:"finishReason,omitempty"`
	Index        int    `json:"index"`
}

// said is the model's turn. Its parts are texts, which may be empty but are there, and calls.
type said struct {
	Role  string `json:"role"`
	Parts []any  `json:"parts"`
}

type textPart struct {
	Text string `json:"text"`
}

type usage struct {
	Prompt     int64 `json:"promptTokenCount"`
	Cached     int64 `json:"cachedContentTokenCount,omitempty"`
	Candidates int64 `json:"candidatesTokenCount"`
	Thoughts   int64 `json:"thoughtsTokenCount,omitempty"`
	Total      int64 `json:"totalTokenCount"`
}

type explained struct {
	DecisionID    string          `json:"decisionId"`
	Policy        sluice.Policy   `json:"policy,omitempty"`
	Reasoning     string          `json:"reasoning,omitempty"`
	Rule          string          `json:"rule"`
	RuleReason    string          `json:"ruleReason,omitempty"`
	RouterVersion string          `json:"routerVersion"`
	Cost          sluice.MicroUSD `json:"costMicrousd"`
}

func frame(d *sluice.Decision, finish string, parts ...any) *reply {
	return &reply{
		Candidates:   []candidate{{Content: said{Role: "model", Parts: parts}, FinishReason: finish}},
		ModelVersion: d.Model, ResponseID: d.ID,
	}
}

func callPart(id, name, args string, signature []byte) part {
	c := &call{ID: id, Name: name}
	if json.Valid([]byte(args)) {
		c.Args = json.RawMessage(args)
	}
	return part{FunctionCall: c, ThoughtSignature: signature}
}

// end adds what is known at the end alone.
func (r *reply) end(a *gateway.Answer) *reply {
	u := a.Usage
	r.Usage = &usage{Prompt: u.Prompt, Cached: u.Cached, Candidates: u.Output, Thoughts: u.Thoughts, Total: u.Prompt + u.Output + u.Thoughts}
	d := &a.Decision
	r.Sluice = &explained{
		DecisionID: d.ID, Policy: d.Policy, Reasoning: d.Reasoning, Rule: d.Rule, RuleReason: d.RuleReason,
		RouterVersion: d.RouterVersion, Cost: d.Cost,
	}
	return r
}

func finishOf(a *gateway.Answer) string {
	if a.FinishReason == llm.FinishLength {
		return "MAX_TOKENS"
	}
	return "STOP"
}

func (h handler) generate(w http.ResponseWriter, r *web.Request) *gateway.Fault {
	model, verb, _ := strings.Cut(r.PathValue("call"), ":")
	stream := verb == "streamGenerateContent"
	if !stream && verb != "generateContent" {
		return &gateway.Fault{Kind: gateway.NotFound, Message: "want generateContent or streamGenerateContent"}
	}
	b := &body{}
	fault := web.Decode(r.Body, b)
	if fault != nil && fault.Kind == gateway.Unsupported {
		b = &body{}
		fault = web.Decode(camel(r.Body), b)
	}
	if fault != nil {
		return fault
	}
	a, fault := b.ask(model, stream)
	if fault != nil {
		return fault
	}
	if fault := r.Knobs(a); fault != nil {
		return fault
	}
	if stream {
		if r.URL.Query().Get("alt") != "sse" {
			return gateway.NotSupported("alt", "a stream is sent as server-sent events alone: ask for alt=sse")
		}
		return h.stream(w, r, a)
	}
	return web.Whole(w, r, h.p, a, func(answer *gateway.Answer, _ []byte) any { return whole(answer) })
}

// whole is a reply in one piece.
func whole(answer *gateway.Answer) *reply {
	var parts []any
	if answer.Text != "" || len(answer.ToolCalls) == 0 {
		parts = append(parts, textPart{answer.Text})
	}
	for _, t := range answer.ToolCalls {
		parts = append(parts, callPart(t.ID, t.Name, t.Arguments, t.Signature))
	}
	return frame(&answer.Decision, finishOf(answer), parts...).end(answer)
}

func (h handler) stream(w http.ResponseWriter, r *web.Request, a *gateway.Ask) *gateway.Fault {
	s := &stream{events: web.NewEvents(w)}
	return web.Streamed(w, r, h.p, a, s, s.end, func(answer *gateway.Answer, fault *gateway.Fault) {
		s.events.Fail(&answer.Decision, problemOf(fault))
	})
}

func (s *stream) end(answer *gateway.Answer) {
	// Calls go whole, as this API sends them: their pieces are no JSON.
	var parts []any
	for _, t := range answer.ToolCalls {
		parts = append(parts, callPart(t.ID, t.Name, t.Arguments, t.Signature))
	}
	if parts == nil {
		parts = []any{textPart{}}
	}
	_ = s.events.Queue("", frame(&answer.Decision, finishOf(answer), parts...).end(answer)) // text alone
	s.events.End(&answer.Decision, "")
}

type stream struct {
	events *web.Events
	d      *sluice.Decision
}

// Begin sets the head.
func (s *stream) Begin(d *sluice.Decision) error {
	s.d = d
	s.events.Begin(d)
	return nil
}

// Chunk sends a piece of text.
func (s *stream) Chunk(c llm.Chunk) error {
	if c.Text == "" {
		return nil
	}
	return s.events.Send("", frame(s.d, "", textPart{c.Text}))
}

// codes are Google's words.
var codes = map[gateway.Kind]string{
	gateway.BadRequest: "INVALID_ARGUMENT", gateway.Unsupported: "INVALID_ARGUMENT", gateway.Unauthenticated: "UNAUTHENTICATED",
	gateway.Forbidden: "PERMISSION_DENIED", gateway.NotFound: "NOT_FOUND", gateway.WrongMethod: "UNIMPLEMENTED", gateway.Conflict: "ABORTED", gateway.Mismatch: "INVALID_ARGUMENT",
	gateway.TooLarge: "INVALID_ARGUMENT", gateway.RateLimited: "RESOURCE_EXHAUSTED", gateway.OverBudget: "RESOURCE_EXHAUSTED",
	gateway.Refused: "PERMISSION_DENIED", gateway.Blocked: "FAILED_PRECONDITION", gateway.Upstream: "UNAVAILABLE",
	gateway.Unavailable: "UNAVAILABLE", gateway.Timeout: "DEADLINE_EXCEEDED", gateway.Internal: "INTERNAL", gateway.ClientGone: "CANCELLED",
}

// names are Google's for parameters that are checked behind the dialects.
var names = map[string]string{
	"messages": "contents", "tool_choice": "toolConfig.functionCallingConfig",
	"max_tokens": "generationConfig.maxOutputTokens", "stop": "generationConfig.stopSequences", "seed": "generationConfig.seed",
	"temperature": "generationConfig.temperature", "top_p": "generationConfig.topP", "top_k": "generationConfig.topK",
	"presence_penalty": "generationConfig.presencePenalty", "frequency_penalty": "generationConfig.frequencyPenalty",
	"thinking_budget": "generationConfig.thinkingConfig.thinkingBudget", "response_schema": "generationConfig.responseSchema",
}

func problemOf(f *gateway.Fault) []byte {
	f = f.Named(names)
	type status struct {
		Code    int              `json:"code"`
		Message string           `json:"message"`
		Status  string           `json:"status"`
		Details []map[string]any `json:"details,omitempty"`
	}
	s := status{Code: f.Status(), Message: f.Error(), Status: codes[f.Kind]}
	if f.RetryAfter > 0 {
		s.Details = append(s.Details, map[string]any{
			"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": fmt.Sprintf("%ss", strconv.FormatFloat(f.RetryAfter.Seconds(), 'f', -1, 64)),
		})
	}
	if f.Param != "" {
		s.Details = append(s.Details, map[string]any{
			"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": []map[string]string{{"field": f.Param, "description": f.Message}},
		})
	}
	data, _ := json.Marshal(map[string]status{"error": s}) // strings and numbers alone
	return data
}

// Fail writes a fault in Google's envelope.
func Fail(w http.ResponseWriter, f *gateway.Fault) { web.WriteFault(w, f, problemOf(f)) }
