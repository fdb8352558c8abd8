package page_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/gateway/page"
)

// bounded is a reply whose connection notes when the reading of its request must have ended.
type bounded struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (b *bounded) SetReadDeadline(t time.Time) error {
	b.until = t
	return nil
}

// What nobody reads of a body net/http reads before it lets the reply go, for as long as it may take.
func TestABodyThatNeverEndsHoldsNoConnection(t *testing.T) {
	h := page.New(page.Sources{}, page.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	cut := func() io.Reader {
		return io.MultiReader(strings.NewReader(`{"key":`), failing{errors.New("i/o timeout")})
	}
	for _, header := range []string{"", "X-Sluice-Page"} {
		for _, path := range []string{"/page/login", "/page/logout", "/page/promote", "/page/try"} {
			r, w := httptest.NewRequest(http.MethodPost, path, cut()), &bounded{ResponseRecorder: httptest.NewRecorder()}
			if header != "" {
				r.Header.Set(header, "1")
			}
			if h.ServeHTTP(w, r); w.until.IsZero() {
				t.Errorf("%s with %q is answered %d, and its body may come for ever", path, header, w.Code)
			}
		}
	}
	r, w := httptest.NewRequest(http.MethodPost, "/page/login", strings.NewReader(`{"key":"a"}`)), &bounded{ResponseRecorder: httptest.NewRecorder()}
	r.Header.Set("X-Sluice-Page", "1")
	if h.ServeHTTP(w, r); !w.until.IsZero() {
		t.Errorf("a request whose body has come is cut off at %s", w.until)
	}
}

// failing fails.
type failing struct{ error }

func (e failing) Read([]byte) (int, error) { return 0, e.error }
