package keys

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/gateway/budget"
	"sluice/internal/natstest"
	"sluice/streams"
)

func open(t *testing.T, js jetstream.JetStream, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), js, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func create(t *testing.T, s *Store, spec Spec) (Key, string) {
	t.Helper()
	if spec.Scopes == nil {
		spec.Scopes = []Scope{ScopeChat}
	}
	key, secret, err := s.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return key, secret
}

// until waits until ok holds and says how long that took.
func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		case <-tick.C:
		}
	}
	return time.Since(began)
}

func TestASecretIsShownOnceAndNotStored(t *testing.T) {
	js := natstest.Log(t)
	s := open(t, js, Options{})
	key, secret := create(t, s, Spec{Name: "app", Tenant: "acme", Scopes: []Scope{ScopeChat, ScopeFeedback}})
	if !strings.HasPrefix(secret, "sk-sluice-"+key.ID+"-") || len(secret) < 70 {
		t.Errorf("secret of %d bytes", len(secret))
	}
	for m, err := range streams.Scan(t.Context(), js, "KV_"+streams.BucketKeys, streams.Window{}) {
		if err != nil {
			t.Fatal(err)
		}
		if tail := secret[strings.LastIndex(secret, "-")+1:]; strings.Contains(string(m.Data)+m.Subject, tail) {
			t.Errorf("the log holds the secret: %s", m.Subject)
		}
	}
	until(t, "the key is found", func() bool { _, err := s.Lookup(secret); return err == nil })
	got, _ := s.Lookup(secret)
	if got.ID != key.ID || got.Tenant != "acme" || !got.May(ScopeFeedback) || got.May(ScopeRoute) || got.May(ScopeAdmin) {
		t.Errorf("key %+v", got)
	}
}

