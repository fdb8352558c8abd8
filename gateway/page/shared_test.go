package page_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice/gateway/page"
)

// looking is a page in a synctest bubble: looks are served by its handler directly.
type looking struct{ h *page.Handler }

func newLooking(matrix func(context.Context) ([]page.Cell, error)) *looking {
	return &looking{page.New(page.Sources{Matrix: matrix}, page.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})}
}

func (l *looking) look(ctx context.Context) (int, string) {
	w := httptest.NewRecorder()
	l.h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/page/matrix", nil))
	return w.Code, w.Body.String()
}

func TestASourceIsAskedOnceHoweverManyLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		l := newLooking(func(context.Context) ([]page.Cell, error) {
			asked.Add(1)
			<-time.After(100 * time.Millisecond)
			return []page.Cell{{Queries: 7}}, nil
		})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if status, body := l.look(t.Context()); status != http.StatusOK || !strings.Contains(body, "7") {
					t.Errorf("%d %s", status, body)
				}
			})
		}
		all.Wait()
		l.look(t.Context())
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times at once", n)
		}
		<-time.After(1100 * time.Millisecond)
		l.look(t.Context())
		if n := asked.Load(); n != 2 {
			t.Errorf("asked %d times, a second later", n)
		}
	})
}

func TestASlowSourceRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		l := newLooking(func(context.Context) ([]page.Cell, error) {
			asked.Add(1)
			<-time.After(3 * time.Second)
			return nil, nil
		})
		began := time.Now()
		for time.Since(began) < time.Minute {
			l.look(t.Context())
			<-time.After(100 * time.Millisecond)
		}
		if n := asked.Load(); n < 3 || n > 5 { // 3 s of work, 12 s of rest
			t.Errorf("asked %d times in a minute", n)
		}
	})
}

func TestASourceThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooking(func(ctx context.Context) ([]page.Cell, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		began := time.Now()
		if status, body := l.look(t.Context()); status != http.StatusGatewayTimeout || time.Since(began) != 5*time.Second {
			t.Errorf("after %s: %d %s", time.Since(began), status, body)
		}
	})
}

// Who leaves neither stops the others' question nor waits for its answer; who asked first works on for them.
func TestADepartureStopsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooking(func(ctx context.Context) ([]page.Cell, error) {
			select {
			case <-time.After(2 * time.Second):
				return []page.Cell{{Queries: 7}}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		first, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { l.look(first) })
		synctest.Wait()
		leave()
		all.Go(func() {
			short, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			l.look(short)
			if time.Since(began) != time.Second {
				t.Errorf("who left waited for %s", time.Since(began))
			}
		})
		if status, _ := l.look(t.Context()); status != http.StatusOK {
			t.Errorf("the one who stayed got %d", status)
		}
		all.Wait()
	})
}

func TestAFailureIsSharedAndPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		l := newLooking(func(context.Context) ([]page.Cell, error) {
			if asked.Add(1) == 1 {
				return nil, errors.New("no route to host")
			}
			return nil, nil
		})
		for range 10 {
			if status, body := l.look(t.Context()); status != http.StatusBadGateway || strings.Contains(body, "host") {
				t.Errorf("%d %s", status, body)
			}
		}
		<-time.After(1100 * time.Millisecond)
		if status, _ := l.look(t.Context()); status != http.StatusOK || asked.Load() != 2 {
			t.Errorf("%d after %d questions", status, asked.Load())
		}
	})
}
