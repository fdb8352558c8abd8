package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sluice"
)

// geminiDialect is Google's REST API, version v1beta.
var geminiDialect = dialect{
	key: func(r *http.Request) string {
		if k := r.Header.Get("x-goog-api-key"); k != "" {
			return k
		}
		return r.URL.Query().Get("key")
	},
	noKey:   problem{status: 403, message: "Method doesn't allow unregistered callers. Please use API Key."},
	badKey:  problem{status: 400, message: "API key not valid. Please pass a valid API key.", reason: "API_KEY_INVALID"},
	decode:  decodeGemini,
	failure: geminiFailure,
	whole:   func(a ask, r *reply) any { return geminiWhole(a, r) },
	chunks:  geminiChunks,
}

type object = map[string]any

type geminiContent struct {
	Role  string `json:"role"`
	Parts []struct {
		Text string `json:"text"`
	} `json:"parts"`
}

func (c geminiContent) text() string {
	if len(c.Parts) == 1 {
		return c.Parts[0].Text
	}
	var b strings.Builder
	for _, p := range c.Parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

type geminiRequest struct {
	Contents          []geminiContent `json:"contents"`
	SystemInstruction geminiContent   `json:"systemInstruction"`
	GenerationConfig  struct {
		MaxOutputTokens    int64   `json:"maxOutputTokens"`
		ResponseMIMEType   string  `json:"responseMimeType"`
		ResponseJSONSchema titled  `json:"responseJsonSchema"`
		ResponseSchema     titled  `json:"responseSchema"`
		Temperature        float64 `json:"temperature"`
	} `json:"generationConfig"`
}

type titled struct {
	Title string `json:"title"`
}

// prompt is the last user turn.
func (g geminiRequest) prompt() string {
	for _, c := range slices.Backward(g.Contents) {
		if c.Role == "user" || c.Role == "" {
			return c.text()
		}
	}
	return ""
}

func decodeGemini(model string, stream bool, body []byte) (ask, error) {
	a := ask{model: model, stream: stream}
	var g geminiRequest
	if err := json.Unmarshal(body, &g); err != nil {
		return a, errors.New("invalid JSON payload received")
	}
	c := g.GenerationConfig
	a.system, a.prompt, a.maxOutput = g.SystemInstruction.text(), g.prompt(), c.MaxOutputTokens
	title := c.ResponseJSONSchema.Title
	if title == "" {
		title = c.ResponseSchema.Title
	}
	if title != "" && c.ResponseMIMEType != "application/json" {
		return a, errors.New("a response schema needs response_mime_type application/json")
	}
	return a, a.understand(title)
}

// gemini is POST /v1beta/models/{model}:{method}.
func (s *Server) gemini(w http.ResponseWriter, r *http.Request) {
	model, method, _ := strings.Cut(r.PathValue("call"), ":")
	switch method {
	case "generateContent":
		s.serve(w, r, geminiDialect, model, false)
	case "streamGenerateContent":
		if r.URL.Query().Get("alt") != "sse" {
			writeJSON(w, http.StatusBadRequest, geminiFailure(problem{status: 400, message: "the emulator streams with alt=sse only"}))
			return
		}
		s.serve(w, r, geminiDialect, model, true)
	case "countTokens":
		s.countTokens(w, r)
	default:
		writeJSON(w, http.StatusNotFound, geminiFailure(problem{status: 404, message: fmt.Sprintf("the emulator has no method %q", method)}))
	}
}

// geminiStatus is Google's name for an HTTP status.
var geminiStatus = map[int]string{
	400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
	429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE",
}

func geminiFailure(p problem) any {
	e := object{"code": p.status, "message": p.message, "status": geminiStatus[p.status]}
	var details []object
	if p.retry > 0 {
		details = append(details, object{
			"@type":      "type.googleapis.com/google.rpc.RetryInfo",
			"retryDelay": fmt.Sprintf("%.3fs", p.retry.Seconds()),
		})
	}
	if p.reason != "" {
		details = append(details, object{
			"@type":  "type.googleapis.com/google.rpc.ErrorInfo",
			"reason": p.reason, "domain": "googleapis.com",
		})
	}
	if details != nil {
		e["details"] = details
	}
	return object{"error": e}
}

func geminiWhole(a ask, r *reply) object {
	if r == nil {
		return object{
			"candidates":    []object{},
			"usageMetadata": object{"promptTokenCount": Tokens(a.system) + Tokens(a.prompt)},
			"modelVersion":  a.model,
		}
	}
	return object{
		"candidates":    []object{geminiCandidate(r.text, geminiFinish(r))},
		"usageMetadata": geminiUsage(r.usage),
		"modelVersion":  a.model,
	}
}

func geminiCandidate(text, finish string) object {
	content := object{"role": "model"}
	if text != "" {
		content["parts"] = []object{{"text": text}}
	}
	c := object{"content": content, "index": 0}
	if finish != "" {
		c["finishReason"] = finish
	}
	return c
}

func geminiFinish(r *reply) string {
	if r.cutShort {
		return "MAX_TOKENS"
	}
	return "STOP"
}

func geminiUsage(u sluice.Usage) object {
	o := object{
		"promptTokenCount":     u.Prompt,
		"candidatesTokenCount": u.Output,
		"totalTokenCount":      u.Prompt + u.Output + u.Thoughts,
	}
	if u.Cached > 0 {
		o["cachedContentTokenCount"] = u.Cached
	}
	if u.Thoughts > 0 {
		o["thoughtsTokenCount"] = u.Thoughts
	}
	return o
}

// geminiChunks is a stream's events; the finish reason and the usage are in the last.
func geminiChunks(a ask, r *reply) []any {
	if r == nil {
		return []any{geminiWhole(a, nil)}
	}
	pieces := pieces(r.text)
	out := make([]any, len(pieces))
	for i, p := range pieces {
		chunk := object{"candidates": []object{geminiCandidate(p, "")}, "modelVersion": a.model}
		if i == len(pieces)-1 {
			chunk["candidates"] = []object{geminiCandidate(p, geminiFinish(r))}
			chunk["usageMetadata"] = geminiUsage(r.usage)
		}
		out[i] = chunk
	}
	return out
}

// pieces splits a text at blanks into at least three pieces where it has the words for it.
func pieces(text string) []string {
	words := strings.SplitAfter(text, " ")
	size := max(1, min(8, len(words)/3))
	var out []string
	for group := range slices.Chunk(words, size) {
		out = append(out, strings.Join(group, ""))
	}
	return out
}
