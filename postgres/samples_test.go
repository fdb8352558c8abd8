package postgres_test

import (
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/internal/decided"
	"sluice/internal/pgtest"
	"sluice/online"
)

func plan() online.Plan {
	return online.Plan{
		Now: noon, Lookback: time.Hour, Share: 0.1, Even: 0.5, PerDay: 1000, SpendPerDay: 1_000_000_000, CostEach: 1000,
		OptedOut: []string{"acme"}, MaxBytes: 1000,
	}
}

func keyOf(c online.Candidate) string { return sluice.QueryKey(c.Tenant, c.QueryID, c.Text) }

func TestSamplingTakesTheShareByLotAndByUncertaintyAndNeverAQueryTwice(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	m := decided.New(4, noon.Add(-50*time.Minute), time.Second)
	m.Change = func(i int, d *sluice.Decision) {
		if i%50 == 1 {
			d.Conversation = "c"
		}
	}
	record(t, o, &sluice.OnlineFacts{Decisions: m.Facts(3000)})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, _, err := o.Sample(t.Context(), plan(), keyOf); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	eligible := one(t, db, `SELECT count(*) FROM decisions WHERE tenant <> 'acme' AND outcome = 'ok' AND conversation IS NULL`).(int64)
	even := one(t, db, "SELECT count(*) FROM samples WHERE chosen_by = 'evenly'").(int64)
	unsure := one(t, db, "SELECT count(*) FROM samples WHERE chosen_by = 'uncertainty'").(int64)
	if want := int64(float64(eligible) * 0.05); unsure != want {
		t.Errorf("%d of %d by uncertainty, want %d", unsure, eligible, want)
	}
	if share := float64(even) / float64(eligible); share < 0.03 || share > 0.07 {
		t.Errorf("%d of %d by lot, want about 0.05", even, eligible)
	}
	for what, sql := range map[string]string{
		"a tenant that opted out":  `SELECT count(*) FROM samples WHERE tenant = 'acme'`,
		"a turn of a conversation": `SELECT count(*) FROM samples s JOIN decisions d ON d.id = s.decision_id WHERE d.conversation IS NOT NULL`,
		"one that is surer than one that was left out": `WITH bound AS (
			SELECT max(abs(d.p_complex - d.threshold)) AS most FROM samples s JOIN decisions d ON d.id = s.decision_id WHERE s.chosen_by = 'uncertainty')
			SELECT count(*) FROM decisions d, bound WHERE d.tenant <> 'acme' AND d.outcome = 'ok' AND d.conversation IS NULL
			  AND abs(d.p_complex - d.threshold) < bound.most - 1e-12 AND NOT EXISTS (SELECT FROM samples s WHERE s.decision_id = d.id)`,
	} {
		if n := one(t, db, sql); n != int64(0) {
			t.Errorf("%s: %v", what, n)
		}
	}
	again, _, err := o.Sample(t.Context(), plan(), keyOf)
	if err != nil || len(again) != 0 {
		t.Errorf("a second round chose %d, %v", len(again), err)
	}
	unasked, err := o.Unasked(t.Context(), 10_000)
	if err != nil || int64(len(unasked)) != even+unsure {
		t.Fatalf("%d to be asked, want %d: %v", len(unasked), even+unsure, err)
	}
	var keys []string
	for _, s := range unasked {
		keys = append(keys, s.QueryKey)
	}
	if err := o.Asked(t.Context(), keys, noon); err != nil {
		t.Fatal(err)
	}
	if left, err := o.Unasked(t.Context(), 10); err != nil || len(left) != 0 {
		t.Errorf("%d are still to be asked, %v", len(left), err)
	}
}

func TestSamplingKeepsWithinTheDaysBudget(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*online.Plan)
		want   int64
	}{
		"queries": {func(p *online.Plan) { p.PerDay = 17 }, 17},
		"dollars": {func(p *online.Plan) { p.SpendPerDay = 11_999 }, 11},
		"nothing": {func(p *online.Plan) { p.SpendPerDay = 0 }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o, db := openOnline(t, pgtest.New(t), 0, at(noon))
			record(t, o, &sluice.OnlineFacts{Decisions: decided.New(4, noon.Add(-50*time.Minute), time.Second).Facts(2000)})
			p := plan()
			c.change(&p)
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					if _, _, err := o.Sample(t.Context(), p, keyOf); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if n := one(t, db, "SELECT count(*) FROM samples"); n != c.want {
				t.Errorf("%v samples, want %d", n, c.want)
			}
			// The next day has a budget of its own.
			p.Now, p.Lookback = noon.Add(13*time.Hour), 20*time.Hour
			if _, day, err := o.Sample(t.Context(), p, keyOf); err != nil || day.Chosen > max(c.want, 0) {
				t.Errorf("the next day: %+v, %v", day, err)
			}
		})
	}
}

