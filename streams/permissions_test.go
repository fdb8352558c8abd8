package streams_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/internal/natstest"
	"sluice/streams"
)

// mayPublish says whether the server takes a message on a subject from the connection. The refusal of a
// publish comes before the answer to the ping behind it.
func mayPublish(t *testing.T, nc *nats.Conn, subject string, body string) bool {
	t.Helper()
	if err := nc.PublishRequest(subject, nc.NewInbox(), []byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return !refused(nc, "Publish to \""+subject+"\"")
}

func maySubscribe(t *testing.T, nc *nats.Conn, subject string) bool {
	t.Helper()
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return !refused(nc, "Subscription to \""+subject+"\"")
}

func refused(nc *nats.Conn, what string) bool {
	err := nc.LastError()
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(what))
}

// The judge can't learn who answered: the ledger and the secret of the arms are out of its reach by every
// door of the server (Invariant 3).
func TestAJudgeReadsNeitherTheLedgerNorTheSecretOfTheArms(t *testing.T) {
	s := natstest.StartRoles(t)
	if _, err := streams.ArmSecret(t.Context(), s.JetStreamAs(streams.RoleAnswer)); err != nil {
		t.Fatal(err)
	}
	doors := []struct{ subject, body string }{
		{"$JS.API.DIRECT.GET.CALLS", `{"seq":1}`},
		{"$JS.API.DIRECT.GET.CALLS.calls.billed.answer.x", ""},
		{"$JS.API.STREAM.MSG.GET.CALLS", `{"seq":1}`},
		{"$JS.API.STREAM.INFO.CALLS", ""},
		{"$JS.API.CONSUMER.CREATE.CALLS", `{"stream_name":"CALLS","config":{}}`},
		{"$JS.API.CONSUMER.CREATE.CALLS.judge-v1", `{"stream_name":"CALLS","config":{"durable_name":"judge-v1"}}`},
		{"$JS.API.CONSUMER.DURABLE.CREATE.CALLS.judge-v1", `{}`},
		{"$JS.API.CONSUMER.MSG.NEXT.CALLS.record-v1-calls", `{"batch":1}`},
		{"$JS.API.STREAM.CREATE.SPY", `{"name":"SPY","sources":[{"name":"CALLS"}]}`},
		{"$JS.API.STREAM.UPDATE.VERDICTS", `{"name":"VERDICTS","sources":[{"name":"CALLS"}]}`},
		{"$JS.API.DIRECT.GET.KV_arms.$KV.arms.secret", ""},
		{"$JS.API.DIRECT.GET.KV_arms", `{"seq":1}`},
		{"$JS.API.STREAM.MSG.GET.KV_arms", `{"seq":1}`},
		{"$JS.API.CONSUMER.CREATE.KV_arms.x", `{"stream_name":"KV_arms","config":{"name":"x"}}`},
		{"$JS.API.CONSUMER.CREATE.RETRIES.judge-v1-retries", `{"stream_name":"RETRIES","config":{"durable_name":"judge-v1-retries"}}`},
		{"$JS.API.CONSUMER.CREATE.RETRIES.judge-v1-retries.retries.asked.record.>", `{}`},
		{"$JS.API.DIRECT.GET.DEAD", `{"seq":1}`},
		{"$JS.API.DIRECT.GET.DEAD.dead.record.x.y", ""},
		{"$JS.API.CONSUMER.MSG.NEXT.ANSWERS.record-v1-answers", `{"batch":1}`},
		{"$KV.arms.secret", "mine"},
		{"answers.said.p.k.a", "x"},
		{"labels.drawn.k.x", "x"},
		{"calls.billed.answer.x", "x"},
	}
	judge, operator := s.ConnectAs(streams.RoleJudge), s.ConnectAs(streams.RoleOperator)
	for _, d := range doors {
		if mayPublish(t, judge, d.subject, d.body) {
			t.Errorf("the judge may publish to %s", d.subject)
		}
	}
	for _, subject := range []string{">", "calls.billed.>", "$KV.arms.>", "_INBOX.>", "_INBOX_answer.>", "*.>", "answers.said.>"} {
		if maySubscribe(t, judge, subject) {
			t.Errorf("the judge may subscribe to %s", subject)
		}
		if !maySubscribe(t, operator, subject) {
			t.Errorf("the probe itself is broken: the operator may not subscribe to %s", subject)
		}
	}
	if !mayPublish(t, operator, "$JS.API.STREAM.INFO.CALLS", "") || !mayPublish(t, judge, "$JS.API.STREAM.INFO.ANSWERS", "") {
		t.Error("the probe itself is broken")
	}
}

