package plain

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// serving is a connection that is served, its client's end, and where it goes if it is given away.
func serving(t *testing.T) (l *Listener, client net.Conn) {
	t.Helper()
	echo := func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }
	c, client := pipe(t, echo)
	l = c.l
	l.o.ReadHeaderTimeout, l.o.IdleTimeout = time.Minute, time.Minute
	l.others, l.closed = make(chan accepted), make(chan struct{})
	var served sync.WaitGroup
	served.Go(c.serve)
	t.Cleanup(func() {
		_ = client.Close()
		served.Wait()
	})
	return l, client
}

const head = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"

func TestABodyMayComeRightAfterItsHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, client := serving(t)
		for _, piece := range []string{head, "bo", "dy"} {
			<-time.After(restWithin / 4)
			_, _ = io.WriteString(client, piece)
		}
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(resp.Body); string(got) != "body" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		_ = resp.Body.Close()
	})
}

func TestABodyThatDoesNotComeAtOnceIsNetHTTPsToWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, client := serving(t)
		for _, piece := range []string{head, "bo"} {
			_, _ = io.WriteString(client, piece)
		}
		began := time.Now()
		given, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != restWithin {
			t.Errorf("it is given away after %v", took)
		}
		defer func() { _ = given.Close() }()
		go func() { _, _ = io.WriteString(client, "dy") }() // ends as it is read
		got := make([]byte, len(head)+4)
		if _, err := io.ReadFull(given, got); err != nil || string(got) != head+"body" {
			t.Errorf("net/http reads %q, %v", got, err)
		}
	})
}
