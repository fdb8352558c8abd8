package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/internal/gatetest"
	"sluice/llm/emulator"
)

// seen is what a fault comes to.
type seen struct {
	// status and end are the client's: "answer", "error" for an envelope, "error event" for a stream that
	// had begun.
	status int
	end    string
	// model answered, or was asked last; fallbacks were asked before it.
	model, fallbacks string
	// lines are outcomes of the ledger, in order, "~" before an estimated one; outcome is the decision's.
	lines   string
	outcome sluice.Outcome
}

const refused = emulator.Fault("connection_refused")

// elsewhere is a fault that the client never sees, since the large model answers; again one that it never
// sees either, since the same model answers when it is asked once more.
func elsewhere(line string) seen {
	return seen{200, "answer", gatetest.Large, gatetest.Medium, line + " ok", sluice.OutcomeOK}
}

func again(line string) seen {
	return seen{200, "answer", gatetest.Medium, "", line + " ok", sluice.OutcomeOK}
}

// told is a fault that is the request's own: no model would answer it.
func told(status int, outcome sluice.Outcome) seen {
	return seen{status, "error", gatetest.Medium, "", string(outcome), outcome}
}

// cutOff is a stream that broke once it had begun: it ends with an error, never as if it were whole.
func cutOff(outcome sluice.Outcome) seen {
	return seen{200, "error event", gatetest.Medium, "", "~" + string(outcome), outcome}
}

// The medium model's next call goes wrong; the large one is well. Garbage is JSON in a whole reply and
// events in a stream: with it these are the seventeen.
var seventeen = []struct {
	fault         emulator.Fault
	whole, stream seen
}{
	{refused, elsewhere("broken"), elsewhere("broken")},
	{emulator.Reset, elsewhere("~broken"), elsewhere("~broken")},
	{emulator.ResetAfterHeaders, elsewhere("~broken"), elsewhere("~broken")},
	{emulator.SlowHeaders, elsewhere("~timeout"), elsewhere("~timeout")},
	{emulator.SlowBody, elsewhere("~timeout"), elsewhere("~timeout")},
	{emulator.Stall, elsewhere("~timeout"), cutOff(sluice.OutcomeTimeout)},
	{emulator.Cut, elsewhere("~broken"), cutOff(sluice.OutcomeBroken)},
	{emulator.Garbage, elsewhere("~broken"), elsewhere("~broken")},
	{emulator.BadRequest, told(400, sluice.OutcomeRefused), told(400, sluice.OutcomeRefused)},
	{emulator.Unauthorized, elsewhere("refused"), elsewhere("refused")},
	{emulator.RateLimited, again("rate_limited"), again("rate_limited")},
	{emulator.RateLimitedBare, again("rate_limited"), again("rate_limited")},
	{emulator.ServerError, again("server_error"), again("server_error")},
	{emulator.Unavailable, again("server_error"), again("server_error")},
	{emulator.Empty, told(400, sluice.OutcomeBlocked), told(400, sluice.OutcomeBlocked)},
	{emulator.Blocked, told(400, sluice.OutcomeBlocked), told(400, sluice.OutcomeBlocked)},
}

func TestEveryFaultOfTheUpstreamIsToldBilledAndPublished(t *testing.T) {
	for _, c := range seventeen {
		for _, stream := range []bool{false, true} {
			want := c.whole
			if stream {
				want = c.stream
			}
			t.Run(fmt.Sprintf("%s, streamed %t", c.fault, stream), func(t *testing.T) {
				t.Parallel()
				r := faulty(t, c.fault, stream)
				got := meet(t, r, stream)
				if got != want {
					t.Errorf("\n got %#v\nwant %#v", got, want)
				}
				agreesWithTheBooks(t, r)
			})
		}
	}
}

