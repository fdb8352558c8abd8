package llm

import (
	"encoding/json"
	"fmt"

	"google.golang.org/genai"
)

// geminiContents are the turns. The results of tools that were called together go into one turn, as
// Google wants them.
func geminiContents(req ChatRequest) []*genai.Content {
	names := map[string]string{} // of functions, by call id
	var out []*genai.Content
	var results *genai.Content // the turn that results are gathered in
	for _, m := range req.Messages {
		if m.Role == ToolReply {
			if m.ToolName == "" {
				m.ToolName = names[m.ToolCallID]
			}
			if results == nil {
				results = &genai.Content{Role: genai.RoleUser}
				out = append(out, results)
			}
			results.Parts = append(results.Parts, &genai.Part{FunctionResponse: &genai.FunctionResponse{
				ID: m.ToolCallID, Name: m.ToolName, Response: resultOf(m.Text),
			}})
			continue
		}
		results = nil
		turn := &genai.Content{Role: genai.RoleUser}
		if m.Role == Assistant {
			turn.Role = genai.RoleModel
		}
		if m.Text != "" || len(m.ToolCalls) == 0 {
			turn.Parts = append(turn.Parts, &genai.Part{Text: m.Text})
		}
		for _, c := range m.ToolCalls {
			names[c.ID] = c.Name
			turn.Parts = append(turn.Parts, &genai.Part{
				FunctionCall:     &genai.FunctionCall{ID: c.ID, Name: c.Name, Args: argumentsOf(c.Arguments)},
				ThoughtSignature: c.Signature,
			})
		}
		out = append(out, turn)
	}
	return out
}

// resultOf is a tool's result as the object that Google wants.
func resultOf(text string) map[string]any {
	var object map[string]any
	if json.Unmarshal([]byte(text), &object) == nil && object != nil {
		return object
	}
	return map[string]any{"output": text}
}

// argumentsOf has been checked to be an object, or empty.
func argumentsOf(text string) map[string]any {
	object := map[string]any{}
	_ = json.Unmarshal([]byte(text), &object)
	return object
}

func geminiConfig(req ChatRequest) *genai.GenerateContentConfig {
	once := false
	c := &genai.GenerateContentConfig{
		Temperature: req.Temperature, TopP: req.TopP,
		PresencePenalty: req.PresencePenalty, FrequencyPenalty: req.FrequencyPenalty,
		StopSequences:         req.Stop,
		MaxOutputTokens:       int32(min(req.MaxOutputTokens, 1<<30)),
		AutomaticContinuation: &once,
	}
	if req.System != "" {
		c.SystemInstruction = genai.NewContentFromText(req.System, genai.RoleUser)
	}
	if req.JSON || len(req.Schema) > 0 {
		c.ResponseMIMEType = "application/json"
	}
	if len(req.Schema) > 0 {
		c.ResponseJsonSchema = req.Schema
	}
	if req.TopK != nil {
		k := float32(*req.TopK)
		c.TopK = &k
	}
	if req.Seed != nil {
		seed := int32(*req.Seed) // Supports has looked
		c.Seed = &seed
	}
	c.ThinkingConfig, _ = thinkingOf(req.Model, req.ReasoningEffort) // Supports has looked
	if req.ThinkingBudget != nil {
		budget := int32(*req.ThinkingBudget) // Supports has looked
		c.ThinkingConfig = &genai.ThinkingConfig{ThinkingBudget: &budget}
	}
	geminiTools(c, req)
	return c
}

func geminiTools(c *genai.GenerateContentConfig, req ChatRequest) {
	if len(req.Tools) == 0 {
		return
	}
	tool := &genai.Tool{}
	for _, t := range req.Tools {
		f := &genai.FunctionDeclaration{Name: t.Name, Description: t.Description}
		if len(t.Parameters) > 0 {
			f.ParametersJsonSchema = t.Parameters
		}
		tool.FunctionDeclarations = append(tool.FunctionDeclarations, f)
	}
	c.Tools = []*genai.Tool{tool}
	mode := map[string]genai.FunctionCallingConfigMode{
		"auto": genai.FunctionCallingConfigModeAuto, "none": genai.FunctionCallingConfigModeNone,
		"required": genai.FunctionCallingConfigModeAny,
	}[req.ToolChoice.Mode]
	if mode == "" {
		return
	}
	fc := &genai.FunctionCallingConfig{Mode: mode}
	if req.ToolChoice.Name != "" {
		fc.AllowedFunctionNames = []string{req.ToolChoice.Name}
	}
	c.ToolConfig = &genai.ToolConfig{FunctionCallingConfig: fc}
}

// readPart reads a part of a reply. Thoughts are nobody's.
func readPart(a *assembly, p *genai.Part) error {
	switch {
	case p == nil, p.Thought:
		return nil
	case p.FunctionCall != nil:
		args, err := json.Marshal(p.FunctionCall.Args)
		if err != nil {
			return fmt.Errorf("read a tool call: %w", err)
		}
		if p.FunctionCall.Args == nil {
			args = []byte("{}")
		}
		return a.addCall(ToolCallDelta{
			Index: len(a.calls), ID: p.FunctionCall.ID, Name: p.FunctionCall.Name,
			Arguments: string(args), Signature: p.ThoughtSignature,
		})
	}
	return a.addText(p.Text)
}
