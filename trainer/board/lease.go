package board

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// Keys by job.
func leaseKey(jobID string) string  { return "lease." + jobID }
func cancelKey(jobID string) string { return "cancel." + jobID }

// Lease is one worker's right to do a job, for as long as it says that it lives. Losing it means that
// another worker does the job now: nothing more may be told.
type Lease struct {
	// Attempt counts the workers that took the job, from 1.
	Attempt int
	Worker  string
	// Spent counts the attempts before this one that came to nothing: their worker spent them, or was killed, which
	// the next one finds. One that was given back costs nothing.
	Spent int
	// After is the worker that had the job and ended without a word; empty where the job was let go of.
	After string

	board    *Board
	jobID    string
	mu       sync.Mutex // of what follows: a sign of life and the job's end may come together
	revision uint64
}

// holder is a lease as the bucket has it.
type holder struct {
	Worker  string `json:"worker,omitempty"`
	Attempt int    `json:"attempt"`
	Spent   int    `json:"spent,omitempty"`
}

// spoiled stands for the worker of a lease that nobody can read: somebody's, until it falls silent.
const spoiled = "a worker whose lease can't be read"

// held reads a lease. Every worker of ours writes an attempt from 1 on.
func held(entry jetstream.KeyValueEntry) holder {
	var h holder
	if json.Unmarshal(entry.Value(), &h) != nil || h.Attempt < 1 || h.Spent < 0 {
		return holder{Worker: spoiled}
	}
	return h
}

// HeldError says that another worker has a job in hand.
type HeldError struct {
	JobID, Worker string
	// Quiet is how long it has said nothing.
	Quiet time.Duration
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("job %s is in the hands of worker %s, heard of %s ago", e.JobID, e.Worker, e.Quiet.Round(time.Second))
}

// Lease takes a job for a worker. While another one holds it and was heard of within patience the error is
// a [HeldError]. One that can't be read holds for as long, from when it was written.
func (b *Board) Lease(ctx context.Context, jobID, worker string, patience time.Duration) (*Lease, error) {
	was, revision := holder{}, uint64(0)
	entry, err := b.kv.Get(ctx, leaseKey(jobID))
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
	case err != nil:
		return nil, fmt.Errorf("lease of job %s: %w", jobID, err)
	default:
		was, revision = held(entry), entry.Revision()
		if quiet := b.now().Sub(entry.Created()); was.Worker != "" && was.Worker != worker && quiet < patience {
			return nil, &HeldError{jobID, was.Worker, max(0, quiet)}
		}
	}
	if was.Worker == spoiled { // what its worker told says which attempt it was
		told, _, err := b.Progress(ctx, jobID)
		if err != nil {
			return nil, err
		}
		was.Attempt = max(told.Attempt, 1)
	}
	l := &Lease{Attempt: was.Attempt + 1, Worker: worker, Spent: was.Spent, board: b, jobID: jobID, revision: revision}
	if was.Worker != "" && was.Worker != worker { // it never let go
		l.Spent, l.After = was.Spent+1, was.Worker
	}
	if err := l.write(ctx, worker); err != nil {
		if errors.Is(err, ErrLost) {
			return nil, &HeldError{JobID: jobID, Worker: "another, which was faster"}
		}
		return nil, err
	}
	return l, nil
}

// Beat says that the worker lives. An [ErrLost] means that another one has taken the job.
func (l *Lease) Beat(ctx context.Context) error { return l.write(ctx, l.Worker) }

// Release lets go of the job, so that another worker need not wait. The counts stay.
func (l *Lease) Release(ctx context.Context) error { return l.write(ctx, "") }

// Spend is Release after an attempt that came to nothing.
func (l *Lease) Spend(ctx context.Context) error {
	l.Spent++
	return l.Release(ctx)
}

