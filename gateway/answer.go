package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sluice"
	"sluice/gateway/budget"
	"sluice/llm"
	"sluice/privacy"
	"sluice/routing/rules"
	"sluice/streams"
	"sluice/telemetry"
)

// Stream takes an answer as it is written. An error ends the request: the client is gone.
type Stream interface {
	// Begin is called once, before the first chunk: until then nothing may be sent, since the request may
	// still fail or be answered by another model.
	Begin(d *sluice.Decision) error
	// Chunk is a piece of text or of tool calls, cleaned. How the reply ended and what it used is in the
	// Answer, since by then it has been written down.
	Chunk(c llm.Chunk) error
}

// Answer is what became of a request. With a Fault it holds as much as there is; its Decision's id is
// empty where the request was not even decided on.
type Answer struct {
	Decision sluice.Decision
	// Text and ToolCalls are the whole reply, cleaned, streamed or not.
	Text         string
	ToolCalls    []llm.ToolCall
	FinishReason llm.FinishReason
	// Usage is that of the attempt that answered; the decision's adds up all.
	Usage sluice.Usage
	// Began is true where Stream.Begin was called.
	Began bool
}

// Answer answers a request; with stream nil the reply comes whole. When it returns, the decision and every
// line of the ledger are in the spool (Invariant 6): the caller may send the last byte. The error is a
// *Fault.
func (p *Pipeline) Answer(ctx context.Context, a *Ask, stream Stream) (answer *Answer, err error) {
	ctx, leave, fault := p.enter(ctx)
	if fault != nil {
		return &Answer{}, fault
	}
	defer leave()
	answer = &Answer{}
	r := runs.Get().(*run)
	r.p, r.ask, r.stream, r.answer = p, a, stream, answer
	defer func() {
		if v := recover(); v != nil {
			err = p.panicked(ctx, r, a.API, v)
		}
	}()
	err = r.do(ctx)
	r.reset() // one that panicked is not used again
	runs.Put(r)
	return answer, err
}

// do makes the answer.
func (r *run) do(ctx context.Context) error {
	p, a, pl := r.p, r.ask, &r.plan
	if fault := p.plan(ctx, a, &r.answer.Decision, pl); fault != nil {
		return fault
	}
	r.decided = true
	if pl.refusal != nil {
		return r.finish(ctx, llm.ChainResult{}, pl.refusal)
	}
	var sink func(llm.Chunk) error
	if r.stream != nil {
		r.text.r = p.o.Redact
		sink = r.chunk
	}
	began := p.o.Now()
	res, err := p.o.Models.Chat(ctx, p.chainOptions(pl.d), a.Chat, r.hooks, sink)
	if err == nil && r.stream != nil {
		err = r.flush(res.Model)
	}
	pl.d.ModelMS = p.o.Now().Sub(began).Milliseconds()
	if res.FirstToken > 0 {
		pl.d.FirstTokenMS = (began.Sub(pl.d.DecidedAt) + res.FirstToken).Milliseconds()
	}
	return r.finish(ctx, res, err)
}

// runs are used again: a run is a kilobyte, and nobody keeps one when its request has ended.
var runs = sync.Pool{New: func() any {
	r := &run{}
	r.hooks = llm.Hooks{Begin: r.begin, End: r.end}
	return r
}}

// reset lets go of the request's memory, and of a buffer that grew beyond what requests usually need.
func (r *run) reset() {
	kept := r.scratch[:0]
	if cap(kept) > 64<<10 {
		kept = nil
	}
	*r = run{hooks: r.hooks, scratch: kept}
}

// run is one request in hand.
type run struct {
	hooks  llm.Hooks // the run's own
	p      *Pipeline
	ask    *Ask
	plan   plan
	stream Stream
	answer *Answer
	text   cleaner
	args   map[int]*cleaner // of tool calls, by index

	mu      sync.Mutex // attempts that hedge call begin and end at once
	lines   []sluice.Call
	told    int  // lines that an intent has carried
	decided bool // plan is made
	written bool // the outcome is in the spool
	intent  intent
	scratch []byte // for what is written into the spool
	fact    [1]streams.Message
}

// begin reserves the attempt's budget and writes its intent; only then may the model be called.
func (r *run) begin(ctx context.Context, call sluice.Call) error {
	if err := r.reserve(ctx, call); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	begun := false
	defer func() {
		if !begun { // nor will it be: no model is called
			r.intent.Call.ID = ""
			r.settle(ctx, call.ID, 0)
		}
	}()
	call.KeyID = r.ask.Key.ID
	var err error
	r.intent = intentOf(r.plan.d, &call)
	r.scratch, err = appendIntent(r.scratch[:0], &r.intent, r.lines[r.told:])
	if err == nil {
		err = r.p.o.Spool.Begin(r.plan.d.ID, r.scratch)
	}
	if err != nil {
		return err
	}
	begun, r.told = true, len(r.lines)
	return nil
}

