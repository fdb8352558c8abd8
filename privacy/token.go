package privacy

import (
	"strings"
	"unicode/utf8"
)

// tokenKind is a family of keys that say what they are by their first characters.
type tokenKind struct {
	prefix string
	// min is how many characters follow the prefix at least.
	min int
	// more lists characters beside [A-Za-z0-9_-] that the key may hold.
	more string
}

// tokenKinds is the list: OpenAI and the many that copy it (sk-proj-, sk-ant-, sk-or-), Stripe, Google,
// GitHub, GitLab, Slack, Amazon, and one prefix a vendor from there on.
var tokenKinds = []tokenKind{
	{"sk-", 20, ""},
	{"sk_live_", 16, ""},
	{"sk_test_", 16, ""},
	{"rk_live_", 16, ""},
	{"rk_test_", 16, ""},
	{"pk_live_", 16, ""},
	{"whsec_", 16, "+/="},
	{"AIza", 30, ""},
	{"ya29.", 20, ""},
	{"GOCSPX-", 20, ""},
	{"github_pat_", 22, ""},
	{"ghp_", 20, ""},
	{"gho_", 20, ""},
	{"ghu_", 20, ""},
	{"ghs_", 20, ""},
	{"ghr_", 20, ""},
	{"glpat-", 20, ""},
	{"xoxa-", 10, ""},
	{"xoxb-", 10, ""},
	{"xoxe-", 10, ""},
	{"xoxp-", 10, ""},
	{"xoxr-", 10, ""},
	{"xoxs-", 10, ""},
	{"xapp-", 10, ""},
	{"AKIA", 16, ""},
	{"ASIA", 16, ""},
	{"SG.", 30, "."},
	{"hf_", 24, ""},
	{"npm_", 24, ""},
	{"pypi-", 24, ""},
	{"dop_v1_", 24, ""},
	{"shpat_", 24, ""},
	{"gsk_", 24, ""},
	{"nvapi-", 24, ""},
	{"AGE-SECRET-KEY-", 20, ""},
}

// tokensBy are the same by the byte that they begin with.
var tokensBy = func() (t [utf8.RuneSelf][]tokenKind) {
	for _, k := range tokenKinds {
		t[k.prefix[0]] = append(t[k.prefix[0]], k)
	}
	return t
}()

// token finds a key that begins at i, with a letter.
func token(text string, i int) span {
	for _, k := range tokensBy[text[i]] {
		if strings.HasPrefix(text[i:], k.prefix) {
			if end := secret(text, i+len(k.prefix), k.min, k.more); end > 0 {
				return span{i, end, APIKey}
			}
		}
	}
	if strings.HasPrefix(text[i:], "eyJ") {
		return webToken(text, i)
	}
	if len(text) > i+7 && strings.EqualFold(text[i:i+7], "bearer ") {
		if end := secret(text, i+7, 16, "._~+/="); end > 0 {
			return span{i + 7, end, APIKey}
		}
	}
	return span{}
}

// Bounds of what is read before it is known to be a key, so that text made of nothing but beginnings
// of keys costs no more than any other.
const (
	maxSample = 64
	maxHeader = 512
)

// secret is where the key that begins at i ends: it has so many characters at least; 0 if there is none.
func secret(text string, i, least int, more string) int {
	sample := run(text[:min(len(text), i+maxSample)], i, more)
	if sample-i < least || !looksRandom(text[i:sample]) {
		return 0
	}
	return run(text, i, more)
}

// webToken finds a JWT: three runs of base64url, of which the first two are JSON objects ("eyJ" is
// `{"`); the last, the signature, may be absent.
func webToken(text string, i int) span {
	head := run(text[:min(len(text), i+maxHeader)], i, "")
	if head-i < 10 || !strings.HasPrefix(text[head:], ".eyJ") {
		return span{}
	}
	end := run(text, head+1, "")
	if end < len(text) && text[end] == '.' {
		if tail := run(text, end+1, ""); tail > end+1 {
			end = tail
		}
	}
	return span{i, end, APIKey}
}

// secretNames are the names whose values are keys whatever they look like.
var secretNames = []string{
	"api_key", "apikey", "api-key", "api key", "secret", "secret_key", "secret-key", "secret key",
	"access_key", "access-key", "token", "access_token", "auth_token", "password", "passwd",
}

// assignedSecret finds the value of `api_key=...`, `"token": "..."` and the like; i is the place of
// the = or the colon.
func assignedSecret(text string, i int) span {
	name := strings.TrimRight(text[:i], " \t\"'")
	named := false
	for _, s := range secretNames {
		if cut := len(name) - len(s); cut >= 0 && strings.EqualFold(name[cut:], s) && (cut == 0 || !isAlnum(name[cut-1])) {
			named = true
			break
		}
	}
	if !named {
		return span{}
	}
	start := i + 1
	for start < len(text) && strings.IndexByte(" \t\"'=", text[start]) >= 0 {
		start++
	}
	if end := secret(text, start, 12, "+/=~."); end > 0 {
		return span{start, end, APIKey}
	}
	return span{}
}

// privateKey finds a PEM private key that begins at i, up to its end line or, where that is cut off,
// to the end of the text.
func privateKey(text string, i int) span {
	const begin, tail = "-----BEGIN ", "PRIVATE KEY-----"
	if !strings.HasPrefix(text[i:], begin) {
		return span{}
	}
	head := strings.Index(text[i:min(len(text), i+64)], tail)
	if head < 0 {
		return span{}
	}
	body := i + head + len(tail)
	if end := strings.Index(text[body:], tail); end >= 0 {
		return span{i, body + end + len(tail), APIKey}
	}
	return span{i, len(text), APIKey}
}

// run is the end of the run of [A-Za-z0-9_-] and the characters of more that begins at i, without the
// punctuation that ends a sentence.
func run(text string, i int, more string) int {
	end := i
	for end < len(text) && (isAlnum(text[end]) || text[end] == '_' || text[end] == '-' || strings.IndexByte(more, text[end]) >= 0) {
		end++
	}
	for end > i && (text[end-1] == '.' || text[end-1] == '-') {
		end--
	}
	return end
}

// looksRandom tells a key from hyphenated words: it holds a digit, or both cases, or 24 letters in a
// row.
func looksRandom(s string) bool {
	var digit, upper, lower bool
	row, longest := 0, 0
	for i := range len(s) {
		c := s[i]
		digit = digit || isDigit(c)
		upper = upper || 'A' <= c && c <= 'Z'
		lower = lower || 'a' <= c && c <= 'z'
		if isAlnum(c) {
			row++
		} else {
			row = 0
		}
		longest = max(longest, row)
	}
	return digit || upper && lower || longest >= 24
}
