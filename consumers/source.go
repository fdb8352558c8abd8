package consumers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// How an empty input is waited for: one request for one message, which the server answers as soon as
// there is one, with a sign of life in between.
const (
	restFor       = 30 * time.Second
	restHeartbeat = time.Second
	// silence is how long a request may go unanswered before it is taken for lost.
	silence = 2500 * time.Millisecond
	// brokenFor is the pause before a durable that went away is created again.
	brokenFor = 500 * time.Millisecond
)

// stance is what a source is doing.
type stance uint8

const (
	ready   stance = iota // may be asked
	asking                // a request for many is under way; it ends when the input is empty
	resting               // empty: a request for one is under way
	broken                // its durable is away
)

// source is one durable consumer and the pull requests to it. It has one subscription for all of them:
// a message that comes late, after its request was given up, is handled like any other.
type source struct {
	r       *Runner
	nc      *nats.Conn
	input   Input
	retries bool
	prefix  string
	sub     *nats.Subscription
	// floor is up to where the durable is known to be acknowledged: see underWay.
	floor atomic.Uint64

	// All below is guarded by r.mu.
	stance stance
	// request numbers the one under way; got of want messages have come.
	request   uint64
	want, got int
	// heard is when the request was sent or last answered.
	heard time.Time
}

func newSource(r *Runner, input Input) *source {
	nc := r.cfg.JS.Conn()
	return &source{r: r, nc: nc, input: input, retries: input.Stream == streams.StreamRetries, prefix: nc.NewInbox() + "."}
}

// ensure creates the durable, or brings it up to date. While the server is not ready it tries again.
func (s *source) ensure(ctx context.Context) error {
	s.floor.Store(0) // one that is made anew begins again
	c := jetstream.ConsumerConfig{
		Durable:       s.input.Durable,
		Description:   "stage " + s.r.cfg.Stage.Name + " " + s.r.cfg.Stage.Version,
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       s.r.cfg.AckWait,
		MaxDeliver:    -1, // the runner keeps its own count
		MaxAckPending: s.r.cfg.MaxAckPending,
	}
	if terms := s.r.cfg.Stage.Terms; terms != "" {
		c.Metadata = map[string]string{termsKey: terms}
	}
	switch len(s.input.Filters) {
	case 0:
	case 1:
		c.FilterSubject = s.input.Filters[0]
	default:
		c.FilterSubjects = s.input.Filters
	}
	err := streams.Insist(ctx, func() error {
		_, err := s.r.cfg.JS.CreateOrUpdateConsumer(ctx, s.input.Stream, c)
		return err
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("durable %s: stream %s is not there; apply the streams first: %w", s.input.Durable, s.input.Stream, err)
	}
	if err != nil {
		return fmt.Errorf("durable %s of %s: %w", s.input.Durable, s.input.Stream, err)
	}
	return nil
}

// open subscribes; messages come from then on.
func (s *source) open() error {
	sub, err := s.nc.Subscribe(s.prefix+"*", s.hear)
	if err != nil {
		return fmt.Errorf("durable %s: %w", s.input.Durable, err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return fmt.Errorf("durable %s: %w", s.input.Durable, err)
	}
	s.sub = sub
	return nil
}

// hear takes whatever the server sends: messages, and words about a request. A word comes on the
// subject of its request; a message comes on its own, so that it is counted for the request under way.
func (s *source) hear(m *nats.Msg) {
	if strings.HasPrefix(m.Reply, "$JS.ACK.") {
		s.r.arrive(s, m)
		return
	}
	id, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, s.prefix), 36, 64)
	if err != nil {
		return
	}
	s.r.word(s, id, m.Header.Get("Status"), m.Header.Get("Description"))
}

type pullRequest struct {
	Batch     int           `json:"batch"`
	NoWait    bool          `json:"no_wait,omitempty"`
	Expires   time.Duration `json:"expires,omitempty"`
	Heartbeat time.Duration `json:"idle_heartbeat,omitempty"`
}

// ask requests up to n messages of those that are there. r.mu is held.
func (s *source) ask(n int) { s.send(asking, pullRequest{Batch: n, NoWait: true}) }

// rest requests one message, whenever there is one. r.mu is held.
func (s *source) rest() {
	s.send(resting, pullRequest{Batch: 1, Expires: restFor, Heartbeat: restHeartbeat})
}

func (s *source) send(st stance, p pullRequest) {
	s.request++
	s.stance, s.want, s.got, s.heard = st, p.Batch, 0, time.Now()
	body, err := json.Marshal(p)
	if err == nil {
		err = s.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+s.input.Stream+"."+s.input.Durable,
			s.prefix+strconv.FormatUint(s.request, 36), body)
	}
	if err != nil { // disconnected for long: the housekeeping asks again
		s.r.cfg.Log.Debug("pull request not sent", "durable", s.input.Durable, "error", err)
	}
}
