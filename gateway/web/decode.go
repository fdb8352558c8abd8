package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"

	"sluice/gateway"
)

// Decode reads a body strictly: what it does not know it names. A parameter that is null is one that was not
// given, known or not: clients of typed languages send all that they have.
func Decode(body []byte, into any) *gateway.Fault {
	fault := strict(body, into)
	if fault != nil && fault.Kind == gateway.Unsupported {
		if less := withoutNulls(body); less != nil {
			return strict(less, into)
		}
	}
	return fault
}

// withoutNulls leaves out the parameters that are null; nil where there are none.
func withoutNulls(body []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return nil
	}
	given := len(fields)
	maps.DeleteFunc(fields, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	if len(fields) == given {
		return nil
	}
	less, err := json.Marshal(fields)
	if err != nil {
		return nil
	}
	return less
}

// strict decodes exactly one JSON value and refuses fields that it does not know, by name.
func strict(body []byte, into any) *gateway.Fault {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return gateway.Invalid("body", "is more than one JSON value")
	}
	var fault *gateway.Fault
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &kind) && kind.Field == "":
		return gateway.Invalid("body", "want a JSON object, it is of type "+kind.Value)
	case errors.As(err, &kind):
		return gateway.Invalid(kind.Field, "has the wrong type: "+kind.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return gateway.NotSupported(strings.Trim(name, `"`), "the gateway can't honour it")
	}
	return gateway.Invalid("body", "is not valid JSON")
}

// AsFault is a pipeline's error as the fault that it is; nil stays nil.
func AsFault(err error) *gateway.Fault {
	if err == nil {
		return nil
	}
	var f *gateway.Fault
	if errors.As(err, &f) {
		return f
	}
	return &gateway.Fault{Kind: gateway.Internal, Message: "the gateway failed; its log says how"}
}
