package streams_test

import (
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
)

func openPurse(t *testing.T, js jetstream.JetStream, stage, name, payer string) *streams.Purse {
	t.Helper()
	p, err := streams.OpenPurse(t.Context(), js, stage, name, payer)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPurseIsWhatAllItsPayersHaveSpentHoweverOftenTheySaySo(t *testing.T) {
	js := natstest.Log(t)
	total := func(p *streams.Purse, spent, want sluice.MicroUSD) {
		t.Helper()
		if got, err := p.Pay(t.Context(), spent); got != want || err != nil {
			t.Errorf("%s paid: %s in all, want %s (%v)", spent, got, want, err)
		}
	}
	a, b := openPurse(t, js, "answer", "night", "a"), openPurse(t, js, "answer", "night", "b")
	total(a, 0, 0)
	total(a, 5, 5)
	total(a, 5, 5) // again
	total(b, 0, 5)
	total(b, 7, 12)
	total(a, 9, 16)
	total(openPurse(t, js, "judge", "night", "a"), 1, 1) // another stage's
	total(openPurse(t, js, "answer", "day", "a"), 2, 2)  // another purse

	const payers, each = 8, 20
	var paying sync.WaitGroup
	for i := range payers {
		p := openPurse(t, js, "answer", "rush", string(rune('a'+i)))
		paying.Go(func() {
			for n := range each {
				if _, err := p.Pay(t.Context(), sluice.MicroUSD(n+1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	paying.Wait()
	total(openPurse(t, js, "answer", "rush", "z"), 0, payers*each)
	if _, err := streams.OpenPurse(t.Context(), js, "answer", "two words", "a"); err == nil {
		t.Error("a purse of any name was opened")
	}
}

// A judge pays from its own purses; in those of the answers it could see who answered (Invariant 3).
func TestAStagePaysFromItsOwnPursesAlone(t *testing.T) {
	s := natstest.StartRoles(t)
	for _, stage := range []streams.Role{streams.RoleAnswer, streams.RoleJudge, streams.RoleAnalysis} {
		p := openPurse(t, s.JetStreamAs(stage), string(stage), "night", "a")
		for _, spent := range []sluice.MicroUSD{3, 4} {
			if total, err := p.Pay(t.Context(), spent); total != spent || err != nil {
				t.Errorf("%s: %s, %v", stage, total, err)
			}
		}
	}
	judge := s.ConnectAs(streams.RoleJudge)
	for subject, may := range map[string]bool{
		"$KV.budgets.purse.offline.judge.night":                              true,
		"$JS.API.DIRECT.GET.KV_budgets.$KV.budgets.purse.offline.judge.day":  true,
		"$KV.budgets.purse.offline.answer.night":                             false,
		"$JS.API.DIRECT.GET.KV_budgets.$KV.budgets.purse.offline.answer.day": false,
		"$JS.API.DIRECT.GET.KV_budgets":                                      false,
		"$JS.API.STREAM.MSG.GET.KV_budgets":                                  false,
		"$JS.API.CONSUMER.CREATE.KV_budgets.x":                               false,
		"$KV.budgets.tenant.acme.d20260101":                                  false,
	} {
		if mayPublish(t, judge, subject, `{"seq":1}`) != may {
			t.Errorf("%s: the judge may: %v, want %v", subject, !may, may)
		}
	}
}
