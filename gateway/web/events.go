package web

import (
	"encoding/json"
	"net/http"
	"time"

	"sluice"
)

// patience is how long a client may keep one write waiting: one that reads no more must not hold a slot of its
// model for ever.
const patience = 30 * time.Second

// Events writes server-sent events.
type Events struct {
	w    http.ResponseWriter
	ctl  *http.ResponseController
	buf  []byte
	wait time.Duration
}

// NewEvents writes to w once [Events.Begin] was called.
func NewEvents(w http.ResponseWriter) *Events {
	return &Events{w: w, ctl: http.NewResponseController(w), wait: patience}
}

// Begin sets the head; the cost is announced as a trailer, since it is known at the end alone.
func (e *Events) Begin(d *sluice.Decision) {
	h := e.w.Header()
	Describe(h, d)
	h["Content-Type"] = []string{"text/event-stream"}
	h["Cache-Control"] = []string{"no-cache"}
	h["X-Accel-Buffering"] = []string{"no"} // proxies hold streams back otherwise
	h["Trailer"] = []string{HeaderCost}
}

// Queue adds an event that goes out with the next one.
func (e *Events) Queue(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if name != "" {
		e.buf = append(append(append(e.buf, "event: "...), name...), '\n')
	}
	e.buf = append(append(append(e.buf, "data: "...), data...), "\n\n"...)
	return nil
}

// Send sends an event, and those that are queued. Its error means that the client is gone.
func (e *Events) Send(name string, v any) error {
	if err := e.Queue(name, v); err != nil {
		return err
	}
	err := e.out()
	_ = e.ctl.SetWriteDeadline(time.Time{}) // HTTP/2 ends a stream whose deadline passes, also while nothing is written
	return err
}

func (e *Events) out() error {
	_ = e.ctl.SetWriteDeadline(time.Now().Add(e.wait)) // a recorder of tests has none
	_, err := e.w.Write(e.buf)
	e.buf = e.buf[:0]
	if err != nil {
		return err
	}
	return e.ctl.Flush()
}

// End ends a stream that went well, with a last word where the dialect has one.
func (e *Events) End(d *sluice.Decision, last string) {
	if last != "" {
		e.buf = append(append(append(e.buf, "data: "...), last...), "\n\n"...)
	}
	Price(e.w.Header(), d)
	_ = e.out() // the client is gone otherwise
}

// Fail ends a stream that broke, with an event that says so: it never looks like a clean end.
func (e *Events) Fail(d *sluice.Decision, problem json.RawMessage) {
	Broken(e.w)
	_ = e.Queue("", problem)
	Price(e.w.Header(), d)
	_ = e.out() // the client is gone otherwise
}
