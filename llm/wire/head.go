package wire

import (
	"net/http"
	"strconv"
	"strings"

	"sluice/heads"
)

// plain reads a response's head, with its empty line, that is as nearly every one is: final, of HTTP/1.1, each
// line ended by CRLF, the body's length told once. ok is false for every other, sound or not: it is net/http's to
// read or to refuse, which takes twice as long. What is plain means the same to both.
func plain(head string) (resp http.Response, ok bool) {
	const proto = "HTTP/1.1 "
	line, rest, _ := strings.Cut(head, "\r\n")
	status, ok := strings.CutPrefix(line, proto)
	if !ok || len(status) < 4 || status[3] != ' ' || !heads.Printable(status) {
		return resp, false
	}
	code, err := strconv.ParseUint(status[:3], 10, 16)
	if err != nil || code < 200 || code == http.StatusNoContent || code == http.StatusNotModified { // those have no body
		return resp, false
	}
	lines := strings.Count(rest, "\r\n") - 1 // the last is empty
	if lines < 1 || lines > heads.Most {
		return resp, false
	}
	resp = http.Response{
		Status: status, StatusCode: int(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, lines), ContentLength: -1,
	}
	values := make([]string, lines)
	for i := range values {
		line, rest, _ = strings.Cut(rest, "\r\n")
		name, value, ok := heads.Field(line)
		if !ok || !heed(&resp, name, value) {
			return resp, false
		}
		values[i] = value
		heads.Add(resp.Header, name, values, i)
	}
	return resp, resp.ContentLength > 0
}

// heed notes what a header says of the body and the connection; false where that is not plain.
func heed(resp *http.Response, name, value string) bool {
	switch name {
	case "Content-Length":
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || resp.ContentLength >= 0 {
			return false
		}
		resp.ContentLength = int64(n)
	case "Connection":
		return strings.EqualFold(value, "keep-alive")
	case "Transfer-Encoding", "Trailer", "Pragma":
		return false
	}
	return true
}
