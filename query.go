package sluice

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"
)

// Query is a question as the ring carries it. It never holds a ground truth: that travels in
// [Accepted] and [Answer] only, so that a type built on Query can't leak it.
type Query struct {
	// Key names the query in every subject and table: 26 characters of [a-z2-7]; see [QueryKey].
	Key string `json:"key"`
	// Number is where the query stands among all that were ever asked: the sequence, in QUERIES, of the message that
	// brought it in. Facts about queries that came one after the other lie side by side in the log by it. It tells no
	// query from another by itself, since a log may be made anew; 0 where it is not known.
	Number int64 `json:"number,omitempty"`
	// ID is upstream's own identifier, as it was given; empty where there was none.
	ID string `json:"id,omitempty"`
	// Text is the question: valid UTF-8, not blank, free of control characters.
	Text string `json:"text"`
	// Source names who published it: the last token of the subject it came in on.
	Source string `json:"source"`
	// Tenant is the customer that the query belongs to; empty for the default tenant.
	Tenant string `json:"tenant,omitempty"`
	// Tags are upstream's own words for it.
	Tags []string `json:"tags,omitempty"`
	// Priority is 0 (normal) or above (urgent: answered before every normal one).
	Priority int `json:"priority,omitempty"`
	// Deadline, where set, is the instant after which nobody wants the answer any more (UTC).
	Deadline time.Time `json:"deadline,omitzero"`
	// AskedAt is when the log stored the query (UTC).
	AskedAt time.Time `json:"asked_at"`
	// Split says whether training may ever see the query.
	Split Split `json:"split"`
	// Scrubbed counts the pieces of personal data that were masked in Text at the ring's entrance.
	Scrubbed int `json:"scrubbed,omitempty"`
}

// Accepted is the fact that a query passed the ring's entrance, with the accepted answers that
// upstream knows, if any.
type Accepted struct {
	Query Query `json:"query"`
	// GroundTruth lists the accepted answers; empty means that verdicts are reference-free.
	GroundTruth []string `json:"ground_truth,omitempty"`
}

// Split separates what may be learnt from and what the result is measured on.
type Split string

// The two splits. The value is a function of the question's content and the seed alone.
const (
	Train Split = "train"
	Test  Split = "test"
)

const keyAlphabet = "abcdefghijklmnopqrstuvwxyz234567"

var keyEncoding = base32.NewEncoding(keyAlphabet).WithPadding(base32.NoPadding)

// HashID folds parts into a subject-safe identifier of 26 characters of [a-z2-7], 128 bits of SHA-256: equal parts
// give equal ids, and since parts are length-prefixed, ("ab", "c") and ("a", "bc") differ. Every id in the ring that
// must be a function of its input is made by it (Invariant 2).
func HashID(parts ...string) string {
	var room [256]byte
	b := room[:0]
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(p))), p...)
	}
	sum := sha256.Sum256(b)
	return idOf([16]byte(sum[:16]))
}

// idOf writes 128 bits as 26 characters of [a-z2-7].
func idOf(bits [16]byte) string {
	var text [26]byte
	keyEncoding.Encode(text[:], bits[:])
	return string(text[:])
}

// NewID mints an id of 128 random bits, fit for a subject: 26 characters of [a-z2-7].
func NewID() string {
	var bits [16]byte
	_, _ = rand.Read(bits[:]) // never fails: see crypto/rand
	return idOf(bits)
}

// QueryKey is the key of a query: a hash of tenant and id, or, where upstream gave no id, of tenant
// and normalised text, so that one question asked twice is one query.
func QueryKey(tenant, id, text string) string {
	if id != "" {
		return HashID("id", tenant, id)
	}
	return HashID("text", tenant, NormalizeText(text))
}

// TenantKey stands for a tenant where its name must not: a hash like that of a query, and the key of none, since no query
// is without text.
func TenantKey(tenant string) string { return QueryKey(tenant, "", "") }

// NormalizeText folds case and white space, so that two spellings of one question compare equal.
func NormalizeText(text string) string {
	var room [256]byte
	return string(appendNormal(room[:0], text))
}

// appendNormal is [NormalizeText] at the end of b.
func appendNormal(b []byte, text string) []byte {
	start, blank := len(b), false
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= utf8.RuneSelf:
			return append(b[:start], strings.ToLower(strings.Join(strings.Fields(text), " "))...)
		case c == ' ' || '\t' <= c && c <= '\r':
			blank = true
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if blank && len(b) > start {
			b = append(b, ' ')
		}
		b, blank = append(b, c), false
	}
	return b
}

// ContentHash identifies the question's content whoever asked it: the same for every tenant and id.
func ContentHash(text string) string { return HashID("content", NormalizeText(text)) }

// SplitOf draws the split of a question from its content and the seed: about trainShare of all
// questions are [Train]. Adding rows to a data set moves no row that was there (Invariant 4).
func SplitOf(text string, seed uint64, trainShare float64) Split {
	var room [256]byte
	b := binary.BigEndian.AppendUint64(room[:0], seed)
	sum := sha256.Sum256(appendNormal(b, text))
	draw := binary.BigEndian.Uint64(sum[:8]) >> 11 // 53 bits: exact in a float64
	if float64(draw)/(1<<53) < trainShare {
		return Train
	}
	return Test
}
