package web

import (
	"bytes"
	"container/list"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sluice/gateway"
)

// Replies remembers the answers to requests with an Idempotency-Key, so that one that is sent again costs
// nothing. It belongs to one process, and is bounded: the oldest answer goes first. What gateways tell each other
// stands behind it: see [Shared].
type Replies struct {
	maxBytes int
	ttl      time.Duration
	now      func() time.Time

	mu    sync.Mutex
	byKey map[string]*list.Element
	order list.List // of *reply, the latest in front
	bytes int
}

// reply is one answer; while it is in flight status is 0.
type reply struct {
	key    string
	asked  [sha256.Size]byte
	at     time.Time
	status int
	header http.Header
	body   []byte
}

// replyOverhead is about what a remembered reply takes beside its words, in bytes.
const replyOverhead = 512

// size is about the memory that a reply takes: one without a body takes some too.
func (r *reply) size() int {
	n := replyOverhead + 2*len(r.key) + len(r.body) // the key is in the map as well
	for name, values := range r.header {
		n += len(name)
		for _, v := range values {
			n += len(v)
		}
	}
	return n
}

// NewReplies remembers so many bytes for so long. now is time.Now outside tests.
func NewReplies(maxBytes int, ttl time.Duration, now func() time.Time) *Replies {
	return &Replies{maxBytes: maxBytes, ttl: ttl, now: now, byKey: map[string]*list.Element{}}
}

func otherRequest() *gateway.Fault {
	return &gateway.Fault{Kind: gateway.Mismatch, Param: "Idempotency-Key", Message: "was used for another request; use a new one for each"}
}

func inFlight() *gateway.Fault {
	return &gateway.Fault{Kind: gateway.Conflict, Param: "Idempotency-Key", Message: "the same request is being answered", RetryAfter: time.Second}
}

// begin is the stored answer, a fault, or neither: then the caller answers, and calls end.
func (s *Replies) begin(key string, asked [sha256.Size]byte) (*reply, *gateway.Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	if e := s.byKey[key]; e != nil {
		switch r := e.Value.(*reply); {
		case s.old(r): // another gateway's, made before those that stand behind it
			s.drop(e)
		case r.asked != asked:
			return nil, otherRequest()
		case r.status == 0:
			return nil, inFlight()
		default:
			return r, nil
		}
	}
	s.byKey[key] = s.order.PushFront(&reply{key: key, asked: asked, at: s.now()})
	return nil, nil
}

// end stores the answer of a request that begin let through, of the age that it has where it was made elsewhere; nil
// forgets that there was one.
func (s *Replies) end(key string, made *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byKey[key]
	if e == nil {
		return
	}
	r := e.Value.(*reply)
	if made == nil || len(made.body) > s.maxBytes {
		s.drop(e)
		return
	}
	r.status, r.header, r.body = made.status, made.header, made.body
	if !made.at.IsZero() {
		r.at = made.at
	}
	s.bytes += r.size()
	for s.bytes > s.maxBytes {
		last := s.order.Back()
		for last != nil && last.Value.(*reply).status == 0 { // in flight: has no bytes
			last = last.Prev()
		}
		s.drop(last)
	}
}

func (s *Replies) drop(e *list.Element) {
	r := s.order.Remove(e).(*reply)
	delete(s.byKey, r.key)
	if r.status != 0 { // one in flight was not counted
		s.bytes -= r.size()
	}
}

// expire drops what is too old.
func (s *Replies) expire() {
	for e := s.order.Back(); e != nil && s.old(e.Value.(*reply)); e = s.order.Back() {
		s.drop(e)
	}
}

func (s *Replies) old(r *reply) bool { return s.now().Sub(r.at) > s.ttl }

