// Package notify is the stage that tells the world of alerts: each message of ALERTS is posted to every webhook.
//
// An alert enters; an HTTP request a webhook leaves, signed where a secret is configured. The runner repeats what
// fails, with backoff, and dead-letters what keeps failing. Who has taken an alert is spared the repetitions that
// others need, by this process; a receiver may hear of an alert more than once all the same, and knows it by its id.
package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"sluice"
	"sluice/bulkhead"
	"sluice/streams"
)

// Name begins the names of the stage's durables.
const Name = "notify"

// Headers of a request.
const (
	// HeaderSignature is "t=<Unix seconds>,v1=<hex of the HMAC-SHA256 of the seconds, a dot and the body>".
	HeaderSignature = "Sluice-Signature"
	// HeaderAlert is the alert's id: the same for every repetition.
	HeaderAlert = "Sluice-Alert-Id"
)

// Hook is a webhook.
type Hook struct {
	// URL may hold a secret; no error or line of a log shows more of it than its host.
	URL string
	// Secret signs the body; empty: no signature.
	Secret string
}

// body is what is posted: the alert, and its message once more under the key that chat services show.
type body struct {
	sluice.Alert
	Text string `json:"text"`
}

// Stage posts alerts.
type Stage struct {
	hooks  []Hook
	client *http.Client
	now    func() time.Time
	oldest time.Duration
	beside *bulkhead.Bulkhead

	mu sync.Mutex
	// taken says which hooks have taken an alert that others have not, by its id; recent lists those ids, the oldest
	// first.
	taken  map[string][]bool
	recent []string
}

// mostTaken bounds how many alerts are remembered that not every hook has taken.
const mostTaken = 1000

// New makes the stage. Alerts that are older than oldest when they are read are not posted: a stage that was away
// for days would report what is long over. Those that somebody has handed over once more are posted at any age. No
// redirect is followed: alerts and their signatures go where the configuration says and to no address that a receiver
// names, and what a redirect makes of a POST may be a GET without an alert in it. A panic within a post is that post's
// failure, told by beside.
func New(hooks []Hook, client *http.Client, oldest time.Duration, now func() time.Time, beside *bulkhead.Bulkhead) *Stage {
	mine := *client
	mine.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Stage{hooks: hooks, client: &mine, now: now, oldest: oldest, beside: beside, taken: map[string][]bool{}}
}

// Handle posts one alert to every hook, to all at once: none waits for another. Those that failed are tried again later.
func (s *Stage) Handle(ctx context.Context, in streams.Message) ([]streams.Message, error) {
	alert, err := streams.Decode[sluice.Alert](in.Data)
	if err != nil {
		return nil, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("%s: %w", in.Subject, err))
	}
	if in.Retry == "" && s.now().Sub(alert.RaisedAt) > s.oldest {
		return nil, nil
	}
	data, err := json.Marshal(body{Alert: alert, Text: alert.Severity + ": " + alert.Rule + ": " + alert.Message})
	if err != nil {
		return nil, sluice.Terminal(sluice.ReasonInvalidField, fmt.Errorf("alert %s: %w", alert.ID, err))
	}
	taken := s.tookBefore(alert.ID)
	faults := make([]error, len(s.hooks))
	var posting sync.WaitGroup
	for i, h := range s.hooks {
		if taken[i] {
			continue
		}
		posting.Go(func() {
			err := s.beside.Contain("post to a webhook", func() error { return s.post(ctx, h, alert.ID, data) })
			if taken[i] = err == nil; !taken[i] {
				faults[i] = fmt.Errorf("alert %s to webhook %d: %w", alert.ID, i+1, err)
			}
		})
	}
	posting.Wait()
	fault := errors.Join(faults...)
	s.remember(alert.ID, taken, fault != nil)
	return nil, fault
}

// tookBefore says which hooks have taken an alert already.
func (s *Stage) tookBefore(id string) []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if taken, ok := s.taken[id]; ok {
		return slices.Clone(taken)
	}
	return make([]bool, len(s.hooks))
}

// remember notes who has taken an alert that is to be tried again, and forgets one that is not.
func (s *Stage) remember(id string, taken []bool, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.taken[id]; known && !again {
		s.recent = slices.DeleteFunc(s.recent, func(one string) bool { return one == id })
		delete(s.taken, id)
	}
	if !again {
		return
	}
	if _, known := s.taken[id]; !known {
		if s.recent = append(s.recent, id); len(s.recent) > mostTaken {
			delete(s.taken, s.recent[0])
			s.recent = s.recent[1:]
		}
	}
	s.taken[id] = taken
}

func (s *Stage) post(ctx context.Context, h Hook, id string, data []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(data))
	if err != nil {
		return errors.New("its URL can't be read")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(HeaderAlert, id)
	if h.Secret != "" {
		req.Header.Set(HeaderSignature, Sign(h.Secret, s.now(), data))
	}
	res, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", req.URL.Host, withoutURL(err))
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("%s answered %s", req.URL.Host, res.Status)
	}
	return nil
}

// withoutURL takes the URL off an error of the client, for it may be the secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// Sign is the signature of a body sent at an instant. A receiver computes the same, compares in constant time, and
// refuses what is minutes old.
func Sign(secret string, at time.Time, data []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(seconds + "."))
	mac.Write(data)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
