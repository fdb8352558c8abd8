package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// samples are plain ones, and ones that are nearly.
var samples = map[string]bool{
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: x\r\nContent-Length: 2\r\n\r\n":                 true,
	"HTTP/1.1 429 Too Many Requests\r\nretry-after:  7 \r\ncontent-length: 1\r\nConnection: keep-alive\r\n\r\n": true,
	"HTTP/1.1 200 \r\nSet-Cookie: a\r\nX: y\r\nSet-Cookie: b\r\nContent-Length: 1\r\n\r\n":                      true,

	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n":                  false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n":                  false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n":                                    false,
	"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n":                                      false,
	"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n":                    false,
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":                                       false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n":         false,
	"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nContent-Length: 2\r\n\r\n":         false,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n":        false,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding:\x0bchunked\r\nContent-Length: 2\r\n\r\n":      false,
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n":                false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n":                  false,
	"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 2\r\n\r\n":                    false,
	"HTTP/1.1 200 OK\r\n Content-Length: 2\r\n\r\n":                                      false,
	"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n":                                         false,
	"HTTP/1.1 200 OK\r\nX: a\nContent-Length: 3\r\nContent-Length: 2\r\n\r\n":            false,
	"HTTP/1.1 200 OK\r\nX: a\rContent-Length: 3\r\nContent-Length: 2\r\n\r\n":            false,
	"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 2\r\n\r\n":                           false,
	"HTTP/1.1 200 OK\r\n: nothing\r\nContent-Length: 2\r\n\r\n":                          false,
	"HTTP/1.1 200 OK\r\nX\x00: y\r\nContent-Length: 2\r\n\r\n":                           false,
	"HTTP/1.1 200 OK\r\nPragma: no-cache\r\nContent-Length: 2\r\n\r\n":                   false,
	"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n":                                       false,
	"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\n":                                      false,
	"HTTP/1.1 +20 OK\r\nContent-Length: 2\r\n\r\n":                                       false,
	"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n":                                      false,
	"HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n":                                 false,
	"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n":                               false,
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n":                             false,
	"HTTP/1.1 200 OK\r\n\r\n":                                                            false,
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + strings.Repeat("X: y\r\n", 40) + "\r\n": false,
}

func TestAPlainHeadIsToldFromOthers(t *testing.T) {
	for _, head := range slices.Sorted(maps.Keys(samples)) {
		if _, ok := plain(head); ok != samples[head] {
			t.Errorf("%q: plain %t", head, ok)
		}
	}
}

// sameAsNetHTTP says whether a head that is plain, if it is one, means the same to net/http.
func sameAsNetHTTP(head, behind string) error {
	ours, ok := plain(head)
	if !ok {
		return nil
	}
	r := bufio.NewReader(strings.NewReader(head + behind))
	theirs, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
	if err != nil {
		return fmt.Errorf("net/http refuses it: %w", err)
	}
	body, readErr := io.ReadAll(theirs.Body)
	_ = theirs.Body.Close()
	rest := strings.NewReader(behind)
	own, ownErr := io.ReadAll(&counted{r: bufio.NewReader(rest), left: ours.ContentLength})
	if string(own) != string(body) || !errors.Is(ownErr, readErr) {
		return fmt.Errorf("the body is %q (%w), to net/http %q (%w)", own, ownErr, body, readErr)
	}
	theirs.Body, theirs.Request = nil, nil
	if !reflect.DeepEqual(&ours, theirs) {
		return fmt.Errorf("read %+v, net/http %+v", ours, *theirs)
	}
	return nil
}

func TestAPlainHeadMeansTheSameToNetHTTP(t *testing.T) {
	for head, ok := range samples {
		if err := sameAsNetHTTP(head, "hi"); ok && err != nil {
			t.Errorf("%q: %v", head, err)
		}
	}
}

func FuzzAPlainHeadMeansTheSameToNetHTTP(f *testing.F) {
	for head := range samples {
		f.Add(strings.TrimSuffix(head, "\r\n\r\n"), "hi")
	}
	f.Fuzz(func(t *testing.T, head, behind string) {
		if strings.Contains(head, "\r\n\r\n") { // it would have ended there
			return
		}
		if err := sameAsNetHTTP(head+"\r\n\r\n", behind); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkPlain(b *testing.B) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Thu, 26 Nov 2026 14:30:00 GMT\r\nContent-Length: 251\r\n\r\n"
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := plain(head); !ok {
				b.Fatal("it is not")
			}
		}
	})
	b.Run("net/http", func(b *testing.B) {
		b.ReportAllocs()
		s := strings.NewReader(head)
		r := bufio.NewReader(s)
		for b.Loop() {
			s.Reset(head)
			r.Reset(s)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				b.Fatal(err)
			}
			_ = resp.Body.Close()
		}
	})
}
