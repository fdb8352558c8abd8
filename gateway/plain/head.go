package plain

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"sluice/heads"
)

// asked is a request, in one piece of memory.
type asked struct {
	http.Request
	url  url.URL
	body body
}

// body is a request's body, all of which has come.
type body struct{ rest []byte }

// Read tells the end with the last bytes, as net/http does.
func (b *body) Read(p []byte) (int, error) {
	n := copy(p, b.rest)
	if b.rest = b.rest[n:]; len(b.rest) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// Here is all that is not read yet, as long as the request is in hand.
func (b *body) Here() []byte { return b.rest }

// Close drops the rest.
func (b *body) Close() error {
	b.rest = nil
	return nil
}

// read reads the request that come begins with, and its size; nil where it is not plain, its head not there as a whole,
// or its body more than come has room for. What is plain means the same to net/http. like is what all requests of the
// connection have in common; the body is that of come, where the rest of it may yet have to be read.
func read(come []byte, like *http.Request) (*asked, int) {
	end := bytes.Index(come, []byte("\r\n\r\n"))
	if end < 0 {
		return nil, 0
	}
	end += len("\r\n\r\n")
	line, rest, _ := strings.Cut(string(come[:end]), "\r\n")
	target, is := strings.CutPrefix(line, "POST ")
	path, old := strings.CutSuffix(target, " HTTP/1.1")
	lines := strings.Count(rest, "\r\n") - 1 // the last is empty
	if !is || !old || !plainPath(path) || lines < 2 || lines > heads.Most {
		return nil, 0
	}
	a := &asked{Request: *like}
	a.Header, a.ContentLength = make(http.Header, lines), -1
	values := make([]string, lines)
	for i := range values {
		line, rest, _ = strings.Cut(rest, "\r\n")
		name, value, ok := heads.Field(line)
		if !ok || !a.heed(name, value) {
			return nil, 0
		}
		if name != "Host" { // net/http keeps it apart, too
			values[i] = value
			heads.Add(a.Header, name, values, i)
		}
	}
	if a.Host == "" || a.ContentLength <= 0 || a.ContentLength > int64(cap(come)-end) {
		return nil, 0
	}
	size := end + int(a.ContentLength)
	a.body.rest = come[end:size:size]
	a.url.Path = path
	a.RequestURI, a.URL, a.Body = path, &a.url, &a.body
	return a, size
}

// plainPath says whether a path means itself.
func plainPath(path string) bool {
	if path == "" || path[0] != '/' || strings.Contains(path, "//") {
		return false
	}
	return pathing.all(path)
}

// pathing are the bytes of plain paths, hosting those of plain hosts and ports.
var (
	pathing = setOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-_.")
	hosting = setOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.:[]")
)

// set is a set of bytes.
type set [256]bool

func setOf(bytes string) *set {
	var s set
	for i := range len(bytes) {
		s[bytes[i]] = true
	}
	return &s
}

// all says whether a text has no other bytes.
func (s *set) all(text string) bool {
	for i := range len(text) {
		if !s[text[i]] {
			return false
		}
	}
	return true
}

// heed notes what a header says of the request; false where that is not plain.
func (a *asked) heed(name, value string) bool {
	switch name {
	case "Host":
		if a.Host != "" || value == "" || !hosting.all(value) {
			return false
		}
		a.Host = value
	case "Content-Length":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || a.ContentLength >= 0 {
			return false
		}
		a.ContentLength = int64(n)
	case "Connection":
		return strings.EqualFold(value, "keep-alive")
	case "Transfer-Encoding", "Trailer", "Expect", "Upgrade", "Http2-Settings", "Pragma":
		return false
	}
	return true
}
