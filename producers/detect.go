package producers

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Detect tells a file's format by its first line. A jsonl with the contract's own field "query" is
// [Custom] with the zero mapping; any other jsonl needs a mapping and is an error that shows its fields.
func Detect(path string) (Format, error) {
	s, err := open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = s.Close() }() // read only
	first, err := firstLine(s.Reader, path)
	if err != nil {
		return "", fmt.Errorf("%w: want a text file, one of%s", err, describeFormats())
	}
	if len(first) == 0 {
		return "", fmt.Errorf("%s is empty: want one of%s", path, describeFormats())
	}
	if first[0] == '{' {
		return detectObject(path, first)
	}
	header, err := csv.NewReader(bytes.NewReader(first)).Read()
	if err == nil {
		_, err = simpleHeader(header)
	}
	if err != nil {
		return "", fmt.Errorf("%s: format not recognized from %.60q: say --format, one of%s", path, first, describeFormats())
	}
	return SimpleQA, nil
}

// firstLine is the first line that holds something.
func firstLine(r *bufio.Reader, path string) ([]byte, error) {
	for at, err := range lines(r, path) {
		return bytes.Clone(at.data), err
	}
	return nil, nil
}

func detectObject(path string, first []byte) (Format, error) {
	var object map[string]json.RawMessage
	if err := unmarshal(first, &object); err != nil {
		return "", fmt.Errorf("%s: the first line: %w", path, err)
	}
	has := func(key string) bool { _, ok := object[key]; return ok }
	switch {
	case has("question") && has("gold"):
		return Recorded, nil
	case has("question") && has("answer"):
		return NQOpen, nil
	case has(fieldQuery):
		return Custom, nil
	}
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return "", fmt.Errorf("%s: jsonl with the fields %s: say which is what with --map query=FIELD,id=FIELD,..., or --format, one of%s",
		path, strings.Join(keys, ", "), describeFormats())
}
