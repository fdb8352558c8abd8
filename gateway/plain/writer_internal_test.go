package plain

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a connection to a handler, and its client's end.
func pipe(t *testing.T, h http.HandlerFunc) (*conn, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	c := newConn(&Listener{o: Options{Handler: h, WriteTimeout: time.Minute}, ctx: t.Context()}, ours)
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	return c, theirs
}

func TestAConnectionKeepsNoRoomOfALongReply(t *testing.T) {
	c, client := pipe(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 4*kept)) })
	go func() { _, _ = io.Copy(io.Discard, client) }() // ends with the connection
	if !c.answer(&asked{}) {
		t.Fatal("the reply did not go out")
	}
	if room := cap(c.w.out) + cap(c.w.body); room > 2*kept {
		t.Errorf("%d bytes are kept until the next request", room)
	}
}

func TestAReplyThatNobodyReadsIsNotGathered(t *testing.T) {
	var room int
	c, client := pipe(t, nil)
	c.l.o.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for range 100 {
			_, err = w.Write(make([]byte, most))
		}
		if room = cap(c.w.out) + cap(c.w.body); err == nil {
			t.Error("a handler is not told that the client has left")
		}
	})
	_ = client.Close()
	if c.answer(&asked{}) || room > 8*most {
		t.Errorf("%d bytes are gathered for a client that has left", room)
	}
}

func TestAReplyIsDatedByWhenItBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, func(http.ResponseWriter, *http.Request) { <-time.After(time.Minute / 2) })
		go c.answer(&asked{}) // ends with the reply
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got, want := resp.Header.Get("Date"), time.Now().UTC().Format(http.TimeFormat); got != want {
			t.Errorf("it is dated %s at %s", got, want)
		}
	})
}
