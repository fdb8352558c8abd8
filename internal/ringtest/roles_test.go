package ringtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers"
	"sluice/consumers/record"
	"sluice/gateway/budget"
	"sluice/gateway/keys"
	"sluice/internal/natstest"
	"sluice/operate"
	"sluice/streams"
)

// counted stands in for the tables.
type counted struct {
	mu      sync.Mutex
	n       int
	letters int
}

func (*counted) OpenLetters(context.Context) ([]string, error) { return nil, nil }

func (c *counted) NoteLetters(_ context.Context, _, there []string) error {
	c.letters = len(there)
	return nil
}

func (c *counted) Record(_ context.Context, f *sluice.Facts) ([]int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += len(f.Examples)
	return nil, nil
}

// Every stage does its whole work with the permissions of its role and no more, failures, poison and the
// ledger included.
func TestEveryStageWorksWithThePermissionsOfItsRole(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	provided, caller := provider(t)
	server := natstest.StartRoles(t)
	roles := []streams.Role{streams.RoleIntake, streams.RoleAnswer, streams.RoleJudge, streams.RoleLabel, streams.RoleAnalysis}
	fates := make(chan settled, 100*queries)
	var conns []*nats.Conn
	for i, r := range roles {
		js := server.JetStreamAs(r)
		conns = append(conns, js.Conn())
		if r == streams.RoleAnswer || r == streams.RoleLabel {
			if _, err := streams.ArmSecret(ctx, js); err != nil {
				t.Errorf("%s: %v", r, err)
			}
		}
		forward(ctx, fates, run(ctx, t, js, stages(t, js, caller)[i:i+1]))
	}
	upstream := server.JetStreamAs(streams.RoleUpstream)
	conns = append(conns, upstream.Conn())
	tables := &counted{}
	recorder := server.JetStreamAs(streams.RoleRecord)
	conns = append(conns, recorder.Conn())
	recorded := recordAs(ctx, t, recorder, tables)

	wanted := map[sluice.Reason]int{}
	for m, reason := range poison() {
		publish(ctx, t, upstream, m)
		wanted[reason]++
	}
	for _, item := range bank() {
		m := nats.NewMsg("queries.asked.bank")
		m.Data = []byte(`{"query":"` + item.Question + `","ground_truth":["` + item.Gold[0] + `"]}`)
		publish(ctx, t, upstream, m)
	}
	await(ctx, t, fates, recorded, len(poison()))
	if err := operate.CompareLetters(ctx, recorder, tables); err != nil || tables.letters != len(poison()) {
		t.Errorf("the recorder finds %d letters in the log, %v", tables.letters, err)
	}

	for _, nc := range conns {
		if err := nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", nc.Opts.Name, err)
		}
	}
	operator := server.JetStreamAs(streams.RoleOperator)
	checkLetters(ctx, t, operator, wanted)
	lines := int64(0)
	scan(ctx, t, operator, streams.StreamCalls, func(streams.Message) { lines++ })
	provided.Wait()
	if books := provided.Books(); books.Total.Requests != lines {
		t.Errorf("%d lines for %d requests", lines, books.Total.Requests)
	}
}

func forward(ctx context.Context, to chan<- settled, from <-chan settled) {
	go func() { // ends with the test's context
		for {
			select {
			case f := <-from:
				to <- f
			case <-ctx.Done():
				return
			}
		}
	}()
}

