package llm

import "strings"

const (
	// maxExplanation bounds, in bytes, what a server's own words may add to an error.
	maxExplanation = 240
	// shingle is how many bytes in common with a prompt make a server's words a quotation of it.
	shingle = 16
)

// explain makes a server's words fit for errors and the ledger: one line, short, without the key, and
// withheld altogether where they quote the request (some servers echo what they refuse).
func explain(words string, key Key, texts ...string) string {
	words = strings.Join(strings.Fields(strings.ToValidUTF8(words, "?")), " ")
	if secret := key.reveal(); secret != "" {
		words = strings.ReplaceAll(words, secret, key.String())
	}
	if len(words) > maxExplanation {
		words = strings.ToValidUTF8(words[:maxExplanation], "") + "..."
	}
	for _, text := range texts {
		if quotes(words, text) {
			return "(the server's words are withheld: they quote the request)"
		}
	}
	return words
}

// quotes says whether words share a run of at least shingle bytes with text, or hold all of a shorter
// text.
func quotes(words, text string) bool {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return false
	}
	if len(text) <= shingle {
		return len(text) >= 4 && strings.Contains(words, text)
	}
	for i := 0; i+shingle <= len(words); i++ {
		if strings.Contains(text, words[i:i+shingle]) {
			return true
		}
	}
	return false
}
