package gemini

import (
	"encoding/json"
	"strings"
)

// opaque are the members whose content is the client's own: arguments, results and schemas of functions.
var opaque = map[string]bool{
	"args": true, "response": true, "parameters": true, "parametersJsonSchema": true, "responseSchema": true, "responseJsonSchema": true,
}

// camel rewrites names in snake_case (system_instruction), which Google's API takes as well: its examples for curl
// have them, and its Python client here and there.
func camel(data json.RawMessage) json.RawMessage {
	var fields map[string]json.RawMessage
	var list []json.RawMessage
	var out any
	switch {
	case json.Unmarshal(data, &fields) == nil && fields != nil:
		renamed := make(map[string]json.RawMessage, len(fields))
		for name, v := range fields {
			if name = camelName(name); !opaque[name] {
				v = camel(v)
			}
			renamed[name] = v
		}
		out = renamed
	case json.Unmarshal(data, &list) == nil && list != nil:
		for i := range list {
			list[i] = camel(list[i])
		}
		out = list
	default:
		return data
	}
	rewritten, err := json.Marshal(out)
	if err != nil {
		return data
	}
	return rewritten
}

func camelName(snake string) string {
	words := strings.Split(snake, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}
