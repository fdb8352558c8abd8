package gemini

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// opaque are the members whose content is the client's own: arguments, results and schemas of functions.
var opaque = map[string]bool{
	"args": true, "response": true, "parameters": true, "parametersJsonSchema": true, "responseSchema": true, "responseJsonSchema": true,
}

// camel rewrites names in snake_case (system_instruction), which Google's API takes as well: its examples for curl
// have them, and its Python client here and there. It goes through a body once, however deep that is nested; one that
// is no JSON it leaves as it is, for its reader to say so.
func camel(data []byte) []byte {
	var out bytes.Buffer
	twice := jsontext.AllowDuplicateNames(true) // the reader's to refuse, too
	dec, enc := jsontext.NewDecoder(bytes.NewReader(data), twice), jsontext.NewEncoder(&out, twice)
	for {
		within, read := dec.StackIndex(dec.StackDepth())
		named := within == '{' && read%2 == 0
		t, err := dec.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return out.Bytes()
		case err == nil && named && t.Kind() == '"':
			err = rename(dec, enc, camelName(t.String()))
		case err == nil:
			err = enc.WriteToken(t)
		}
		if err != nil {
			return data
		}
	}
}

// rename writes a member's name, and its value where that is opaque.
func rename(dec *jsontext.Decoder, enc *jsontext.Encoder, name string) error {
	if err := enc.WriteToken(jsontext.String(name)); err != nil || !opaque[name] {
		return err
	}
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return enc.WriteValue(v)
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