func TestADaysBudgetThatIsShortIsSharedByLotAndUncertainty(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	record(t, o, &sluice.OnlineFacts{Decisions: decided.New(4, noon.Add(-50*time.Minute), time.Second).Facts(2000)})
	p := plan()
	p.Share, p.Even, p.PerDay = 1, 0.2, 20
	for range 2 {
		if _, _, err := o.Sample(t.Context(), p, keyOf); err != nil {
			t.Fatal(err)
		}
	}
	even := one(t, db, "SELECT count(*) FROM samples WHERE chosen_by = 'evenly'")
	unsure := one(t, db, "SELECT count(*) FROM samples WHERE chosen_by = 'uncertainty'")
	if even != int64(4) || unsure != int64(16) {
		t.Errorf("%v by lot and %v by uncertainty, want a fifth of 20 by lot", even, unsure)
	}
}

// A round is one transaction that holds the others up: it must not go on for as long as decisions come in beside it.
func TestARoundTakesNothingOfWhatIsDecidedBesideIt(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	before, beside := decided.New(4, noon.Add(-50*time.Minute), time.Second), decided.New(5, noon.Add(time.Second), time.Millisecond)
	record(t, o, &sluice.OnlineFacts{Decisions: before.Facts(2000)})
	asked := 0
	busy := func(c online.Candidate) string {
		if asked++; asked <= 200 {
			record(t, o, &sluice.OnlineFacts{Decisions: beside.Facts(100)})
		}
		return keyOf(c)
	}
	p := plan()
	p.Even, p.PerDay = 0, 10_000
	chosen, _, err := o.Sample(t.Context(), p, busy)
	if err != nil {
		t.Fatal(err)
	}
	eligible := one(t, db, `SELECT count(*) FROM decisions WHERE tenant <> 'acme' AND outcome = 'ok' AND taken_at < $1`, noon).(int64)
	if want := int(float64(eligible) * p.Share); len(chosen) != want {
		t.Errorf("%d chosen, want %d of what was decided before", len(chosen), want)
	}
	if n := one(t, db, `SELECT count(*) FROM decisions WHERE taken_at > $1`, noon).(int64); n < 1000 {
		t.Errorf("%d decisions came in beside the round: this test would find nothing", n)
	}
}

// Whose identifier holds personal data is not asked again, and one whose text is known by another key is not either.
// They stay where they are in the order, in front of everything else.
func TestQueriesThatMustNotLeaveDoNotKeepOthersFromBeingSampled(t *testing.T) {
	o, db := openOnline(t, pgtest.New(t), 0, at(noon))
	m := decided.New(4, noon.Add(-50*time.Minute), time.Second)
	m.Change = func(i int, d *sluice.Decision) {
		d.Query.Tenant, d.Outcome = "", sluice.OutcomeOK
		if i%10 == 0 { // the least sure, and all that the lot could take
			d.Query.ID = "ann@example.org"
			d.Probabilities = map[sluice.Policy]float64{sluice.Complex: d.Threshold, sluice.Standard: 1 - d.Threshold}
		}
	}
	record(t, o, &sluice.OnlineFacts{Decisions: m.Facts(1000)})
	shy := func(c online.Candidate) string {
		if c.QueryID != "" {
			return ""
		}
		return keyOf(c)
	}
	p := plan()
	p.Share, p.Even = 0.02, 0 // twenty by uncertainty, and a hundred in front of them
	chosen, day, err := o.Sample(t.Context(), p, shy)
	if err != nil || len(chosen) != 20 || day.Chosen != 20 || day.Spent != 20*p.CostEach {
		t.Errorf("%d chosen, %+v, %v: want 20", len(chosen), day, err)
	}
	p.Share, p.Even, p.PerDay = 1, 1, 25 // five more by lot: the day is full then
	if chosen, day, err = o.Sample(t.Context(), p, shy); err != nil || len(chosen) != 5 || day.Chosen != 25 {
		t.Errorf("%d chosen, %+v, %v: want 5", len(chosen), day, err)
	}
	if n := one(t, db, "SELECT count(*) FROM samples s JOIN decisions d ON d.id = s.decision_id WHERE d.query_id IS NOT NULL"); n != int64(0) {
		t.Errorf("%v of those that must not leave were chosen", n)
	}
}
