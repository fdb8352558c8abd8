package keys

import (
	"time"

	"golang.org/x/time/rate"
)

// Lookup finds the key of a secret ("sk-sluice-..."). It asks nobody. Its errors are [ErrMissing],
// [ErrUnknown], [ErrExpired] and [ErrRevoked].
func (s *Store) Lookup(secret string) (Key, error) {
	if secret == "" {
		return Key{}, ErrMissing
	}
	s.mu.RLock()
	e := s.records[idOf(secret)] // of nobody, the zero entry, whose hash nothing matches
	s.mu.RUnlock()
	switch {
	case !matches(secret, e.hash):
		return Key{}, ErrUnknown
	case !e.key.RevokedAt.IsZero():
		return Key{}, ErrRevoked
	case !e.key.ExpiresAt.IsZero() && !s.o.Now().Before(e.key.ExpiresAt):
		return Key{}, ErrExpired
	}
	return e.key, nil
}

// Authenticate is [Store.Lookup] that also knows anonymous development: without a secret, a request that
// came straight from this machine gets the anonymous key while [Store.AnonymousOpen] holds. loopback
// must be false for a request that a proxy forwarded, whatever its peer's address is.
func (s *Store) Authenticate(secret string, loopback bool) (Key, error) {
	if secret == "" && loopback && s.AnonymousOpen() {
		return Key{ID: "anonymous", Name: "anonymous", Scopes: Scopes(), Anonymous: true}, nil
	}
	return s.Lookup(secret)
}

// AnonymousOpen says whether requests from this machine need no key: Options.Anonymous, and no key was
// ever made; revoking the last one does not open the door again. A gateway in this state should listen on
// loopback alone, and say so.
func (s *Store) AnonymousOpen() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.o.Anonymous && s.last == 0
}

// Allow takes one request off the key's rate. Where there is none left it says how long to wait. The
// rate is this replica's share, RatePerMinute / Options.Replicas, with bursts of up to ten seconds of it:
// replicas do not ask one another, so that the limit is never passed in the long run, and is reached only
// where traffic is spread evenly.
func (s *Store) Allow(k Key) (ok bool, retryAfter time.Duration) {
	if k.RatePerMinute <= 0 {
		return true, 0
	}
	now := s.o.Now()
	l := s.limiter(k)
	if l.AllowN(now, 1) { // a reservation that is cancelled gives nothing back where others came after it
		return true, 0
	}
	missing := max(1-l.TokensAt(now), 0)
	return false, max(time.Duration(missing/float64(l.Limit())*float64(time.Second)), time.Millisecond)
}

func (s *Store) limiter(k Key) *rate.Limiter {
	s.mu.RLock()
	l := s.limiters[k.ID]
	s.mu.RUnlock()
	if l != nil {
		return l
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l = s.limiters[k.ID]; l == nil {
		perSecond := float64(k.RatePerMinute) / 60 / float64(s.o.Replicas)
		l = rate.NewLimiter(rate.Limit(perSecond), max(int(10*perSecond), 1))
		s.limiters[k.ID] = l
	}
	return l
}
