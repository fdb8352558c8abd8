package gateway

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"sluice"
	"sluice/gateway/keys"
	"sluice/llm"
)

// Auto is the model that clients name to have one chosen.
const Auto = "auto"

// Ask is one request in no particular dialect.
type Ask struct {
	// API is the dialect that the client spoke, as sluice.Decision.API holds it.
	API string
	// Key is whose request it is; its tenant is the decision's.
	Key keys.Key
	// Model is what the client named: [Auto], or an explicit model.
	Model string
	// Chat is the conversation and its parameters; its own Model is not read.
	Chat llm.ChatRequest
	// Stream asks for chunks as they are written.
	Stream bool
	// Conversation, where set, keeps the requests of one conversation with the model of its first.
	Conversation string
	// Tags are the client's own words for the request.
	Tags []string
	// Threshold, where set, is the cost-quality knob of this request: 0 to 1.
	Threshold *float64
	// Explain asks for a generated reasoning.
	Explain bool
}

// Limits bound what is let in. See config.Gateway.
type Limits struct {
	MaxMessages, MaxTextBytes, MaxTools, MaxTags, MaxTagBytes int
	MaxOutputTokens                                           int
}

// DefaultLimits let in what the models' own limits do.
func DefaultLimits() Limits {
	return Limits{MaxMessages: 1000, MaxTextBytes: 512 << 10, MaxTools: 128, MaxTags: 64, MaxTagBytes: 128, MaxOutputTokens: 65536}
}

// question is the text that is decided on: the last turn of the user.
func (a *Ask) question() string {
	for i := len(a.Chat.Messages) - 1; i >= 0; i-- {
		if a.Chat.Messages[i].Role == llm.User {
			return a.Chat.Messages[i].Text
		}
	}
	return ""
}

// check finds what is wrong with a request, whatever the model.
func (l Limits) check(a *Ask) *Fault {
	size := len(a.Chat.System)
	switch n := len(a.Chat.Messages); {
	case n == 0:
		return Invalid("messages", "there is no message of the user")
	case n > l.MaxMessages:
		return Invalid("messages", fmt.Sprintf("%d messages, at most %d are taken", n, l.MaxMessages))
	case len(a.Chat.Tools) > l.MaxTools:
		return Invalid("tools", fmt.Sprintf("%d tools, at most %d are taken", len(a.Chat.Tools), l.MaxTools))
	case a.Chat.MaxOutputTokens < 0 || a.Chat.MaxOutputTokens > l.MaxOutputTokens:
		return Invalid("max_tokens", fmt.Sprintf("want 1 to %d", l.MaxOutputTokens))
	case a.Threshold != nil && !(*a.Threshold >= 0 && *a.Threshold <= 1):
		return Invalid("threshold", "want a number from 0 to 1")
	case !utf8.ValidString(a.Chat.System):
		return Invalid("messages", "the system message is not valid UTF-8")
	}
	for i, m := range a.Chat.Messages {
		size += len(m.Text)
		if !utf8.ValidString(m.Text) {
			return Invalid(fmt.Sprintf("messages[%d]", i), "is not valid UTF-8")
		}
	}
	if size > l.MaxTextBytes {
		return &Fault{Kind: TooLarge, Param: "messages", Message: fmt.Sprintf("the messages have %d bytes, at most %d are taken", size, l.MaxTextBytes)}
	}
	if sluice.CleanText(a.question(), 0) == "" {
		return Invalid("messages", "there is no message of the user with any text")
	}
	if fault := checkSampling(&a.Chat); fault != nil {
		return fault
	}
	return l.checkNames(a)
}

// checkSampling checks how the words are to be drawn: what every provider refuses need not be asked.
func checkSampling(c *llm.ChatRequest) *Fault {
	for _, p := range [...]struct {
		name        string
		value       *float32
		least, most float32
	}{
		{"temperature", c.Temperature, 0, 2},
		{"top_p", c.TopP, 0, 1},
		{"presence_penalty", c.PresencePenalty, -2, 2},
		{"frequency_penalty", c.FrequencyPenalty, -2, 2},
	} {
		if p.value != nil && !(*p.value >= p.least && *p.value <= p.most) {
			return Invalid(p.name, fmt.Sprintf("want a number from %g to %g", p.least, p.most))
		}
	}
	if slices.Contains(c.Stop, "") {
		return Invalid("stop", "is empty")
	}
	return nil
}

// checkNames checks the words that go to logs and tables.
func (l Limits) checkNames(a *Ask) *Fault {
	if len(a.Conversation) > l.MaxTagBytes {
		return Invalid("conversation", fmt.Sprintf("has more than %d bytes", l.MaxTagBytes))
	}
	if a.Conversation != sluice.CleanText(a.Conversation, 0) {
		return Invalid("conversation", "holds control characters or blanks around it")
	}
	if len(a.Tags) > l.MaxTags {
		return Invalid("tags", fmt.Sprintf("%d tags, at most %d are taken", len(a.Tags), l.MaxTags))
	}
	for _, t := range a.Tags {
		if len(t) > l.MaxTagBytes || t != sluice.CleanText(t, 0) {
			return Invalid("tags", fmt.Sprintf("a tag is longer than %d bytes, or holds control characters", l.MaxTagBytes))
		}
	}
	return nil
}
