package main

import (
	"encoding/json"
	"io"
)

// jsonForm says how JSON for programs is laid out. The zero form is a line a value, with <, > and & escaped.
type jsonForm struct {
	// indent is what a level is indented by; empty: a value stands on one line.
	indent string
	// verbatim leaves <, > and & as they are, for what people wrote.
	verbatim bool
}

// printJSON prints values in the zero form.
func printJSON[T any](w io.Writer, values ...T) error { return printJSONAs(w, jsonForm{}, values...) }

// printJSONAs prints values one below the other; each ends with a new line.
func printJSONAs[T any](w io.Writer, f jsonForm, values ...T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(!f.verbatim)
	enc.SetIndent("", f.indent)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	return nil
}
