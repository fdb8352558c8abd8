package llm

// What an API adds around a request's text, in tokens: around the whole, around each turn and each tool
// (roles, separators), and for tools at all (instructions how to call them).
const (
	requestOverhead = 32
	messageOverhead = 16
	toolsOverhead   = 512
)

func requestBytes(req Request) int64 {
	return int64(len(req.System) + len(req.Prompt) + len(req.Schema))
}

// expectedTokens is the rule of thumb of four bytes a token.
func expectedTokens(bytes int64) int64 { return (bytes + 3) / 4 }

// BoundTokens is the most tokens that a request of so many bytes can have: a byte-fallback tokenizer
// makes at most one of each byte.
func BoundTokens(bytes int64) int64 { return bytes + requestOverhead }

// mostOutput is the most tokens that a reply may have, by the gateway's rule: the request's bound, which is at
// most the model's, or [DefaultMaxOutputTokens] where there is none.
func mostOutput(req Request) int64 {
	if req.MaxOutputTokens > 0 {
		return int64(req.MaxOutputTokens)
	}
	return DefaultMaxOutputTokens
}
