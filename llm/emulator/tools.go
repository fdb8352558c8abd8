package emulator

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// tool is a function that may be called.
type tool struct {
	name       string
	parameters json.RawMessage
}

// call is a call of one.
type call struct{ name, args string }

// toCall is the call that the request provokes: of the tool whose name the user says, or of the first
// where one is required. After a tool's result none is made, unless required. The arguments are a
// function of schema and prompt.
func (a ask) toCall() call {
	if a.choice == "none" || (a.result != nil && a.choice != "required") {
		return call{}
	}
	for _, named := range []bool{true, false} {
		for _, t := range a.tools {
			if a.only != "" && t.name != a.only {
				continue
			}
			if named == strings.Contains(a.prompt, t.name) && (named || a.choice == "required") {
				return call{t.name, mustJSON(instance(t.parameters, a.prompt))}
			}
		}
	}
	return call{}
}

// shapeOfJSON is the part of JSON schema that instance knows.
type shapeOfJSON struct {
	Type       any                        `json:"type"` // a word, or a list of them
	Enum       []any                      `json:"enum"`
	Const      any                        `json:"const"`
	AnyOf      []json.RawMessage          `json:"anyOf"`
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required"`
	Items      json.RawMessage            `json:"items"`
}

var (
	quotedText  = regexp.MustCompile(`"([^"]+)"`)
	wholeNumber = regexp.MustCompile(`\d{1,18}`)
	someNumber  = regexp.MustCompile(`-?\d+(\.\d+)?`)
)

// instance makes a value of the schema, with what the prompt holds: what it quotes, its first number.
func instance(schema json.RawMessage, prompt string) any {
	return instanceAt(schema, prompt, 0)
}

func instanceAt(schema json.RawMessage, prompt string, depth int) any {
	var s shapeOfJSON
	if depth > 8 || (len(schema) > 0 && json.Unmarshal(schema, &s) != nil) {
		return nil
	}
	switch {
	case s.Const != nil:
		return s.Const
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.AnyOf) > 0:
		return instanceAt(s.AnyOf[0], prompt, depth+1)
	}
	kind, _ := s.Type.(string)
	if list, ok := s.Type.([]any); ok && len(list) > 0 {
		kind, _ = list[0].(string)
	}
	switch strings.ToLower(kind) {
	case "string":
		if m := quotedText.FindStringSubmatch(prompt); m != nil {
			return m[1]
		}
		return strings.ToValidUTF8(prompt[:min(len(prompt), 64)], "")
	case "integer":
		n, _ := strconv.ParseInt(wholeNumber.FindString(prompt), 10, 64) // 0 where there is none
		return n
	case "number":
		n, _ := strconv.ParseFloat(someNumber.FindString(prompt), 64)
		return n
	case "boolean":
		return true
	case "array":
		return []any{instanceAt(s.Items, prompt, depth+1)}
	case "null":
		return nil
	}
	return s.object(prompt, depth)
}

// object has the required properties, or all where none is.
func (s shapeOfJSON) object(prompt string, depth int) object {
	out := object{}
	names := s.Required
	if len(names) == 0 {
		for name := range s.Properties {
			names = append(names, name)
		}
	}
	for _, name := range names {
		out[name] = instanceAt(s.Properties[name], prompt, depth+1)
	}
	return out
}