// Its share of RETRIES is all that the judge's durable there may be asked to hold, whatever the request
// says inside.
func TestAFilterInTheRequestCanNotWidenAStagesShareOfRetries(t *testing.T) {
	s := natstest.StartRoles(t)
	nc := s.ConnectAs(streams.RoleJudge)
	subject := "$JS.API.CONSUMER.CREATE.RETRIES.judge-v1-retries.retries.asked.judge.>"
	for _, config := range []string{
		`{"durable_name":"judge-v1-retries","ack_policy":"explicit"}`,
		`{"durable_name":"judge-v1-retries","ack_policy":"explicit","filter_subject":"retries.asked.record.>"}`,
		`{"durable_name":"judge-v1-retries","ack_policy":"explicit","filter_subjects":["retries.asked.judge.>","retries.asked.record.>"]}`,
	} {
		m, err := nc.Request(subject, []byte(`{"stream_name":"RETRIES","config":`+config+`}`), 2*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(m.Data), `"error"`) {
			t.Errorf("%s was granted: %s", config, m.Data)
		}
	}
}

func TestAnUpstreamPublisherMayOnlyPublish(t *testing.T) {
	s := natstest.StartRoles(t)
	js := s.JetStreamAs(streams.RoleUpstream)
	if _, err := js.Publish(t.Context(), "queries.asked.web", []byte(`{"query":"Who?"}`)); err != nil {
		t.Fatalf("it can't publish: %v", err)
	}
	for _, subject := range []string{
		"queries.accepted.normal.k", "answers.said.p.k.a", "calls.billed.gateway.x", "$KV.keys.x", "$KV.budgets.x",
		"$JS.API.DIRECT.GET.QUERIES", "$JS.API.STREAM.MSG.GET.QUERIES", "$JS.API.CONSUMER.CREATE.QUERIES.x", "$JS.API.STREAM.DELETE.QUERIES",
		"$JS.API.STREAM.PURGE.QUERIES", "$JS.API.STREAM.LIST", "$JS.API.INFO",
	} {
		if mayPublish(t, js.Conn(), subject, "{}") {
			t.Errorf("it may publish to %s", subject)
		}
	}
	for _, subject := range []string{"queries.asked.>", ">", "_INBOX.>", "$JS.EVENT.>"} {
		if maySubscribe(t, js.Conn(), subject) {
			t.Errorf("it may subscribe to %s", subject)
		}
	}
}

// What the parts of the online ring and of training must not do, whatever runs in their place. The names of what
// they may are those of TestEveryCommandDoesItsWholeWorkUnderItsRole in internal/acceptance.
func TestEveryOnlineRoleIsRefusedWhatIsNotItsOwn(t *testing.T) {
	s := natstest.StartRoles(t)
	everybody := []string{
		"$JS.API.DIRECT.GET.CALLS", "$JS.API.DIRECT.GET.KV_arms", "$JS.API.DIRECT.GET.VERDICTS", "$JS.API.CONSUMER.CREATE.CALLS.x",
		"$KV.arms.secret", "$KV.keys.x", "answers.said.p.k.a", "verdicts.given.v1.p.k.a", "labels.drawn.k.x", "examples.made.k.x",
		"calls.billed.answer.x", "dead.record.x.y", "$JS.API.STREAM.PURGE.CALLS",
	}
	for role, subjects := range map[streams.Role][]string{
		streams.RoleGateway: {"queries.asked.web", "jobs.asked.x", "$KV.training.x", "$JS.API.STREAM.MSG.DELETE.TRAINING", "$O.artifacts.C.x", "route.answer", "$JS.API.CONSUMER.CREATE.DECISIONS.x", "$JS.API.STREAM.MSG.DELETE.RETRIES", "$JS.API.CONSUMER.CREATE.RETRIES.x"},
		streams.RoleRouter:  {"decisions.taken.x", "calls.billed.gateway.x", "$KV.budgets.x", "$JS.API.DIRECT.GET.KV_keys", "$O.artifacts.C.x", "route.answer"},
		streams.RoleClient: {
			"router.route", "decisions.taken.x", "feedback.given.x.y", "calls.billed.gateway.x", "$KV.budgets.x", "$KV.routers.active",
			"$JS.API.INFO", "$JS.API.STREAM.INFO.DECISIONS", "$JS.API.DIRECT.GET.KV_keys", "$JS.API.DIRECT.GET.DECISIONS",
		},
		streams.RoleMonitor: {
			"decisions.taken.x", "calls.billed.judge.x", "jobs.asked.x", "$KV.budgets.x", "$KV.routers.active", "$JS.API.DIRECT.GET.KV_keys",
			"$JS.API.CONSUMER.MSG.NEXT.TRAINING.training-v1-events",
		},
		streams.RoleTraining: {"jobs.asked.x", "training.told.x.1.1", "$KV.training.x", "$KV.routers.active", "$JS.API.CONSUMER.MSG.NEXT.JOBS.train-v1"},
		streams.RoleTrainer:  {"$KV.routers.active", "decisions.taken.x", "$JS.API.DIRECT.GET.EXAMPLES", "$JS.API.CONSUMER.MSG.NEXT.JOBS.train-v1"},
		streams.RoleWorker:   {"jobs.asked.x", "decisions.taken.x", "$JS.API.DIRECT.GET.EXAMPLES", "$JS.API.DIRECT.GET.DECISIONS", "$JS.API.DIRECT.GET.KV_keys"},
		streams.RoleViewer: {
			"queries.asked.web", "$KV.training.x", "$JS.API.DIRECT.GET.QUERIES", "$JS.API.DIRECT.GET.DECISIONS", "$JS.API.STREAM.MSG.GET.DEAD",
			"$JS.API.CONSUMER.CREATE.QUERIES.x", "$JS.API.CONSUMER.MSG.NEXT.QUERIES.intake-v1", "$JS.API.STREAM.INFO.KV_keys",
		},
	} {
		nc := s.ConnectAs(role)
		for _, subject := range append(subjects, everybody...) {
			if mayPublish(t, nc, subject, "{}") {
				t.Errorf("%s may publish to %s", role, subject)
			}
		}
		for _, subject := range []string{">", "decisions.taken.>", "$KV.>", "_INBOX.>", "_INBOX_answer.>"} {
			if maySubscribe(t, nc, subject) {
				t.Errorf("%s may subscribe to %s", role, subject)
			}
		}
	}
}

