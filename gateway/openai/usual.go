package openai

import (
	"strings"

	"sluice/object"
)

// usual reads a body that has nothing but what nearly all have; false for every other, which leaves anything in b.
// It takes a third of the time of encoding/json, which reads all others and says what is wrong with them. Text is
// valid UTF-8: the door sees to that.
func (b *chatBody) usual(body string) bool {
	r := object.NewReader(body)
	for name := range r.Object {
		switch name {
		case "model":
			b.Model = strings.Clone(r.Text()) // decisions and metrics keep it longer than the body that it is a part of
		case "messages":
			b.Messages = b.Messages[:0]
			for range r.List {
				b.Messages = append(b.Messages, usualMessage(&r))
			}
		case "stream":
			b.Stream = r.Truth()
		case "stream_options":
			b.StreamOptions = &streamOptions{}
			for name := range r.Object {
				if name != "include_usage" {
					r.Fail()
					continue
				}
				b.StreamOptions.IncludeUsage = r.Truth()
			}
		case "max_tokens":
			b.MaxTokens = usualCount(&r)
		case "max_completion_tokens":
			b.MaxCompletionTokens = usualCount(&r)
		case "user":
			b.User = r.Text()
		default:
			r.Fail()
		}
	}
	return r.Done()
}

func usualMessage(r *object.Reader) (m message) {
	for name := range r.Object {
		switch name {
		case "role":
			m.Role = r.Text()
		case "content":
			m.Content = content(r.Text())
		default:
			r.Fail()
		}
	}
	return m
}

func usualCount(r *object.Reader) *int {
	n := int(r.Whole())
	return &n
}
