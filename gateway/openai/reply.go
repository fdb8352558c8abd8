package openai

import (
	"encoding/json"
	"net/http"
	"strings"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/web"
	"sluice/llm"
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

// explained is the decision as replies carry it.
type explained struct {
	DecisionID    string                    `json:"decision_id"`
	Policy        sluice.Policy             `json:"policy,omitempty"`
	Reasoning     string                    `json:"reasoning,omitempty"`
	Probabilities map[sluice.Policy]float64 `json:"probabilities,omitempty"`
	Model         string                    `json:"model"`
	Tier          sluice.Tier               `json:"tier,omitempty"`
	Rule          string                    `json:"rule"`
	RuleReason    string                    `json:"rule_reason,omitempty"`
	RouterVersion string                    `json:"router_version"`
	RouterFault   string                    `json:"router_fault,omitempty"`
	RulesVersion  string                    `json:"rules_version"`
	Fallbacks     []string                  `json:"fallbacks,omitempty"`
	Cost          sluice.MicroUSD           `json:"cost_microusd"`
	CostEstimated bool                      `json:"cost_estimated,omitempty"`
}

func explain(d *sluice.Decision) *explained {
	return &explained{
		DecisionID: d.ID, Policy: d.Policy, Reasoning: d.Reasoning, Probabilities: d.Probabilities, Model: d.Model, Tier: d.Tier,
		Rule: d.Rule, RuleReason: d.RuleReason, RouterVersion: d.RouterVersion, RouterFault: d.RouterFault, RulesVersion: d.RulesVersion,
		Fallbacks: d.Fallbacks, Cost: d.Cost, CostEstimated: d.CostEstimated,
	}
}

type completion struct {
	ID      string     `json:"id"`
	Object  string     `json:"object"`
	Created int64      `json:"created"`
	Model   string     `json:"model"`
	Choices []choice   `json:"choices"`
	Usage   *usage     `json:"usage,omitempty"`
	Sluice  *explained `json:"sluice,omitempty"`
}

type choice struct {
	Index   int          `json:"index"`
	Message *replyTurn   `json:"message,omitempty"`
	Delta   *delta       `json:"delta,omitempty"`
	Finish  *string      `json:"finish_reason"`
	Logprob *json.Number `json:"logprobs"`
}

type replyTurn struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
	Refusal   *string    `json:"refusal"`
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

// whole is a reply in one piece.
func whole(a *gateway.Answer) *completion {
	turn := &replyTurn{Role: "assistant"}
	if a.Text != "" || len(a.ToolCalls) == 0 {
		turn.Content = &a.Text
	}
	for _, t := range a.ToolCalls {
		call := toolCall{ID: t.ID, Type: "function"}
		call.Function.Name, call.Function.Arguments = t.Name, t.Arguments
		turn.ToolCalls = append(turn.ToolCalls, call)
	}
	c := head(&a.Decision, "chat.completion")
	c.Choices = []choice{{Message: turn, Finish: finishOf(a)}}
	c.Usage, c.Sluice = usageOf(a.Usage), explain(&a.Decision)
	return c
}

func head(d *sluice.Decision, object string) *completion {
	return &completion{ID: "chatcmpl-" + d.ID, Object: object, Created: d.DecidedAt.Unix(), Model: d.Model}
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