// What a trainer stores, whoever serves can read and watch; they can't store anything themselves.
func TestRoutersAreStoredByTrainersAndReadByWhoServesThem(t *testing.T) {
	s := natstest.StartRoles(t)
	ctx := t.Context()
	worker := s.JetStreamAs(streams.RoleWorker)
	store, err := worker.ObjectStore(ctx, streams.ObjectStoreArtifacts)
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"one", "two"} { // the second replaces the first
		if _, err := store.PutBytes(ctx, "routers/v1.tar", []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	pointers, err := worker.KeyValue(ctx, streams.BucketRouters)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pointers.Put(ctx, "active", []byte("v1")); err != nil {
		t.Fatal(err)
	}
	for _, r := range []streams.Role{streams.RoleGateway, streams.RoleRouter, streams.RoleTrainer} {
		js := s.JetStreamAs(r)
		store, err := js.ObjectStore(ctx, streams.ObjectStoreArtifacts)
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		if got, err := store.GetBytes(ctx, "routers/v1.tar"); err != nil || string(got) != "two" {
			t.Errorf("%s reads %q, %v", r, got, err)
		}
		kv, err := js.KeyValue(ctx, streams.BucketRouters)
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		w, err := kv.WatchAll(ctx)
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		if e := <-w.Updates(); e == nil || string(e.Value()) != "v1" {
			t.Errorf("%s watches %v", r, e)
		}
		if err := w.Stop(); err != nil {
			t.Errorf("%s: %v", r, err)
		}
		if may := mayPublish(t, js.Conn(), "$O.artifacts.C.x", "x"); may != (r == streams.RoleTrainer) {
			t.Errorf("%s may store an artifact: %v", r, may)
		}
	}
}

func TestTheOnlineRolesConsumeAndPublishTheirFacts(t *testing.T) {
	s := natstest.StartRoles(t)
	ctx := t.Context()
	for _, c := range []struct {
		from    streams.Role
		subject string
		to      streams.Role
		stream  string
		durable string
	}{
		{streams.RoleGateway, "decisions.taken.d1", streams.RoleMonitor, streams.StreamDecisions, "monitor-v1-decisions"},
		{streams.RoleGateway, "feedback.given.d1.f1", streams.RoleMonitor, streams.StreamFeedback, "monitor-v1-feedback"},
		{streams.RoleMonitor, "alerts.raised.drift.a1", streams.RoleMonitor, streams.StreamAlerts, "notify-v1"},
		{streams.RoleTrainer, "jobs.asked.j1", streams.RoleWorker, streams.StreamJobs, streams.DurableTrain},
		{streams.RoleWorker, "training.told.j1.1.1", streams.RoleTraining, streams.StreamTraining, "training-v1-events"},
	} {
		if _, err := s.JetStreamAs(c.from).Publish(ctx, c.subject, []byte("x")); err != nil {
			t.Errorf("%s publishes %s: %v", c.from, c.subject, err)
			continue
		}
		js := s.JetStreamAs(c.to)
		durable, err := js.CreateOrUpdateConsumer(ctx, c.stream, jetstream.ConsumerConfig{Durable: c.durable, AckPolicy: jetstream.AckExplicitPolicy})
		if err != nil {
			t.Errorf("%s: %v", c.to, err)
			continue
		}
		m, err := durable.Next()
		if err == nil {
			err = m.DoubleAck(ctx)
		}
		if err != nil || m.Subject() != c.subject {
			t.Errorf("%s reads %s: %v", c.to, c.stream, err)
		}
	}
	router := s.ConnectAs(streams.RoleRouter)
	sub, err := router.Subscribe("router.route", func(m *nats.Msg) { _ = m.Respond([]byte("Complex_Query")) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := router.Flush(); err != nil { // behind it the server knows of the subscription
		t.Fatal(err)
	}
	m, err := s.ConnectAs(streams.RoleGateway).Request("router.route", nil, 10*time.Second)
	if err != nil || string(m.Data) != "Complex_Query" {
		t.Errorf("a gateway asks a router: %v, %v", m, err)
	}
}

// Only the operator may change what the streams are, or remove from them; but a gateway, whose page replays dead
// letters, may remove those.
func TestNoRoleButTheOperatorManagesStreams(t *testing.T) {
	for _, r := range streams.Roles() {
		if r == streams.RoleOperator {
			continue
		}
		for _, s := range streams.PermissionsOf(r, "v1").Publish {
			for _, verb := range []string{"STREAM.CREATE", "STREAM.UPDATE", "STREAM.DELETE", "STREAM.MSG.DELETE"} {
				if r == streams.RoleGateway && s == "$JS.API.STREAM.MSG.DELETE.DEAD" {
					continue
				}
				if strings.HasPrefix(s, "$JS.API."+verb) || s == ">" || strings.HasPrefix(s, "$JS.API.>") || s == "$JS.>" {
					t.Errorf("%s may %s", r, s)
				}
			}
		}
	}
}

func TestNoRoleHearsAnothersReplies(t *testing.T) {
	for _, r := range streams.Roles() {
		for _, s := range streams.PermissionsOf(r, "v1").Subscribe {
			if strings.HasPrefix(s, "_INBOX") && s != streams.InboxPrefix(r)+".>" {
				t.Errorf("%s hears %s", r, s)
			}
		}
	}
}

// A line of the ledger that the server has already is read back by the stage that wrote it, which may
// read no other.
func TestAStageFindsItsOwnLineOfTheLedgerAgain(t *testing.T) {
	s := natstest.StartRoles(t)
	js := s.JetStreamAs(streams.RoleJudge)
	p, err := streams.NewPublisher(js, streams.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	m, err := streams.BilledFact(sluice.Call{ID: "c1", Stage: "judge", Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	var acks []streams.Ack
	for i := range 2 {
		m.ID = "id" + string(rune('a'+i)) // past the window in which the server knows it by its id
		if acks, err = p.Publish(t.Context(), []streams.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	if acks[0].New || acks[0].Sequence != 1 {
		t.Errorf("ack %+v", acks[0])
	}
}

// What sluice prints for a server of one's own means the same as what the embedded server does.
func TestThePrintedAuthorizationIsWhatTheServerReads(t *testing.T) {
	for _, r := range streams.Roles() {
		t.Setenv(streams.PasswordVariable(r), "pw-"+string(r))
	}
	var b strings.Builder
	if err := streams.WriteAuthorization(&b, "v1"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if len(o.Users) != len(streams.Roles()) {
		t.Fatalf("%d users", len(o.Users))
	}
	for _, u := range o.Users {
		want := streams.PermissionsOf(streams.Role(u.Username), "v1")
		slices.Sort(want.Publish)
		slices.Sort(want.Subscribe)
		if !slices.Equal(u.Permissions.Publish.Allow, slices.Compact(want.Publish)) || !slices.Equal(u.Permissions.Subscribe.Allow, want.Subscribe) {
			t.Errorf("%s: %+v", u.Username, u.Permissions)
		}
		if (u.Permissions.Response != nil) != want.Respond || u.Password != "pw-"+u.Username {
			t.Errorf("%s: respond %v, password %q", u.Username, u.Permissions.Response, u.Password)
		}
	}
}

func TestAUserWithoutItsPasswordIsNotLetIn(t *testing.T) {
	s := natstest.StartRoles(t)
	for _, o := range []streams.ConnectOptions{{}, {User: "operator", Password: "guess"}, {User: "nobody", Password: "x"}} {
		nc, err := streams.Connect(s.URL(), o)
		if err == nil {
			nc.Close()
			t.Errorf("%+v is let in", o)
		}
	}
}
