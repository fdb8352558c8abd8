package web_test

import (
	"strings"
	"testing"

	"sluice/gateway"
	"sluice/gateway/web"
)

func TestABodyIsReadStrictly(t *testing.T) {
	type body struct {
		Model    string `json:"model"`
		Messages []struct {
			Role string `json:"role"`
		} `json:"messages"`
		Tokens *int `json:"max_tokens"`
	}
	for name, c := range map[string]struct {
		body, param, message string
		kind                 gateway.Kind
	}{
		"an unknown field":                      {`{"modell":"x"}`, "modell", "can't honour", gateway.Unsupported},
		"an unknown field within":               {`{"messages":[{"rolle":"user"}]}`, "messages.rolle", "can't honour", gateway.Unsupported},
		"other letters":                         {`{"Model":"x"}`, "Model", "can't honour", gateway.Unsupported},
		"a field that is twice":                 {`{"model":"x","model":"y"}`, "model", "twice", gateway.BadRequest},
		"a number for a text":                   {`{"messages":[{"role":1}]}`, "messages.role", "number", gateway.BadRequest},
		"a list for a number":                   {`{"max_tokens":[1]}`, "max_tokens", "array", gateway.BadRequest},
		"a fraction for a number":               {`{"max_tokens":1.5}`, "max_tokens", "number", gateway.BadRequest},
		"a body that ends too soon":             {`{"model":"x"`, "body", "not valid JSON", gateway.BadRequest},
		"half a surrogate pair":                 {`{"model":"\ud83d"}`, "body", "surrogate", gateway.BadRequest},
		"text that is no UTF-8":                 {"{\"model\":\"\xff\"}", "body", "UTF-8", gateway.BadRequest},
		"no body":                               {``, "body", "not valid JSON", gateway.BadRequest},
		"two values":                            {`{"model":"x"} {}`, "body", "more than one", gateway.BadRequest},
		"a list":                                {`[]`, "body", "want a JSON object", gateway.BadRequest},
		"a null that is unknown beside what is": {`{"modell":"x","n":null}`, "modell", "can't honour", gateway.Unsupported},
		"a null deeper than a list's fields":    {`{"messages":[{"role":"user","x":{"y":null}}]}`, "messages.x", "can't honour", gateway.Unsupported},
	} {
		var b body
		f := web.Decode([]byte(c.body), &b)
		if f == nil || f.Kind != c.kind || f.Param != c.param || !strings.Contains(f.Message, c.message) {
			t.Errorf("%s: the fault is %+v", name, f)
		}
	}
	var b body
	if f := web.Decode([]byte(`{"model":"x","prediction":null}`), &b); f != nil || b.Model != "x" {
		t.Errorf("a parameter that is null: %v", f)
	}
	if f := web.Decode([]byte(` {"n":null,"messages":[{"role":"user","function_call":null},{"role":"assistant"}]}`), &b); f != nil || len(b.Messages) != 2 || b.Messages[0].Role != "user" {
		t.Errorf("a message's field that is null: %+v (%v)", b, f)
	}
	var list []struct{ Role string }
	if f := web.Decode([]byte(`[{"Role":"user","phase":null}]`), &list); f != nil || len(list) != 1 || list[0].Role != "user" {
		t.Errorf("a list's field that is null: %+v (%v)", list, f)
	}
}

func TestANameThatAClientMadeUpIsCutWhereItIsQuoted(t *testing.T) {
	var b struct{}
	f := web.Decode([]byte(`{"`+strings.Repeat("x", 1<<20)+`":1}`), &b)
	if f == nil || len(f.Error()) > 200 || f.Status() != 400 {
		t.Errorf("the fault has %d bytes: %.100v", len(f.Error()), f)
	}
}
