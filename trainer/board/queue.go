package board

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// Queue hands out jobs, each to one worker at a time; a job whose worker says nothing for the queue's
// patience is handed out again.
type Queue struct {
	consumer jetstream.Consumer
	// open makes the consumer, or finds it.
	open func(context.Context) (jetstream.Consumer, error)
}

// Queue opens the queue. patience is how long a worker may be silent.
func (b *Board) Queue(ctx context.Context, patience time.Duration) (*Queue, error) {
	open := func(ctx context.Context) (jetstream.Consumer, error) {
		return b.js.CreateOrUpdateConsumer(ctx, streams.StreamJobs, jetstream.ConsumerConfig{
			Durable: streams.DurableTrain, Description: "workers that train", AckPolicy: jetstream.AckExplicitPolicy,
			DeliverPolicy: jetstream.DeliverAllPolicy, AckWait: patience, MaxAckPending: 1000,
		})
	}
	c, err := open(ctx)
	if err != nil {
		return nil, fmt.Errorf("queue of jobs: %w", err)
	}
	return &Queue{c, open}, nil
}

// Taken is a job in hand. Done ends it for good; Back gives it to the queue again; until then the worker
// calls Working at least every third of the queue's patience.
type Taken struct {
	Job sluice.TrainingJob
	msg jetstream.Msg
}

// Next waits for a job. At the end of ctx the error is ctx's. wait bounds the waiting where it is above 0:
// then the error is [ErrIdle].
func (q *Queue) Next(ctx context.Context, wait time.Duration) (*Taken, error) {
	end := time.Now().Add(wait)
	for {
		once := 2 * time.Second
		if wait > 0 {
			once = min(once, max(time.Millisecond, time.Until(end)))
		}
		msg, err := q.consumer.Next(jetstream.FetchMaxWait(once))
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = msg.Nak()
			}
			return nil, ctx.Err()
		case err == nil:
			job, err := streams.Decode[sluice.TrainingJob](msg.Data())
			if err != nil {
				_ = msg.Term()
				return nil, fmt.Errorf("%s is no job: %w", msg.Subject(), err)
			}
			return &Taken{job, msg}, nil
		case wait > 0 && !time.Now().Before(end):
			return nil, ErrIdle
		case errors.Is(err, jetstream.ErrNoMessages), errors.Is(err, context.DeadlineExceeded), errors.Is(err, jetstream.ErrNoHeartbeat):
		default: // the server is away: its coming back is waited for
			pause := time.NewTimer(500 * time.Millisecond)
			select {
			case <-ctx.Done():
			case <-pause.C:
			}
			pause.Stop()
			if c, err := q.open(ctx); err == nil { // it may have come back without the consumer
				q.consumer = c
			}
		}
	}
}

// Work takes jobs off the queue, one at a time, until ctx is done or do says that it was the last one. What can't
// be taken is logged and passed over.
func (b *Board) Work(ctx context.Context, patience time.Duration, log *slog.Logger, do func(*Taken) (last bool)) error {
	queue, err := b.Queue(ctx, patience)
	if err != nil {
		return err
	}
	for {
		taken, err := queue.Next(ctx, 0)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // asked to end
		}
		if err != nil {
			log.Error("a job can't be taken", "error", err)
			continue
		}
		if last := do(taken); last || ctx.Err() != nil {
			return nil //nolint:nilerr // asked to end
		}
	}
}

// ErrIdle says that no job came.
var ErrIdle = errors.New("no job is waiting")

// Working tells the queue that the worker lives.
func (t *Taken) Working() error { return t.msg.InProgress() }

// Done takes the job off the queue.
func (t *Taken) Done(ctx context.Context) error { return t.msg.DoubleAck(ctx) }

// Back gives the job to the next worker, after a pause.
func (t *Taken) Back(after time.Duration) error { return t.msg.NakWithDelay(after) }