// recordAs runs the recorder over every stream, and tells of each example that it stored.
func recordAs(ctx context.Context, t *testing.T, js jetstream.JetStream, tables record.Store) <-chan settled {
	t.Helper()
	all := make(chan settled, 100*queries)
	handler := record.New(tables, 0, time.Now)
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	t.Cleanup(func() { stop(); running.Wait() })
	for _, in := range record.Inputs() {
		r, err := consumers.New(consumers.Config{
			JS: js, Observe: func(f consumers.Settled) { all <- settled{record.Name, f} },
			Stage: consumers.Stage{
				Name: record.Name, Version: record.Version, Batch: handler, Concurrency: 64, Attempts: 3, Deadline: 30 * time.Second,
				Inputs: []consumers.Input{{Stream: in.Stream, Durable: in.Durable}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			if err := r.Run(ctx); err != nil {
				t.Errorf("record: %v", err)
			}
		})
	}
	return all
}

// await waits until every query is an example in the tables and every poisonous message is dead.
func await(ctx context.Context, t *testing.T, fates, recorded <-chan settled, poisonous int) {
	t.Helper()
	dead, made := 0, 0
	for made < queries || dead < poisonous {
		select {
		case f := <-fates:
			switch f.Class {
			case sluice.ClassPoison, sluice.ClassTerminal, sluice.ClassExhausted:
				dead++
			}
		case f := <-recorded:
			if f.Err != nil {
				t.Errorf("record: %s: %v", f.Subject, f.Err)
			}
			if at, ok := streams.PlaceOf(f.Subject); ok && at.Kind == streams.KindExample {
				made++
			}
		case <-ctx.Done():
			t.Fatalf("%d of %d examples, %d of %d dead letters", made, queries, dead, poisonous)
		}
	}
}

// The gateway's own state is within its reach, and what is not its own is not.
func TestAGatewayKeepsBudgetsAndReadsKeysWithThePermissionsOfItsRole(t *testing.T) {
	server := natstest.StartRoles(t)
	admin, err := keys.Open(t.Context(), server.JetStreamAs(streams.RoleOperator), keys.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	_, secret, err := admin.Create(t.Context(), keys.Spec{Scopes: []keys.Scope{keys.ScopeChat}})
	if err != nil {
		t.Fatal(err)
	}
	js := server.JetStreamAs(streams.RoleGateway)
	store, err := keys.Open(t.Context(), js, keys.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	key, err := store.Lookup(secret)
	if err != nil {
		t.Error(err)
	}
	limit := budget.Limit{Name: "all", Scope: budget.ScopeGlobal, Period: budget.Day, Limit: 1000, Action: budget.ActionRefuse}
	keeper, err := budget.Open(t.Context(), js, budget.Options{Replica: "g1", Limits: []budget.Limit{limit}})
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Recover(t.Context(), nil); err != nil {
		t.Error(err)
	}
	v, err := keeper.Reserve(t.Context(), budget.Claim{ID: "c", KeyID: key.ID, Amount: 900, At: time.Now()})
	if err != nil || !v.Reserved() {
		t.Errorf("verdict %+v, %v", v, err)
	}
	if err := keeper.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := js.Conn().LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := store.Create(ctx, keys.Spec{Scopes: []keys.Scope{keys.ScopeAdmin}}); err == nil {
		t.Error("a gateway can make itself a key")
	}
}

// What the gateway's page shows and does is within the gateway's reach: how far the stages are, dead letters, and
// handing them to their stage once more, twice being once.
func TestAGatewayWatchesTheRingAndReplaysWithThePermissionsOfItsRole(t *testing.T) {
	server := natstest.StartRoles(t)
	letter, err := streams.DeadMessage(streams.DeadLetter{
		Envelope: streams.Envelope{Stream: streams.StreamQueries, Subject: "queries.asked.web", Sequence: 1, ID: "q1", Data: []byte(`{"query":"why?"}`), StoredAt: time.Now()},
		Stage:    "intake", Durable: "intake-v1", Class: sluice.ClassExhausted, Reason: sluice.ReasonExhausted, Error: "broken", Attempts: 1, DiedAt: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.JetStreamAs(streams.RoleIntake).Publish(t.Context(), letter.Subject, letter.Data); err != nil {
		t.Fatal(err)
	}
	js := server.JetStreamAs(streams.RoleGateway)
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	status, err := operate.Look(t.Context(), js, nil, operate.Status{}, time.Now())
	if err != nil || len(status.Streams) != len(streams.Names()) {
		t.Errorf("status %+v, %v", status, err)
	}
	letters, err := operate.Letters(t.Context(), js, operate.Selection{})
	if err != nil || len(letters) != 1 {
		t.Fatalf("letters %+v, %v", letters, err)
	}
	for range 2 {
		if _, err := operate.Revive(t.Context(), js, p, letters); err != nil {
			t.Error(err)
		}
	}
	operator := server.JetStreamAs(streams.RoleOperator)
	for stream, want := range map[string]uint64{streams.StreamDead: 0, streams.StreamRetries: 1} {
		if s, err := operator.Stream(t.Context(), stream); err != nil || s.CachedInfo().State.Msgs != want {
			t.Errorf("%s holds %+v (%v), want %d", stream, s.CachedInfo().State, err, want)
		}
	}
	if err := js.Conn().LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		t.Error(err)
	}
}
