package answer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"sluice"
	"sluice/llm"
	"sluice/streams"
)

// Name is the stage's name in durables, the ledger, dead letters and configuration.
const Name = "answer"

// Asker calls models; llm.Caller is one.
type Asker interface {
	// Call returns a line of the ledger for every attempt, whatever became of it. Its error carries the
	// class that the stage returns.
	Call(ctx context.Context, p llm.Purpose, req llm.Request) (llm.Response, []sluice.Call, error)
}

// Stored looks into the log; streams.Latest does.
type Stored interface {
	// Get finds the message of each subject; a subject without one is absent from the map.
	Get(ctx context.Context, stream string, subjects ...string) (map[string]streams.Stored, error)
	// GetAsOf is Get as of a message that the caller knows to be stored.
	GetAsOf(ctx context.Context, stream string, subjects []string, sentinel string, sequence uint64) (map[string]streams.Stored, error)
}

// Model is one model of the pair and how it is asked.
type Model struct {
	Name string
	// MaxOutputTokens bounds the reply, thinking included; 0 leaves it to the provider.
	MaxOutputTokens int
	// Temperature is the provider's default where nil.
	Temperature *float32
}

// Options say who is asked.
type Options struct {
	Medium, Large Model
	// Key names the arms. The label stage must hold the same.
	Key sluice.ArmKey
	// MaxAnswerBytes is where a longer answer is cut; 0 is 64 KiB.
	MaxAnswerBytes int
	// Now is the clock that deadlines are held against.
	Now func() time.Time
	// Log hears of panics, with their stacks; nil: nobody does.
	Log *slog.Logger
}

// Stage is the answer stage. It is safe for use by many goroutines.
type Stage struct {
	asker  Asker
	stored Stored
	opts   Options
	pair   string
}

// New makes the stage; both models must be named.
func New(asker Asker, stored Stored, o Options) (*Stage, error) {
	if o.Medium.Name == "" || o.Large.Name == "" {
		return nil, fmt.Errorf("answer: medium %q, large %q: name both models", o.Medium.Name, o.Large.Name)
	}
	if o.Now == nil {
		return nil, errors.New("answer: no clock")
	}
	if o.MaxAnswerBytes == 0 {
		o.MaxAnswerBytes = 64 << 10
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Stage{asker: asker, stored: stored, opts: o, pair: o.Key.Pair(o.Medium.Name, o.Large.Name, PromptVersion)}, nil
}

// Pair is the id of the pair that the stage asks.
func (s *Stage) Pair() string { return s.pair }

// Handle asks both models about a message of ACCEPTED. Where one fails it returns what the other said
// beside the error, so that the message's next delivery asks the missing one alone.
func (s *Stage) Handle(ctx context.Context, in streams.Message) ([]streams.Message, error) {
	var accepted sluice.Accepted
	if err := streams.DecodeInto(in.Data, &accepted); err != nil {
		return nil, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("answer %s: %w", in.Subject, err))
	}
	q := &accepted.Query
	if streams.IsClaim(in.Subject, q) {
		return nil, nil
	}
	if s.expired(q) {
		return nil, sluice.Terminalf(sluice.ReasonExpired, "answer %s: its deadline, %s, has passed: nobody waits for the answer",
			q.Key, q.Deadline.UTC().Format(time.RFC3339))
	}
	missing, err := s.missing(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("answer %s: %w", q.Key, err)
	}
	out, err := s.collect(&accepted, s.ask(ctx, q, missing))
	if err != nil {
		return out, fmt.Errorf("answer %s: %w", q.Key, err)
	}
	return out, nil
}

// missing lists the arms, in order, whose answer the log does not hold (Invariant 5).
func (s *Stage) missing(ctx context.Context, q *sluice.Query) ([]sluice.Arm, error) {
	subjects := make([]string, 0, 2)
	for _, arm := range sluice.Arms() {
		subjects = append(subjects, streams.SaidSubject(s.pair, q, arm))
	}
	stored, err := s.stored.Get(ctx, streams.StreamAnswers, subjects...)
	if err != nil {
		return nil, err
	}
	var missing []sluice.Arm
	for i, arm := range sluice.Arms() {
		if _, ok := stored[subjects[i]]; !ok {
			missing = append(missing, arm)
		}
	}
	return missing, nil
}

