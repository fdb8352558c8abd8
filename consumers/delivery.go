package consumers

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"sluice/streams"
	"sluice/telemetry"
)

// delivery is one message in the runner's hands, from its arrival until it is settled.
type delivery struct {
	source *source
	// place is where the server keeps it: the RETRIES message itself where it came by way of RETRIES.
	place streams.Message
	// in is what the stage gets: place, or the original message where it came by way of RETRIES.
	in *streams.Message
	// instead is what the stage gets in its place, where it is not nil: see [Overtaker].
	instead *streams.Message
	// claim is what it has claimed; nil: nothing.
	claim atomic.Pointer[claim]
	// work is what it has the stage buy; empty: nothing, or another message in hand does. See [works].
	work string
	// ack is the subject that settles it: that of its latest delivery.
	ack atomic.Pointer[string]
	// done is true once a word has settled it: what comes then is another delivery.
	done atomic.Bool
	// repeats counts the deliveries that came while it was in hand: the word that settles it ends them, too.
	repeats atomic.Int64
	// tries is what the attempts bucket holds of it, read on redelivery only; known is false while it could
	// not be read, so that it must not be written.
	tries tries
	known bool
	// before and after are its neighbours among the open ones.
	before, after *delivery
	// span is the work on it; nil while it has not begun, or nobody traces it.
	span *telemetry.Span
}

func newDelivery(s *source, m *nats.Msg) (*delivery, error) {
	place, err := streams.FromDelivered(m)
	if err != nil {
		return nil, err
	}
	d := &delivery{source: s, place: place, known: place.Deliveries <= 1}
	d.in = &d.place
	d.ack.Store(&m.Reply)
	return d, nil
}

// trace begins the span of the work on the message.
func (d *delivery) trace(ctx context.Context, t *telemetry.Tracing, stage string) context.Context {
	ctx, d.span = t.Stage(ctx, stage, telemetry.Input{
		Parent: d.in.Header[streams.HeaderTraceParent], ID: d.in.ID, Subject: d.in.Subject,
		Stream: d.in.Stream, Sequence: d.in.Sequence, Deliveries: d.place.Deliveries,
	})
	return ctx
}

// parent is the traceparent of what comes of the message: its own where nobody traces here.
func (d *delivery) parent() string {
	if d.span != nil {
		return d.span.Parent()
	}
	return d.in.Header[streams.HeaderTraceParent]
}

// The words of the acknowledgement protocol. All are fire and forget: a lost one means that the message
// comes again, which harms nobody (Invariant 2). A plain -NAK is forgotten by a server that restarts, and
// its message then waits for AckWait; one with a delay, here of a nanosecond, is kept.
var (
	wordAck      = []byte("+ACK")
	wordNak      = []byte(`-NAK {"delay":1}`)
	wordTerm     = []byte("+TERM")
	wordProgress = []byte("+WPI")
)

// say settles the message.
func (d *delivery) say(word []byte) error {
	d.done.Store(true)
	return d.send(word)
}

// alive tells the server that it is worked on; of one that is settled that would put off its next delivery.
func (d *delivery) alive() error {
	if d.done.Load() {
		return nil
	}
	return d.send(wordProgress)
}

func (d *delivery) send(word []byte) error {
	if err := d.source.nc.Publish(*d.ack.Load(), word); err != nil {
		return fmt.Errorf("settle %s %d: %w", d.place.Stream, d.place.Sequence, err)
	}
	return nil
}

// sayAgainIn gives the message back, to come again after a delay.
func (d *delivery) sayAgainIn(delay time.Duration) error {
	if delay <= 0 {
		return d.say(wordNak)
	}
	word, err := json.Marshal(map[string]int64{"delay": delay.Nanoseconds()})
	if err != nil {
		return fmt.Errorf("settle %s %d: %w", d.place.Stream, d.place.Sequence, err)
	}
	return d.say(append([]byte("-NAK "), word...))
}