// faulty is a rig whose medium model's next call meets the fault. Only what is to be found slow is given little time.
func faulty(t *testing.T, fault emulator.Fault, stream bool) *gatetest.Rig {
	t.Helper()
	r := gatetest.Start(t, func(p *gatetest.Plan) {
		p.Emulator.Faults = emulator.Faults{HangForMS: 60_000, SlowForMS: 60_000, RetryDelayMS: 50}
		p.Gateway.Timeout = time.Minute
		switch fault {
		case emulator.Stall:
			p.Gateway.Idle = 300 * time.Millisecond
			if stream { // its first word comes
				break
			}
			fallthrough
		case emulator.SlowHeaders, emulator.SlowBody, emulator.Hang:
			p.Models[0].Timeout = 500 * time.Millisecond
		case refused:
			p.Models[0].BaseURL = "http://127.0.0.1:1"
		}
	})
	if fault != refused {
		if err := r.Emulator.Script(gatetest.Medium, fault); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func meet(t *testing.T, r *gatetest.Rig, stream bool) seen {
	t.Helper()
	resp := r.Post(t, "/v1/chat/completions", fmt.Sprintf(`{"model":"auto","stream":%t,"messages":[{"role":"user","content":"Which river flows through Baghdad?"}]}`, stream))
	text := resp.Body
	body := []byte(text)
	got := seen{status: resp.Status}
	switch {
	case resp.Status != http.StatusOK:
		var envelope struct {
			Error struct{ Message, Type string }
		}
		if json.Unmarshal(body, &envelope) != nil || envelope.Error.Message == "" || envelope.Error.Type == "" {
			t.Errorf("no envelope: %s", body)
		}
		got.end = "error"
	case stream && strings.HasSuffix(text, "data: [DONE]\n\n") && !strings.Contains(text, `"error"`):
		got.end = "answer"
	case stream && strings.Contains(text, `data: {"error":`) && !strings.Contains(text, "[DONE]"):
		got.end = "error event"
	case !stream && json.Valid(body):
		got.end = "answer"
	default:
		got.end = "neither: " + text
	}
	decisions := r.Decisions(t)
	if len(decisions) != 1 {
		t.Fatalf("%d decisions, want 1", len(decisions))
	}
	d := decisions[0]
	got.model, got.fallbacks, got.outcome = d.Model, strings.Join(d.Fallbacks, " "), d.Outcome
	if h := resp.Header; h.Get("X-Sluice-Model") != d.Model || resp.Cost() != strconv.FormatInt(int64(d.Cost), 10) {
		t.Errorf("the client is told of %s and %q microdollars, the decision of %s and %d", h.Get("X-Sluice-Model"), resp.Cost(), d.Model, d.Cost)
	}
	if d.Status != resp.Status && got.end != "error event" || d.ID != resp.Header.Get("X-Sluice-Decision-Id") {
		t.Errorf("the decision's status is %d, the client's %d; ids %s and %s", d.Status, resp.Status, d.ID, resp.Header.Get("X-Sluice-Decision-Id"))
	}
	var words []string
	var cost sluice.MicroUSD
	for _, l := range r.Lines(t) {
		word := string(l.Outcome)
		if l.CostEstimated {
			word = "~" + word
		}
		words, cost = append(words, word), cost+l.Cost
	}
	got.lines = strings.Join(words, " ")
	if cost != d.Cost {
		t.Errorf("the decision says %s, the ledger %s", d.Cost, cost)
	}
	return got
}

// agreesWithTheBooks holds the ledger against the emulator's own books: equal where usage arrived, never
// below them elsewhere.
func agreesWithTheBooks(t *testing.T, r *gatetest.Rig) {
	t.Helper()
	var billed sluice.MicroUSD
	estimated := false
	for _, l := range r.Lines(t) {
		billed, estimated = billed+l.Cost, estimated || l.CostEstimated
	}
	r.Emulator.Wait()
	books := r.Emulator.Books().Total
	due := books.Cost + books.LostCost
	if billed < due || !estimated && billed != due {
		t.Errorf("billed %s (estimated %t), the provider's books say %s", billed, estimated, due)
	}
}
