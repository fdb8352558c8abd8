package notify

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAnAlertGoesToNoAddressThatAReceiverNames(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s, signed %q", r.Method, r.URL, r.Header.Get(HeaderSignature))
	}))
	defer elsewhere.Close()
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
		hook := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/inner", status))
		s := New([]Hook{{URL: hook.URL, Secret: "secret"}}, hook.Client(), time.Hour, func() time.Time { return noon }, nil)
		if _, err := s.Handle(t.Context(), alert(t)); err == nil || !strings.Contains(err.Error(), http.StatusText(status)) {
			t.Errorf("%d: %v, and the alert counts as taken", status, err)
		}
		hook.Close()
	}
}
