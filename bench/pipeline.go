package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/streams"
)

// PipelineOptions size the pipeline benchmark.
type PipelineOptions struct {
	// Queries go round the ring, in Rounds parts; the raw load runs before, between and after the parts,
	// so that both see the same machine. Each part counts from its first publish to the last commit.
	Queries, Rounds int
	// RawMessages is the size of one turn of the raw load; both loads are of one size at [StoredPerQuery] a query.
	RawMessages int
	// Pause is how long the ring rests before the last fifth of the parts; zero: not at all. The log's server lets go
	// of what it keeps of a block two minutes after the block's last use, which no ring at work for hours keeps of
	// more than its last two minutes.
	Pause time.Duration
	// Beginning runs rings that begin in turn with the last fifth of the parts; nil: there are none.
	Beginning *Beginning
	// Seed draws the order of the queries.
	Seed uint64
	// Progress hears of each part; nil: nobody does.
	Progress func(Part)
	// Profile is called before part n, counted from 1, and what it returns after it; nil: nobody is. The raw load
	// is outside.
	Profile func(n int) (stop func() error, err error)
}

// Part is what one part of the queries took.
type Part struct {
	// Done counts the queries of this and all earlier parts.
	Done int `json:"done"`
	// RawPerSecond is the mean of the raw turns before and after the part; set in the result, not yet in what Progress
	// hears.
	RawPerSecond float64 `json:"raw_messages_per_s"`
	Costs
}

// Costs are what queries took, CPU times in microseconds.
type Costs struct {
	QueriesPerSecond float64 `json:"queries_per_s"`
	// Ratio is the messages a second over those of the raw turns beside them, RawCPUPerMessage the mean CPU time of a
	// message of those turns: what a machine that has become slower, or a larger heap, costs both loads. Both are set in
	// the result, not yet in what Progress hears.
	Ratio            float64 `json:"ratio"`
	RawCPUPerMessage float64 `json:"raw_cpu_us_per_message"`
	// CPUPerQuery is CPU time of this process, log included; PostgresCPUPerQuery that of the server.
	CPUPerQuery         float64 `json:"cpu_us_per_query"`
	PostgresCPUPerQuery float64 `json:"postgres_cpu_us_per_query"`
	// KernelCPUPerQuery is what of CPUPerQuery the kernel took, for writes and for the first touch of memory;
	// GCCPUPerQuery what the runtime estimates that collections of garbage took.
	KernelCPUPerQuery float64 `json:"kernel_cpu_us_per_query"`
	GCCPUPerQuery     float64 `json:"gc_cpu_us_per_query"`
}

// Pipeline is the result of the pipeline benchmark. Speeds and the ratio are medians, so that a neighbour who
// slows down one part or one turn moves them little; CPU times are means.
type Pipeline struct {
	Queries          int     `json:"queries"`
	QueriesPerSecond float64 `json:"queries_per_s"`
	// MessagesPerQuery counts what the log stored, each message once, DeliveriesPerQuery what it handed to the
	// stages: a message that two stages read is delivered twice.
	MessagesPerQuery   float64 `json:"messages_per_query"`
	DeliveriesPerQuery float64 `json:"deliveries_per_query"`
	MessagesPerSecond  float64 `json:"pipeline_messages_per_s"`
	RawPerSecond       float64 `json:"raw_messages_per_s"`
	// Ratio is the median of the parts' ratios, each to the raw turns beside it; RatioLow and RatioHigh are the
	// lowest and the highest. On a machine whose speed changes in the course of a run it is not MessagesPerSecond
	// over RawPerSecond.
	Ratio     float64 `json:"ratio"`
	RatioLow  float64 `json:"ratio_low"`
	RatioHigh float64 `json:"ratio_high"`
	// RawCPUPerMessage is the CPU time of this process for one raw message, CPUShare what part that is of the
	// ring's CPU time for one message, Postgres's included. Other work on the machine slows the two loads down
	// unevenly, and moves this less than Ratio. It is below Ratio where the raw load leaves a core idle now and
	// then.
	RawCPUPerMessage float64 `json:"raw_cpu_us_per_message"`
	// RawGCCPUPerMessage is what of RawCPUPerMessage the runtime estimates that collections of garbage took.
	RawGCCPUPerMessage  float64 `json:"raw_gc_cpu_us_per_message"`
	CPUShare            float64 `json:"cpu_share"`
	CPUPerQuery         float64 `json:"cpu_us_per_query"`
	PostgresCPUPerQuery float64 `json:"postgres_cpu_us_per_query"`
	PeakRSS             float64 `json:"peak_rss_mb"`
	// First and Last are the first and the last fifth of the parts: what a query costs at the beginning and at the
	// end. One part tells little: a collection of garbage falls into it or does not.
	First Stretch `json:"first_fifth"`
	Last  Stretch `json:"last_fifth"`
	// Growth is what PipelineOptions.Beginning asks for.
	Growth   *Growth   `json:"growth,omitempty"`
	Parts    []Part    `json:"parts"`
	RawTurns []float64 `json:"raw_turns"`
}

