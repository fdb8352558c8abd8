package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// Status is one look at the ring.
type Status struct {
	At      time.Time      `json:"at"`
	Stages  []StageStatus  `json:"stages"`
	Streams []StreamStatus `json:"streams"`
	Store   StoreStatus    `json:"store"`
}

// StageStatus is what the log knows of one stage, all its copies together.
type StageStatus struct {
	Stage string `json:"stage"`
	// Durables are its consumers; none means that the stage never ran.
	Durables []string `json:"durables"`
	// Lag counts messages that were never handed out yet, InFlight those handed out and not settled,
	// Redelivered those of them that were handed out before.
	Lag         uint64 `json:"lag"`
	InFlight    int    `json:"in_flight"`
	Redelivered int    `json:"redelivered"`
	// Settled counts settled deliveries since the durable was made, and no messages: one that failed and was handed out
	// again counts each time, which is all that the server tells. PerSecond is their rate since the look before, 0 in
	// the first.
	Settled   uint64  `json:"settled"`
	PerSecond float64 `json:"per_second"`
	// Waiting counts pull requests that wait for messages: 0 means that no copy is running or idle.
	Waiting int `json:"waiting"`
	// Dead counts its dead letters, by reason too.
	Dead       uint64            `json:"dead"`
	DeadReason map[string]uint64 `json:"dead_by_reason,omitempty"`
}

// StreamStatus is one stream.
type StreamStatus struct {
	Stream   string    `json:"stream"`
	Messages uint64    `json:"messages"`
	Bytes    uint64    `json:"bytes"`
	MaxBytes int64     `json:"max_bytes"` // -1: no bound
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Replicas int       `json:"replicas"`
	Leader   string    `json:"leader,omitempty"`
}

// Full is the share of MaxBytes that is used; 0 without a bound.
func (s StreamStatus) Full() float64 {
	if s.MaxBytes <= 0 {
		return 0
	}
	return float64(s.Bytes) / float64(s.MaxBytes)
}

// StoreStatus is what the server keeps for us altogether.
type StoreStatus struct {
	Bytes    uint64 `json:"bytes"`
	MaxBytes int64  `json:"max_bytes"` // of the account; -1: no bound
	// DiskFree and DiskSize are of the disk under an embedded server's store; zero where the server is
	// somebody else's.
	DiskFree uint64 `json:"disk_free,omitempty"`
	DiskSize uint64 `json:"disk_size,omitempty"`
}

// Look reads the ring's state. stages names the stages to show even where they never ran, in their
// order; others that have consumers follow. before is the last look, or the zero Status.
func Look(ctx context.Context, js jetstream.JetStream, stages []string, before Status, now time.Time) (Status, error) {
	s := Status{At: now}
	rows := map[string]*StageStatus{}
	row := func(stage string) *StageStatus {
		if rows[stage] == nil {
			rows[stage] = &StageStatus{Stage: stage, Durables: []string{}}
			if !slices.Contains(stages, stage) {
				stages = append(slices.Clip(stages), stage)
			}
		}
		return rows[stage]
	}
	for _, name := range stages {
		row(name)
	}
	for _, name := range streams.Names() {
		info, err := lookAt(ctx, js, name, row)
		if err != nil {
			return Status{}, fmt.Errorf("status of stream %s: %w", name, err)
		}
		s.Streams = append(s.Streams, streamStatus(info))
	}
	if err := countDead(ctx, js, row); err != nil {
		return Status{}, err
	}
	account, err := js.AccountInfo(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("status of the store: %w", err)
	}
	s.Store = StoreStatus{Bytes: account.Store, MaxBytes: account.Limits.MaxStore}
	for _, name := range stages {
		s.Stages = append(s.Stages, *rows[name])
	}
	s.rates(before)
	return s, nil
}

// lookAt reads one stream, and counts its durables in the rows of their stages.
func lookAt(ctx context.Context, js jetstream.JetStream, name string, row func(string) *StageStatus) (*jetstream.StreamInfo, error) {
	stream, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("%w; sluice streams apply makes it", err)
	}
	if err != nil {
		return nil, err
	}
	consumers := stream.ListConsumers(ctx)
	for info := range consumers.Info() {
		if info.Config.Durable != "" {
			row(stageOf(info.Config.Durable)).add(info)
		}
	}
	if err := consumers.Err(); err != nil {
		return nil, fmt.Errorf("consumers: %w", err)
	}
	return stream.CachedInfo(), nil
}

// stageOf reads the stage off a durable: "record-v1-answers" is record's.
func stageOf(durable string) string {
	stage, _, _ := strings.Cut(durable, "-")
	return stage
}

// add counts one durable.
func (r *StageStatus) add(info *jetstream.ConsumerInfo) {
	r.Durables = append(r.Durables, info.Config.Durable)
	r.Lag += info.NumPending
	r.InFlight += info.NumAckPending
	r.Redelivered += info.NumRedelivered
	r.Waiting += info.NumWaiting
	if delivered := info.Delivered.Consumer; delivered > uint64(info.NumAckPending) {
		r.Settled += delivered - uint64(info.NumAckPending)
	}
}

func streamStatus(info *jetstream.StreamInfo) StreamStatus {
	s := StreamStatus{
		Stream: info.Config.Name, Messages: info.State.Msgs, Bytes: info.State.Bytes, MaxBytes: info.Config.MaxBytes,
		First: info.State.FirstTime.UTC(), Last: info.State.LastTime.UTC(), Replicas: info.Config.Replicas,
	}
	if info.State.Msgs == 0 {
		s.First, s.Last = time.Time{}, time.Time{}
	}
	if info.Cluster != nil {
		s.Leader = info.Cluster.Leader
	}
	return s
}

// countDead counts dead letters by stage and reason, off their subjects.
func countDead(ctx context.Context, js jetstream.JetStream, row func(string) *StageStatus) error {
	subjects, err := deadSubjects(ctx, js)
	if err != nil {
		return err
	}
	for subject, n := range subjects {
		tokens := strings.Split(subject, ".")
		if len(tokens) != 4 {
			continue
		}
		r := row(tokens[1])
		r.Dead += n
		if r.DeadReason == nil {
			r.DeadReason = map[string]uint64{}
		}
		r.DeadReason[tokens[2]] += n
	}
	return nil
}

// rates fills PerSecond from the look before.
func (s *Status) rates(before Status) {
	span := s.At.Sub(before.At).Seconds()
	if before.At.IsZero() || span <= 0 {
		return
	}
	for i, now := range s.Stages {
		for _, then := range before.Stages {
			if then.Stage == now.Stage && now.Settled >= then.Settled {
				s.Stages[i].PerSecond = float64(now.Settled-then.Settled) / span
			}
		}
	}
}

// Idle says whether nothing is waiting or in hand anywhere.
func (s Status) Idle() bool {
	for _, r := range s.Stages {
		if r.Lag > 0 || r.InFlight > 0 {
			return false
		}
	}
	return true
}
