package consumers

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
	"sluice/telemetry"
)

// Config is what a [Runner] needs. Stage and JS are required; every other zero value is a default.
type Config struct {
	Stage Stage
	// JS is the log, with its streams applied.
	JS jetstream.JetStream
	// Publisher stores outputs; nil: the runner opens its own and closes it. Runners of one process may
	// share one.
	Publisher *streams.Publisher
	// AckWait is how long the server waits for a sign of life before it hands a message to another copy;
	// zero: 60 s. Signs are sent every third of it.
	AckWait time.Duration
	// Grace is how long work in flight may go on after the context ends; zero: 10 s. What is unfinished
	// then is given back to the server at once.
	Grace time.Duration
	// Backoff is the pause before a message is tried again after so many failed attempts; nil: one second,
	// doubled each time, at most a minute, give or take a quarter.
	Backoff func(attempts int) time.Duration
	// CrashLoop is how many deliveries may end without a word (killed workers) before the message is taken
	// for the cause; zero: 10.
	CrashLoop int
	// MaxAckPending bounds a durable's messages in flight, of all copies together; zero: 65,536.
	MaxAckPending int
	// Now tells when a message died; nil: the clock.
	Now func() time.Time
	// Observe hears of every message when its fate is sealed; nil: nobody does. It must not block, and is
	// called by many goroutines at once.
	Observe func(Settled)
	// Billed hears the id of every call whose line of the ledger is stored; nil: nobody does. It must not block,
	// and is called by several goroutines at once.
	Billed func(callID string)
	// Tracing makes a span of every message that is handled; nil: none.
	Tracing *telemetry.Tracing
	// Begun is called once the durables are there and messages are asked for; nil: nobody is told.
	Begun func()
	// Log hears of failures, never of payloads; nil: nobody does.
	Log *slog.Logger

	// heardWithin is how long a claim takes at most from the log to the copies of the stage, beyond what a message on
	// the same connection takes: whatever is handed out later is put off there. Zero: 10 ms.
	heardWithin time.Duration
}

// Settled says what became of one delivery.
type Settled struct {
	// Stream, Subject and Sequence name the message as the stage saw it.
	Stream, Subject string
	Sequence        uint64
	Deliveries      int
	// Class is its fate; empty where it was handled and acknowledged.
	Class sluice.Class
	// Err is why; nil where it was handled.
	Err error
}

// Backoff's bounds.
const (
	backoffFirst = time.Second
	backoffMost  = time.Minute
)

// defaultBackoff is exponential with a quarter of jitter either way.
func defaultBackoff(attempts int) time.Duration {
	d := min(backoffFirst<<min(max(attempts-1, 0), 10), backoffMost)
	return d - d/4 + rand.N(d/2)
}

// withDefaults fills what was left out.
func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&c.AckWait, time.Minute)
	def(&c.Grace, 10*time.Second)
	def(&c.heardWithin, 10*time.Millisecond)
	if c.Backoff == nil {
		c.Backoff = defaultBackoff
	}
	if c.CrashLoop <= 0 {
		c.CrashLoop = 10
	}
	if c.MaxAckPending <= 0 {
		c.MaxAckPending = 1 << 16
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Observe == nil {
		c.Observe = func(Settled) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = c.Log.With("stage", c.Stage.Name, "version", c.Stage.Version)
	return c
}

// validate reports every fault at once.
func (c Config) validate() error {
	s := c.Stage
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.JS == nil {
		fault("no JetStream")
	}
	for what, token := range map[string]string{"name": s.Name, "version": s.Version} {
		if err := streams.ValidToken("stage "+what, token); err != nil {
			fault("%w", err)
		}
	}
	if (s.Handler == nil) == (s.Batch == nil) {
		fault("want exactly one of Handler and Batch")
	}
	if len(s.Inputs) == 0 {
		fault("no inputs")
	}
	if s.Concurrency < 1 {
		fault("concurrency %d: want at least 1", s.Concurrency)
	}
	if s.Attempts < 1 {
		fault("attempts %d: want at least 1", s.Attempts)
	}
	if s.Deadline <= 0 {
		fault("deadline %v: want a positive one", s.Deadline)
	}
	seen := map[string]bool{}
	for _, in := range s.Inputs {
		if seen[in.Stream+" "+in.Durable] {
			fault("durable %s of %s is given twice", in.Durable, in.Stream)
		}
		seen[in.Stream+" "+in.Durable] = true
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("runner of stage %q: %w", s.Name, err)
	}
	return nil
}

// inputs are the stage's own and its share of RETRIES.
func (s Stage) inputs() []Input {
	return append(append([]Input(nil), s.Inputs...), Input{
		Stream:  streams.StreamRetries,
		Durable: streams.DurableName(s.Name, s.Version, "retries"),
		Filters: []string{streams.RetryFilter(s.Name)},
	})
}
