package openai

import (
	"reflect"
	"testing"
	"unicode/utf8"

	"sluice/gateway/web"
)

// asks are bodies of chat completions; true where they are usual.
var asks = map[string]bool{
	`{"model":"auto","messages":[{"role":"system","content":"Be \"brief\"."},{"role":"user","content":"Wer schrieb Faust? ü\n"}],"stream":false}`: true,
	`{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":0,"stream":true,"stream_options":{"include_usage":true},"user":"x"}`:       true,
	`{"messages":[{}]}`: true,

	`{"model":"auto","model":"m"}`:                      false,
	`{"model":null}`:                                    false,
	`{"Model":"auto"}`:                                  false,
	`{"model":"auto","temperature":0.5}`:                false,
	`{"messages":[{"role":"user","content":[]}]}`:       false,
	`{"messages":[{"role":"user","content":null}]}`:     false,
	`{"messages":[{"role":"user","name":"x"}]}`:         false,
	`{"messages":[{"role":"user","role":"user"}]}`:      false,
	`{"max_tokens":-1}`:                                 false,
	`{"max_tokens":1.0}`:                                false,
	`{"stream_options":{"include_obfuscation":false}}`:  false,
	`{"messages":[{"role":"user","content":"\udfff"}]}`: false,
	`{"model":"auto"} {}`:                               false,
}

// differs says how a usual body is read in another way than every other.
func differs(body string) string {
	var got, want chatBody
	if !utf8.ValidString(body) || !got.usual(body) {
		return ""
	}
	if fault := web.Decode([]byte(body), &want); fault != nil {
		return "read, but " + fault.Error()
	}
	if len(got.Messages) == 0 && len(want.Messages) == 0 {
		got.Messages, want.Messages = nil, nil
	}
	if !reflect.DeepEqual(got, want) {
		return "read in another way"
	}
	return ""
}

func TestAUsualBodyIsReadAsEveryOther(t *testing.T) {
	for body, want := range asks {
		if ok := new(chatBody).usual(body); ok != want {
			t.Errorf("%s: usual %t", body, ok)
		}
		if how := differs(body); how != "" {
			t.Errorf("%s: %s", body, how)
		}
	}
}

func TestABodyThatIsNotUsualIsReadAnew(t *testing.T) {
	a, fault := new(chatBody).read([]byte(`{"model":"m","max_tokens":7,"messages":[{"role":"user","content":"Hi"}],"stream":true,"max_tokens":7}`))
	if fault == nil || fault.Param != "max_tokens" || a != nil {
		t.Errorf("a parameter that is there twice: %v", fault)
	}
	a, fault = new(chatBody).read([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}],"temperature":0.5}`))
	if fault != nil || len(a.Chat.Messages) != 1 || *a.Chat.Temperature != 0.5 {
		t.Errorf("a temperature: %+v (%v)", a, fault)
	}
}

func FuzzAUsualBodyIsReadAsEveryOther(f *testing.F) {
	for body := range asks {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if how := differs(body); how != "" {
			t.Errorf("%q: %s", body, how)
		}
	})
}
