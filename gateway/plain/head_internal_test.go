package plain

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// samples are plain requests, and ones that are nearly.
var samples = map[string]bool{
	"POST /v1/chat/completions HTTP/1.1\r\nHost: a:80\r\nContent-Length: 2\r\n\r\n{}":                         true,
	"POST / HTTP/1.1\r\nhost: [::1]:80\r\ncontent-length: 02\r\nCONNECTION: Keep-Alive\r\n\r\n{}":             true,
	"POST /a HTTP/1.1\r\nX: a\r\nHost: a\r\nx:  b \r\nX: \r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\n":   true,
	"POST /../a/./b HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n\x00":                                     true,
	"POST /a HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nUser-Agent: x (y; z)\r\nContent-Length: 2\r\n\r\n\r\nrest": true,

	"POST / HTTP/1.1\r\nhost:\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}":                               false,
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{}":                                       false,
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n":                                             false,
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n":                                         false,
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n{}":                                      false,
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}":                                      false,
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n{}":                    false,
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}":                  false,
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\n{}":                                    false,
	"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}":         false,
	"POST /a HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\nContent-Length: 2\r\n\r\n{}":         false,
	"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}":        false,
	"POST /a HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\nContent-Length: 2\r\n\r\n{}":                    false,
	"POST /a HTTP/1.1\r\nHost: a\r\nX: a\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}":            false,
	"POST /a HTTP/1.1\r\nHost: a\r\nX\x00: a\r\nContent-Length: 2\r\n\r\n{}":                           false,
	"POST /a HTTP/1.1\r\nHost: a\r\nX: \xff\r\nContent-Length: 2\r\n\r\n{}":                            false,
	"POST /a HTTP/1.1\r\nHost: a\r\nno colon\r\nContent-Length: 2\r\n\r\n{}":                           false,
	"POST /a HTTP/1.1\r\nHost: a\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}":                            false,
	"POST /a HTTP/1.1\r\nHost: a/b\r\nContent-Length: 2\r\n\r\n{}":                                     false,
	"POST /a HTTP/1.1\r\nHost: \r\nX: y\r\nContent-Length: 2\r\n\r\n{}":                                false,
	"POST /a HTTP/1.1\r\nX: y\r\nContent-Length: 2\r\n\r\n{}":                                          false,
	"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}":               false,
	"POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}":                  false,
	"POST /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\nContent-Length: 2\r\n\r\n{}":      false,
	"POST /a HTTP/1.1\r\nHost: a\r\nPragma: no-cache\r\nContent-Length: 2\r\n\r\n{}":                   false,
	"POST /a HTTP/1.1\r\nHost: a\r\nTrailer: X\r\nContent-Length: 2\r\n\r\n{}":                         false,
	"POST /a HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}":                       false,
	"POST /a?key=b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}":                                 false,
	"POST /a%2f HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}":                                    false,
	"POST //a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}":                                      false,
	"POST http://b/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}":                               false,
	"POST  /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}":                                      false,
	"POST /a HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}":                                       false,
	"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}":                                        false,
	"\r\nPOST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}":                                   false,
	"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" + strings.Repeat("X: y\r\n", 40) + "\r\n{}": false,
}

func TestAPlainRequestIsToldFromOthers(t *testing.T) {
	for _, s := range slices.Sorted(maps.Keys(samples)) {
		if a, _ := read(slices.Clip([]byte(s)), &http.Request{}); (a != nil) != samples[s] {
			t.Errorf("%q: plain %t", s, a != nil)
		}
		if err := sameAsNetHTTP([]byte(s)); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// sameAsNetHTTP says whether what is plain, if it is, means the same to net/http.
func sameAsNetHTTP(come []byte) error {
	ours, size := read(slices.Clip(come), &http.Request{Method: http.MethodPost, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1})
	if ours == nil {
		return nil
	}
	r := bufio.NewReader(strings.NewReader(string(come)))
	theirs, err := http.ReadRequest(r)
	if err != nil {
		return fmt.Errorf("net/http refuses it: %w", err)
	}
	body, err := io.ReadAll(theirs.Body)
	if err != nil {
		return fmt.Errorf("net/http can't read the body: %w", err)
	}
	own, err := io.ReadAll(ours.Body)
	if string(own) != string(body) || err != nil {
		return fmt.Errorf("the body is %q (%w), to net/http %q", own, err, body)
	}
	rest, _ := io.ReadAll(r)
	if string(rest) != string(come[size:]) {
		return fmt.Errorf("it ends before %q, to net/http before %q", come[size:], rest)
	}
	got := ours.Request
	got.Body, theirs.Body = nil, nil
	if theirs.Close {
		return fmt.Errorf("net/http closes the connection")
	}
	if !reflect.DeepEqual(got.URL, theirs.URL) || !reflect.DeepEqual(got.Header, theirs.Header) || got.Host != theirs.Host || got.Method != theirs.Method ||
		got.ContentLength != theirs.ContentLength || got.RequestURI != theirs.RequestURI || got.Proto != theirs.Proto || theirs.TransferEncoding != nil {
		return fmt.Errorf("it is %+v, to net/http %+v", got, *theirs)
	}
	return nil
}

// FuzzWhatIsPlainMeansTheSameToNetHTTP holds the short way against the long one: whatever differed could be smuggled.
func FuzzWhatIsPlainMeansTheSameToNetHTTP(f *testing.F) {
	for s := range samples {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, come []byte) {
		if err := sameAsNetHTTP(come); err != nil {
			t.Errorf("%q: %v", come, err)
		}
	})
}
