package intake

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// property is one key of the schema, or the items of a list.
type property struct {
	Description string     `json:"description,omitempty"`
	Type        string     `json:"type,omitempty"`
	Format      string     `json:"format,omitempty"`
	OneOf       []property `json:"oneOf,omitempty"`
	Items       *property  `json:"items,omitempty"`
	MaxItems    int        `json:"maxItems,omitempty"`
	MinLength   int        `json:"minLength,omitempty"`
	MaxLength   int        `json:"maxLength,omitempty"`
	Minimum     *int       `json:"minimum,omitempty"`
	Maximum     *int       `json:"maximum,omitempty"`
	Examples    []any      `json:"examples,omitempty"`
}

// Schema is the JSON Schema of what upstream publishes, as docs/query.schema.json holds it. JSON Schema
// counts characters where the ring counts bytes, so that text which is not ASCII meets its bound
// earlier; null is as good as an absent key, which the schema does not spell out.
func Schema() []byte {
	zero, most := 0, maxPriority
	line := func(about string, maxBytes int, example string) property {
		return property{Description: about, Type: "string", MaxLength: maxBytes, Examples: []any{example}}
	}
	answer := property{Type: "string", MinLength: 1}
	about := map[string]property{
		"query": {
			Description: "The question. Not blank, no control characters but line feed and tab, at most query.max_bytes (16384 by default).",
			Type:        "string", MinLength: 1, Examples: []any{"In which year was the Suez Canal opened?"},
		},
		"id": line("Your identifier of the query: one id of one tenant is one query. Without an id the text is the identity, so that a question asked twice is one query.", maxIDBytes, "faq-1017"),
		"ground_truth": {
			Description: "The accepted answers, one or several. Without them verdicts rest on the judge's own knowledge (reference_free) and the query stays out of training.",
			OneOf:       []property{answer, {Type: "array", Items: &answer, MaxItems: maxGroundTruths}}, Examples: []any{"1869", []any{"1869", "November 1869"}},
		},
		"source": line("Your word for where the query comes from. The subject's last token is the source; a different word here is kept as the tag source:<word>.", maxTenantBytes, "faq"),
		"tags": {
			Description: "Your own words for the query.", Type: "array", Items: &property{Type: "string", MinLength: 1, MaxLength: maxTagBytes},
			MaxItems: maxTags, Examples: []any{[]any{"history", "easy"}},
		},
		"tenant": line("The customer whom the query belongs to; `sluice forget --tenant` erases by it.", maxTenantBytes, "acme"),
		"priority": {
			Description: "0 is normal; anything above is urgent and is answered before every normal query.",
			Type:        "integer", Minimum: &zero, Maximum: &most, Examples: []any{0},
		},
		"deadline": {
			Description: "The instant after which nobody wants the answer: RFC 3339 with a time zone (in msgpack also a timestamp). An expired query is not answered.",
			Type:        "string", Format: "date-time", Examples: []any{"2030-01-31T12:00:00Z"},
		},
	}
	var properties bytes.Buffer
	for i, key := range keys {
		body, err := json.Marshal(about[key])
		if err != nil {
			panic("intake: schema: " + err.Error()) // plain values: it can't fail
		}
		if i > 0 {
			properties.WriteByte(',')
		}
		fmt.Fprintf(&properties, "%q:%s", key, body)
	}
	return indent(fmt.Sprintf(`{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title": "Query",
		"description": "What upstream publishes on queries.asked.<source>, as JSON (the default) or as msgpack with the same keys.",
		"type": "object",
		"required": ["query"],
		"properties": {%s},
		"patternProperties": {"^x_": {"description": "Keys of your own; passed over."}},
		"additionalProperties": false
	}`, properties.String()))
}

func indent(document string) []byte {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(document), "", "  "); err != nil {
		panic("intake: schema: " + err.Error())
	}
	out.WriteByte('\n')
	return out.Bytes()
}
