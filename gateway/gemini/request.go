package gemini

import (
	"encoding/json"
	"strings"

	"sluice/gateway"
	"sluice/llm"
)

type body struct {
	Contents          []turn      `json:"contents"`
	SystemInstruction *turn       `json:"systemInstruction"`
	GenerationConfig  *generation `json:"generationConfig"`
	Tools             []struct {
		FunctionDeclarations []function `json:"functionDeclarations"`
	} `json:"tools"`
	ToolConfig *struct {
		FunctionCallingConfig *struct {
			Mode                 string   `json:"mode"`
			AllowedFunctionNames []string `json:"allowedFunctionNames"`
		} `json:"functionCallingConfig"`
	} `json:"toolConfig"`
}

type turn struct {
	Role  string `json:"role"`
	Parts []part `json:"parts"`
}

type part struct {
	Text             string `json:"text,omitempty"`
	Thought          bool   `json:"thought,omitempty"`
	ThoughtSignature []byte `json:"thoughtSignature,omitempty"`
	FunctionCall     *call  `json:"functionCall,omitempty"`
	FunctionResponse *struct {
		ID       string          `json:"id"`
		Name     string          `json:"name"`
		Response json.RawMessage `json:"response"`
	} `json:"functionResponse,omitempty"`
}

type call struct {
	ID   string          `json:"id,omitempty"`
	Name string          `json:"name"`
	Args json.RawMessage `json:"args,omitempty"`
}

type function struct {
	Name                 string          `json:"name"`
	Description          string          `json:"description"`
	Parameters           json.RawMessage `json:"parameters"`
	ParametersJSONSchema json.RawMessage `json:"parametersJsonSchema"`

	// What a function gives is not told to models: OpenAI's dialect has no place for it.
	Response           json.RawMessage `json:"response"`
	ResponseJSONSchema json.RawMessage `json:"responseJsonSchema"`
}

type generation struct {
	Temperature        *float32        `json:"temperature"`
	TopP               *float32        `json:"topP"`
	TopK               *float64        `json:"topK"`
	CandidateCount     int             `json:"candidateCount"`
	MaxOutputTokens    int             `json:"maxOutputTokens"`
	StopSequences      []string        `json:"stopSequences"`
	Seed               *int64          `json:"seed"`
	PresencePenalty    *float32        `json:"presencePenalty"`
	FrequencyPenalty   *float32        `json:"frequencyPenalty"`
	ResponseMIMEType   string          `json:"responseMimeType"`
	ResponseSchema     json.RawMessage `json:"responseSchema"`
	ResponseJSONSchema json.RawMessage `json:"responseJsonSchema"`
	ThinkingConfig     *struct {
		ThinkingBudget  *int `json:"thinkingBudget"`
		IncludeThoughts bool `json:"includeThoughts"`
	} `json:"thinkingConfig"`
}

func (b *body) ask(model string, stream bool) (*gateway.Ask, *gateway.Fault) {
	a := &gateway.Ask{API: "gemini", Model: model, Stream: stream}
	c := &a.Chat
	if b.SystemInstruction != nil {
		for _, p := range b.SystemInstruction.Parts {
			c.System += p.Text
		}
	}
	for _, t := range b.Contents {
		if fault := t.into(c); fault != nil {
			return nil, fault
		}
	}
	for _, t := range b.Tools {
		for _, f := range t.FunctionDeclarations {
			schema := f.ParametersJSONSchema
			if len(schema) == 0 {
				schema = jsonSchema(f.Parameters)
			}
			c.Tools = append(c.Tools, llm.Tool{Name: f.Name, Description: f.Description, Parameters: schema})
		}
	}
	if fault := b.choice(c); fault != nil {
		return nil, fault
	}
	if b.GenerationConfig != nil {
		if fault := b.GenerationConfig.into(c); fault != nil {
			return nil, fault
		}
	}
	return a, nil
}