// once answers a request with an Idempotency-Key: anew, as it was answered before, or not at all.
func (d *Door) once(w http.ResponseWriter, r *Request, route Route, name string) {
	switch {
	case d.o.Replies == nil:
		d.refuse(w, r.Request, route.Pattern, route.Fail, gateway.NotSupported("Idempotency-Key", "this gateway remembers no replies; send the request without it"))
		return
	case len(name) > 255:
		d.refuse(w, r.Request, route.Pattern, route.Fail, gateway.Invalid("Idempotency-Key", "want at most 255 bytes"))
		return
	}
	key := r.Key.Tenant + "\x00" + r.Key.ID + "\x00" + name
	asked := sha256.Sum256(append([]byte(r.URL.Path+"\x00"+r.URL.RawQuery+"\x00"), r.Body...))
	stored, mine, fault := d.begin(r.Context(), key, asked)
	if fault != nil {
		d.refuse(w, r.Request, route.Pattern, route.Fail, fault)
		return
	}
	if stored != nil {
		replay(w, stored)
		return
	}
	c := &capture{ResponseWriter: w, most: d.o.Replies.maxBytes}
	whole := false
	defer func() { // also where the handler panics: the key must not stay in flight
		var k *kept
		if whole && c.storable() {
			k = &kept{Status: c.status, Header: c.head, Body: c.body.Bytes()}
		}
		d.end(r.Context(), key, mine, k)
	}()
	fault = route.Handle(c, r)
	if fault != nil {
		d.refuse(c, r.Request, route.Pattern, route.Fail, fault)
	}
	whole = true
}

// begin asks this process's memory, and then the other gateways. Where there is neither an answer nor a fault the
// caller answers, and calls end; mine is nil where the others can't be asked.
func (d *Door) begin(ctx context.Context, key string, asked [sha256.Size]byte) (stored *reply, mine *claim, fault *gateway.Fault) {
	stored, fault = d.o.Replies.begin(key, asked)
	if stored != nil || fault != nil || d.o.Shared == nil {
		return stored, nil, fault
	}
	c := newClaim(d.o.Shared, key, asked)
	c.beside = d.o.Beside
	taken, stored, fault, err := c.take(ctx, d.o.Replies)
	switch {
	case err != nil:
		d.alone(err)
	case stored != nil:
		d.o.Replies.end(key, stored)
	case fault != nil:
		d.o.Replies.end(key, nil)
	case taken:
		c.hold(ctx)
		return nil, c, nil
	}
	return stored, nil, fault
}

// end tells this process's memory and the other gateways how a request ended; nil: with nothing to be given again.
func (d *Door) end(ctx context.Context, key string, mine *claim, k *kept) {
	if k == nil {
		d.o.Replies.end(key, nil)
	} else {
		d.o.Replies.end(key, &reply{status: k.Status, header: k.Header, body: k.Body})
	}
	if mine == nil {
		return
	}
	if err := mine.end(ctx, k); err != nil {
		d.o.Log.Warn("other gateways can't be told of an answer; one that is asked the same answers it anew", "error", err)
	}
}

// alone tells, once a minute at most, that other gateways do not hear of what is answered here.
func (d *Door) alone(err error) {
	now, told := d.o.Replies.now().Unix(), d.aloneTold.Load()
	if now-told >= 60 && d.aloneTold.CompareAndSwap(told, now) {
		d.o.Log.Warn("an Idempotency-Key is not shared with other gateways: one that is asked the same answers it anew", "error", err)
	}
}

// replay writes a stored answer.
func replay(w http.ResponseWriter, r *reply) {
	h := w.Header()
	for name, values := range r.header {
		h[name] = values
	}
	h.Set(HeaderReplayed, "true")
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) //nolint:gosec // with the content type that it had
}

// capture passes an answer on and keeps a copy.
type capture struct {
	http.ResponseWriter
	most   int
	status int
	head   http.Header
	body   bytes.Buffer
	// broken is set by a stream that ended with an error event.
	broken bool
}

// Broken marks an answer that was begun well and ended badly, so that it is not stored as the answer.
func Broken(w http.ResponseWriter) {
	if c, ok := w.(*capture); ok {
		c.broken = true
	}
}

// storable says whether the answer is one to be given again: made whole, and no fault that time may mend. Whether it
// reached its client does not matter: one that left before is the one that comes again.
func (c *capture) storable() bool {
	switch c.status {
	case http.StatusTooManyRequests, http.StatusConflict, http.StatusForbidden: // what a rule refuses by the hour, say
		return false
	}
	return !c.broken && c.body.Len() <= c.most && c.status >= 200 && c.status < statusGone
}

// statusGone is the status of a request whose client left before there was an answer.
var statusGone = (&gateway.Fault{Kind: gateway.ClientGone}).Status()

func (c *capture) WriteHeader(status int) {
	if c.status == 0 {
		c.status, c.head = status, c.Header().Clone()
		c.head.Del("Trailer")
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *capture) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if c.body.Len() <= c.most {
		c.body.Write(p)
	}
	return c.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush.
func (c *capture) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func sizeOf(n int64) string { return fmt.Sprintf("%d bytes", n) }
