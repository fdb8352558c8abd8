package consumers_test

import (
	"context"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

// shop is a stage that buys what the log does not hold: one thing for each message. What is bought waits to be let go.
type shop struct {
	latest  *streams.Latest
	entered chan uint64
	letGo   chan struct{}
	bought  *atomic.Int64
	// third, where set, lets the third message go instead.
	third chan struct{}
}

// shops makes a shop for each connection, of which all wait for the same word.
func shops(t *testing.T, logs ...jetstream.JetStream) []*shop {
	t.Helper()
	all := make([]*shop, len(logs))
	entered, letGo, bought := make(chan uint64, 100), make(chan struct{}), new(atomic.Int64)
	for i, js := range logs {
		latest, err := streams.NewLatest(js)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = latest.Close() })
		all[i] = &shop{latest: latest, entered: entered, letGo: letGo, bought: bought}
	}
	return all
}

func (s *shop) Work(in streams.Message) string { return copyOf(in).Subject }

func (s *shop) Bought(ctx context.Context, in streams.Message) (bool, error) {
	found, err := s.latest.Get(ctx, streams.StreamAnswers, copyOf(in).Subject)
	return len(found) > 0, err
}

func (s *shop) Handle(ctx context.Context, in streams.Message) ([]streams.Message, error) {
	if there, err := s.Bought(ctx, in); there || err != nil {
		return nil, err
	}
	s.bought.Add(1)
	s.entered <- in.Sequence
	letGo := s.letGo
	if in.Sequence == 3 && s.third != nil {
		letGo = s.third
	}
	select {
	case <-letGo:
		return []streams.Message{copyOf(in)}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// at is a stage that is a shop, for one message at a time.
func (s *shop) at() consumers.Stage {
	st := stage(nil)
	st.Handler, st.Concurrency = s, 1
	return st
}

// processes are two connections to one log.
func processes(t *testing.T) (a, b jetstream.JetStream) {
	t.Helper()
	server := natstest.Start(t)
	a, b = server.JetStream(), server.JetStream()
	natstest.Apply(t, a, natstest.Options())
	return a, b
}

// Two replays of one message (sluice replay twice) that two copies of a stage have at one moment: both would find
// nothing stored.
func TestTwoReplaysOfOneMessageInTwoProcessesBuyOnce(t *testing.T) {
	a, b := processes(t)
	s := shops(t, a, b)
	one := start(t, a, s[0].at())
	two := start(t, b, s[1].at(), func(c *consumers.Config) { c.Observe = func(s consumers.Settled) { one.settled <- s } })
	put(t, a, again(t, "1", "queries.asked.elsewhere", 9), again(t, "2", "queries.asked.elsewhere", 9))
	<-s[0].entered
	select {
	case <-s[0].entered:
		t.Error("both ask")
	case f := <-one.settled:
		if f.Class != sluice.ClassWait {
			t.Errorf("%+v", f)
		}
	}
	close(s[0].letGo)
	one.acked(2)
	if n := s[0].bought.Load(); n != 1 {
		t.Errorf("bought %d times", n)
	}
	one.stop()
	two.stop()
	if got := claimed(t, a); len(got) != 0 {
		t.Errorf("claims are left: %v", got)
	}
}

// sameWork is a shop that every message has buy one thing, as labels of one query do.
type sameWork struct{ *shop }

func (s sameWork) Work(in streams.Message) string { return s.shop.Work(s.one(in)) }

func (s sameWork) Bought(ctx context.Context, in streams.Message) (bool, error) {
	return s.shop.Bought(ctx, s.one(in))
}

func (s sameWork) Handle(ctx context.Context, in streams.Message) ([]streams.Message, error) {
	return s.shop.Handle(ctx, s.one(in))
}

func (sameWork) one(in streams.Message) streams.Message {
	in.Sequence = 1
	return in
}

func TestOrdinaryMessagesOfOneWorkThatACopyHasAtOneTimeBuyOnce(t *testing.T) {
	js := natstest.Log(t)
	s := shops(t, js)[0]
	st := s.at()
	st.Handler, st.Concurrency, st.SharedWork = sameWork{s}, 8, true
	r := start(t, js, st)
	ask(t, js, 3)
	<-s.entered
	select {
	case <-s.entered:
		t.Error("two ask")
	case f := <-r.settled:
		if f.Class != sluice.ClassWait {
			t.Errorf("%+v", f)
		}
	}
	close(s.letGo)
	r.acked(3)
	if n := s.bought.Load(); n != 1 {
		t.Errorf("bought %d times", n)
	}
	r.stop()
	if got := claimed(t, js); len(got) != 0 {
		t.Errorf("ordinary messages claim %v", got)
	}
}

// claimed lists the claims that stand in the bucket.
func claimed(t *testing.T, js jetstream.JetStream) []string {
	t.Helper()
	kv, err := js.KeyValue(t.Context(), streams.BucketAttempts)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.ListKeysFiltered(t.Context(), "claim.>")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for k := range keys.Keys() {
		all = append(all, k)
	}
	return all
}

// What a killed process had claimed is free once it was silent for AckWait; what a living one has claimed is not,
// however long it takes.
func TestAClaimIsGoodForAsLongAsItsHolderLives(t *testing.T) {
	a, b := processes(t)
	s := shops(t, a, b)
	patient := func(c *consumers.Config) { c.AckWait = 2 * time.Second }
	one := start(t, a, s[0].at(), patient)
	put(t, a, again(t, "1", "queries.asked.elsewhere", 9))
	<-s[0].entered
	two := start(t, b, s[1].at(), patient)
	put(t, a, again(t, "2", "queries.asked.elsewhere", 9))
	for range 6 { // which takes longer than a silent one is waited for
		if f := two.next(); f.Class != sluice.ClassWait {
			t.Fatalf("%+v beside a living holder", f)
		}
	}
	a.Conn().Close() // as a kill: it says no word more
	<-s[0].entered   // by whichever message comes first; the other one waits for it
	close(s[0].letGo)
	two.acked(2)
	if n := s[0].bought.Load(); n != 2 {
		t.Errorf("bought %d times, want once by the dead and once by the living", n)
	}
	if err := <-one.done; err == nil {
		t.Error("the connection was closed under a runner, and it says nothing")
	}
	one.done <- nil
}

// express is a shop with a lane for those in a hurry: what comes there overtakes the message that it names.
type express struct {
	*shop
	// lag is how many looks find a replica behind.
	lag *atomic.Int64
}

const expressLane = "queries.asked.express"

func (e express) Overtakes(_ context.Context, in *streams.Message) (*streams.Message, streams.Stored, error) {
	if in.Subject != expressLane {
		return nil, streams.Stored{}, nil
	}
	if e.lag != nil && e.lag.Add(-1) >= 0 {
		return nil, streams.Stored{}, sluice.Stale(errBad)
	}
	n, err := strconv.ParseUint(string(in.Data), 10, 64)
	instead := *in
	instead.Sequence = n
	return &instead, streams.Stored{Subject: "queries.asked.test", Sequence: n}, err
}

func (e express) at() consumers.Stage {
	s := e.shop.at()
	s.Handler = e
	s.Inputs = []consumers.Input{
		{Stream: streams.StreamQueries, Durable: "copy-v1-express", Filters: []string{expressLane}},
		{Stream: streams.StreamQueries, Durable: "copy-v1", Filters: []string{"queries.asked.test"}},
	}
	return s
}

// hurry publishes what overtakes the message of a sequence.
func hurry(t *testing.T, js jetstream.JetStream, sequence string) {
	t.Helper()
	put(t, js, streams.Message{Subject: expressLane, Data: []byte(sequence)})
}

// What waits is brought forward, and its own turn comes, in another process, while the other one is in hand.
func TestAMessageThatIsOvertakenWaits(t *testing.T) {
	a, b := processes(t)
	s := shops(t, a, b)
	third := make(chan struct{})
	s[0].third, s[1].third = third, third
	one := start(t, a, express{shop: s[0]}.at())
	two := start(t, b, express{shop: s[1]}.at(), func(c *consumers.Config) { c.Observe = func(s consumers.Settled) { one.settled <- s } })
	ask(t, a, 2)
	if n, m := <-s[0].entered, <-s[0].entered; n+m != 3 {
		t.Fatalf("%d and %d are in hand", n, m)
	}
	ask(t, a, 1)
	hurry(t, a, "3")
	if n := <-s[0].entered; n != 3 {
		t.Fatalf("%d is brought forward", n)
	}
	wait(t, "both hear of it", func() bool { return one.runner.Heard() == 1 && two.runner.Heard() == 1 })
	close(s[0].letGo)
	if done := one.until(sluice.ClassWait); done > 2 {
		t.Errorf("%d messages were settled before the one that was overtaken was put off", done)
	}
	close(third)
	one.acked(2)
	if n := s[0].bought.Load(); n != 3 {
		t.Errorf("bought %d times, want 3", n)
	}
	wait(t, "the claim is dropped", func() bool { return one.runner.Heard() == 0 && two.runner.Heard() == 0 })
}

// The claim is on its way yet to the process to which the server hands the other message.
func TestWhatIsHandedOutBeforeAClaimIsHeardIsWaitedFor(t *testing.T) {
	a, b := processes(t)
	s := shops(t, a, b)
	third := make(chan struct{})
	s[0].third, s[1].third, s[1].letGo = third, third, make(chan struct{})
	long := consumers.HeardWithin(time.Second)
	ordinary := express{shop: s[1]}.at()
	ordinary.Inputs = ordinary.Inputs[1:]
	one := start(t, a, express{shop: s[0]}.at(), long)
	two := start(t, b, ordinary, long)
	ask(t, a, 2)
	if n, m := <-s[0].entered, <-s[0].entered; n+m != 3 {
		t.Fatalf("%d and %d are in hand", n, m)
	}
	ask(t, a, 1)
	hear := two.runner.Deafen()
	hurry(t, a, "3") // to the first process, which has no place for what is in no hurry
	wait(t, "it is claimed", func() bool { return one.runner.Heard() == 1 })
	close(s[1].letGo)
	if n := <-s[0].entered; n != 3 {
		t.Errorf("%d is handed out", n)
	}
	hear()
	one.until(sluice.ClassWait)
	close(third)
	close(s[0].letGo)
	two.acked(2)
	one.acked(2)
	if n := s[0].bought.Load(); n != 3 {
		t.Errorf("bought %d times, want 3", n)
	}
}

// Each word to the log takes 30 ms: one after the other, 400 claims would take twelve seconds.
func TestHundredsOfClaimsAreRenewedOverASlowLink(t *testing.T) {
	const n = 400
	server := natstest.Start(t)
	far := &slowLink{}
	js := natstest.Upstream(t, server.URL(), nats.SetCustomDialer(far))
	natstest.Apply(t, js, natstest.Options())
	s := shops(t, js)[0]
	s.entered = make(chan uint64, n)
	st := s.at()
	st.Concurrency = n
	r := start(t, js, st)
	replays := make([]streams.Message, n)
	for i := range replays {
		replays[i] = again(t, strconv.Itoa(i), "queries.asked.elsewhere", uint64(i+1))
	}
	put(t, js, replays...)
	for range n {
		<-s.entered
	}
	before := revisions(t, server.JetStream())
	far.late.Store(int64(30 * time.Millisecond))
	r.runner.Renew(t.Context())
	far.late.Store(0)
	after := revisions(t, server.JetStream())
	if len(before) != n || len(after) != n {
		t.Fatalf("%d claims, then %d", len(before), len(after))
	}
	for name, revision := range after {
		if revision == before[name] {
			t.Fatalf("%s is not renewed", name)
		}
	}
	close(s.letGo)
	r.acked(n)
}

// slowLink dials connections whose every reading takes its time.
type slowLink struct{ late atomic.Int64 }

func (l *slowLink) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return &slowConn{c, l}, err
}

type slowConn struct {
	net.Conn
	link *slowLink
}

func (c *slowConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	<-time.After(time.Duration(c.link.late.Load()))
	return n, err
}

// revisions are those of the claims that stand, by name.
func revisions(t *testing.T, js jetstream.JetStream) map[string]uint64 {
	t.Helper()
	kv, err := js.KeyValue(t.Context(), streams.BucketAttempts)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]uint64{}
	for _, name := range claimed(t, js) {
		entry, err := kv.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = entry.Revision()
	}
	return all
}

