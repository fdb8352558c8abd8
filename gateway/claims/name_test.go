package claims_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice/gateway/claims"
	"sluice/internal/natstest"
)

// page is a book in memory, in a bubble of time.
type page struct {
	mu       sync.Mutex
	value    []byte
	revision uint64
	put      time.Time
	away     bool
	full     bool
}

var errAway = errors.New("away")

func (p *page) Put(_ context.Context, _ string, value []byte, over uint64) (uint64, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return 0, false, errAway
	}
	if p.revision != over || p.full {
		return 0, false, nil
	}
	p.value, p.put = value, time.Now()
	p.revision++
	return p.revision, true, nil
}

func (p *page) Get(context.Context, string) ([]byte, uint64, time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return nil, 0, 0, errAway
	}
	return p.value, p.revision, time.Since(p.put), nil
}

func (p *page) Drop(context.Context, string, uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.value, p.revision = nil, 0
	return nil
}

func (p *page) leave(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = is
}

// lives renews a name until stop.
func lives(t *testing.T, n *claims.Name) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var living sync.WaitGroup
	living.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(claims.RenewEvery):
				if err := n.Renew(ctx); err != nil {
					t.Error(err)
				}
			}
		}
	})
	return func() { cancel(); living.Wait() }
}

func quiet(claims.Holder) {}

// taken takes a name, and says how long that took.
func taken(t *testing.T, n *claims.Name) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	err := n.Take(t.Context(), quiet)
	return time.Since(began), err
}

func TestANameOfALivingProcessIsRefusedToACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &page{}
		original := claims.NewName(book, "gate", claims.Holder{Place: "here", Host: "one"})
		waited := 0
		hear := func(who claims.Holder) {
			if waited++; who.Host != "one" {
				t.Errorf("waits for %+v", who)
			}
		}
		duplicate := claims.NewName(book, "gate", claims.Holder{Place: "there", Host: "two"})
		if _, err := taken(t, original); err != nil {
			t.Fatal(err)
		}
		stop := lives(t, original)
		if after, err := taken(t, duplicate); !errors.Is(err, claims.ErrTaken) || after > 2*claims.RenewEvery {
			t.Errorf("after %v: %v", after, err)
		}
		stop()
		died := time.Now()
		if err := duplicate.Take(t.Context(), hear); err != nil || waited != 1 || time.Since(died) > 4*claims.RenewEvery {
			t.Errorf("%v after the original's death: %v, told %d times whom it waits for", time.Since(died), err, waited)
		}
		if err := original.Renew(t.Context()); !errors.Is(err, claims.ErrTaken) {
			t.Errorf("an original that was taken for dead hears %v", err)
		}
	})
}

func TestTheNextProcessOfAPlaceHasItsNameAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &page{}
		for pid := range 3 { // each but the last is killed
			if after, err := taken(t, claims.NewName(book, "gate", claims.Holder{Place: "here", PID: pid})); err != nil || after > 0 {
				t.Errorf("process %d after %v: %v", pid, after, err)
			}
		}
	})
}

func TestALogThatTakesNoClaimIsNotAskedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &page{}
		if _, err := taken(t, claims.NewName(book, "gate", claims.Holder{Place: "here"})); err != nil {
			t.Fatal(err)
		}
		book.full = true
		for _, place := range []string{"here", "there"} {
			if _, err := taken(t, claims.NewName(book, "gate", claims.Holder{Place: place})); err == nil || errors.Is(err, claims.ErrTaken) {
				t.Errorf("from %s, the bucket being full: %v", place, err)
			}
		}
	})
}

func TestANameThatIsFreedIsHadAtOnceAndOnlyItsHolderFreesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &page{}
		one, other := claims.NewName(book, "gate", claims.Holder{Place: "here"}), claims.NewName(book, "gate", claims.Holder{Place: "there"})
		if err := errors.Join(one.Take(t.Context(), quiet), other.Free(t.Context()), other.Renew(t.Context())); !errors.Is(err, claims.ErrTaken) {
			t.Errorf("another one freed it: %v", err)
		}
		if err := one.Free(t.Context()); err != nil {
			t.Error(err)
		}
		if after, err := taken(t, other); err != nil || after > 0 {
			t.Errorf("after %v: %v", after, err)
		}
	})
}

func TestANameIsNotLostWhileTheLogIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &page{}
		n := claims.NewName(book, "gate", claims.Holder{Place: "here"})
		if _, err := taken(t, n); err != nil {
			t.Fatal(err)
		}
		book.leave(true)
		<-time.After(time.Hour)
		if err := n.Renew(t.Context()); err == nil || errors.Is(err, claims.ErrTaken) {
			t.Errorf("the log being away says %v", err)
		}
		book.leave(false)
		if err := n.Renew(t.Context()); err != nil {
			t.Errorf("after it came back: %v", err)
		}
	})
}

func TestAGatewaysRoleMayClaimItsName(t *testing.T) {
	b, err := claims.Open(t.Context(), natstest.StartRoles(t).JetStreamAs("gateway"))
	if err != nil {
		t.Fatal(err)
	}
	n := claims.NewName(b, "host-0-a1b2c3d4", claims.Holder{Place: "here"})
	for range 2 {
		if err := errors.Join(n.Take(t.Context(), quiet), n.Renew(t.Context()), n.Free(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

// Whoever may publish anything may have the server, or a service, answer where names are claimed.
func TestAClaimWithoutAPlaceTakesNobodysName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &page{}
		n := claims.NewName(book, "gate", claims.Holder{Place: "here"})
		if _, err := taken(t, n); err != nil {
			t.Fatal(err)
		}
		_, revision, _, err := book.Get(t.Context(), "name.gate")
		if err != nil || revision == 0 {
			t.Fatalf("revision %d, %v", revision, err)
		}
		for _, answer := range []string{`{"stream":"QUERIES","seq":5}`, "", "no JSON", `{"place":5}`} {
			if _, ok, err := book.Put(t.Context(), "name.gate", []byte(answer), revision); !ok || err != nil {
				t.Fatal(err)
			}
			if err := n.Renew(t.Context()); err != nil {
				t.Errorf("where %q stands its holder hears %v", answer, err)
			}
			revision += 2
		}
	})
}
