package openai

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/web"
	"sluice/llm"
	"sluice/object"
)

type usage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	TotalTokens      int64 `json:"total_tokens"`
	PromptDetails    struct {
		CachedTokens int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		ReasoningTokens int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func usageOf(u sluice.Usage) *usage {
	out := &usage{PromptTokens: u.Prompt, CompletionTokens: u.Output + u.Thoughts}
	out.TotalTokens = out.PromptTokens + out.CompletionTokens
	out.PromptDetails.CachedTokens, out.CompletionDetails.ReasoningTokens = u.Cached, u.Thoughts
	return out
}

// explain is the decision as replies carry it.
func explain(d *sluice.Decision) json.RawMessage {
	w := make(object.Writer, 0, 512)
	w.Begin()
	writeDecision(&w, d)
	w.End()
	return json.RawMessage(w)
}

func writeDecision(w *object.Writer, d *sluice.Decision) {
	w.Text("decision_id", d.ID)
	w.TextIf("policy", string(d.Policy))
	w.TextIf("reasoning", d.Reasoning)
	if len(d.Probabilities) > 0 {
		w.Object("probabilities")
		names := make([]sluice.Policy, 0, 8)
		for p := range d.Probabilities {
			names = append(names, p)
		}
		slices.Sort(names)
		for _, p := range names {
			w.Fraction(string(p), d.Probabilities[p])
		}
		w.End()
	}
	w.Text("model", d.Model)
	w.TextIf("tier", string(d.Tier))
	w.Text("rule", d.Rule)
	w.TextIf("rule_reason", d.RuleReason)
	w.Text("router_version", d.RouterVersion)
	w.TextIf("router_fault", d.RouterFault)
	w.Text("rules_version", d.RulesVersion)
	if len(d.Fallbacks) > 0 {
		models, _ := json.Marshal(d.Fallbacks) // texts alone
		w.Raw("fallbacks", string(models))
	}
	w.Whole("cost_microusd", int64(d.Cost))
	if d.CostEstimated {
		w.Raw("cost_estimated", "true")
	}
}

// completion is a piece of a reply that is streamed; see [whole] for one that is not.
type completion struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []choice        `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"`
	Sluice  json.RawMessage `json:"sluice,omitempty"`
}

type choice struct {
	Index   int          `json:"index"`
	Delta   *delta       `json:"delta"`
	Finish  *string      `json:"finish_reason"`
	Logprob *json.Number `json:"logprobs"`
}

type delta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

// finishOf is why the reply ended, in OpenAI's words.
func finishOf(a *gateway.Answer) *string {
	s := string(a.FinishReason)
	if s == "" {
		s = "stop"
	}
	return &s
}

// whole is a reply in one piece, at the end of room.
func whole(a *gateway.Answer, room []byte) json.RawMessage {
	d := &a.Decision
	w := object.Writer(slices.Grow(room, 1024+len(a.Text)+len(a.Text)/8))
	w.Begin()
	w.Text("id", web.ChatPrefix+d.ID)
	w.Text("object", "chat.completion")
	w.Whole("created", d.DecidedAt.Unix())
	w.Text("model", d.Model)
	w.List("choices")
	w.Begin()
	w.Whole("index", 0)
	w.Object("message")
	w.Text("role", "assistant")
	if a.Text != "" || len(a.ToolCalls) == 0 {
		w.Text("content", a.Text)
	} else {
		w.Raw("content", "null")
	}
	writeToolCalls(&w, a.ToolCalls)
	w.Raw("refusal", "null")
	w.End()
	w.Text("finish_reason", *finishOf(a))
	w.Raw("logprobs", "null")
	w.End()
	w.EndList()
	writeUsage(&w, a.Usage)
	w.Object("sluice")
	writeDecision(&w, d)
	w.End()
	w.End()
	return json.RawMessage(w)
}

func writeToolCalls(w *object.Writer, calls []llm.ToolCall) {
	if len(calls) == 0 {
		return
	}
	w.List("tool_calls")
	for _, t := range calls {
		w.Begin()
		w.TextIf("id", t.ID)
		w.Text("type", "function")
		w.Object("function")
		w.TextIf("name", t.Name)
		w.Text("arguments", t.Arguments)
		w.End()
		w.End()
	}
	w.EndList()
}

func writeUsage(w *object.Writer, u sluice.Usage) {
	w.Object("usage")
	w.Whole("prompt_tokens", u.Prompt)
	w.Whole("completion_tokens", u.Output+u.Thoughts)
	w.Whole("total_tokens", u.Prompt+u.Output+u.Thoughts)
	w.Object("prompt_tokens_details")
	w.Whole("cached_tokens", u.Cached)
	w.End()
	w.Object("completion_tokens_details")
	w.Whole("reasoning_tokens", u.Thoughts)
	w.End()
	w.End()
}

func deltasOf(calls []llm.ToolCallDelta) []toolCall {
	out := make([]toolCall, 0, len(calls))
	for _, t := range calls {
		call := toolCall{Index: &t.Index, ID: t.ID}
		if t.ID != "" {
			call.Type = "function"
		}
		call.Function.Name, call.Function.Arguments = t.Name, t.Arguments
		out = append(out, call)
	}
	return out
}

// problem is a fault in OpenAI's envelope.
type problem struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	} `json:"error"`
}

// kinds are OpenAI's words: type and code.
var kinds = map[gateway.Kind][2]string{
	gateway.BadRequest:      {"invalid_request_error", "invalid_value"},
	gateway.Unsupported:     {"invalid_request_error", "unsupported_parameter"},
	gateway.Unauthenticated: {"invalid_request_error", "invalid_api_key"},
	gateway.Forbidden:       {"invalid_request_error", "insufficient_permissions"},
	gateway.NotFound:        {"invalid_request_error", "model_not_found"},
	gateway.WrongMethod:     {"invalid_request_error", "method_not_allowed"},
	gateway.Conflict:        {"invalid_request_error", "idempotency_key_in_use"},
	gateway.Mismatch:        {"invalid_request_error", "idempotency_key_reused"},
	gateway.TooLarge:        {"invalid_request_error", "context_length_exceeded"},
	gateway.RateLimited:     {"rate_limit_error", "rate_limit_exceeded"},
	gateway.OverBudget:      {"insufficient_quota", "insufficient_quota"},
	gateway.Refused:         {"invalid_request_error", "refused_by_rule"},
	gateway.Blocked:         {"invalid_request_error", "content_filter"},
	gateway.Upstream:        {"server_error", "upstream_error"},
	gateway.Unavailable:     {"server_error", "unavailable"},
	gateway.Timeout:         {"server_error", "timeout"},
	gateway.Internal:        {"server_error", "internal_error"},
	gateway.ClientGone:      {"server_error", "client_gone"},
}

func problemOf(f *gateway.Fault) []byte {
	var p problem
	words := kinds[f.Kind]
	p.Error.Message, p.Error.Type, p.Error.Code = f.Error(), words[0], &words[1]
	if f.Kind == gateway.NotFound && f.Param == "" {
		*p.Error.Code = "not_found"
	}
	if f.Param != "" {
		param := strings.TrimPrefix(f.Param, "body.")
		p.Error.Param = &param
	}
	data, _ := json.Marshal(p) // strings alone
	return data
}

// Fail writes a fault in OpenAI's envelope.
func Fail(w http.ResponseWriter, f *gateway.Fault) { web.WriteFault(w, f, problemOf(f)) }
