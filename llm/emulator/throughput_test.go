package emulator_test

import (
	"bytes"
	"net/http"
	"sync"
	"testing"

	"google.golang.org/genai"

	"sluice/llm/emulator"
)

// recorder is a ResponseWriter that keeps the status alone.
type recorder struct {
	header http.Header
	status int
}

func newRecorder() *recorder { return &recorder{header: http.Header{}, status: http.StatusOK} }

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(p []byte) (int, error) { return len(p), nil }
func (r *recorder) WriteHeader(status int)      { r.status = status }

func request(tb testing.TB, model, prompt string) *http.Request {
	tb.Helper()
	body := []byte(toJSON(tb, map[string]any{"contents": []map[string]any{{"role": "user", "parts": []map[string]string{{"text": prompt}}}}}))
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, "/v1beta/models/"+model+":generateContent", bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestManyClientsAtOnce(t *testing.T) {
	s, url := start(t, emulator.Config{Faults: emulator.Faults{Unavailable: 0.1, Cut: 0.1, Reset: 0.1}})
	c := client(t, url, "any")
	var failed, good sync.Map
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 25 {
				if _, err := c.Models.GenerateContent(t.Context(), flash, genai.Text(question), nil); err != nil {
					failed.Store([2]int{w, i}, err)
				} else {
					good.Store([2]int{w, i}, true)
				}
			}
		})
	}
	wg.Wait()
	count := func(m *sync.Map) (n int64) {
		m.Range(func(any, any) bool { n++; return true })
		return n
	}
	e := s.Books().Total
	// A client may have tried a reset connection again by itself, so requests are at least the calls.
	if count(&good) != e.Successes || count(&failed)+count(&good) != 400 || e.Requests < 400 {
		t.Errorf("clients saw %d good, %d failed; books %+v", count(&good), count(&failed), e)
	}
}

// BenchmarkHandler is the server without sockets: what one core can do.
func BenchmarkHandler(b *testing.B) {
	s, _ := start(b, emulator.Config{})
	h := s.Handler()
	for b.Loop() {
		h.ServeHTTP(newRecorder(), request(b, pro, "What is the capital of France?"))
	}
}

// BenchmarkClient is the whole way, through the real client on loopback.
func BenchmarkClient(b *testing.B) {
	_, url := start(b, emulator.Config{})
	c := client(b, url, "any")
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := c.Models.GenerateContent(b.Context(), pro, genai.Text("What is the capital of France?"), nil); err != nil {
				b.Error(err)
			}
		}
	})
}