// into adds a turn; results of functions are turns of their own.
func (t turn) into(c *llm.ChatRequest) *gateway.Fault {
	m := llm.Message{}
	switch t.Role {
	case "user", "", "function":
		m.Role = llm.User
	case "model":
		m.Role = llm.Assistant
	default:
		return gateway.Invalid("contents.role", "want user or model")
	}
	results := 0
	for _, p := range t.Parts {
		switch {
		case p.FunctionCall != nil:
			m.ToolCalls = append(m.ToolCalls, llm.ToolCall{
				ID: p.FunctionCall.ID, Name: p.FunctionCall.Name, Arguments: string(p.FunctionCall.Args), Signature: p.ThoughtSignature,
			})
		case p.FunctionResponse != nil:
			results++
			c.Messages = append(c.Messages, llm.Message{
				Role: llm.ToolReply, Text: string(p.FunctionResponse.Response), ToolCallID: p.FunctionResponse.ID, ToolName: p.FunctionResponse.Name,
			})
		case !p.Thought:
			m.Text += p.Text
		}
	}
	if m.Text != "" || len(m.ToolCalls) > 0 || results == 0 {
		c.Messages = append(c.Messages, m)
	}
	return nil
}

func (b *body) choice(c *llm.ChatRequest) *gateway.Fault {
	if b.ToolConfig == nil || b.ToolConfig.FunctionCallingConfig == nil {
		return nil
	}
	f := b.ToolConfig.FunctionCallingConfig
	switch f.Mode {
	case "", "AUTO", "MODE_UNSPECIFIED":
		c.ToolChoice.Mode = "auto"
	case "NONE":
		c.ToolChoice.Mode = "none"
	case "ANY":
		c.ToolChoice.Mode = "required"
	default:
		return gateway.NotSupported("toolConfig.functionCallingConfig.mode", "want AUTO, ANY or NONE")
	}
	switch len(f.AllowedFunctionNames) {
	case 0:
	case 1:
		c.ToolChoice.Name = f.AllowedFunctionNames[0]
	default:
		return gateway.NotSupported("toolConfig.functionCallingConfig.allowedFunctionNames", "at most one name is taken")
	}
	return nil
}

func (g *generation) into(c *llm.ChatRequest) *gateway.Fault {
	if g.CandidateCount > 1 {
		return gateway.NotSupported("generationConfig.candidateCount", "one reply is given")
	}
	c.Temperature, c.TopP, c.Stop, c.Seed = g.Temperature, g.TopP, g.StopSequences, g.Seed
	c.PresencePenalty, c.FrequencyPenalty, c.MaxOutputTokens = g.PresencePenalty, g.FrequencyPenalty, g.MaxOutputTokens
	if g.TopK != nil {
		k := int(*g.TopK)
		c.TopK = &k
	}
	if g.ThinkingConfig != nil {
		if g.ThinkingConfig.IncludeThoughts {
			return gateway.NotSupported("generationConfig.thinkingConfig.includeThoughts", "the gateway gives answers alone")
		}
		c.ThinkingBudget = g.ThinkingConfig.ThinkingBudget
	}
	switch g.ResponseMIMEType {
	case "", "text/plain":
	case "application/json":
		c.JSON = true
	default:
		return gateway.NotSupported("generationConfig.responseMimeType", "want text/plain or application/json")
	}
	if c.Schema = g.ResponseJSONSchema; len(c.Schema) == 0 {
		c.Schema = jsonSchema(g.ResponseSchema)
	}
	c.JSON = c.JSON || len(c.Schema) > 0
	return nil
}

// jsonSchema makes a JSON schema of Google's own kind, whose types are spelled in capitals.
func jsonSchema(schema json.RawMessage) json.RawMessage {
	var v any
	if len(schema) == 0 || json.Unmarshal(schema, &v) != nil {
		return schema
	}
	out, err := json.Marshal(lowered(v))
	if err != nil {
		return schema
	}
	return out
}

func lowered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if s, ok := inner.(string); ok && k == "type" {
				v[k] = strings.ToLower(s)
			} else {
				v[k] = lowered(inner)
			}
		}
		delete(v, "propertyOrdering")
	case []any:
		for i := range v {
			v[i] = lowered(v[i])
		}
	}
	return v
}