// reserve asks the budgets. A downgrade sends the chain on to the medium model.
func (r *run) reserve(ctx context.Context, call sluice.Call) error {
	if r.p.o.Budgets == nil {
		return nil
	}
	ctx, span := telemetry.Part(ctx, "reserve budget")
	defer span.End(nil)
	medium := r.p.o.Medium
	v, err := r.p.o.Budgets.Reserve(ctx, budget.Claim{
		ID: call.ID, Tenant: r.ask.Key.Tenant, KeyID: r.ask.Key.ID, Model: call.Model, Amount: call.Cost,
		At: call.StartedAt, Downgraded: call.Model == medium, Own: r.ask.Key.Budgets,
	})
	if err == nil {
		r.p.warned.hear(v, call.StartedAt)
	}
	switch {
	case err != nil && ctx.Err() != nil: // nor would anybody be told
		return err
	case err != nil:
		return &Fault{Kind: Unavailable, Message: "the budgets can't be asked now", RetryAfter: time.Second}
	case v.Reserved():
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	chosen := call.Model == r.plan.d.Model // and not one that stands in for it, or hedges
	switch {
	case v.Decision == budget.Downgrade && call.Model != medium:
		if chosen {
			r.plan.d.Rule, r.plan.d.RuleReason = rules.BudgetRule, fmt.Sprintf("the budget %s is at %.0f%%: the medium model answers instead of %s", BudgetName(v.Budget, v.Subject), 100*v.Share, call.Model)
		}
		return llm.TryModel(medium, overBudget(v, call.Cost))
	case !chosen: // whoever asked is told what became of the one that was
		return llm.TryNext(overBudget(v, call.Cost))
	}
	return overBudget(v, call.Cost)
}

// overBudget is the fault of a call that a budget has no room for, at the most that it may cost.
func overBudget(v budget.Verdict, most sluice.MicroUSD) *Fault {
	if v.Unreachable {
		return &Fault{Kind: Unavailable, Message: "the budgets can't be asked now", RetryAfter: time.Second}
	}
	return &Fault{Kind: OverBudget, Message: fmt.Sprintf("the budget %s has no room for this request, which may cost %s (less with a lower bound on its output tokens); it starts afresh at %s",
		BudgetName(v.Budget, v.Subject), most, v.ResetsAt.UTC().Format(time.RFC3339))}
}

func (r *run) settle(ctx context.Context, id string, cost sluice.MicroUSD) {
	if r.p.o.Budgets != nil {
		_ = r.p.o.Budgets.Settle(ctx, id, cost) // touches memory alone; what it can't find is settled already
	}
}

// end books an attempt.
func (r *run) end(ctx context.Context, line sluice.Call) {
	line.KeyID = r.ask.Key.ID
	r.settle(ctx, line.ID, line.Cost)
	r.mu.Lock()
	r.lines = append(r.lines, line)
	r.mu.Unlock()
	if line.Outcome == sluice.OutcomeOK {
		r.p.speed.add(line.Model, time.Duration(line.LatencyMS)*time.Millisecond)
	}
}

// chunk cleans a piece and passes it on.
func (r *run) chunk(c llm.Chunk) error {
	if c.Text != "" {
		c.Text = r.text.next(c.Text)
	}
	if len(c.ToolCalls) > 0 && r.p.o.Redact != nil {
		r.cleanArguments(c.ToolCalls)
	}
	return r.say(c)
}

// say passes on what there is to say.
func (r *run) say(c llm.Chunk) error {
	if c.Text == "" && len(c.ToolCalls) == 0 {
		return nil
	}
	var err error
	if !r.answer.Began {
		r.answer.Began = true
		r.mu.Lock()
		r.plan.d.Model, r.plan.d.Tier = c.Model, r.p.tierOf(c.Model)
		d := *r.plan.d // another attempt may yet change the original
		r.mu.Unlock()
		err = r.stream.Begin(&d)
	}
	if err == nil {
		err = r.stream.Chunk(c)
	}
	if err != nil {
		return &Fault{Kind: ClientGone, Message: "the client left before the answer was whole"}
	}
	return nil
}

func (r *run) cleanArguments(calls []llm.ToolCallDelta) {
	if r.args == nil {
		r.args = map[int]*cleaner{}
	}
	for i := range calls {
		c := r.args[calls[i].Index]
		if c == nil {
			c = &cleaner{r: r.p.o.Redact}
			r.args[calls[i].Index] = c
		}
		calls[i].Arguments = c.next(calls[i].Arguments)
	}
}

// flush says what was held back; an answer of which nothing was said begins here.
func (r *run) flush(model string) error {
	c := llm.Chunk{Model: model, Text: r.text.rest()}
	for i := range r.args {
		if rest := r.args[i].rest(); rest != "" {
			c.ToolCalls = append(c.ToolCalls, llm.ToolCallDelta{Index: i, Arguments: rest})
		}
	}
	return r.say(c)
}

// finish writes down what happened and makes the answer.
func (r *run) finish(ctx context.Context, res llm.ChainResult, err error) error {
	var fault *Fault
	if err != nil {
		fault = r.p.faultOf(ctx, err)
	}
	d := r.plan.d
	r.record(d, res, fault)
	var lost error
	r.scratch, r.fact[0], lost = streams.AppendTaken(r.scratch[:0], d)
	if lost == nil {
		r.fact[0] = traced(ctx, d, r.fact[0])
		r.written = true
		lost = r.p.o.Spool.End(d.ID, r.fact[:])
	}
	if lost != nil && fault == nil {
		// The last byte must not go out before the outcome is written down (Invariant 6).
		fault = r.p.faultOf(ctx, lost)
		d.Status, d.Error = fault.Status(), fault.Error()
	}
	if r.plan.routed {
		r.p.o.Front.Observe(r.plan.front, fault != nil && fault.Status() >= 500)
	}
	if fault == nil && d.Requested == Auto {
		r.p.sticky.put(r.ask.Key.Tenant, d.Conversation, conversation{model: d.Model, router: d.RouterVersion, policy: d.Policy})
	}
	r.p.told.tell(&r.answer.Decision)
	if fault != nil {
		return fault
	}
	return nil
}

// record fills in the decision and the answer.
func (r *run) record(d *sluice.Decision, res llm.ChainResult, fault *Fault) {
	if res.Model != "" {
		d.Model, d.Tier = res.Model, r.p.tierOf(res.Model)
	}
	for _, m := range res.Asked {
		if m != d.Model {
			d.Fallbacks = append(d.Fallbacks, m)
		}
	}
	d.Shadow = r.plan.front.Shadow.Result()
	d.LatencyMS = r.p.o.Now().Sub(d.DecidedAt).Milliseconds()
	d.Outcome, d.Status = sluice.OutcomeOK, 200
	if fault != nil {
		d.Outcome, d.Status, d.Error = outcomeOf(fault, r.lines), fault.Status(), fault.Error()
	}
	sum(d, r.lines)
	a := r.answer
	a.Text, a.ToolCalls = r.p.o.Redact.Whole(res.Text), res.ToolCalls
	if r.p.o.Redact != nil {
		for i := range a.ToolCalls {
			a.ToolCalls[i].Arguments = r.p.o.Redact.Whole(a.ToolCalls[i].Arguments)
		}
	}
	a.FinishReason, a.Usage = res.FinishReason, res.Usage
	if r.p.o.KeepAnswers {
		scrubbed, _ := privacy.Scrub(sluice.CleanText(a.Text, 0))
		d.Answer = sluice.CleanText(scrubbed, MostStored)
	}
}

// sum gives a decision its lines, and adds them up.
func sum(d *sluice.Decision, lines []sluice.Call) {
	d.Usage, d.Cost, d.CostEstimated, d.CallIDs, d.Calls = sluice.Usage{}, 0, false, nil, lines
	for _, l := range lines {
		d.Usage.Prompt += l.Usage.Prompt
		d.Usage.Cached += l.Usage.Cached
		d.Usage.Output += l.Usage.Output
		d.Usage.Thoughts += l.Usage.Thoughts
		d.Cost += l.Cost
		d.CostEstimated = d.CostEstimated || l.CostEstimated
		d.CallIDs = append(d.CallIDs, l.ID)
	}
}

// outcomeOf is the last attempt's where it failed, and otherwise what kept us from asking. Refused is what the
// client, or who pays for it, has to mend: a provider that refuses our own key is none of that.
func outcomeOf(f *Fault, lines []sluice.Call) sluice.Outcome {
	if f.Kind == ClientGone {
		return sluice.OutcomeCanceled
	}
	if n := len(lines); n > 0 && lines[n-1].Outcome != sluice.OutcomeOK && (lines[n-1].Outcome != sluice.OutcomeRefused || f.Status() < 500) {
		return lines[n-1].Outcome
	}
	switch f.Kind {
	case RateLimited:
		return sluice.OutcomeRateLimited
	case Timeout:
		return sluice.OutcomeTimeout
	case Unavailable, Internal, Upstream:
		return sluice.OutcomeServerError
	}
	return sluice.OutcomeRefused
}
