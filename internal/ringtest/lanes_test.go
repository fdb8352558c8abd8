package ringtest

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/answer"
	"sluice/consumers/intake"
	"sluice/internal/stagetest"
	"sluice/llm"
	"sluice/pricing"
	"sluice/streams"
)

// TestAQueryIsBoughtOnceWhateverLanesItComesBy: the same question in a hurry and not, in either order, with the
// answer stage at work between the two or behind both.
func TestAQueryIsBoughtOnceWhateverLanesItComesBy(t *testing.T) {
	for _, priorities := range [][]int{{0}, {1}, {0, 0}, {1, 1}, {0, 1}, {1, 0}, {0, 1, 0}, {1, 0, 2}} {
		for _, between := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, answered between %t", priorities, between), func(t *testing.T) {
				r := newLanes(t)
				for _, p := range priorities {
					r.ask(p)
					if between {
						r.answer()
					}
				}
				r.answer()
				if want := map[string]int{flash: 1, pro: 1}; !maps.Equal(r.bought, want) {
					t.Errorf("bought %v, want %v", r.bought, want)
				}
				if said := r.log.Messages(streams.StreamAnswers); len(said) != 2 {
					t.Errorf("%d answers are stored, want 2", len(said))
				}
			})
		}
	}
}

func TestWhatIsInAHurryIsInItsLane(t *testing.T) {
	r := newLanes(t)
	r.ask(0)
	r.ask(5)
	var lanes []string
	for _, m := range r.log.Messages(streams.StreamAccepted) {
		a, err := streams.Decode[sluice.Accepted](m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if a.Query.Number != 1 {
			t.Errorf("%s has number %d, want that of the first time", m.Subject, a.Query.Number)
		}
		lanes = append(lanes, m.Subject)
	}
	if len(lanes) != 2 || lanes[0] != streams.AcceptedSubject(streams.LaneNormal, r.key) || lanes[1] != streams.AcceptedSubject(streams.LaneUrgent, r.key) {
		t.Errorf("accepted on %v", lanes)
	}
}

// lanes are the entrance and the answer stage on one log.
type lanes struct {
	t       *testing.T
	log     *stagetest.Log
	intake  *intake.Stage
	answers *answer.Stage
	key     string
	asked   uint64
	now     time.Time
	// worked counts the messages of ACCEPTED and RETRIES that the answer stage has had, bought the requests by model,
	// expired the messages that came too late.
	worked, retried int
	bought          map[string]int
	expired         int
}

func newLanes(t *testing.T) *lanes {
	t.Helper()
	r := &lanes{t: t, log: &stagetest.Log{}, key: sluice.QueryKey("", "", "Why?"), now: time.Unix(1_800_000_000, 0).UTC(), bought: map[string]int{}}
	var cfg llm.Config
	providers := map[string]llm.Provider{}
	for _, m := range []string{flash, pro} {
		cfg.Models = append(cfg.Models, llm.ModelConfig{Provider: "gemini", Model: m})
		cfg.Prices = append(cfg.Prices, pricing.Row{Model: m, Prompt: 1000, Cached: 100, Output: 2000})
		providers[m] = speaker(func(string, string) string { return "because" })
	}
	caller, err := llm.New(t.Context(), cfg, llm.Deps{Providers: providers})
	if err != nil {
		t.Fatal(err)
	}
	o := intake.DefaultOptions()
	o.Now = func() time.Time { return r.now }
	if r.intake, err = intake.New(r.log, o); err != nil {
		t.Fatal(err)
	}
	r.answers, err = answer.New(caller, r.log, answer.Options{
		Medium: answer.Model{Name: flash}, Large: answer.Model{Name: pro}, Key: armKey(t), Now: o.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ask lets the question in, with nothing but a priority.
func (r *lanes) ask(priority int) {
	r.t.Helper()
	r.askWithin(priority, 0)
}

// askWithin lets the question in, whose answer is wanted within so long; 0: whenever it comes.
func (r *lanes) askWithin(priority int, within time.Duration) {
	r.t.Helper()
	r.asked++
	r.letIn(r.asked, priority, within)
}

// letIn is askWithin for a message that may have been handed out before.
func (r *lanes) letIn(sequence uint64, priority int, within time.Duration) {
	r.t.Helper()
	deadline := ""
	if within > 0 {
		deadline = fmt.Sprintf(`,"deadline":%q`, r.now.Add(within).Format(time.RFC3339Nano))
	}
	out, err := r.intake.Handle(r.t.Context(), streams.Message{
		Subject: "queries.asked.web", Data: fmt.Appendf(nil, `{"query":"Why?","priority":%d%s}`, priority, deadline),
		Stream: streams.StreamQueries, Sequence: sequence, StoredAt: r.now,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.log.Publish(out...)
}

// answer works off what was let in since, the last first: the lanes are read side by side.
func (r *lanes) answer() {
	r.t.Helper()
	accepted, retries := r.log.Messages(streams.StreamAccepted), r.log.Messages(streams.StreamRetries)
	for i := len(accepted) - 1; i >= r.worked; i-- {
		r.handle(accepted[i])
	}
	for _, m := range retries[r.retried:] {
		e, err := streams.ParseRetry(m)
		if err != nil {
			r.t.Fatal(err)
		}
		r.handle(e.Open())
	}
	r.worked, r.retried = len(accepted), len(retries)
}

// handle gives the answer stage a message.
func (r *lanes) handle(m streams.Message) {
	r.t.Helper()
	out, err := r.answers.Handle(r.t.Context(), m)
	if sluice.ReasonOf(err) == sluice.ReasonExpired {
		r.expired++
		return
	}
	if err != nil {
		r.t.Fatal(err)
	}
	for _, m := range out {
		if !streams.IsLedger(m) {
			continue
		}
		c, err := streams.Decode[sluice.Call](m.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		r.bought[c.Model]++
	}
	r.log.Publish(out...)
}
