package chaos

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/inflight"
	emu "sluice/llm/emulator"
	"sluice/streams"
)

// complete waits until every one of n queries has its example in Postgres and no consumer has anything
// left to do.
func (r *rig) complete(ctx context.Context, n int) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	var state string
	for {
		var done bool
		if done, state = r.look(ctx, n); done {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", context.Cause(ctx), state)
		}
	}
}

// look says whether the run is complete, or else what is missing. A server that is just being killed is no
// answer.
func (r *rig) look(ctx context.Context, n int) (done bool, state string) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, r.pg.URL(""))
	if err != nil {
		return false, err.Error()
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var examples int
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM examples").Scan(&examples); err != nil {
		return false, err.Error()
	}
	if examples < n {
		return false, fmt.Sprintf("%d of %d examples in Postgres; busy: %s", examples, n, r.busy(ctx))
	}
	if busy := r.busy(ctx); busy != "" {
		return false, "busy: " + busy
	}
	return true, ""
}

// busy names every consumer with something to do; empty if all rest.
func (r *rig) busy(ctx context.Context) string {
	var busy string
	for _, name := range streams.Names() {
		s, err := r.js.Stream(ctx, name)
		if err != nil {
			return err.Error()
		}
		list := s.ListConsumers(ctx)
		for c := range list.Info() {
			if c.NumPending > 0 || c.NumAckPending > 0 {
				busy += fmt.Sprintf("%s of %s: %d pending, %d in hand; ", c.Name, name, c.NumPending, c.NumAckPending)
			}
		}
		if err := list.Err(); err != nil {
			return err.Error()
		}
	}
	return busy
}

// outcome is what a finished run left behind.
type outcome struct {
	t    *testing.T
	rig  *rig
	conn *pgx.Conn
	n    int
}

func (r *rig) outcome(n int) *outcome {
	r.t.Helper()
	conn, err := pgx.Connect(r.t.Context(), r.pg.URL(""))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &outcome{t: r.t, rig: r, conn: conn, n: n}
}

func (o *outcome) count(sql string) int {
	o.t.Helper()
	var n int
	if err := o.conn.QueryRow(o.t.Context(), sql).Scan(&n); err != nil {
		o.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// nothingLostNothingTwice compares the tables and the log with the number of queries asked.
func (o *outcome) nothingLostNothingTwice() {
	o.t.Helper()
	bothArms := "(SELECT query_key FROM %s GROUP BY 1 HAVING count(*) = 2 AND count(DISTINCT arm) = 2) both_arms"
	for what, sql := range map[string]string{
		"queries":                     "SELECT count(*) FROM queries",
		"examples":                    "SELECT count(*) FROM examples",
		"queries with an example":     "SELECT count(DISTINCT query_key) FROM examples",
		"labels":                      "SELECT count(*) FROM labels",
		"analyses":                    "SELECT count(*) FROM analyses",
		"queries with both answers":   "SELECT count(*) FROM " + fmt.Sprintf(bothArms, "answers"),
		"queries with both verdicts":  "SELECT count(*) FROM " + fmt.Sprintf(bothArms, "verdicts"),
		"verdicts, by two":            "SELECT count(*) / 2 FROM verdicts",
		"queries without dead letter": fmt.Sprintf("SELECT %d - count(*) FROM dead_letters", o.n),
	} {
		if got := o.count(sql); got != o.n {
			o.t.Errorf("%s: %d, want %d", what, got, o.n)
		}
	}
	for stream, want := range map[string]int{
		streams.StreamAccepted: o.n, streams.StreamAnswers: 2 * o.n, streams.StreamVerdicts: 2 * o.n,
		streams.StreamLabels: o.n, streams.StreamAnalyses: o.n, streams.StreamExamples: o.n,
	} {
		s, err := o.rig.js.Stream(o.t.Context(), stream)
		if err != nil {
			o.t.Fatal(err)
		}
		if got := s.CachedInfo().State.Msgs; got != uint64(want) {
			o.t.Errorf("stream %s holds %d messages, want %d", stream, got, want)
		}
	}
}

// ledgerBalances compares the provider's books, the ledger and the facts. inHand holds, by stage, how many
// messages were in flight at the kills: only for those may a reply have been bought again, or have a line that
// does not know of it. Every request that reached the provider has its line, and none has two; a call that was
// written down and had not left yet when its process was killed may have one as well.
func (o *outcome) ledgerBalances(inHand map[string]int) {
	o.t.Helper()
	if n := o.count("SELECT count(*) FROM ledger_gaps WHERE kind <> 'bought_again'"); n != 0 {
		o.t.Errorf("%d answers or verdicts without their call, or verdicts without their answer", n)
	}
	for _, s := range []struct {
		stage    string
		kind     emu.Kind
		messages int // of a query, to this stage
		calls    int // of a message
	}{{"answer", emu.KindAnswer, 1, 2}, {"judge", emu.KindVerdict, 2, 1}, {"analysis", emu.KindAnalysis, 1, 1}} {
		needed := o.n * s.messages * s.calls
		allowed := inHand[s.stage] * s.calls
		bought := int(o.rig.emulator.books(o.t, s.kind).Successes)
		billed := o.count(fmt.Sprintf("SELECT count(*) FROM calls WHERE stage = '%s' AND outcome = 'ok'", s.stage))
		requests, lines := o.lines(s.stage, s.kind)
		found := o.count(fmt.Sprintf("SELECT count(*) FROM calls WHERE stage = '%s' AND error = '%s'", s.stage, inflight.Killed))
		o.t.Logf("%s: %d replies needed, %d bought, %d in the ledger, %d in flight at kills; %d requests, %d lines, %d of them found after kills",
			s.stage, needed, bought, billed, allowed, requests, lines, found)
		if lines < requests || lines-requests > allowed || found > allowed {
			o.t.Errorf("%s: the provider had %d requests, and the ledger has %d lines, %d of calls that a kill cut off", s.stage, requests, lines, found)
		}
		if bought < needed || bought-needed > allowed {
			o.t.Errorf("%s: %d replies bought for %d needed: at most %d more are explained by kills", s.stage, bought, needed, allowed)
		}
		if billed > bought || bought-billed > allowed {
			o.t.Errorf("%s: %d replies bought and %d in the ledger: at most %d may be estimated instead, and none be invented", s.stage, bought, billed, allowed)
		}
	}
}

// lines waits until the ledger has as many lines of a stage as the provider has had requests, and tells both: what a
// killed process left is adopted by the next one beside its work.
func (o *outcome) lines(stage string, kind emu.Kind) (requests, lines int) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 30*time.Second)
	defer cancel()
	for {
		requests = int(o.rig.emulator.books(o.t, kind).Requests)
		if lines = o.count(fmt.Sprintf("SELECT count(*) FROM calls WHERE stage = '%s'", stage)); lines >= requests {
			return requests, lines
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return requests, lines
		}
	}
}