// What is in hand already is waited for, and not bought beside it.
func TestWhatOvertakesAMessageThatIsInHandWaitsForIt(t *testing.T) {
	a, b := processes(t)
	s := shops(t, a, b)
	one := start(t, a, express{shop: s[0]}.at())
	ask(t, a, 1)
	<-s[0].entered
	start(t, b, express{shop: s[1]}.at(), func(c *consumers.Config) { c.Observe = func(s consumers.Settled) { one.settled <- s } })
	hurry(t, a, "1")
	for range 3 {
		if f := one.next(); f.Class != sluice.ClassWait {
			t.Fatalf("%+v", f)
		}
	}
	close(s[0].letGo)
	one.acked(2)
	if n := s[0].bought.Load(); n != 1 {
		t.Errorf("bought %d times", n)
	}
}

// A replica that lags behind is no reason for what is in a hurry to come again.
func TestWhatIsInAHurryWaitsInPlaceForAReplica(t *testing.T) {
	js := natstest.Log(t)
	e := express{shop: shops(t, js)[0], lag: new(atomic.Int64)}
	e.lag.Store(2)
	close(e.letGo)
	r := start(t, js, e.at())
	hurry(t, js, "9")
	if f := r.next(); f.Class != "" || f.Deliveries != 1 {
		t.Errorf("%+v", f)
	}
}
