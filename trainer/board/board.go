// Package board is where trainers and workers agree: which job is to be done, who does it, how far it is.
//
// Jobs and events enter as facts of the log (JOBS, TRAINING); proposals, leases and cancellations are keys of
// the bucket "training", each changed by one compare-and-set. The package knows nothing of what a training
// is: it decides who may do one, and keeps what was told.
package board

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// Board is safe for concurrent use.
type Board struct {
	Teller
	js  jetstream.JetStream
	kv  jetstream.KeyValue
	now func() time.Time
}

// Open opens the bucket and the streams, which streams.Apply has made. The publisher stays the caller's.
func Open(ctx context.Context, js jetstream.JetStream, publisher *streams.Publisher, now func() time.Time) (*Board, error) {
	kv, err := js.KeyValue(ctx, streams.BucketTraining)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w; sluice streams apply makes it", streams.BucketTraining, err)
	}
	return &Board{Teller: Teller{publisher}, js: js, kv: kv, now: now}, nil
}

// Teller stores events: all that whoever promotes a model needs of a board.
type Teller struct{ Publisher *streams.Publisher }

// Tell stores events and returns when they are confirmed. Telling one again changes nothing (Invariant 2).
func (t Teller) Tell(ctx context.Context, events ...sluice.TrainingEvent) error {
	messages := make([]streams.Message, len(events))
	for i, e := range events {
		var err error
		if messages[i], err = streams.ToldFact(e); err != nil {
			return err
		}
	}
	if _, err := t.Publisher.Publish(ctx, messages); err != nil {
		return fmt.Errorf("tell of job %s: %w", events[0].JobID, err)
	}
	return nil
}

// Ask stores a job; false where it was asked for before (the subject is the primary key).
func (b *Board) Ask(ctx context.Context, job sluice.TrainingJob) (asked bool, err error) {
	m, err := streams.JobFact(job)
	if err != nil {
		return false, err
	}
	acks, err := b.Publisher.Publish(ctx, []streams.Message{m})
	if err != nil {
		return false, fmt.Errorf("ask for job %s: %w", job.ID, err)
	}
	return acks[0].New, nil
}

// ErrNoJob says that nobody asked for such a job.
var ErrNoJob = errors.New("there is no such training job; sluice train status lists them")

// Job reads a job.
func (b *Board) Job(ctx context.Context, id string) (sluice.TrainingJob, error) {
	if err := streams.ValidToken("job", id); err != nil {
		return sluice.TrainingJob{}, err
	}
	data, err := b.last(ctx, streams.StreamJobs, streams.JobSubject(id))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return sluice.TrainingJob{}, fmt.Errorf("job %s: %w", id, ErrNoJob)
	}
	if err != nil {
		return sluice.TrainingJob{}, fmt.Errorf("job %s: %w", id, err)
	}
	return streams.Decode[sluice.TrainingJob](data)
}

func (b *Board) last(ctx context.Context, stream, subject string) ([]byte, error) {
	s, err := b.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// Progress is the last word on a job; ok is false where there is none. It is the event that ended the job, once there
// is one, else the newest of the latest attempt: a worker that was suspended may wake and tell something before it
// hears that the job was taken from it. What was done with the model by hand later is none of the job's.
func (b *Board) Progress(ctx context.Context, jobID string) (last sluice.TrainingEvent, ok bool, err error) {
	data, err := b.last(ctx, streams.StreamTraining, streams.ToldFilter(jobID))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return last, false, nil
	}
	if err != nil {
		return last, false, fmt.Errorf("progress of job %s: %w", jobID, err)
	}
	// One that can't be read is another reader's to report.
	if last, err = streams.Decode[sluice.TrainingEvent](data); err == nil && Ended(last.Kind) && !byHand(last) {
		return last, true, nil
	}
	last = sluice.TrainingEvent{}
	for m, err := range streams.Scan(ctx, b.js, streams.StreamTraining, streams.Window{Filter: streams.ToldFilter(jobID)}) {
		if err != nil {
			return last, false, fmt.Errorf("progress of job %s: %w", jobID, err)
		}
		e, err := streams.Decode[sluice.TrainingEvent](m.Data)
		if err != nil || byHand(e) {
			continue
		}
		if !ok || Ended(e.Kind) || !Ended(last.Kind) && e.Attempt >= last.Attempt {
			last, ok = e, true
		}
	}
	return last, ok, nil
}

// byHand says that somebody promoted a job's model: no worker told it.
func byHand(e sluice.TrainingEvent) bool { return e.Attempt == 0 && e.Kind == "promoted" }

// Ended says whether a job is over after an event of that kind. A job that promoted nothing is over too.
func Ended(kind string) bool {
	switch kind {
	case "promoted", "refused", "failed", "canceled":
		return true
	}
	return false
}