func (l *Lease) write(ctx context.Context, worker string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, err := json.Marshal(holder{worker, l.Attempt, l.Spent})
	if err == nil {
		err = l.put(ctx, data)
	}
	if errors.Is(err, ErrLost) && l.stillOurs(ctx) {
		err = l.put(ctx, data)
	}
	if err != nil {
		return fmt.Errorf("lease of job %s: %w", l.jobID, err)
	}
	return nil
}

func (l *Lease) put(ctx context.Context, data []byte) error {
	revision, err := l.board.put(ctx, leaseKey(l.jobID), l.revision, data)
	if err == nil {
		l.revision = revision
	}
	return err
}

// stillOurs says whether what is stored is this very lease: a sign of life whose confirmation was lost changed its
// revision, and nobody else did.
func (l *Lease) stillOurs(ctx context.Context) bool {
	entry, err := l.board.kv.Get(ctx, leaseKey(l.jobID))
	if err != nil {
		return false
	}
	if h := held(entry); h.Worker != l.Worker || h.Attempt != l.Attempt {
		return false
	}
	l.revision = entry.Revision()
	return true
}

// Holder is who has a job in hand, and since when nothing was heard of it; "" for nobody.
func (b *Board) Holder(ctx context.Context, jobID string) (worker string, heard time.Time, err error) {
	entry, err := b.kv.Get(ctx, leaseKey(jobID))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", heard, nil
	}
	if err != nil {
		return "", heard, fmt.Errorf("lease of job %s: %w", jobID, err)
	}
	return held(entry).Worker, entry.Created(), nil
}

// Cancel asks whoever has the job to give it up, for the first reason that anybody gave. A job that nobody has in
// hand, by silence of patience, ends at once: over says so.
func (b *Board) Cancel(ctx context.Context, jobID, by, reason string, patience time.Duration) (over bool, err error) {
	if err := streams.ValidToken("job", jobID); err != nil {
		return false, err
	}
	_, err = b.kv.Create(ctx, cancelKey(jobID), []byte(reason))
	if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		return false, fmt.Errorf("cancel job %s: %w", jobID, err)
	}
	if reason, _, err = b.Canceled(ctx, jobID); err != nil {
		return false, err
	}
	lease, err := b.Lease(ctx, jobID, by, patience)
	if by := new(HeldError); errors.As(err, &by) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// A worker that ended the job as we took it has told so before it let go.
	if e, told, err := b.Progress(ctx, jobID); err != nil || told && Ended(e.Kind) {
		return err == nil, errors.Join(err, lease.Release(ctx))
	}
	err = b.Tell(ctx, sluice.TrainingEvent{
		JobID: jobID, Kind: "canceled", Attempt: lease.Attempt, Sequence: 1, Worker: by, At: b.now().UTC(), Message: "canceled: " + reason,
	})
	return err == nil, errors.Join(err, lease.Release(ctx))
}

// AwaitCancel waits until somebody cancels the job, and says why; ok is false where ctx ended first.
func (b *Board) AwaitCancel(ctx context.Context, jobID string) (reason string, ok bool, err error) {
	watcher, err := b.kv.Watch(ctx, cancelKey(jobID))
	if err != nil {
		if ctx.Err() != nil {
			return "", false, nil
		}
		return "", false, fmt.Errorf("watch for the cancellation of job %s: %w", jobID, err)
	}
	defer func() { _ = watcher.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return "", false, nil
		case entry, open := <-watcher.Updates():
			if !open {
				return "", false, nil
			}
			if entry != nil && entry.Operation() == jetstream.KeyValuePut {
				return string(entry.Value()), true, nil
			}
		}
	}
}

// Canceled says whether somebody has canceled the job, and why.
func (b *Board) Canceled(ctx context.Context, jobID string) (reason string, yes bool, err error) {
	entry, err := b.kv.Get(ctx, cancelKey(jobID))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("cancellation of job %s: %w", jobID, err)
	}
	return string(entry.Value()), true, nil
}
