package llm

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

func readEvents(r io.Reader) ([]string, error) {
	var out []string
	events := newEvents(r)
	for {
		data, err := events.next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, string(data))
	}
}

func TestEvents(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for name, c := range map[string]struct{ body, want string }{
		"one":                     {"data: a\n\n", "a"},
		"two":                     {"data: a\n\ndata: b\n\n", "a|b"},
		"no blank after colon":    {"data:a\n\ndata:  b\n\n", "a| b"},
		"CRLF":                    {"data: a\r\n\r\ndata: b\r\n\r\n", "a|b"},
		"lines are joined":        {"data: a\ndata: b\n\n", "a\nb"},
		"comments, other fields":  {": ping\n\nevent: x\nid: 7\ndata: a\nretry: 1\n\n", "a"},
		"blank lines":             {"\n\n\ndata: a\n\n\n\n", "a"},
		"the last without an end": {"data: a\n\ndata: b", "a|b"},
		"longer than the buffer":  {"data: " + long + "\n\ndata: b\n\n", long + "|b"},
		"keep-alives":             {"data\n\n: ping\n\ndata:\nid: 1\ndata\n\ndata: a\n\n: ping\ndata:\n\n", "a"},
		"CR":                      {"data: a\r\r: ping\rdata: b\rdata: c\r\r", "a|b\nc"},
		"ends of all kinds":       {"data: a\r\n\rdata: b\n\r\ndata: c\r\n\n", "a|b|c"},
		"a byte order mark":       {"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", "a"},
		"a mark and a comment":    {"\xef\xbb\xbf\r\ndata: a\n\n", "a"},
		"garbage":                 {"<html>\x00\n", ""},
		"nothing":                 {"", ""},
	} {
		got, err := readEvents(strings.NewReader(c.body))
		if err != nil || strings.Join(got, "|") != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestEventsHaveABoundAndTellWhatBroke(t *testing.T) {
	for _, body := range []string{"data: " + strings.Repeat("x", maxEvent), strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n", 5)} {
		if _, err := readEvents(strings.NewReader(body)); !errors.Is(err, errAPI) {
			t.Errorf("%d bytes: %v", len(body), err)
		}
	}
	got, err := readEvents(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

// byTheBook reads events as the WHATWG's standard tells it, step by step, but for what is said of events and
// events.next.
func byTheBook(body string) (events []string) {
	body = strings.TrimPrefix(body, "\ufeff")
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body)
	data := ""
	for line := range strings.SplitSeq(body+"\n\n", "\n") {
		if line == "" {
			if data = strings.TrimSuffix(data, "\n"); strings.TrimSpace(data) != "" {
				events = append(events, data)
			}
			data = ""
		}
		field, value, _ := strings.Cut(line, ":")
		if field == "data" {
			data += strings.TrimPrefix(value, " ") + "\n"
		}
	}
	return events
}

// A line that ends with CR is told at once, whether or not a LF follows.
func TestEventsWaitForNothingBehindTheirEnd(t *testing.T) {
	r, w := io.Pipe()
	var writing sync.WaitGroup
	defer writing.Wait()
	defer func() { _ = r.Close() }()
	writing.Go(func() { _, _ = io.WriteString(w, "data: a\r\n\r") })
	if data, err := newEvents(r).next(); string(data) != "a" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

// However the bytes arrive, the events are the same, and what was written is read back.
func FuzzEvents(f *testing.F) {
	f.Add("data: a\n\n: c\r\ndata: b\r\n\r\n")
	f.Add("data\n" + "data:\n" + "data: [DONE]")
	f.Add("\xef\xbb\xbfdata: a\rdata: b\r\r\n\ndata:\n\n")
	f.Fuzz(func(t *testing.T, body string) {
		whole, err := readEvents(strings.NewReader(body))
		bytewise, err2 := readEvents(iotest.OneByteReader(strings.NewReader(body)))
		if (err == nil) != (err2 == nil) || strings.Join(whole, "\x00") != strings.Join(bytewise, "\x00") {
			t.Errorf("%q: %q (%v), byte by byte %q (%v)", body, whole, err, bytewise, err2)
		}
		if want := byTheBook(body); err == nil && strings.Join(whole, "\x00") != strings.Join(want, "\x00") {
			t.Errorf("%q: %q, by the book %q", body, whole, want)
		}
		var b bytes.Buffer
		for _, e := range whole {
			b.WriteString("data: " + strings.ReplaceAll(e, "\n", "\ndata: ") + "\n\n")
		}
		again, err := readEvents(&b)
		if err != nil || strings.Join(again, "\x00") != strings.Join(whole, "\x00") {
			t.Errorf("%q: written and read again %q, want %q (%v)", body, again, whole, err)
		}
	})
}
