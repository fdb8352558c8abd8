package micro

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// apart is a request that is answered by a goroutine of ours: package micro reads what it noted of a request as soon
// as its own goroutine has handed it over, so that replies and figures must not pass through it.
type apart struct {
	micro.Request
	nc     *nats.Conn
	failed *atomic.Int64
}

// Respond sends a reply, or a part of one.
func (a apart) Respond(data []byte, opts ...micro.RespondOpt) error {
	m := &nats.Msg{Subject: a.Reply(), Data: data}
	for _, o := range opts {
		o(m)
	}
	if err := a.nc.PublishMsg(m); err != nil {
		return fmt.Errorf("reply over NATS: %w", err)
	}
	return nil
}

// RespondJSON sends v.
func (a apart) RespondJSON(v any, opts ...micro.RespondOpt) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("reply over NATS: %w", err)
	}
	return a.Respond(data, opts...)
}

// Error sends a fault.
func (a apart) Error(code, description string, data []byte, opts ...micro.RespondOpt) error {
	a.failed.Add(1)
	head := micro.WithHeaders(micro.Headers{micro.ErrorHeader: {description}, micro.ErrorCodeHeader: {code}})
	return a.Respond(data, append([]micro.RespondOpt{head}, opts...)...)
}

// figures are an endpoint's own, from a request's arrival to its end.
type figures struct {
	requests, failed, panicked, inHand, spentUS atomic.Int64
}

// Figures are what `nats micro stats` shows of an endpoint as data: the library's own figures end where the request
// was handed over.
type Figures struct {
	Requests  int64 `json:"requests"` // that have ended
	Faults    int64 `json:"faults"`
	Panics    int64 `json:"panics"` // among the faults
	InHand    int64 `json:"in_hand"`
	AverageUS int64 `json:"average_us"`
}

// begin counts a request until the returned function is called.
func (f *figures) begin() (end func()) {
	began := time.Now()
	f.inHand.Add(1)
	return func() {
		f.inHand.Add(-1)
		f.requests.Add(1)
		f.spentUS.Add(time.Since(began).Microseconds())
	}
}

func (f *figures) now() Figures {
	n := f.requests.Load()
	return Figures{Requests: n, Faults: f.failed.Load(), Panics: f.panicked.Load(), InHand: f.inHand.Load(), AverageUS: f.spentUS.Load() / max(n, 1)}
}
