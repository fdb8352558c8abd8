package web

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"sluice/gateway"
)

// strict decodes exactly one JSON value and refuses fields that it does not know, by name.
func strict(dec *json.Decoder, into any) *gateway.Fault {
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
	case errors.As(err, &kind):
		return gateway.Invalid(kind.Field, "has the wrong type: a "+kind.Value)
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

// Answered is a pipeline's answer, with its error as the fault that it is.
func Answered(a *gateway.Answer, err error) (*gateway.Answer, *gateway.Fault) {
	return a, AsFault(err)
}
