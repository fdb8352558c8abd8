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
	whole:   func(a ask, r reply) any { return geminiWhole(a, r) },
	chunks:  geminiChunks,
}

type object = map[string]any

type geminiContent struct {
	Role  string       `json:"role"`
	Parts []geminiPart `json:"parts"`
}

type geminiPart struct {
	Text             string          `json:"text"`
	FunctionCall     json.RawMessage `json:"functionCall"`
	FunctionResponse *struct {
		Name     string          `json:"name"`
		Response json.RawMessage `json:"response"`
	} `json:"functionResponse"`
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

// tokens counts text, calls and results.
func (c geminiContent) tokens() int64 {
	n := Tokens(c.text())
	for _, p := range c.Parts {
		n += Tokens(string(p.FunctionCall))
		if p.FunctionResponse != nil {
			n += Tokens(string(p.FunctionResponse.Response))
		}
	}
	return n
}

type geminiRequest struct {
	Contents          []geminiContent `json:"contents"`
	SystemInstruction geminiContent   `json:"systemInstruction"`
	Tools             []struct {
		Declarations []geminiDeclaration `json:"functionDeclarations"`
	} `json:"tools"`
	ToolConfig struct {
		Calling struct {
			Mode    string   `json:"mode"`
			Allowed []string `json:"allowedFunctionNames"`
		} `json:"functionCallingConfig"`
	} `json:"toolConfig"`
	GenerationConfig struct {
		MaxOutputTokens    int64           `json:"maxOutputTokens"`
		ResponseMIMEType   string          `json:"responseMimeType"`
		ResponseJSONSchema json.RawMessage `json:"responseJsonSchema"`
		ResponseSchema     json.RawMessage `json:"responseSchema"`
		StopSequences      []string        `json:"stopSequences"`
		Thinking           struct {
			Budget *int64 `json:"thinkingBudget"`
		} `json:"thinkingConfig"`
	} `json:"generationConfig"`
}

type geminiDeclaration struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"parametersJsonSchema"`
	Parameters  json.RawMessage `json:"parameters"`
}

// titleOf is a JSON schema's title.
func titleOf(schema json.RawMessage) string {
	var titled struct {
		Title string `json:"title"`
	}
	if len(schema) == 0 || json.Unmarshal(schema, &titled) != nil {
		return ""
	}
	return titled.Title
}

// prompt is the last user turn.
func (g geminiRequest) prompt() string {
	for _, c := range slices.Backward(g.Contents) {
		if (c.Role == "user" || c.Role == "") && (len(c.Parts) == 0 || c.Parts[0].FunctionResponse == nil) {
			return c.text()
		}
	}
	return ""
}

// input counts the tokens of everything.
func (g geminiRequest) input() int64 {
	n := g.SystemInstruction.tokens()
	for _, c := range g.Contents {
		n += c.tokens()
	}
	for _, t := range g.Tools {
		for _, d := range t.Declarations {
			n += Tokens(d.Name) + Tokens(d.Description) + Tokens(string(d.Schema)) + Tokens(string(d.Parameters))
		}
	}
	return n
}

func decodeGemini(model string, stream bool, body []byte) (ask, error) {
	a := ask{model: model, stream: stream}
	var g geminiRequest
	if err := json.Unmarshal(body, &g); err != nil {
		return a, errors.New("invalid JSON payload received")
	}
	c := g.GenerationConfig
	a.system, a.prompt, a.maxOutput, a.input = g.SystemInstruction.text(), g.prompt(), c.MaxOutputTokens, g.input()
	a.stop, a.thinking, a.json = c.StopSequences, c.Thinking.Budget, c.ResponseMIMEType == "application/json"
	if a.schema = c.ResponseJSONSchema; len(a.schema) == 0 {
		a.schema = c.ResponseSchema
	}
	if len(a.schema) > 0 && !a.json {
		return a, errors.New("a response schema needs response_mime_type application/json")
	}
	for _, t := range g.Tools {
		for _, d := range t.Declarations {
			if len(d.Schema) == 0 {
				d.Schema = d.Parameters
			}
			a.tools = append(a.tools, tool{d.Name, d.Schema})
		}
	}
	a.choice = map[string]string{"NONE": "none", "ANY": "required"}[g.ToolConfig.Calling.Mode]
	if allowed := g.ToolConfig.Calling.Allowed; len(allowed) > 0 {
		a.only = allowed[0]
	}
	if n := len(g.Contents); n > 0 {
		for _, p := range g.Contents[n-1].Parts {
			if p.FunctionResponse != nil {
				result := string(p.FunctionResponse.Response)
				a.result = &result
			}
		}
	}
	return a, a.understand(titleOf(a.schema))
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

func geminiWhole(a ask, r reply) object {
	o := object{"usageMetadata": geminiUsage(r.usage), "modelVersion": a.model}
	switch {
	case r.blocked:
		o["promptFeedback"] = object{"blockReason": "SAFETY"}
	case r.empty:
		o["candidates"] = []object{}
	default:
		o["candidates"] = []object{geminiCandidate(r, r.text, geminiFinish(r))}
	}
	return o
}

// geminiCandidate is a candidate, or a piece of one. The call comes with the finish.
func geminiCandidate(r reply, text, finish string) object {
	content := object{"role": "model"}
	var parts []object
	if text != "" {
		parts = append(parts, object{"text": text})
	}
	if r.call.name != "" && finish != "" {
		parts = append(parts, object{"functionCall": object{"name": r.call.name, "args": json.RawMessage(r.call.args)}})
	}
	if parts != nil {
		content["parts"] = parts
	}
	c := object{"content": content, "index": 0}
	if finish != "" {
		c["finishReason"] = finish
	}
	return c
}

func geminiFinish(r reply) string {
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
func geminiChunks(a ask, r reply) []any {
	if r.empty || r.blocked {
		return []any{geminiWhole(a, r)}
	}
	pieces := pieces(r.text)
	out := make([]any, len(pieces))
	for i, p := range pieces {
		chunk := object{"candidates": []object{geminiCandidate(r, p, "")}, "modelVersion": a.model}
		if i == len(pieces)-1 {
			chunk["candidates"] = []object{geminiCandidate(r, p, geminiFinish(r))}
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
