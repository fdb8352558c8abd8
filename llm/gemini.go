package llm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genai"

	"sluice"
)

// Gemini speaks the Gemini API through Google's SDK. It makes one attempt a call: the SDK's own retry
// and continuation are off. Make one with [NewGemini].
type Gemini struct {
	client *genai.Client
	http   *http.Client
	key    Key
}

// NewGemini makes a provider. An empty baseURL is Google's; a key is needed there, while a server of
// our own (the emulator) may do without.
func NewGemini(ctx context.Context, baseURL string, key Key) (*Gemini, error) {
	if key == (Key{}) && baseURL == "" {
		return nil, errors.New("gemini: no API key; Google's servers want one")
	}
	hc := newClient(signature{header: "x-goog-api-key", key: key})
	client, err := genai.NewClient(ctx, &genai.ClientConfig{
		APIKey:  "none", // the SDK wants one; the client signs with the real one
		Backend: genai.BackendGeminiAPI, HTTPClient: hc,
		HTTPOptions: genai.HTTPOptions{BaseURL: baseURL},
	})
	if err != nil {
		return nil, errors.New("gemini: " + explain(err.Error(), key, Request{}))
	}
	return &Gemini{client: client, http: hc, key: key}, nil
}

// Name is "gemini".
func (g *Gemini) Name() string { return "gemini" }

// Close closes idle connections.
func (g *Gemini) Close() { g.http.CloseIdleConnections() }

// Generate makes one attempt.
func (g *Gemini) Generate(ctx context.Context, req Request) (Response, error) {
	ctx, ex := observe(ctx)
	resp, err := g.client.Models.GenerateContent(ctx, req.Model, genai.Text(req.Prompt), geminiConfig(req))
	if err != nil {
		var api genai.APIError
		if errors.As(err, &api) {
			return Response{}, g.refused(ex, req, api)
		}
		return Response{}, breakdown(ctx, ex, err)
	}
	return geminiReply(resp)
}

func geminiConfig(req Request) *genai.GenerateContentConfig {
	once := false
	c := &genai.GenerateContentConfig{
		Temperature:           req.Temperature,
		MaxOutputTokens:       int32(min(req.MaxOutputTokens, 1<<30)),
		AutomaticContinuation: &once,
	}
	if req.System != "" {
		c.SystemInstruction = genai.NewContentFromText(req.System, genai.RoleUser)
	}
	if len(req.Schema) > 0 {
		c.ResponseMIMEType = "application/json"
		c.ResponseJsonSchema = req.Schema
	}
	return c
}

// refused maps an error that Google answered with. RetryInfo goes before Retry-After.
func (g *Gemini) refused(ex *exchange, req Request, api genai.APIError) *Error {
	status := int(ex.status.Load()) // the body's code may be missing
	e := refusal(ex, status, explain(strings.TrimSpace(api.Status+" "+api.Message), g.key, req))
	for _, d := range api.Details {
		kind, _ := d["@type"].(string)
		switch {
		case strings.HasSuffix(kind, "google.rpc.RetryInfo"):
			if delay, err := time.ParseDuration(fmt.Sprint(d["retryDelay"])); err == nil && delay > 0 {
				e.RetryAfter = delay
			}
		case strings.HasSuffix(kind, "google.rpc.ErrorInfo") && d["reason"] == "API_KEY_INVALID":
			e.Setup = true // comes as a 400, as if the request were at fault
		}
	}
	return e
}

// geminiReply turns a 200 into a reply, or into the reason why it is none.
func geminiReply(resp *genai.GenerateContentResponse) (Response, error) {
	usage := geminiUsage(resp.UsageMetadata)
	fail := func(outcome sluice.Outcome, format string, args ...any) (Response, error) {
		e := &Error{Outcome: outcome, Status: http.StatusOK, Sent: true, Err: fmt.Errorf(format, args...)}
		if usage != (sluice.Usage{}) {
			e.Usage = &usage
		}
		return Response{}, e
	}
	if len(resp.Candidates) == 0 {
		if f := resp.PromptFeedback; f != nil && f.BlockReason != "" {
			return fail(sluice.OutcomeBlocked, "the prompt was blocked: %s", f.BlockReason)
		}
		return fail(sluice.OutcomeBlocked, "the reply has no candidate")
	}
	c := resp.Candidates[0]
	var text strings.Builder
	if c.Content != nil {
		for _, p := range c.Content.Parts {
			if p != nil && !p.Thought {
				text.WriteString(p.Text)
			}
		}
	}
	switch c.FinishReason {
	case genai.FinishReasonStop, genai.FinishReasonUnspecified, "":
		if text.Len() == 0 {
			return fail(sluice.OutcomeBroken, "the reply is empty")
		}
	case genai.FinishReasonMaxTokens:
		if text.Len() == 0 {
			return fail(sluice.OutcomeBlocked, "the output limit was reached before the first word (thinking counts): raise max_output_tokens")
		}
	default:
		return fail(sluice.OutcomeBlocked, "the reply was blocked: %s", c.FinishReason)
	}
	return Response{Text: text.String(), Usage: usage, FinishReason: string(c.FinishReason)}, nil
}

func geminiUsage(m *genai.GenerateContentResponseUsageMetadata) sluice.Usage {
	if m == nil {
		return sluice.Usage{}
	}
	u := sluice.Usage{
		Prompt:   int64(m.PromptTokenCount) + int64(m.ToolUsePromptTokenCount),
		Output:   int64(m.CandidatesTokenCount),
		Thoughts: int64(m.ThoughtsTokenCount),
	}
	u.Cached = min(int64(m.CachedContentTokenCount), u.Prompt)
	return u
}
