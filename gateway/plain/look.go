package plain

import (
	"errors"
	"os"
	"sync"
	"time"
)

// lookAfter is how long a request is in hand before anybody looks whether its client is still there. To look takes a
// goroutine, and as much again as all else that this package does for a request.
const lookAfter = 5 * time.Millisecond

// look looks whether the client of a request leaves: it reads what is said next, which a client does not say before it
// is answered. What it found may be read after stop.
type look struct {
	c     *conn
	timer *time.Timer // runs now

	mu   sync.Mutex
	over bool // the request has ended
	// done gets a value when now has ended.
	done chan struct{}
	// one is what the client said, if there is more; gone says that it left.
	one        [1]byte
	more, gone bool
}

func (l *look) begin(c *conn) {
	l.c, l.done = c, make(chan struct{}, 1)
	l.timer = time.AfterFunc(time.Hour, l.now)
	l.timer.Stop()
}

// start begins to look, in a while. stop must be called.
func (l *look) start() {
	l.over, l.more = false, false
	l.timer.Reset(lookAfter)
}

// now is the timer's goroutine; stop waits for it.
func (l *look) now() {
	defer func() { l.done <- struct{}{} }()
	l.mu.Lock()
	over := l.over
	if !over {
		_ = l.c.SetReadDeadline(time.Time{})
	}
	l.mu.Unlock()
	if over {
		return
	}
	switch n, err := l.c.Read(l.one[:]); {
	case n > 0:
		l.more = true
	case !errors.Is(err, os.ErrDeadlineExceeded):
		l.gone = true
		l.c.cancel()
	}
}

// stop ends the looking.
func (l *look) stop() {
	if l.timer.Stop() {
		return
	}
	l.mu.Lock()
	l.over = true
	_ = l.c.SetReadDeadline(past)
	l.mu.Unlock()
	<-l.done
	l.c.reading = time.Time{}
}
