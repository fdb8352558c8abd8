package producers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/spelling"
	"sluice/streams"
)

// row makes a row of one JSON object, reporting all its faults at once.
func (m Mapping) row(data []byte) (Row, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // ids keep every digit
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return Row{}, fmt.Errorf("not a JSON object: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Row{}, errors.New("something follows the JSON object")
	}
	if object == nil {
		return Row{}, errors.New("not a JSON object: null")
	}
	g := getter{m: m, object: object}
	g.slips()
	row := Row{
		Text:        g.question(),
		ID:          g.one(fieldID),
		GroundTruth: g.list(fieldGroundTruth),
		Tags:        g.list(fieldTags),
		Tenant:      g.one(fieldTenant),
		Priority:    g.integer(fieldPriority),
		Deadline:    g.instant(fieldDeadline),
	}
	if err := errors.Join(g.faults...); err != nil {
		return Row{}, err
	}
	return row, nil
}

// getter takes the mapped fields out of one object and gathers what is wrong with them.
type getter struct {
	m      Mapping
	object map[string]any
	faults []error
}

func (g *getter) fault(path, format string, args ...any) {
	g.faults = append(g.faults, fmt.Errorf("field %q: %s", path, fmt.Sprintf(format, args...)))
}

// slips are fields that are nearly one of the contract's. Without a mapping the names are the contract's, and what
// is passed over costs money: a "groundtruth" leaves its question without one.
func (g *getter) slips() {
	if g.m.paths != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(g.object)) {
		if slices.Contains(contractFields, name) || strings.HasPrefix(name, "x_") {
			continue
		}
		if meant := spelling.Meant(name, contractFields); meant != "" {
			g.fault(name, "did you mean %s? A field of your own begins with x_, or has a mapping beside it (query=query)", meant)
		}
	}
}

// question is the one field that must be there, and be a string.
func (g *getter) question() string {
	path := g.m.of(fieldQuery)[0]
	switch v := walk(g.object, path).(type) {
	case string:
		return strings.TrimSpace(v)
	case nil:
		g.fault(path, "missing (it is mapped to query)")
	default:
		g.fault(path, "not a string (it is mapped to query)")
	}
	return ""
}

// list gathers the scalars of a field's paths; each path may hold one or a list of them.
func (g *getter) list(name string) []string {
	var out []string
	for _, path := range g.m.of(name) {
		v := walk(g.object, path)
		several, isList := v.([]any)
		if !isList {
			several = []any{v}
		}
		for _, v := range several {
			s, ok := scalar(v)
			if !ok {
				g.fault(path, "holds an object or a list, want text")
				break
			}
			if s = strings.TrimSpace(s); s != "" {
				out = append(out, s)
			}
		}
	}
	return out
}

// one is the scalar of a field's only path; "" where it is missing or null.
func (g *getter) one(name string) string {
	paths := g.m.of(name)
	if len(paths) == 0 {
		return ""
	}
	s, ok := scalar(walk(g.object, paths[0]))
	if !ok {
		g.fault(paths[0], "an object or a list, want text (it is mapped to %s)", name)
	}
	return s
}

func (g *getter) integer(name string) int {
	s := g.one(name)
	if s == "" {
		return 0
	}
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(s, 64)
	n, ok := streams.Whole(f)
	if err != nil || !ok {
		g.fault(g.m.of(name)[0], "%q is not a whole number", s)
	}
	return int(n)
}

func (g *getter) instant(name string) time.Time {
	s := g.one(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		g.fault(g.m.of(name)[0], "%q is not an RFC 3339 time", s)
	}
	return t.UTC()
}

// scalar is a JSON string, number or boolean as text; null and a missing field are "".
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// walk follows a path. A key that holds the dots itself wins over what they lead to; nil where the
// path leads nowhere.
func walk(v any, path string) any {
	switch v := v.(type) {
	case map[string]any:
		if found, ok := v[path]; ok {
			return found
		}
		if head, rest, more := strings.Cut(path, "."); more {
			return walk(v[head], rest)
		}
	case []any:
		head, rest, more := strings.Cut(path, ".")
		i, err := strconv.Atoi(head)
		if err != nil || i < 0 || i >= len(v) {
			return nil
		}
		if more {
			return walk(v[i], rest)
		}
		return v[i]
	}
	return nil
}
