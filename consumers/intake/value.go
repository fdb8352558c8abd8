package intake

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"sluice"
	"sluice/privacy"
	"sluice/streams"
)

// kind is what a value is, in words that both formats share.
type kind string

const (
	null     kind = "null"
	text     kind = "text"
	whole    kind = "a whole number"
	fraction kind = "a number that is not whole"
	boolean  kind = "true or false"
	list     kind = "a list"
	object   kind = "an object"
	raw      kind = "bytes"
	stamp    kind = "a timestamp"
)

// value is one value of a payload.
type value struct {
	kind   kind
	text   string
	number int64
	list   []value
	at     time.Time
}

// visitor is given every key of a payload, in order.
type visitor func(key string, v value) error

// float is a number that was not published as digits alone: 1.0 is whole.
func float(f float64) value {
	if n, ok := streams.Whole(f); ok {
		return value{kind: whole, number: n}
	}
	return value{kind: fraction}
}

// maxList bounds what is read of a list; no list of the contract is as long.
const maxList = 256

// payload gathers the values of the contract's keys.
type payload struct {
	streams.Asked
	seen [len(keys)]bool
}

// keys is the contract, in the order of the schema.
var keys = [...]string{"query", "id", "ground_truth", "source", "tags", "tenant", "priority", "deadline"}

// visit takes one key of the payload.
func (p *payload) visit(key string, v value) error {
	if strings.HasPrefix(key, "x_") {
		return nil
	}
	at := keyIndex(key)
	if at < 0 {
		return refuse(sluice.ReasonInvalidField, "unknown key %s%s; keys of your own begin with x_", quote(key), suggestion(key))
	}
	if p.seen[at] {
		return refuse(sluice.ReasonInvalidField, "key %q is given twice", key)
	}
	p.seen[at] = true
	if v.kind == null {
		return nil
	}
	var err error
	switch key {
	case "query":
		p.Query, err = v.asText(key)
	case "id":
		p.ID, err = v.asText(key)
	case "ground_truth":
		p.GroundTruth, err = v.asTexts(key, true)
	case "source":
		p.Source, err = v.asText(key)
	case "tags":
		p.Tags, err = v.asTexts(key, false)
	case "tenant":
		p.Tenant, err = v.asText(key)
	case "priority":
		p.Priority, err = v.asPriority()
	case "deadline":
		p.Deadline, err = v.asInstant(key)
	}
	return err
}

// quote shows the beginning of a word of the payload; errors are read by more people than queries are.
func quote(word string) string {
	clean, _ := privacy.Scrub(word)
	return fmt.Sprintf("%.40q", clean)
}

func keyIndex(key string) int {
	for i, k := range keys {
		if k == key {
			return i
		}
	}
	return -1
}

// mismatch says that a key holds another type than the contract's.
func (v value) mismatch(key, want string) error {
	return refuse(sluice.ReasonInvalidField, "key %q is %s, want %s", key, v.kind, want)
}

func (v value) asText(key string) (string, error) {
	if v.kind != text {
		return "", v.mismatch(key, "text")
	}
	if !utf8.ValidString(v.text) {
		return "", refuse(sluice.ReasonInvalidText, "key %q is not valid UTF-8", key)
	}
	return v.text, nil
}

// asTexts reads a list of text or, where single is allowed, one text.
func (v value) asTexts(key string, single bool) ([]string, error) {
	want := "a list of text"
	if single {
		want = "text or a list of text"
	}
	if single && v.kind == text {
		v = value{kind: list, list: []value{v}}
	}
	if v.kind != list {
		return nil, v.mismatch(key, want)
	}
	if len(v.list) == 0 {
		return nil, nil
	}
	texts := make([]string, len(v.list))
	for i, e := range v.list {
		var err error
		if texts[i], err = e.asText(key); err != nil {
			_, err = e.asText(fmt.Sprintf("%s[%d]", key, i)) // the same, and says which
			return nil, err
		}
	}
	return texts, nil
}

func (v value) asPriority() (int, error) {
	if v.kind != whole {
		return 0, v.mismatch("priority", fmt.Sprintf("a whole number from 0 to %d", maxPriority))
	}
	if v.number < 0 || v.number > maxPriority {
		return 0, refuse(sluice.ReasonInvalidField, "key %q is out of range, want a whole number from 0 (normal) to %d (most urgent)", "priority", maxPriority)
	}
	return int(v.number), nil
}

func (v value) asInstant(key string) (time.Time, error) {
	at := v.at
	switch v.kind {
	case stamp:
	case text:
		var err error
		if at, err = time.Parse(time.RFC3339Nano, v.text); err != nil {
			return time.Time{}, refuse(sluice.ReasonInvalidField, "key %q is %s, want RFC 3339 with a time zone, such as 2026-01-31T12:00:00Z", key, quote(v.text))
		}
	default:
		return time.Time{}, v.mismatch(key, "text (RFC 3339)")
	}
	if y := at.UTC().Year(); y < 1970 || y > 9999 {
		return time.Time{}, refuse(sluice.ReasonInvalidField, "key %q is in the year %d, want 1970 to 9999", key, y)
	}
	return at.UTC(), nil
}
