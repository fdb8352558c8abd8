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
// their hashes.
type sessions struct {
	now func() time.Time

	mu    sync.Mutex
	until map[string]time.Time
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, until: map[string]time.Time{}}
}

// open begins a session. The cookie is not sent by other sites' requests and can't be read by scripts.
func (s *sessions) open(w http.ResponseWriter, secure bool) {
	token := rand.Text()
	s.mu.Lock()
	if len(s.until) >= mostSessions {
		s.dropOldest()
	}
	s.until[hashed(token)] = s.now().Add(sessionAge)
	s.mu.Unlock()
	http.SetCookie(w, cookie(token, int(sessionAge.Seconds()), secure))
}

func (s *sessions) dropOldest() {
	var oldest string
	for token, until := range s.until {
		if oldest == "" || until.Before(s.until[oldest]) {
			oldest = token
		}
	}
	delete(s.until, oldest)
}

// valid says whether the request belongs to a session.
func (s *sessions) valid(r *http.Request) bool {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	until, ok := s.until[hashed(c.Value)]
	if ok && s.now().After(until) {
		delete(s.until, hashed(c.Value))
		return false
	}
	return ok
}

// end ends the request's session.
func (s *sessions) end(w http.ResponseWriter, r *http.Request, secure bool) {
	if c, err := r.Cookie(sessionCookie); err == nil {
		s.mu.Lock()
		delete(s.until, hashed(c.Value))
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
