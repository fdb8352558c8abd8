package web

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/gateway"
)

// Decode reads exactly one JSON value, strictly: a field that into does not know, and one that is there twice, is
// refused by its name. A parameter that is null is one that was not given, known or not: clients of typed
// languages send all that they have. Text that is no UTF-8, half a surrogate pair included, is refused.
func Decode(body []byte, into any) *gateway.Fault {
	fault := strict(body, into)
	if fault != nil && fault.Kind == gateway.Unsupported {
		if less := withoutNulls(body); less != nil {
			return strict(less, into)
		}
	}
	return fault
}

// withoutNulls leaves out the parameters that are null, and such fields of messages and whatever else stands in a
// list; nil where there are none. What is deeper may be the client's own: a schema with a null in it.
func withoutNulls(body []byte) []byte {
	if less, fewer := given(body, true); fewer {
		return less
	}
	return nil
}

// given is a value without fields that are null, and with within those of its lists; fewer says whether there were any.
func given(v jsontext.Value, within bool) (less jsontext.Value, fewer bool) {
	var fields map[string]jsontext.Value
	var list []jsontext.Value
	var whole any
	switch {
	case v.Kind() == '{' && json.Unmarshal(v, &fields) == nil:
		n := len(fields)
		maps.DeleteFunc(fields, func(_ string, f jsontext.Value) bool { return f.Kind() == 'n' })
		fewer, whole = len(fields) < n, fields
		for name, f := range fields {
			if within && f.Kind() == '[' {
				inner, some := given(f, false)
				fields[name], fewer = inner, fewer || some
			}
		}
	case v.Kind() == '[' && json.Unmarshal(v, &list) == nil:
		whole = list
		for i, e := range list {
			if e.Kind() == '{' {
				inner, some := given(e, false)
				list[i], fewer = inner, fewer || some
			}
		}
	}
	if !fewer {
		return v, false
	}
	less, err := json.Marshal(whole)
	return less, err == nil
}

func strict(body []byte, into any) *gateway.Fault {
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var fault *gateway.Fault
	var syntax *jsontext.SyntacticError
	var meaning *json.SemanticError
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &syntax):
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return gateway.Invalid(field(syntax.JSONPointer), "is there twice")
		}
		return gateway.Invalid("body", malformed(body))
	case errors.As(err, &meaning):
		name := field(meaning.JSONPointer)
		switch {
		case errors.Is(err, json.ErrUnknownName):
			return gateway.NotSupported(cmp.Or(name, meaning.JSONPointer.LastToken()), "the gateway can't honour it")
		case name == "":
			return gateway.Invalid("body", "want a JSON object, it is of type "+kind(meaning.JSONKind))
		}
		return gateway.Invalid(name, "has the wrong type: "+kind(meaning.JSONKind))
	}
	return gateway.Invalid("body", "is not valid JSON")
}

// malformed says what is wrong with a body that is not one JSON value.
func malformed(body []byte) string {
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowInvalidUTF8(true))
	one, err := d.ReadValue()
	if err != nil {
		return "is not valid JSON"
	}
	if !one.IsValid() {
		return "is not valid UTF-8, or holds half a surrogate pair"
	}
	return "is more than one JSON value"
}

// field is where something is, as people write it: "messages.role", whichever of the messages.
func field(at jsontext.Pointer) string {
	var names []string
	for name := range at.Tokens() {
		if _, err := strconv.ParseUint(name, 10, 32); err != nil {
			names = append(names, name)
		}
	}
	return strings.Join(names, ".")
}

// kind is JSON's word for a kind.
func kind(k jsontext.Kind) string {
	switch k {
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "bool"
	}
	return k.String()
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
