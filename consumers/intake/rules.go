package intake

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice"
	"sluice/streams"
)

// The bounds of a payload's values, in bytes or elements. The bound of a question is an option.
const (
	maxIDBytes      = 256
	maxTenantBytes  = 128
	maxTags         = 32
	maxTagBytes     = 128
	maxGroundTruths = 64
	maxPriority     = 9
)

// check holds the values to their bounds. The question comes first: where several things are wrong, its
// fault is the one that is told.
func check(a streams.Asked, maxQuery int) error {
	if blank(a.Query) {
		return refuse(sluice.ReasonEmptyQuery, "key \"query\" is absent or blank")
	}
	if n := len(a.Query); n > maxQuery {
		return refuse(sluice.ReasonTooLarge, "key \"query\" has %d bytes, at most %d are let in (query.max_bytes)", n, maxQuery)
	}
	if err := plainText("query", a.Query, true); err != nil {
		return err
	}
	for _, word := range []struct {
		key, text string
		max       int
	}{{"id", a.ID, maxIDBytes}, {"tenant", a.Tenant, maxTenantBytes}, {"source", a.Source, maxTenantBytes}} {
		if err := name(word.key, word.text, word.max); err != nil {
			return err
		}
	}
	if len(a.Tags) > maxTags {
		return refuse(sluice.ReasonInvalidField, "key \"tags\" has more than %d tags", maxTags)
	}
	for _, tag := range a.Tags {
		if blank(tag) {
			return refuse(sluice.ReasonInvalidField, "key \"tags\" holds a blank tag")
		}
		if err := name("tags", tag, maxTagBytes); err != nil {
			return err
		}
	}
	return checkTruths(a.GroundTruth, maxQuery)
}

// checkTruths holds the accepted answers to their bounds. A blank one is refused: taken for "no accepted
// answer" it would change how the query is judged, silently.
func checkTruths(truths []string, maxBytes int) error {
	if len(truths) > maxGroundTruths {
		return refuse(sluice.ReasonInvalidField, "key \"ground_truth\" has more than %d answers", maxGroundTruths)
	}
	for i, truth := range truths {
		switch {
		case blank(truth):
			return refuse(sluice.ReasonInvalidField, "key \"ground_truth\": answer %d is blank; leave the key out if no answer is known", i+1)
		case len(truth) > maxBytes:
			return refuse(sluice.ReasonTooLarge, "key \"ground_truth\": answer %d has %d bytes, at most %d are let in", i+1, len(truth), maxBytes)
		}
		if err := plainText("ground_truth", truth, true); err != nil {
			return err
		}
	}
	return nil
}

// name holds an identifier to its bound: one line, and no replacement character, which stands for bytes
// that somebody's conversion lost.
func name(key, s string, maxBytes int) error {
	if len(s) > maxBytes {
		return refuse(sluice.ReasonInvalidField, "key %q has %d bytes, at most %d are let in", key, len(s), maxBytes)
	}
	if strings.ContainsRune(s, utf8.RuneError) {
		return refuse(sluice.ReasonInvalidText, "key %q holds U+FFFD, the trace of bytes that were not UTF-8", key)
	}
	return plainText(key, s, false)
}

// plainText refuses control characters; line feed and tab are let through where lines are.
func plainText(key, s string, lines bool) error {
	for at, r := range s {
		if lines && (r == '\n' || r == '\t') {
			continue
		}
		if unicode.IsControl(r) {
			return refuse(sluice.ReasonInvalidText, "key %q holds the control character U+%04X at byte %d", key, r, at)
		}
	}
	return nil
}

// blank says whether nothing in s can be seen.
func blank(s string) bool {
	for _, r := range s {
		if !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) {
			return false
		}
	}
	return true
}
