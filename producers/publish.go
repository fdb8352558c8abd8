package producers

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"golang.org/x/time/rate"

	"sluice/streams"
	"sluice/telemetry"
)

// Publisher stores messages in the log; *streams.Publisher is one, best with FailWhenFull set, so that
// a full stream is told to the user. Publish returns nil only when every message is confirmed as stored,
// now or earlier; after an error any of them may or may not be. A *streams.RefusedError says that one of
// them never will be.
type Publisher interface {
	Publish(ctx context.Context, messages []streams.Message) ([]streams.Ack, error)
}

// Watcher is told how a run goes, from the goroutine that publishes. See [Display].
type Watcher interface {
	// Progress comes after every confirmed batch.
	Progress(r Report)
	// Waiting comes when the log did not take a batch; it is offered again after the delay.
	Waiting(r Report, err error, delay time.Duration)
	// LeftOut comes for every row that is not published.
	LeftOut(fault *RowError)
}

// Options say how a data set is published. Zero values are filled by their defaults.
type Options struct {
	// Source is the last token of the subject; it must be a valid one. It has no default.
	Source string
	// Tags are added to every row's own.
	Tags []string
	// AsTest marks every row as test: training never sees it.
	AsTest bool
	// Rate bounds the rows a second; 0 is as fast as the log takes them.
	Rate float64
	// Batch is how many rows are in flight at once: 256 where zero. The next batch begins when all of
	// one are confirmed, so that a slow log slows the run and no more than a batch is ever unsure.
	Batch int
	// Patience is how long a batch is offered again before the run gives up: 2 minutes where zero.
	Patience time.Duration
	// Checkpoint makes the run go on where an earlier one stopped; nil begins at the first row.
	Checkpoint *Checkpoint
	// Tracing begins a trace with every row; nil: none.
	Tracing *telemetry.Tracing
	// Watcher may be nil.
	Watcher Watcher
}

func (o Options) withDefaults() Options {
	if o.Batch <= 0 {
		o.Batch = 256
	}
	if o.Rate > 0 { // a slow rate goes out evenly, four batches a second
		o.Batch = max(1, min(o.Batch, int(o.Rate/4)))
	}
	if o.Patience <= 0 {
		o.Patience = 2 * time.Minute
	}
	return o
}

// Report is what a run did.
type Report struct {
	// Rows counts the rows of the file that were dealt with, in whatever way.
	Rows int
	// Resumed counts those that an earlier run had dealt with, Published those that the log confirmed in
	// this one; Known is the part of Published that the log had already, as far as its deduplication
	// window tells.
	Resumed, Published, Known int
	// Invalid and Repeated count the rows that were left out in this run; Faults holds the first 20 of
	// them.
	Invalid, Repeated int
	Faults            []*RowError
	Elapsed           time.Duration
}

const keptFaults = 20

func (r *Report) leave(fault *RowError) {
	if fault.Kind == Repeated {
		r.Repeated++
	} else {
		r.Invalid++
	}
	if len(r.Faults) < keptFaults {
		r.Faults = append(r.Faults, fault)
	}
}

// ErrStopped is returned when ctx ended before the rows did: what was confirmed is in the checkpoint.
var ErrStopped = errors.New("stopped")

// Publish asks the rows, in their order. It returns when all are confirmed, when ctx ends
// ([ErrStopped]), when the log took nothing for [Options.Patience], or when the rows can't be read on;
// the report counts what was done until then, and the checkpoint remembers it.
//
// The rows should have gone through [Select].
func Publish(ctx context.Context, p Publisher, o Options, rows iter.Seq2[Row, error]) (Report, error) {
	subject, err := streams.AskedSubject(o.Source)
	if err != nil {
		return Report{}, fmt.Errorf("publish: source: %w", err)
	}
	r := newRun(p, o.withDefaults(), subject)
	err = r.all(ctx, rows)
	r.report.Elapsed = time.Since(r.began)
	return r.report, errors.Join(err, r.o.Checkpoint.save(r.report.Rows))
}

// run is one Publish under way.
type run struct {
	p       Publisher
	o       Options
	subject string
	limiter *rate.Limiter
	began   time.Time
	report  Report
	// rows are those of the batch's messages, in the same order.
	batch []streams.Message
	rows  []Row
	// read counts the rows taken from the file; those behind report.Rows are in the batch.
	read int
}

func newRun(p Publisher, o Options, subject string) *run {
	limit := rate.Inf
	if o.Rate > 0 {
		limit = rate.Limit(o.Rate)
	}
	return &run{p: p, o: o, subject: subject, limiter: rate.NewLimiter(limit, o.Batch), began: time.Now()}
}

func (r *run) all(ctx context.Context, rows iter.Seq2[Row, error]) error {
	resume := r.o.Checkpoint.Confirmed()
	for row, err := range rows {
		fault, leftOut := errors.AsType[*RowError](err)
		if err != nil && !leftOut {
			return errors.Join(fmt.Errorf("publish: %w", err), r.flush(ctx))
		}
		r.read++
		if r.read <= resume {
			r.report.Rows, r.report.Resumed = r.read, r.read
			continue
		}
		if leftOut {
			r.leaveOut(fault)
		} else if err := r.add(row); err != nil {
			return err
		}
		if len(r.batch) == r.o.Batch {
			if err := r.flush(ctx); err != nil {
				return err
			}
		}
	}
	return r.flush(ctx)
}

// add puts a row into the batch.
func (r *run) add(row Row) error {
	m, err := r.o.message(r.subject, row)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	r.batch, r.rows = append(r.batch, m), append(r.rows, row)
	return nil
}

func (r *run) leaveOut(fault *RowError) {
	r.report.leave(fault)
	if r.o.Watcher != nil {
		r.o.Watcher.LeftOut(fault)
	}
}
