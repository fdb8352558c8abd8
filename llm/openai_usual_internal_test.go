package llm

import (
	"reflect"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// replies are some of servers, and pieces of some; true where they are usual.
var replies = map[string]bool{
	`{"id":"chatcmpl-1","object":"chat.completion","created":1760000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"The \"Tigris\".\n","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":19,"total_tokens":43,"prompt_tokens_details":{"cached_tokens":3,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":null}`: true,
	`{"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}],"usage":null}`: true,
	`{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}`:                                                                                     true,
	`{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":0,"prompt_tokens_details":null}}`:                                                     true,

	`{"choices":null}`:                                      false,
	`{"Choices":[]}`:                                        false,
	`{"choices":[],"choices":[{}]}`:                         false,
	`{"choices":[{"finishReason":"stop"}]}`:                 false,
	`{"choices":[{"message":{"tool_calls":[{"id":"1"}]}}]}`: false,
	`{"choices":[{"message":{"content":["parts"]}}]}`:       false,
	`{"error":{"message":"overloaded"}}`:                    false,
	`{"usage":{"prompt_tokens":-1}}`:                        false,
	`{"usage":{"prompt_tokens":1.5}}`:                       false,
	`{"usage":{"promptTokens":1}}`:                          false,
	"{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}":  false,
	`{"choices":[{"message":{"content":"cut off`:            false,
	`{"choices":[]} and more`:                               false,
	`{"id":"\ud800","choices":[]}`:                          false,
}

// differs says how a usual reply is read in another way than encoding/json reads it.
func differs(data string) string {
	got, ok := usualReply(data)
	if !ok {
		return ""
	}
	var want openAIReply
	err := jsonv2.Unmarshal([]byte(data), &want, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true), jsonv2.MatchCaseInsensitiveNames(true))
	if err != nil {
		return "read, but " + err.Error()
	}
	if !reflect.DeepEqual(got, want) {
		return "read in another way"
	}
	return ""
}

func TestAUsualReplyIsReadAsEveryOther(t *testing.T) {
	for data, want := range replies {
		if _, ok := usualReply(data); ok != want {
			t.Errorf("%s: usual %t", data, ok)
		}
		if how := differs(data); how != "" {
			t.Errorf("%s: %s", data, how)
		}
	}
}

func FuzzAUsualReplyIsReadAsEveryOther(f *testing.F) {
	for data := range replies {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if how := differs(data); how != "" {
			t.Errorf("%q: %s", data, how)
		}
	})
}

func BenchmarkReadOpenAI(b *testing.B) {
	const body = `{"id":"chatcmpl-1","object":"chat.completion","created":1760000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"The Tigris flows through Baghdad, from the north-west to the south-east of the city."},"finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":19,"total_tokens":43}}`
	b.Run("usual", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := usualReply(body); !ok {
				b.Fatal("it is not")
			}
		}
	})
	b.Run("every other", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var reply openAIReply
			if err := jsonv2.Unmarshal([]byte(body), &reply, jsonv2.MatchCaseInsensitiveNames(true)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