// said is what became of asking one arm.
type said struct {
	arm sluice.Arm
	// text is the answer, callID the call that bought it.
	text, callID string
	calls        []sluice.Call
	err          error
}

// ask asks the arms at once and waits for all of them.
func (s *Stage) ask(ctx context.Context, q *sluice.Query, arms []sluice.Arm) []said {
	results := make([]said, len(arms))
	var asking sync.WaitGroup
	for i, arm := range arms {
		if i == len(arms)-1 { // this goroutine would only wait
			results[i] = s.askArm(ctx, q, arm)
			break
		}
		asking.Go(func() { results[i] = s.askArm(ctx, q, arm) })
	}
	asking.Wait()
	return results
}

// askArm asks the model that stands behind an arm. A panic is poison and that arm's alone, as any other failure is, and
// what was paid for until then is told.
func (s *Stage) askArm(ctx context.Context, q *sluice.Query, arm sluice.Arm) (result said) {
	defer func() {
		if v := recover(); v != nil {
			s.opts.Log.Error("asking a model panicked", "query", q.Key, "arm", arm, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			result = said{calls: result.calls, err: sluice.Poison(sluice.ReasonPanic, fmt.Errorf("arm %s: panic: %v", arm, v))}
		}
	}()
	tier := s.opts.Key.Tier(q.Key, arm)
	model := s.opts.Medium
	if tier == sluice.Large {
		model = s.opts.Large
	}
	reply, calls, err := s.asker.Call(ctx,
		llm.Purpose{Stage: Name, QueryKey: q.Key, Tenant: q.Tenant, Pair: s.pair, Arm: arm, Tier: tier},
		llm.Request{
			Model: model.Name, System: instruction, Prompt: q.Text,
			MaxOutputTokens: model.MaxOutputTokens, Temperature: model.Temperature,
		})
	result.calls = calls
	if err != nil {
		return said{calls: calls, err: fmt.Errorf("arm %s: %w", arm, err)}
	}
	text := sluice.CleanText(reply.Text, s.opts.MaxAnswerBytes)
	if text == "" {
		return said{calls: calls, err: sluice.WithReason(sluice.ReasonUnparseable,
			fmt.Errorf("arm %s: %s gave an empty reply (finish reason %q)", arm, model.Name, reply.FinishReason))}
	}
	return said{arm: arm, text: text, callID: reply.CallID, calls: calls}
}

// collect makes messages of what was said: the ledger's lines, then the answers in the order of their
// arms, and the error that settles the message.
func (s *Stage) collect(a *sluice.Accepted, results []said) (out []streams.Message, err error) {
	out = make([]streams.Message, 0, 2*len(results))
	for _, r := range results {
		if out, err = streams.AppendBilled(out, r.calls); err != nil {
			return out, err
		}
	}
	var errs []error
	for _, r := range results {
		if r.err != nil {
			errs = append(errs, r.err)
			continue
		}
		fact, err := streams.SaidFact(sluice.Answer{
			Query: a.Query, GroundTruth: a.GroundTruth, Pair: s.pair, Arm: r.arm, Text: r.text, CallID: r.callID,
		})
		if err != nil {
			return out, err
		}
		out = append(out, fact)
	}
	return out, worst(errs)
}

// severity orders the classes: a query that one model will never answer has no label whatever the other
// says, and a failure that spends an attempt must spend it even where the other model asks for a pause.
var severity = map[sluice.Class]int{
	sluice.ClassPoison: 4, sluice.ClassTerminal: 3, sluice.ClassInterrupted: 2, sluice.ClassRetryable: 1, sluice.ClassWait: 0,
}

// worst joins the errors of the arms into one of the gravest one's class; nil if there are none.
func worst(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	first, second := errs[0], errs[1]
	if severity[sluice.ClassOf(second)] > severity[sluice.ClassOf(first)] {
		first, second = second, first
	}
	return fmt.Errorf("%w; %v", first, second) //nolint:errorlint // the other error's class must not show
}
