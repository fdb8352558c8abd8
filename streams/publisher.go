package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/semaphore"
)

// PublisherOptions bound a publisher. The zero value is good for a stage.
type PublisherOptions struct {
	// MaxPending bounds the messages that await their confirmation, of all callers together; zero: 2,048.
	MaxPending int
	// AckTimeout is how long one message may stay unconfirmed before it is sent again, in the first round;
	// later rounds wait up to five times as long, lest a slow server be buried. Zero: 3 s.
	AckTimeout time.Duration
	// FailWhenFull returns a [FullError] where a stream is full, instead of waiting for room: for
	// producers, who can tell their user.
	FailWhenFull bool
	// OnOutage hears of every round of messages that could not be confirmed; nil: nobody does. It must
	// not block.
	OnOutage func(Outage)
	// Log hears of outages, as they begin, each minute, and when they are over; nil: nobody does. It never hears a
	// payload.
	Log *slog.Logger
}

// Outage tells of messages that could not be confirmed and will be sent again.
type Outage struct {
	// Stream is the stream that refused, where one did; Subject one of the subjects.
	Stream, Subject string
	// Full is true where the stream has no room.
	Full bool
	// Unconfirmed counts the caller's messages that are still to be confirmed, Round counts from 1.
	Unconfirmed, Round int
	Err                error
}

// Ack says how a message is stored.
type Ack struct {
	// New is false where it was stored already, by an earlier Publish or by another copy.
	New bool
	// Stream and Sequence are its place. The sequence of messages that were stored in a crowd is not told: 0.
	Stream   string
	Sequence uint64
}

// FullError says that a stream has no room; nothing was lost.
type FullError struct {
	Stream string
	Err    error
}

func (e *FullError) Error() string {
	if api := new(jetstream.APIError); errors.As(e.Err, &api) && (api.ErrorCode == codeInsufficient || api.ErrorCode == codeStorageFull) {
		return fmt.Sprintf("the server of stream %s has no room left for any stream (%v): nothing was lost; make room on its disk; "+
			"an embedded server finds that out when it starts again", e.Stream, e.Err)
	}
	return fmt.Sprintf("stream %s is full (%v): nothing was lost; raise its limit, or wait until older messages age out",
		e.Stream, e.Err)
}
func (e *FullError) Unwrap() error { return e.Err }

// RefusedError says that the server will never store the message: it is too large, say.
type RefusedError struct {
	Subject string
	// TooLarge is true where its size is the reason.
	TooLarge bool
	Err      error
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("publish %s: refused: %v", e.Subject, e.Err)
}
func (e *RefusedError) Unwrap() error { return e.Err }

// Publisher stores messages and waits until the server has confirmed them. One publisher serves any
// number of goroutines.
type Publisher struct {
	nc      *nats.Conn
	opts    PublisherOptions
	replies *replies
	latest  *Latest
	room    *semaphore.Weighted
	outages *outages
}