// State is a job and how far it is.
type State struct {
	Job  sluice.TrainingJob
	Last sluice.TrainingEvent
	// Told is false where there is no event yet.
	Told bool
	// Waiting says that a worker had the job, and that it is the next one's now: it was given back, or nothing was
	// heard of its worker for patience.
	Waiting bool
}

// Jobs lists every job of the log in the order in which they were asked for. patience is how long a worker may be silent.
func (b *Board) Jobs(ctx context.Context, patience time.Duration) ([]State, error) {
	var all []State
	for m, err := range streams.Scan(ctx, b.js, streams.StreamJobs, streams.Window{}) {
		if err != nil {
			return nil, fmt.Errorf("list jobs: %w", err)
		}
		job, err := streams.Decode[sluice.TrainingJob](m.Data)
		if err != nil {
			all = append(all, unreadable(m, err))
			continue
		}
		s := State{Job: job}
		worker, heard, err := b.Holder(ctx, job.ID)
		if err != nil {
			return nil, err
		}
		// Asked after that: whoever ends a job tells so before it lets go.
		if s.Last, s.Told, err = b.Progress(ctx, job.ID); err != nil {
			return nil, err
		}
		s.Waiting = !heard.IsZero() && !Ended(s.Last.Kind) && (worker == "" || b.now().Sub(heard) >= patience)
		all = append(all, s)
	}
	return all, nil
}

// unreadable is what can be told of a job that no worker can read: it hides none of the others.
func unreadable(m streams.Message, err error) State {
	id := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	last := sluice.TrainingEvent{JobID: id, Kind: "undecodable", At: m.StoredAt, Message: fmt.Sprintf("%s at %d: %v", m.Stream, m.Sequence, err)}
	return State{Job: sluice.TrainingJob{ID: id, AskedAt: m.StoredAt}, Last: last, Told: true}
}

// keyLatest holds the last proposal.
const keyLatest = "latest"

// Proposal is the last job that the trainers agreed on.
type Proposal struct {
	Job sluice.TrainingJob `json:"job"`
	// Through is when the newest example of its snapshot was stored; what is newer counts towards the next.
	Through time.Time `json:"through"`
	// Sequence is how far the stream of examples was then.
	Sequence uint64 `json:"sequence"`
	// Asked is true once the job is in the log. Whoever finds false finishes what a trainer began that died.
	Asked bool `json:"asked"`

	revision uint64
}

// ErrLost says that another trainer's proposal was faster.
var ErrLost = errors.New("another trainer was faster")

// Latest reads the last proposal; the zero value where there was none.
func (b *Board) Latest(ctx context.Context) (Proposal, error) {
	var p Proposal
	entry, err := b.kv.Get(ctx, keyLatest)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(entry.Value(), &p)
	}
	if err != nil {
		return p, fmt.Errorf("the trainers' last proposal: %w", err)
	}
	p.revision = entry.Revision()
	return p, nil
}

// Propose makes next the last proposal if was still is; else the error is [ErrLost].
func (b *Board) Propose(ctx context.Context, was, next Proposal) (Proposal, error) {
	data, err := json.Marshal(next)
	if err != nil {
		return next, fmt.Errorf("propose job %s: %w", next.Job.ID, err)
	}
	next.revision, err = b.put(ctx, keyLatest, was.revision, data)
	if err != nil {
		return next, fmt.Errorf("propose job %s: %w", next.Job.ID, err)
	}
	return next, nil
}

// put replaces a key whose revision is still that one; 0 means that it is not there.
func (b *Board) put(ctx context.Context, key string, revision uint64, data []byte) (uint64, error) {
	var err error
	if revision == 0 {
		revision, err = b.kv.Create(ctx, key, data)
	} else {
		revision, err = b.kv.Update(ctx, key, data, revision)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, ErrLost
	}
	return revision, err
}

// Examples is how many examples the log has ever stored.
func (b *Board) Examples(ctx context.Context) (uint64, error) {
	s, err := b.js.Stream(ctx, streams.StreamExamples)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", streams.StreamExamples, err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

// Alarms are the alerts of a rule that were raised after an instant and have not been cleared since, the
// last one of each subject.
func (b *Board) Alarms(ctx context.Context, rule string, after time.Time) ([]sluice.Alert, error) {
	last := map[string]sluice.Alert{}
	var order []string
	for m, err := range streams.Scan(ctx, b.js, streams.StreamAlerts, streams.Window{Since: after, Filter: streams.RaisedFilter(rule)}) {
		if err != nil {
			return nil, fmt.Errorf("alarms of rule %s: %w", rule, err)
		}
		a, err := streams.Decode[sluice.Alert](m.Data)
		if err != nil || !a.RaisedAt.After(after) {
			continue // another reader of ALERTS reports what is unreadable
		}
		if _, seen := last[a.Subject]; !seen {
			order = append(order, a.Subject)
		}
		last[a.Subject] = a
	}
	var all []sluice.Alert
	for _, subject := range order {
		if a := last[subject]; !a.Cleared {
			all = append(all, a)
		}
	}
	return all, nil
}