func TestWhatIsNotAKeyIsUnknownWhateverItLooksLike(t *testing.T) {
	s := open(t, natstest.Log(t), Options{})
	key, secret := create(t, s, Spec{})
	until(t, "the key is found", func() bool { _, err := s.Lookup(secret); return err == nil })
	for _, bad := range []string{
		"x", "sk-sluice-", "sk-sluice-" + key.ID, "sk-sluice-" + key.ID + "-", secret + "x", secret[:len(secret)-1],
		strings.ToUpper(secret), "sk-sluice-nobody-" + secret[len(secret)-52:],
	} {
		if _, err := s.Lookup(bad); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := s.Lookup(""); !errors.Is(err, ErrMissing) {
		t.Errorf("nothing: %v", err)
	}
}

func TestARevocationHoldsOnEveryReplicaWithinASecondAlsoAfterTheServerRestarted(t *testing.T) {
	server := natstest.Start(t)
	natstest.Apply(t, server.JetStream(), natstest.Options())
	replicas := []*Store{open(t, server.JetStream(), Options{}), open(t, server.JetStream(), Options{}), open(t, server.JetStream(), Options{})}
	all := func(secret string, want error) func() bool {
		return func() bool {
			for _, s := range replicas {
				if _, err := s.Lookup(secret); !errors.Is(err, want) {
					return false
				}
			}
			return true
		}
	}
	quick := false
	for range 5 { // a machine that does much else is late now and then: not each time
		key, secret := create(t, replicas[0], Spec{})
		until(t, "a new key is known everywhere", all(secret, nil))
		if _, err := replicas[1].Revoke(t.Context(), key.ID); err != nil {
			t.Fatal(err)
		}
		quick = until(t, "the revocation holds", all(secret, ErrRevoked)) < time.Second
		if again, err := replicas[2].Revoke(t.Context(), key.ID); err != nil || again.RevokedAt.IsZero() {
			t.Errorf("revoked again: %+v, %v", again, err)
		}
		if quick {
			break
		}
	}
	if !quick {
		t.Error("of five revocations none held everywhere within a second")
	}
	key, secret := create(t, replicas[0], Spec{})
	until(t, "a new key is known everywhere", all(secret, nil))
	server.Stop()
	server.Start()
	operator := server.JetStream()
	until(t, "the server is there again", func() bool {
		_, err := operator.KeyValue(t.Context(), streams.BucketKeys)
		return err == nil
	})
	if !all(secret, nil)() {
		t.Error("a restart of the server put keys out of force")
	}
	if _, err := open(t, operator, Options{}).Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	until(t, "the revocation holds after a restart", all(secret, ErrRevoked)) // connections find the server again
	if _, err := replicas[0].Revoke(t.Context(), "nobody"); err == nil {
		t.Error("a key that is not there is revoked")
	}
}

func TestAKeyExpires(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	s := open(t, natstest.Log(t), Options{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	_, secret := create(t, s, Spec{ExpiresAt: now.Add(time.Hour)})
	until(t, "the key is found", func() bool { _, err := s.Lookup(secret); return err == nil })
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
	if _, err := s.Lookup(secret); !errors.Is(err, ErrExpired) {
		t.Errorf("after its hour: %v", err)
	}
}

func TestAKeysRateIsSharedOutAmongReplicas(t *testing.T) {
	now := time.Now()
	s := open(t, natstest.Log(t), Options{Replicas: 2, Now: func() time.Time { return now }})
	k := Key{ID: "k", RatePerMinute: 120} // one a second here, ten at once
	allowed := 0
	for range 20 {
		if ok, _ := s.Allow(k); ok {
			allowed++
		}
	}
	if allowed != 10 {
		t.Errorf("%d of 20 at once were let in, want 10", allowed)
	}
	if ok, wait := s.Allow(k); ok || wait <= 0 || wait > time.Second {
		t.Errorf("the next: %v, wait %v", ok, wait)
	}
	now = now.Add(3 * time.Second)
	allowed = 0
	for range 20 {
		if ok, _ := s.Allow(k); ok {
			allowed++
		}
	}
	if allowed != 3 {
		t.Errorf("after three seconds %d were let in, want 3", allowed)
	}
	if ok, _ := s.Allow(Key{ID: "free"}); !ok {
		t.Error("a key without a rate is bounded")
	}
}

func TestWithoutAnyKeyThisMachineMayComeInUntilTheFirstKeyIsMade(t *testing.T) {
	s := open(t, natstest.Log(t), Options{Anonymous: true})
	k, err := s.Authenticate("", true)
	if err != nil || !k.Anonymous || !k.May(ScopeAdmin) {
		t.Fatalf("from this machine: %+v, %v", k, err)
	}
	if _, err := s.Authenticate("", false); !errors.Is(err, ErrMissing) {
		t.Errorf("from elsewhere: %v", err)
	}
	if _, err := s.Authenticate("sk-sluice-x-y", true); !errors.Is(err, ErrUnknown) {
		t.Errorf("with a wrong key: %v", err)
	}
	key, _ := create(t, s, Spec{})
	until(t, "the door closes", func() bool { _, err := s.Authenticate("", true); return errors.Is(err, ErrMissing) })
	if _, err := s.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	until(t, "the key is revoked", func() bool { k, _ := s.Get(key.ID); return !k.RevokedAt.IsZero() })
	if s.AnonymousOpen() {
		t.Error("revoking the last key opened the door")
	}
}

func TestWithoutAnonymousDevelopmentNobodyComesInWithoutAKey(t *testing.T) {
	s := open(t, natstest.Log(t), Options{})
	if _, err := s.Authenticate("", true); !errors.Is(err, ErrMissing) {
		t.Errorf("error %v", err)
	}
}

func TestABucketThatWasMadeAnewHoldsNoOldKeys(t *testing.T) {
	js := natstest.Log(t)
	s := open(t, js, Options{Every: 10 * time.Millisecond})
	_, secret := create(t, s, Spec{})
	until(t, "the key is found", func() bool { _, err := s.Lookup(secret); return err == nil })
	if err := js.DeleteKeyValue(t.Context(), streams.BucketKeys); err != nil {
		t.Fatal(err)
	}
	natstest.Apply(t, js, natstest.Options())
	until(t, "the old key is gone", func() bool { _, err := s.Lookup(secret); return errors.Is(err, ErrUnknown) })
}

func TestAKeysOwnBudgetsAreNamedAndKept(t *testing.T) {
	js := natstest.Log(t)
	s := open(t, js, Options{})
	key, secret := create(t, s, Spec{Budgets: []budget.Limit{{Period: budget.Day, Limit: 5, Action: budget.ActionRefuse}}})
	if b := key.Budgets[0]; b.Name != "own-day" || b.Match != key.ID || b.Scope != budget.ScopeKey {
		t.Errorf("budget %+v", b)
	}
	late := open(t, js, Options{}) // a replica that starts later
	if got, err := late.Lookup(secret); err != nil || len(got.Budgets) != 1 || got.Budgets[0] != key.Budgets[0] {
		t.Errorf("key %+v, %v", got, err)
	}
	if list := late.List(); len(list) != 1 || list[0].ID != key.ID {
		t.Errorf("list %+v", list)
	}
}

func TestEveryFaultOfANewKeyIsNamed(t *testing.T) {
	s := open(t, natstest.Log(t), Options{})
	_, _, err := s.Create(t.Context(), Spec{
		Scopes: []Scope{"sudo"}, ExpiresAt: time.Now().Add(-time.Hour), RatePerMinute: -1,
		Budgets: []budget.Limit{{Period: "week", Limit: 1, Action: budget.ActionWarn}},
	})
	for _, want := range []string{`scope "sudo"`, "expired already", "rate is below 0", `"week"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %s in it", err, want)
		}
	}
}
