package plain

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how requests are answered. All but ErrorLog are required; they mean what they mean to [http.Server].
type Options struct {
	Handler http.Handler
	// ReadHeaderTimeout bounds the wait for a connection's first bytes, IdleTimeout that for a next request.
	ReadHeaderTimeout, IdleTimeout time.Duration
	// WriteTimeout bounds a whole reply, from the request's head on, to a 64th; a handler may set a deadline of its own.
	WriteTimeout time.Duration
	// ErrorLog hears of panics of the handler; nil: nobody does.
	ErrorLog *log.Logger
}

// Listener answers plain requests, and gives the connections of others away. Make one with [New].
type Listener struct {
	net.Listener
	o     Options
	dates dates

	others  chan accepted
	closed  chan struct{}
	closing sync.Once
	// cut ends the contexts of what is in hand.
	ctx context.Context
	cut context.CancelFunc

	// running are the goroutine of New and one for each connection, which it begins; Shutdown waits for them.
	running  sync.WaitGroup
	draining atomic.Bool
	busy     atomic.Int64 // requests in hand
	mu       sync.Mutex
	conns    map[*conn]struct{}
}

type accepted struct {
	conn net.Conn
	err  error
}

// New answers requests of l, which is its own from now on, until Shutdown. ctx gives requests their values, not their
// end.
func New(ctx context.Context, l net.Listener, o Options) *Listener {
	p := &Listener{Listener: l, o: o, others: make(chan accepted), closed: make(chan struct{}), conns: map[*conn]struct{}{}}
	p.ctx, p.cut = context.WithCancel(context.WithoutCancel(ctx))
	p.running.Go(p.always)
	return p
}

// Accept is the next connection that is not ours to answer.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case a := <-l.others:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close lets no connection in any more. Those that are there stay. It may be called again.
func (l *Listener) Close() (err error) {
	l.closing.Do(func() {
		err = l.Listener.Close()
		close(l.closed)
	})
	return err
}

// always accepts until Close. Whoever calls Accept hears of errors, and waits as long as they ask for.
func (l *Listener) always() {
	for {
		raw, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			l.give(nil, err)
		default:
			l.begin(raw)
		}
	}
}

// give has Accept return; false where nobody will call it any more.
func (l *Listener) give(c net.Conn, err error) bool {
	select {
	case l.others <- accepted{c, err}:
		return true
	case <-l.closed:
		return false
	}
}

func (l *Listener) begin(raw net.Conn) {
	c := newConn(l, raw)
	l.mu.Lock()
	l.conns[c] = struct{}{}
	l.mu.Unlock()
	l.running.Go(func() {
		defer func() {
			c.cancel()
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.conns, c)
		}()
		c.serve()
	})
}

// Shutdown lets no connection in, ends those that nobody uses, and waits for what is in hand; what is there when ctx
// ends is cut off.
func (l *Listener) Shutdown(ctx context.Context) error {
	err := l.Close()
	l.draining.Store(true)
	l.each(func(c *conn) {
		if c.idle.Load() {
			_ = c.SetReadDeadline(past)
		}
	})
	stop := context.AfterFunc(ctx, func() {
		l.cut()
		l.each(func(c *conn) { _ = c.Close() })
	})
	l.running.Wait()
	stop()
	l.cut()
	return err
}

func (l *Listener) each(do func(*conn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		do(c)
	}
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// dates tells the time as the header Date does. The zero value is ready to use.
type dates struct{ last atomic.Pointer[date] }

type date struct {
	second int64
	text   string
}

func (d *dates) at(now time.Time) string {
	last := d.last.Load()
	if s := now.Unix(); last == nil || last.second != s {
		last = &date{s, now.UTC().Format(http.TimeFormat)}
		d.last.Store(last)
	}
	return last.text
}
