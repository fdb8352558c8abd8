package ringtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers/answer"
	"sluice/internal/natstest"
	"sluice/streams"
)

// TestAQueryThatExpiredUnansweredMayBeAskedAnew: in whatever lane its time ran out, who asks again within a time that
// is to come is answered, once; so is who asks a third time after that, too, had passed.
func TestAQueryThatExpiredUnansweredMayBeAskedAnew(t *testing.T) {
	for _, first := range []int{0, 1} {
		for _, second := range []int{0, 1} {
			t.Run(fmt.Sprintf("priority %d, then %d", first, second), func(t *testing.T) {
				r := newLanes(t)
				r.askWithin(first, time.Minute)
				for round := range 3 {
					r.now = r.now.Add(2 * time.Minute)
					r.answer()
					if r.expired == 0 || len(r.bought) != 0 {
						t.Fatalf("round %d: %d messages came too late, bought %v", round, r.expired, r.bought)
					}
					r.askWithin(second, time.Minute)
					r.askWithin(second, time.Minute) // more than once, and handed out again
					r.letIn(r.asked, second, time.Minute)
					r.expired = 0
				}
				r.answer()
				r.askWithin(second, time.Hour) // it is answered: nothing changes
				r.now = r.now.Add(2 * time.Minute)
				r.askWithin(second, time.Hour)
				r.answer()
				if want := map[string]int{flash: 1, pro: 1}; !maps.Equal(r.bought, want) {
					t.Errorf("bought %v, want %v", r.bought, want)
				}
				for _, m := range r.log.Messages(streams.StreamAnswers) {
					a, err := streams.Decode[sluice.Answer](m.Data)
					if err != nil || a.Query.Number != 1 || a.Query.Key != r.key {
						t.Errorf("%s: %+v, %v", m.Subject, a.Query, err)
					}
				}
			})
		}
	}
}

// TestWhoAsksAnewWithoutADeadlineWaitsForAsLongAsItTakes, and who asks after that changes nothing.
func TestWhoAsksAnewWithoutADeadlineWaitsForAsLongAsItTakes(t *testing.T) {
	r := newLanes(t)
	r.askWithin(2, time.Minute)
	r.now = r.now.Add(time.Hour)
	r.answer()
	r.ask(2)
	r.now = r.now.Add(24 * time.Hour)
	r.askWithin(2, time.Minute)
	if n := len(r.log.Messages(streams.StreamRetries)); n != 1 {
		t.Errorf("handed over %d times, want once", n)
	}
	r.answer()
	if want := map[string]int{flash: 1, pro: 1}; !maps.Equal(r.bought, want) || r.expired != 1 {
		t.Errorf("bought %v, want %v; %d came too late", r.bought, want, r.expired)
	}
}

// TestAQueryThatWasAskedAnewManyTimesIsFoundSoon: what one more costs does not grow with those before.
func TestAQueryThatWasAskedAnewManyTimesIsFoundSoon(t *testing.T) {
	r := newLanes(t)
	const times = 200
	for n := range times + 1 {
		before := r.log.Reads()
		r.askWithin(1, time.Minute)
		if got := len(r.log.Messages(streams.StreamRetries)); got != n {
			t.Fatalf("asked anew %d times, want %d", got, n)
		}
		if reads := r.log.Reads() - before; reads > 20 {
			t.Fatalf("the %dth time took %d reads", n, reads)
		}
		r.now = r.now.Add(2 * time.Minute)
	}
	r.askWithin(1, time.Minute)
	r.answer()
	if want := map[string]int{flash: 1, pro: 1}; !maps.Equal(r.bought, want) {
		t.Errorf("bought %v, want %v", r.bought, want)
	}
}

// TestWhatStillWaitsIsNotAskedAnew: its time has not run out, or it has none.
func TestWhatStillWaitsIsNotAskedAnew(t *testing.T) {
	for _, within := range []time.Duration{0, time.Hour} {
		r := newLanes(t)
		r.askWithin(1, within)
		r.now = r.now.Add(time.Minute)
		r.askWithin(1, 2*time.Hour)
		r.askWithin(0, 2*time.Hour)
		if n := len(r.log.Messages(streams.StreamRetries)); n != 0 {
			t.Errorf("within %s: handed over %d times more", within, n)
		}
	}
}

// TestAQueryIsAskedAnewByTheStagesThemselves: on a real log, with no more than the permissions of their roles.
func TestAQueryIsAskedAnewByTheStagesThemselves(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server := natstest.StartRoles(t)
	_, caller := provider(t)
	entrance, answers, upstream := server.JetStreamAs(streams.RoleIntake), server.JetStreamAs(streams.RoleAnswer), server.JetStreamAs(streams.RoleUpstream)
	// An entrance of long ago let it in, and nobody read it in time.
	asked := sluice.Accepted{Query: sluice.Query{Key: sluice.QueryKey("", "", "Why?"), Number: 1, Text: "Why?", Priority: 1, Deadline: time.Now().Add(-time.Hour)}}
	for _, of := range []func(sluice.Accepted) (streams.Message, error){streams.ClaimFact, streams.AcceptedFact} {
		m, err := of(asked)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entrance.Publish(ctx, m.Subject, m.Data); err != nil {
			t.Fatal(err)
		}
	}
	again := nats.NewMsg("queries.asked.web")
	again.Data = fmt.Appendf(nil, `{"query":"why? ","priority":1,"deadline":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339))
	publish(ctx, t, upstream, again)
	fates := make(chan settled, 100)
	forward(ctx, fates, run(ctx, t, entrance, stages(t, entrance, caller)[:1]))
	forward(ctx, fates, run(ctx, t, answers, stages(t, answers, caller)[1:2]))
	for answered, expired := false, false; !answered || !expired; {
		select {
		case f := <-fates:
			answered = answered || f.stage == answer.Name && f.Err == nil && f.Subject == streams.AcceptedSubject(streams.LaneUrgent, asked.Query.Key)
			expired = expired || sluice.ReasonOf(f.Err) == sluice.ReasonExpired
		case <-ctx.Done():
			t.Fatalf("answered %t, expired %t", answered, expired)
		}
	}
	said := 0
	scan(ctx, t, server.JetStreamAs(streams.RoleOperator), streams.StreamAnswers, func(m streams.Message) {
		if a, err := streams.Decode[sluice.Answer](m.Data); err != nil || a.Query.Number != 1 || a.Query.Text != "Why?" {
			t.Errorf("%+v, %v", a.Query, err)
		}
		said++
	})
	if said != 2 {
		t.Errorf("%d answers, want 2", said)
	}
	for _, js := range []jetstream.JetStream{entrance, answers} {
		if err := js.Conn().LastError(); errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", js.Conn().Opts.Name, err)
		}
	}
}
