package llm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
	base, err := url.Parse(baseURL)
	if err != nil {
		return nil, errors.New("gemini: base URL: want http://host or https://host")
	}
	hc := newClient(base, signature{header: "x-goog-api-key", key: key})
	client, err := genai.NewClient(ctx, &genai.ClientConfig{
		APIKey:  "none", // the SDK wants one; the client signs with the real one
		Backend: genai.BackendGeminiAPI, HTTPClient: hc,
		HTTPOptions: genai.HTTPOptions{BaseURL: baseURL},
	})
	if err != nil {
		return nil, errors.New("gemini: " + explain(err.Error(), key))
	}
	return &Gemini{client: client, http: hc, key: key}, nil
}

// Name is "gemini".
func (g *Gemini) Name() string { return "gemini" }

// Close closes idle connections.
func (g *Gemini) Close() { g.http.CloseIdleConnections() }

// Generate makes one attempt.
func (g *Gemini) Generate(ctx context.Context, req Request) (Response, error) {
	return responseOf(g.Chat(ctx, chatOf(req), nil))
}

// Chat makes one attempt.
func (g *Gemini) Chat(ctx context.Context, req ChatRequest, sink func(Chunk) error) (Reply, error) {
	ctx, ex := observe(ctx)
	a := newAssembly(&req, sink)
	contents, config := geminiContents(req), geminiConfig(req)
	if sink == nil {
		resp, err := g.client.Models.GenerateContent(ctx, req.Model, contents, config)
		if err != nil {
			return a.failed(g.fault(ctx, ex, req, err))
		}
		if err := readGemini(a, resp, true); err != nil {
			return a.failed(g.fault(ctx, ex, req, err))
		}
		return a.end()
	}
	ex.quiet = true // the SDK prints what it reads
	for resp, err := range g.client.Models.GenerateContentStream(ctx, req.Model, contents, config) {
		if err == nil {
			err = readGemini(a, resp, false)
		}
		if err != nil {
			return a.failed(g.fault(ctx, ex, req, err))
		}
	}
	if ex.cut != nil || ctx.Err() != nil {
		return a.failed(breakdown(ctx, ex, ex.cut))
	}
	return a.end()
}

// fault tells what an error of the SDK, or of the sink, means.
func (g *Gemini) fault(ctx context.Context, ex *exchange, req ChatRequest, err error) *Error {
	var lost *sinkError
	var api genai.APIError
	switch {
	case errors.As(err, &lost):
		return gone(lost)
	case errors.As(err, &api):
		return g.refused(ex, req, api)
	}
	return breakdown(ctx, ex, err)
}

// refused maps an error that Google answered with. RetryInfo goes before Retry-After.
func (g *Gemini) refused(ex *exchange, req ChatRequest, api genai.APIError) *Error {
	status := int(ex.status.Load()) // the body's code may be missing
	e := refusal(ex, status, explain(strings.TrimSpace(api.Status+" "+api.Message), g.key, req.texts()...))
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

// readGemini reads a reply, or a piece of one.
func readGemini(a *assembly, resp *genai.GenerateContentResponse, whole bool) error {
	defer func() { a.setUsage(geminiUsage(resp.UsageMetadata)) }() // after the finish reason
	if len(resp.Candidates) == 0 {
		if f := resp.PromptFeedback; f != nil && f.BlockReason != "" {
			a.finish, a.blocked = FinishBlocked, fmt.Sprintf("the prompt was blocked: %s", f.BlockReason)
		} else {
			a.bare = true
		}
		return nil
	}
	c := resp.Candidates[0]
	if c.Content != nil {
		for _, p := range c.Content.Parts {
			if err := readPart(a, p); err != nil {
				return err
			}
		}
	}
	if c.FinishReason != "" {
		a.said = string(c.FinishReason)
	}
	switch c.FinishReason {
	case "", genai.FinishReasonUnspecified:
		if whole {
			a.finish = FinishStop
		}
	case genai.FinishReasonStop:
		a.finish = FinishStop
	case genai.FinishReasonMaxTokens:
		a.finish = FinishLength
	case genai.FinishReasonMalformedFunctionCall, genai.FinishReasonUnexpectedToolCall:
		a.finish, a.broken = FinishStop, fmt.Sprintf("the model made a tool call that cannot be read: %s", c.FinishReason)
	default:
		a.finish, a.blocked = FinishBlocked, fmt.Sprintf("the reply was blocked: %s", c.FinishReason)
	}
	return nil
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
