package operate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// GatewayLines are the gateways' lines of the ledger that were stored since a time, each once: those that CALLS holds,
// and those that decisions bring which the stage monitor, by the durable that is named, has not entered there yet. An
// error is the last thing yielded.
func GatewayLines(ctx context.Context, js jetstream.JetStream, monitor string, since time.Time) iter.Seq2[sluice.Call, error] {
	return func(yield func(sluice.Call, error) bool) {
		waiting, err := waitingLines(ctx, js, monitor, since)
		if err != nil {
			yield(sluice.Call{}, err)
			return
		}
		window := streams.Window{Filter: "calls.billed." + sluice.StageGateway + ".>", Since: since}
		for m, err := range streams.Scan(ctx, js, streams.StreamCalls, window) {
			var line sluice.Call
			if err == nil {
				line, err = streams.Decode[sluice.Call](m.Data)
			}
			delete(waiting, line.ID)
			if !yield(line, err) || err != nil {
				return
			}
		}
		for _, line := range waiting {
			if !yield(line, nil) {
				return
			}
		}
	}
}

// waitingLines are the lines, by id, of the decisions that the monitor may not have settled. It is asked before CALLS is
// read: what it enters in between is in both.
func waitingLines(ctx context.Context, js jetstream.JetStream, monitor string, since time.Time) (map[string]sluice.Call, error) {
	window := streams.Window{Since: since}
	info, err := js.Consumer(ctx, streams.StreamDecisions, monitor)
	switch {
	case err == nil: // Since would go before From, and read all that is settled
		window = streams.Window{From: info.CachedInfo().AckFloor.Stream + 1}
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil, fmt.Errorf("look at the durable %s: %w", monitor, err)
	}
	waiting := map[string]sluice.Call{}
	for m, err := range streams.Scan(ctx, js, streams.StreamDecisions, window) {
		if err != nil {
			return nil, err
		}
		if m.StoredAt.Before(since) {
			continue
		}
		d, err := streams.Decode[sluice.Decision](m.Data)
		if err != nil {
			continue // the monitor buries it
		}
		if _, err := streams.BroughtFacts(&d); err != nil {
			continue // the monitor enters none of them
		}
		for _, line := range d.Calls {
			waiting[line.ID] = line
		}
	}
	return waiting, nil
}

// enterLines enters the lines of the ledger that a decision brings, before it is erased.
func enterLines(ctx context.Context, p Publisher, m streams.Message) error {
	if m.Stream != streams.StreamDecisions {
		return nil
	}
	d, err := streams.Decode[sluice.Decision](m.Data)
	if err != nil {
		return err
	}
	lines, err := streams.BroughtFacts(&d)
	if err != nil || len(lines) == 0 {
		return nil //nolint:nilerr // the monitor refuses such lines too
	}
	if _, err := p.Publish(ctx, lines); err != nil {
		return fmt.Errorf("enter the calls of the decision %s into the ledger: %w", d.ID, err)
	}
	return nil
}
