package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// pollInHand is how often the log is asked whether stages have let go.
const pollInHand = 100 * time.Millisecond

// mark is a paused consumer and how far its deliveries had come: to which message, and how many there were.
type mark struct {
	stream, consumer      string
	delivered, deliveries uint64
}

// ask says how far the consumer is; there is false where it is gone.
func (k mark) ask(ctx context.Context, js jetstream.JetStream) (at jetstream.ConsumerInfo, there bool, err error) {
	c, err := js.Consumer(ctx, k.stream, k.consumer)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		return at, false, nil
	case err != nil:
		return at, false, fmt.Errorf("consumer %s of %s: %w", k.consumer, k.stream, err)
	}
	return *c.CachedInfo(), true, nil
}

// pause stops every consumer from handing out more, until the given time at the latest, and notes what
// they have handed out. It returns those that it paused even where it fails.
func pause(ctx context.Context, js jetstream.JetStream, until time.Time) ([]mark, error) {
	var marks []mark
	for _, name := range streams.Names() {
		if name == streams.StreamJobs {
			continue // a training is in hand for hours, and what it tells holds nobody's words
		}
		s, err := js.Stream(ctx, name)
		if err != nil {
			return marks, fmt.Errorf("stream %s: %w", name, err)
		}
		list := s.ListConsumers(ctx)
		for info := range list.Info() {
			if _, err := s.PauseConsumer(ctx, info.Name, until); err != nil {
				return marks, fmt.Errorf("pause %s of %s: %w", info.Name, name, err)
			}
			marks = append(marks, mark{stream: name, consumer: info.Name})
		}
		if err := list.Err(); err != nil {
			return marks, fmt.Errorf("consumers of %s: %w", name, err)
		}
	}
	for i, k := range marks {
		at, _, err := k.ask(ctx, js)
		if err != nil {
			return marks, err
		}
		marks[i].delivered, marks[i].deliveries = at.Delivered.Stream, at.Delivered.Consumer
	}
	return marks, nil
}

// resumePatience bounds telling all consumers that they may go on.
const resumePatience = 5 * time.Second

// resume lets paused consumers go on, even where ctx has ended. One that can't be told goes on by itself when its pause
// ends.
func resume(ctx context.Context, js jetstream.JetStream, marks []mark) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), resumePatience)
	defer cancel()
	for _, k := range marks {
		if s, err := js.Stream(ctx, k.stream); err == nil {
			_, _ = s.ResumeConsumer(ctx, k.consumer)
		}
	}
}

// letGo waits until every delivery of marks is settled; false where that took too long.
func letGo(ctx context.Context, js jetstream.JetStream, marks []mark, until time.Time) (bool, error) {
	ticker := time.NewTicker(pollInHand)
	defer ticker.Stop()
	for {
		var still []mark
		for _, k := range marks {
			at, there, err := k.ask(ctx, js)
			if err != nil {
				return false, err
			}
			if there && at.NumAckPending > 0 && at.AckFloor.Stream < k.delivered {
				still = append(still, k)
			}
		}
		marks = still
		if len(marks) == 0 {
			return true, nil
		}
		if time.Now().After(until) {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// goneOn says whether a consumer of marks has handed out something since: its pause ended, or somebody else who paused
// the ring too was done with that.
func goneOn(ctx context.Context, js jetstream.JetStream, marks []mark) (bool, error) {
	for _, k := range marks {
		at, there, err := k.ask(ctx, js)
		if err != nil {
			return false, err
		}
		if there && at.Delivered.Consumer > k.deliveries {
			return true, nil
		}
	}
	return false, nil
}
