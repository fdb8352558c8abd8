package producers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/streams"
	"sluice/telemetry"
)

// The delays between two offers of one batch, doubled from the first to the last, and how long one offer
// may take.
const (
	firstDelay = 200 * time.Millisecond
	lastDelay  = 10 * time.Second
	offerTime  = 10 * time.Second
)

// flush publishes the batch and, once it is confirmed, moves the report and the checkpoint to the last
// row read (Invariant 1: what the checkpoint counts is stored).
func (r *run) flush(ctx context.Context) error {
	if n := len(r.batch); n > 0 {
		if err := r.limiter.WaitN(ctx, n); err != nil {
			return r.stopped(ctx, err)
		}
		traced := r.trace(ctx)
		err := r.deliver(ctx, r.batch, r.rows, true)
		for _, span := range traced {
			span.End(err)
		}
		if err != nil {
			return err
		}
		r.batch, r.rows = r.batch[:0], r.rows[:0]
	}
	r.report.Rows = r.read
	r.report.Elapsed = time.Since(r.began)
	if r.o.Watcher != nil {
		r.o.Watcher.Progress(r.report)
	}
	return r.o.Checkpoint.note(r.report.Rows)
}

// trace begins a trace with every message of the batch; none where nobody traces.
func (r *run) trace(ctx context.Context) []*telemetry.Span {
	if r.o.Tracing == nil {
		return nil
	}
	spans := make([]*telemetry.Span, len(r.batch))
	for i := range r.batch {
		m := &r.batch[i]
		spans[i] = r.o.Tracing.Publish(ctx, m.Subject)
		*m = m.Continue(spans[i].Parent())
	}
	return spans
}

// deliver offers messages until the log confirms all of them. Offering one again is harmless: its id is
// a function of its query (Invariant 2). A message that the server will never take (it is too large, say)
// is found by offering each by itself, and left out. first says that none of them was offered before.
func (r *run) deliver(ctx context.Context, messages []streams.Message, rows []Row, first bool) error {
	began := time.Now()
	var refused *streams.RefusedError
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		acks, err := r.offer(ctx, messages)
		switch {
		case err == nil:
			r.count(acks, len(messages), first)
			return nil
		case ctx.Err() != nil:
			return r.stopped(ctx, err)
		case errors.As(err, &refused) && !isFull(err):
			if len(messages) == 1 {
				r.leaveOut(rows[0].leftOut(Invalid, refused))
				return nil
			}
			return r.deliverEach(ctx, messages, rows)
		case time.Since(began)+delay > r.o.Patience:
			return r.gaveUp(err)
		}
		first = false
		if r.o.Watcher != nil {
			r.o.Watcher.Waiting(r.report, err, delay)
		}
		if streams.Pause(ctx, delay) != nil {
			return r.stopped(ctx, err)
		}
	}
}

func (r *run) deliverEach(ctx context.Context, messages []streams.Message, rows []Row) error {
	for i := range messages {
		if err := r.deliver(ctx, messages[i:i+1], rows[i:i+1], false); err != nil {
			return err
		}
	}
	return nil
}

// offer bounds one try, so that a log that does not answer is noticed.
func (r *run) offer(ctx context.Context, messages []streams.Message) ([]streams.Ack, error) {
	ctx, cancel := context.WithTimeout(ctx, min(offerTime, r.o.Patience))
	defer cancel()
	return r.p.Publish(ctx, messages)
}

// count counts confirmed messages; what a second offer finds in the log may be the first one's doing.
func (r *run) count(acks []streams.Ack, n int, first bool) {
	r.report.Published += n
	if !first {
		return
	}
	for _, ack := range acks {
		if !ack.New {
			r.report.Known++
		}
	}
}

func (r *run) stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return fmt.Errorf("publish: %w", err)
	}
	return fmt.Errorf("publish: %w after %d confirmed rows; the same command goes on from there: %w",
		ErrStopped, r.report.Rows, context.Cause(ctx))
}

func (r *run) gaveUp(err error) error {
	advice := "is the server up?"
	if isFull(err) {
		advice = "give the stream more room, or wait until old messages age out"
	}
	return fmt.Errorf("publish: the log took nothing for %s after row %d (%s); the same command goes on from there: %w",
		r.o.Patience, r.report.Rows, advice, err)
}

// isFull says whether a stream without room is what stands in the way.
func isFull(err error) bool {
	_, full := errors.AsType[*streams.FullError](err)
	return full
}