// NewPublisher opens a publisher on the connection of js; its owner calls [Publisher.Close].
func NewPublisher(js jetstream.JetStream, o PublisherOptions) (*Publisher, error) {
	if o.MaxPending <= 0 {
		o.MaxPending = 2048
	}
	if o.AckTimeout <= 0 {
		o.AckTimeout = 3 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r, err := openReplies(js.Conn())
	if err != nil {
		return nil, fmt.Errorf("publisher: %w", err)
	}
	latest, err := NewLatest(js)
	if err != nil {
		return nil, fmt.Errorf("publisher: %w", err)
	}
	return &Publisher{
		nc: js.Conn(), opts: o, replies: r, latest: latest, room: semaphore.NewWeighted(int64(o.MaxPending)),
		outages: newOutages(o.Log, time.Now),
	}, nil
}

// Close ends the publisher; no Publish may be under way.
func (p *Publisher) Close() error { return errors.Join(p.replies.close(), p.latest.Close()) }

// Publish stores every message and returns when all of them are confirmed: each is then on the server's
// disk, put there now or earlier (Invariant 1, Invariant 2). What is not confirmed (server away, no
// leader, stream full) is sent again, for as long as ctx allows; a ctx that ends returns its error.
// Lines of the ledger are confirmed before any other message is sent. A message that can never be stored
// is a [RefusedError]; the others are stored all the same, except that nothing follows a refused line of
// the ledger. The acks are in the order of the messages.
func (p *Publisher) Publish(ctx context.Context, msgs []Message) ([]Ack, error) {
	acks := make([]Ack, len(msgs))
	todo := make([]int, 2*len(msgs))
	ledger, rest := todo[:0:len(msgs)], todo[len(msgs):len(msgs)]
	for i := range msgs {
		if IsLedger(msgs[i]) {
			ledger = append(ledger, i)
		} else {
			rest = append(rest, i)
		}
	}
	if err := p.wave(ctx, msgs, acks, ledger); err != nil {
		return acks, err
	}
	return acks, p.wave(ctx, msgs, acks, rest)
}

// wave publishes msgs[i] for every i of todo.
func (p *Publisher) wave(ctx context.Context, msgs []Message, acks []Ack, todo []int) error {
	if len(todo) == 0 {
		return nil
	}
	w := newWave(p, msgs, acks)
	defer w.close()
	defer p.outages.leave(w)
	var refused []error
	for round := 1; ; round++ {
		if err := w.carry(ctx, todo, round == 1, p.opts.AckTimeout*time.Duration(min(round, 5))); err != nil {
			return err
		}
		if err := p.believe(ctx, w, w.taken(todo)); err != nil {
			return err
		}
		outage, again, never := w.sort(todo)
		refused = append(refused, never...)
		if len(again) == 0 {
			w.through = true
			return errors.Join(refused...)
		}
		if p.opts.FailWhenFull && outage.Full {
			return errors.Join(append(refused, &FullError{Stream: outage.Stream, Err: outage.Err})...)
		}
		outage.Round = round
		p.report(w, outage)
		if err := Pause(ctx, backoff(round)); err != nil {
			return fmt.Errorf("publish %s: unconfirmed (%w): %w", outage.Subject, outage.Err, err)
		}
		todo = again
	}
}

// believe reads back the messages that the server refused because their subject is taken. The leader of a
// replicated stream refuses also while the first message of a subject is only proposed, and it may yet be
// lost with the leader: what no replica holds stays unconfirmed and is sent again. What is found is stored,
// by whomever (Invariant 2).
func (p *Publisher) believe(ctx context.Context, w *wave, taken map[string][]int) error {
	for stream, indices := range taken {
		subjects := make([]string, len(indices))
		for n, i := range indices {
			subjects[n] = w.msgs[i].Subject
		}
		found, err := p.readBack(ctx, stream, subjects)
		if err != nil {
			return fmt.Errorf("publish %s: read back: %w", subjects[0], err)
		}
		for _, i := range indices {
			if s, ok := found[w.msgs[i].Subject]; ok {
				w.settle(i, Ack{New: w.ours(stream, s.Sequence), Stream: stream, Sequence: s.Sequence}, fault{})
			}
		}
	}
	return nil
}

// Buried says whether a letter is stored.
func (p *Publisher) Buried(ctx context.Context, l DeadLetter) (bool, error) {
	subject := DeadSubject(l.Stage, l.Reason, l.ID())
	found, err := p.readBack(ctx, StreamDead, []string{subject})
	if err != nil {
		return false, fmt.Errorf("read %s: %w", subject, err)
	}
	return len(found) > 0, nil
}

// readBack reads the last message of each subject. Of the ledger and the dead letters a stage may read its
// own alone: the server can tell where the subject is a part of the request, one each.
func (p *Publisher) readBack(ctx context.Context, stream string, subjects []string) (map[string]Stored, error) {
	if stream != StreamCalls && stream != StreamDead {
		return p.latest.Get(ctx, stream, subjects...)
	}
	found := make(map[string]Stored, len(subjects))
	for _, s := range subjects {
		m, err := p.nc.RequestWithContext(ctx, "$JS.API.DIRECT.GET."+stream+"."+s, nil)
		if err != nil {
			return nil, err
		}
		if m.Header.Get("Status") != "" {
			continue // not there, on this replica
		}
		stored, err := storedFrom(m)
		if err != nil {
			return nil, err
		}
		found[s] = stored
	}
	return found, nil
}

// backoff is 10 ms, doubled each round, at most 2 s, with a quarter of jitter.
func backoff(round int) time.Duration {
	d := min(10*time.Millisecond<<min(round-1, 10), 2*time.Second)
	return d - rand.N(d/4+1)
}

// Pause waits for d, before the log is asked again say; its error is why ctx ended before.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func (p *Publisher) report(w *wave, o Outage) {
	if p.opts.OnOutage != nil {
		p.opts.OnOutage(o)
	}
	p.outages.hear(w, o)
}
