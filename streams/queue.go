package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// queue holds one stream's reads. One request is under way at a time; whoever asks meanwhile waits for
// the next, which carries them all.
type queue struct {
	l      *Latest
	stream string

	mu      sync.Mutex
	waiting []*waiter
	current *request
}

// waiter is one caller's subjects; done is closed when by has its answer.
type waiter struct {
	subjects []string
	done     chan struct{}
	by       *request
}

// request is one request to the server. The result is read by the waiters after it is finished.
type request struct {
	q        *queue
	id       uint64
	waiters  []*waiter
	timer    *time.Timer // ends it where no answer comes
	finished bool        // guarded by q.mu

	// found, complete and err are the result. complete is false where the server cut the reply.
	found    map[string]Stored
	complete bool
	err      error
	// last is the sequence of the last message that came.
	last uint64
}

func (q *queue) join(subjects []string) *waiter {
	w := &waiter{subjects: subjects, done: make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
	if q.current == nil {
		q.next()
	}
	return w
}

// expire fails a request that has waited too long.
func (r *request) expire() {
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	r.q.finish(r, false, errors.New("no answer in time"))
}

// next sends what waits, as much as one request holds. The lock is held.
func (q *queue) next() {
	for len(q.waiting) > 0 && q.current == nil {
		r := &request{q: q, found: map[string]Stored{}}
		subjects := r.board()
		r.id = q.l.replies.register(r)
		r.timer = time.AfterFunc(q.l.timeout, r.expire)
		q.current = r
		body, err := json.Marshal(map[string][]string{"multi_last": subjects})
		if err == nil {
			err = q.l.nc.PublishMsg(&nats.Msg{
				Subject: "$JS.API.DIRECT.GET." + q.stream, Reply: q.l.replies.subject(r.id, 0), Data: body,
			})
		}
		if err == nil {
			return
		}
		q.finish(r, false, err)
	}
}

// board moves waiters into the request until it is full.
func (r *request) board() []string {
	seen := map[string]bool{}
	var subjects []string
	for len(r.q.waiting) > 0 {
		w := r.q.waiting[0]
		if len(subjects)+len(w.subjects) > maxLast && len(r.waiters) > 0 {
			break
		}
		for _, s := range w.subjects {
			if !seen[s] {
				seen[s] = true
				subjects = append(subjects, s)
			}
		}
		r.waiters = append(r.waiters, w)
		r.q.waiting = r.q.waiting[1:]
	}
	return subjects
}

// finish hands the result to the waiters and sends the next request. The lock is held.
func (q *queue) finish(r *request, complete bool, err error) {
	if r.finished {
		return
	}
	r.finished, r.complete, r.err = true, complete, err
	q.l.replies.forget(r.id)
	r.timer.Stop()
	for _, w := range r.waiters {
		w.by = r
		close(w.done)
	}
	if q.current == r {
		q.current = nil
		q.next()
	}
}

// reply hears one message of the answer, or its end.
func (r *request) reply(_ int, m *nats.Msg) {
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	if r.finished {
		return
	}
	switch status := m.Header.Get("Status"); status {
	case "":
		if err := r.take(m); err != nil {
			r.q.finish(r, false, err)
		}
	case "204": // end of batch
		if number(m, "Nats-Last-Sequence") != r.last {
			r.q.finish(r, false, errors.New("a part of the answer is lost"))
			return
		}
		r.q.finish(r, number(m, "Nats-Num-Pending") == 0, nil)
	case "404":
		if m.Header.Get("Description") == "No Results" {
			r.q.finish(r, true, nil)
			return
		}
		r.q.finish(r, false, errors.New("a message went away while it was read"))
	default:
		r.q.finish(r, false, fmt.Errorf("direct read refused: %s %s", status, m.Header.Get("Description")))
	}
}

// take keeps one message; each names the one before it, so that a gap shows.
func (r *request) take(m *nats.Msg) error {
	if number(m, "Nats-Last-Sequence") != r.last {
		return errors.New("a part of the answer is lost")
	}
	s, err := storedFrom(m)
	if err != nil {
		return err
	}
	r.last = s.Sequence
	r.found[s.Subject] = s
	return nil
}

// number reads a header; zero where it is absent.
func number(m *nats.Msg, header string) uint64 {
	n, err := strconv.ParseUint(m.Header.Get(header), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
