package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
)

func (s *Server) describe(model string) object {
	return object{
		"name": "models/" + model, "version": "emulated", "displayName": model,
		"description":                "Emulated: " + s.Name(),
		"inputTokenLimit":            1_048_576,
		"outputTokenLimit":           65_536,
		"supportedGenerationMethods": []string{"generateContent", "streamGenerateContent", "countTokens"},
		"thinking":                   s.thinking(model) > 0,
	}
}

// listModels is GET /v1beta/models.
func (s *Server) listModels(w http.ResponseWriter, r *http.Request) {
	if p := s.keyProblem(geminiDialect, r); p != nil {
		writeJSON(w, p.status, geminiFailure(*p))
		return
	}
	models := []object{}
	for _, m := range s.cfg.Source.Models() {
		models = append(models, s.describe(m))
	}
	writeJSON(w, http.StatusOK, object{"models": models})
}

// showModel is GET /v1beta/models/{model}.
func (s *Server) showModel(w http.ResponseWriter, r *http.Request) {
	model := r.PathValue("model")
	p := s.keyProblem(geminiDialect, r)
	if p == nil && !slices.Contains(s.cfg.Source.Models(), model) {
		p = &problem{status: 404, message: fmt.Sprintf("models/%s is not found", model)}
	}
	if p != nil {
		writeJSON(w, p.status, geminiFailure(*p))
		return
	}
	writeJSON(w, http.StatusOK, s.describe(model))
}

// countTokens is POST /v1beta/models/{model}:countTokens. It is free and not in the books.
func (s *Server) countTokens(w http.ResponseWriter, r *http.Request) {
	if p := s.keyProblem(geminiDialect, r); p != nil {
		writeJSON(w, p.status, geminiFailure(*p))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return
	}
	var g struct {
		geminiRequest
		Wrapped *geminiRequest `json:"generateContentRequest"`
	}
	if err := json.Unmarshal(body, &g); err != nil {
		writeJSON(w, http.StatusBadRequest, geminiFailure(problem{status: 400, message: "Invalid JSON payload received."}))
		return
	}
	req := g.geminiRequest
	if g.Wrapped != nil {
		req = *g.Wrapped
	}
	writeJSON(w, http.StatusOK, object{"totalTokens": req.input()})
}
