package page

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// A session lasts sessionAge from its login; a process keeps at most mostSessions, the oldest leave.
const (
	sessionCookie = "sluice_session"
	sessionAge    = 12 * time.Hour
	mostSessions  = 1000
)

// sessions are the logins of this process; another replica wants a login of its own. Tokens are kept as
// their hashes. A session ends with its key.
type sessions struct {
	now   func() time.Time
	holds func(key string) bool // nil: every key holds

	mu sync.Mutex
	by map[string]session
}

type session struct {
	key   string
	until time.Time
}

func newSessions(now func() time.Time, holds func(string) bool) *sessions {
	return &sessions{now: now, holds: holds, by: map[string]session{}}
}

// open begins a session of a key. The cookie is not sent by other sites' requests and can't be read by
// scripts.
func (s *sessions) open(w http.ResponseWriter, key string, secure bool) {
	token := rand.Text()
	s.mu.Lock()
	if len(s.by) >= mostSessions {
		s.dropOldest()
	}
	s.by[hashed(token)] = session{key, s.now().Add(sessionAge)}
	s.mu.Unlock()
	http.SetCookie(w, cookie(token, int(sessionAge.Seconds()), secure))
}

func (s *sessions) dropOldest() {
	var oldest string
	for token, x := range s.by {
		if oldest == "" || x.until.Before(s.by[oldest].until) {
			oldest = token
		}
	}
	delete(s.by, oldest)
}

// admin is the id of the key that the request's session was opened with; ok says whether there is one.
func (s *sessions) admin(r *http.Request) (key string, ok bool) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.by[hashed(c.Value)]
	if ok && (s.now().After(x.until) || s.holds != nil && !s.holds(x.key)) {
		delete(s.by, hashed(c.Value))
		return "", false
	}
	return x.key, ok
}

// valid says whether the request belongs to a session.
func (s *sessions) valid(r *http.Request) bool {
	_, ok := s.admin(r)
	return ok
}

// end ends the request's session.
func (s *sessions) end(w http.ResponseWriter, r *http.Request, secure bool) {
	if c, err := r.Cookie(sessionCookie); err == nil {
		s.mu.Lock()
		delete(s.by, hashed(c.Value))
		s.mu.Unlock()
	}
	http.SetCookie(w, cookie("", -1, secure))
}

func cookie(token string, age int, secure bool) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure wherever the connection is: on loopback there is no TLS
		Name: sessionCookie, Value: token, Path: "/page/", MaxAge: age, HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteStrictMode,
	}
}

func hashed(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
