package streams

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"strings"
	"time"
	"unicode/utf8"

	"sluice"
)

// Asked is what upstream publishes, as JSON or msgpack: see docs/publishing.md.
type Asked struct {
	// Query is the question.
	Query string `json:"query"`
	// ID is upstream's own identifier; without one the question's text is its identity.
	ID string `json:"id,omitempty"`
	// GroundTruth lists accepted answers; on the wire it may also be one string.
	GroundTruth []string `json:"ground_truth,omitempty"`
	// Source is upstream's word for where the query came from; the subject's last token is what counts.
	Source string   `json:"source,omitempty"`
	Tags   []string `json:"tags,omitempty"`
	Tenant string   `json:"tenant,omitempty"`
	// Priority above 0 is urgent.
	Priority int `json:"priority,omitempty"`
	// Deadline is RFC 3339 on the wire, or a msgpack timestamp.
	Deadline time.Time `json:"deadline,omitempty,omitzero"`
}

// AskedMessage publishes a query under a source, which must be a valid token. The message id is for the
// deduplication window: the same id within it is the same message. With forceTest the ring keeps the
// query out of training whatever its content.
func AskedMessage(source, id string, a Asked, forceTest bool) (Message, error) {
	subject, err := AskedSubject(source)
	if err != nil {
		return Message{}, err
	}
	m, err := fact(subject, a)
	if err != nil {
		return Message{}, err
	}
	m.ID = id
	if forceTest {
		m.Header = map[string]string{HeaderSplit: string(sluice.Test)}
	}
	return m, nil
}

// ParseAsked reads a message of QUERIES: JSON where its content type is JSON or absent, msgpack where it
// is msgpack. Unknown keys are passed over. Every error is poison with its reason: undecodable for bytes
// that are neither, invalid_text for invalid UTF-8, invalid_field for a key of a wrong type. It does not
// judge the values: an empty query passes.
func ParseAsked(m Message) (Asked, error) {
	fields, err := askedFields(m)
	if err != nil {
		return Asked{}, err
	}
	var a Asked
	r := fieldReader{fields: fields}
	a.Query = r.text("query")
	a.ID = r.text("id")
	a.GroundTruth = r.texts("ground_truth")
	a.Source = r.text("source")
	a.Tags = r.texts("tags")
	a.Tenant = r.text("tenant")
	a.Priority = r.integer("priority")
	a.Deadline = r.instant("deadline")
	return a, r.err
}

func askedFields(m Message) (map[string]any, error) {
	kind, _, err := mime.ParseMediaType(m.ContentType)
	if err != nil || m.ContentType == "" {
		kind = strings.TrimSpace(m.ContentType)
	}
	switch kind {
	case "", JSON:
		return jsonFields(m.Data)
	case MsgPack, "application/x-msgpack", "application/vnd.msgpack":
		fields, err := Decode[map[string]any](m.Data)
		if err != nil {
			return nil, sluice.Poison(sluice.ReasonUndecodable, err)
		}
		if fields == nil {
			return nil, sluice.Poison(sluice.ReasonUndecodable, errors.New("msgpack: nil where a map is wanted"))
		}
		return fields, nil
	}
	return nil, sluice.Poison(sluice.ReasonUndecodable,
		fmt.Errorf("content type %.64q: want %s or %s", m.ContentType, JSON, MsgPack))
}

func jsonFields(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, sluice.Poison(sluice.ReasonInvalidText, errors.New("not valid UTF-8"))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil {
		return nil, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("JSON: %w", err))
	}
	if fields == nil {
		return nil, sluice.Poison(sluice.ReasonUndecodable, errors.New("JSON: null where an object is wanted"))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, sluice.Poison(sluice.ReasonUndecodable, errors.New("JSON: bytes after the object"))
	}
	return fields, nil
}

// fieldReader reads typed values and keeps the first fault.
type fieldReader struct {
	fields map[string]any
	err    error
}

func (r *fieldReader) fault(reason sluice.Reason, key, want string, got any) {
	if r.err == nil {
		r.err = sluice.Poison(reason, fmt.Errorf("%q: want %s, got %T", key, want, got))
	}
}

// valid is s, or a fault where it is not UTF-8.
func (r *fieldReader) valid(key, s string) string {
	if !utf8.ValidString(s) {
		r.fault(sluice.ReasonInvalidText, key, "valid UTF-8", s)
	}
	return s
}

func (r *fieldReader) text(key string) string {
	switch v := r.fields[key].(type) {
	case nil:
		return ""
	case string:
		return r.valid(key, v)
	default:
		r.fault(sluice.ReasonInvalidField, key, "a string", v)
		return ""
	}
}

func (r *fieldReader) texts(key string) []string {
	switch v := r.fields[key].(type) {
	case nil:
		return nil
	case string:
		return []string{r.valid(key, v)}
	case []any:
		list := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				r.fault(sluice.ReasonInvalidField, key, "strings", e)
				return nil
			}
			list = append(list, r.valid(key, s))
		}
		return list
	default:
		r.fault(sluice.ReasonInvalidField, key, "a string or a list of strings", v)
		return nil
	}
}

func (r *fieldReader) integer(key string) int {
	n, ok := wholeNumber(r.fields[key])
	if !ok || n > math.MaxInt32 || n < math.MinInt32 {
		r.fault(sluice.ReasonInvalidField, key, "a whole number", r.fields[key])
		return 0
	}
	return int(n)
}

func wholeNumber(v any) (int64, bool) {
	switch n := v.(type) {
	case nil:
		return 0, true
	case json.Number:
		if i, err := n.Int64(); err == nil {
			return i, true
		}
		f, _ := n.Float64() // infinite beyond floats
		return Whole(f)
	case float32:
		return Whole(float64(n))
	case float64:
		return Whole(n)
	case int8:
		return int64(n), true
	case int16:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	case uint8:
		return int64(n), true
	case uint16:
		return int64(n), true
	case uint32:
		return int64(n), true
	case uint64:
		return int64(min(n, math.MaxInt64)), true
	}
	return 0, false
}

// Whole is f where its fraction is zero, as JSON Schema's integers are: 1.0 and 1e0 are 1. What is beyond the 53 bits
// that a float counts in is the last of them.
func Whole(f float64) (n int64, ok bool) {
	return int64(max(-1<<53, min(f, 1<<53))), f == math.Trunc(f)
}

func (r *fieldReader) instant(key string) time.Time {
	switch v := r.fields[key].(type) {
	case nil:
		return time.Time{}
	case time.Time:
		return v.UTC()
	case *time.Time:
		return v.UTC()
	case string:
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			r.fault(sluice.ReasonInvalidField, key, "an RFC 3339 time", v)
		}
		return t.UTC()
	default:
		r.fault(sluice.ReasonInvalidField, key, "an RFC 3339 time", v)
		return time.Time{}
	}
}