// Stretch is the mean of parts that follow one another.
type Stretch struct {
	// From and To count the queries done before it and at its end.
	From int `json:"from"`
	To   int `json:"to"`
	Costs
}

// RunPipeline sends the queries round the ring and measures it against the raw load on the same server.
// The ring must be at rest and used by nobody else. It fails if a query is lost, doubled or dead.
func RunPipeline(ctx context.Context, ring Ring, o PipelineOptions) (_ Pipeline, err error) {
	f, err := newFeeder(ring, o.Seed)
	if err != nil {
		return Pipeline{}, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	raw, err := newRawLoad(ring.Connect)
	if err != nil {
		return Pipeline{}, err
	}
	defer raw.close()
	m := pipelineRun{ring: ring, feeder: f, raw: raw, o: o}
	return m.run(ctx)
}

type pipelineRun struct {
	ring   Ring
	feeder *feeder
	raw    *rawLoad
	o      PipelineOptions

	rawTurns         []float64 // messages a second
	rawCPU           []time.Duration
	rawCollecting    time.Duration
	cpu, postgresCPU time.Duration
	parts            []Part
	young            []Stretch
	// postgresAt is Postgres's CPU time as the last part ended: what it does behind a part, for its rows, is the
	// next one's.
	postgresAt time.Duration
}

func (m *pipelineRun) run(ctx context.Context) (Pipeline, error) {
	before, err := m.feeder.books(ctx)
	if err != nil {
		return Pipeline{}, err
	}
	examples, err := m.ring.Examples(ctx)
	if err != nil {
		return Pipeline{}, err
	}
	start, err := m.clocks()
	if err != nil {
		return Pipeline{}, err
	}
	m.postgresAt = start.postgres
	done := 0
	for round := range m.o.Rounds {
		if err := m.rest(ctx, round); err != nil {
			return Pipeline{}, err
		}
		n := m.o.Queries*(round+1)/m.o.Rounds - done
		if err := m.turn(ctx, round, n, done+n); err != nil {
			return Pipeline{}, err
		}
		done += n
	}
	if err := m.rawTurn(ctx); err != nil {
		return Pipeline{}, err
	}
	after, err := m.feeder.books(ctx)
	if err != nil {
		return Pipeline{}, err
	}
	recorded, err := m.ring.Examples(ctx)
	if err != nil {
		return Pipeline{}, err
	}
	if recorded-examples != int64(done) {
		return Pipeline{}, fmt.Errorf("%d queries made %d examples in Postgres", done, recorded-examples)
	}
	return m.result(after.since(before))
}

// turn measures part i, of n queries. In the last fifth a ring that begins is measured with it, before it and after it
// in turn, so that a machine which grows slower all the time does so for both.
func (m *pipelineRun) turn(ctx context.Context, i, n, total int) error {
	beside := m.o.Beginning != nil && i >= m.o.Rounds-fifth(m.o.Rounds)
	first := beside && (m.o.Rounds-i)%2 == 0
	if first {
		if err := m.begin(ctx); err != nil {
			return err
		}
	}
	if err := m.rawTurn(ctx); err != nil {
		return err
	}
	if err := m.part(ctx, n, total); err != nil || !beside || first {
		return err
	}
	return m.begin(ctx)
}

func (m *pipelineRun) begin(ctx context.Context) error {
	s, err := m.o.Beginning.run(ctx)
	if err == nil {
		m.young = append(m.young, s)
	}
	return err
}

// rest pauses before the first part of the last fifth.
func (m *pipelineRun) rest(ctx context.Context, round int) error {
	if m.o.Pause <= 0 || round != m.o.Rounds-fifth(m.o.Rounds) {
		return nil
	}
	return streams.Pause(ctx, m.o.Pause)
}

// fifth of n parts, rounded up.
func fifth(n int) int { return (n + 4) / 5 }

func (m *pipelineRun) rawTurn(ctx context.Context) error {
	if err := m.raw.open(ctx); err != nil {
		return err
	}
	before, err := selfClocks()
	if err != nil {
		return err
	}
	perSecond, err := m.raw.run(ctx, m.o.RawMessages)
	if err != nil {
		return err
	}
	after, err := selfClocks()
	if err != nil {
		return err
	}
	spent := after.since(before)
	m.rawCPU = append(m.rawCPU, spent.self)
	m.rawCollecting += spent.collecting
	m.rawTurns = append(m.rawTurns, perSecond)
	return m.raw.drop(ctx)
}

// part sends n queries round; total counts them and all earlier ones. What its profile costs, a collection of garbage
// say, is not measured.
func (m *pipelineRun) part(ctx context.Context, n, total int) error {
	stopProfile := func() error { return nil }
	if m.o.Profile != nil {
		var err error
		if stopProfile, err = m.o.Profile(len(m.parts) + 1); err != nil {
			return err
		}
	}
	p, err := m.measured(ctx, n)
	if err := errors.Join(err, stopProfile()); err != nil {
		return err
	}
	p.Done = total
	m.parts = append(m.parts, p)
	if m.o.Progress != nil {
		m.o.Progress(p)
	}
	return nil
}

func (m *pipelineRun) measured(ctx context.Context, n int) (Part, error) {
	target, err := m.feeder.last(ctx, streams.StreamExamples)
	if err != nil {
		return Part{}, err
	}
	before, err := m.clocks()
	if err != nil {
		return Part{}, err
	}
	started := time.Now()
	if err := m.feeder.publish(ctx, n); err != nil {
		return Part{}, err
	}
	if err := m.feeder.settle(ctx, streams.StreamExamples, target+uint64(n)); err != nil {
		return Part{}, err
	}
	took := time.Since(started)
	after, err := m.clocks()
	if err != nil {
		return Part{}, err
	}
	spent := after.since(before)
	spent.postgres = after.postgres - m.postgresAt
	m.postgresAt = after.postgres
	m.cpu += spent.self
	m.postgresCPU += spent.postgres
	return Part{Costs: Costs{
		QueriesPerSecond:    round(float64(n) / took.Seconds()),
		CPUPerQuery:         round(perQuery(spent.self, n)),
		PostgresCPUPerQuery: round(perQuery(spent.postgres, n)),
		KernelCPUPerQuery:   round(perQuery(spent.kernel, n)),
		GCCPUPerQuery:       round(perQuery(spent.collecting, n)),
	}}, nil
}

// clocks are the CPU times of this process and of Postgres.
func (m *pipelineRun) clocks() (c clocks, err error) {
	if c, err = selfClocks(); err != nil {
		return clocks{}, err
	}
	if m.ring.PostgresPID != 0 {
		c.postgres, err = familyCPU(m.ring.PostgresPID)
	}
	return c, err
}
