package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genai"

	"sluice/llm/emulator"
)

const question = "What did Caesar dream on the first of May?"

func TestErrorFaultsSpeakGoogle(t *testing.T) {
	for _, c := range []struct {
		faults emulator.Faults
		code   int
		status string
	}{
		{emulator.Faults{RateLimited: 1, RetryDelayMS: 1500}, 429, "RESOURCE_EXHAUSTED"},
		{emulator.Faults{RateLimitedBare: 1}, 429, "RESOURCE_EXHAUSTED"},
		{emulator.Faults{BadRequest: 1}, 400, "INVALID_ARGUMENT"},
		{emulator.Faults{Unauthorized: 1}, 401, "UNAUTHENTICATED"},
		{emulator.Faults{ServerError: 1}, 500, "INTERNAL"},
		{emulator.Faults{Unavailable: 1}, 503, "UNAVAILABLE"},
	} {
		s, url := start(t, emulator.Config{Faults: c.faults})
		_, err := ask(t, client(t, url, "any"), flash, question, nil)
		var api genai.APIError
		if !errors.As(err, &api) || api.Code != c.code || api.Status != c.status || api.Message == "" {
			t.Errorf("%+v: err = %#v", c.faults, err)
		}
		if c.faults.RateLimited == 1 {
			if len(api.Details) != 1 || api.Details[0]["@type"] != "type.googleapis.com/google.rpc.RetryInfo" || api.Details[0]["retryDelay"] != "1.500s" {
				t.Errorf("details = %v", api.Details)
			}
		} else if len(api.Details) != 0 {
			t.Errorf("%d: details = %v", c.code, api.Details)
		}
		if b := s.Books(); b.Total.Requests != 1 || b.Total.Successes != 0 || b.Total.Cost != 0 || len(b.Faults) != 1 {
			t.Errorf("books = %+v", b)
		}
	}
}

func TestConnectionFaults(t *testing.T) {
	t.Run("reset", func(t *testing.T) {
		s, url := start(t, emulator.Config{Faults: emulator.Faults{Reset: 1}})
		_, err := ask(t, client(t, url, "any"), flash, question, nil)
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			t.Errorf("err = %v, want a reset", err)
		}
		if b := s.Books(); b.Total.ByStatus["none"] != 1 || b.Faults["reset"] != 1 {
			t.Errorf("books = %+v", b)
		}
	})
	t.Run("hang until the client leaves", func(t *testing.T) {
		_, url := start(t, emulator.Config{Faults: emulator.Faults{Hang: 1}})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := client(t, url, "any").Models.GenerateContent(ctx, flash, genai.Text(question), nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v, want the deadline", err)
		}
	})
	t.Run("hang for a while", func(t *testing.T) {
		_, url := start(t, emulator.Config{Faults: emulator.Faults{Hang: 1, HangForMS: 20}})
		if _, err := ask(t, client(t, url, "any"), flash, question, nil); err == nil {
			t.Error("no error")
		}
	})
	t.Run("hang until the server closes", func(t *testing.T) {
		s, _ := start(t, emulator.Config{Faults: emulator.Faults{Hang: 1}})
		entered := make(chan struct{})
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			s.Handler().ServeHTTP(w, r)
		}))
		defer front.Close()
		done := make(chan error, 1)
		c := client(t, front.URL, "any")
		go func() {
			_, err := c.Models.GenerateContent(t.Context(), flash, genai.Text(question), nil)
			done <- err
		}()
		<-entered
		s.Close()
		if err := <-done; err == nil {
			t.Error("no error")
		}
	})
	t.Run("cut body", func(t *testing.T) {
		s, url := start(t, emulator.Config{Faults: emulator.Faults{Cut: 1}})
		if _, err := ask(t, client(t, url, "any"), flash, question, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("err = %v, want an unexpected EOF", err)
		}
		if e := s.Books().Total; e.Successes != 0 || e.Cost != 0 || e.LostCost == 0 || e.ByStatus["200"] != 1 {
			t.Errorf("books = %+v", e)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		s, url := start(t, emulator.Config{Faults: emulator.Faults{Garbage: 1}})
		if _, err := ask(t, client(t, url, "any"), flash, question, nil); err == nil || !strings.Contains(err.Error(), "unmarshalling") {
			t.Errorf("err = %v", err)
		}
		if e := s.Books().Total; e.Successes != 0 || e.LostCost == 0 {
			t.Errorf("books = %+v", e)
		}
	})
}

func TestReplyFaults(t *testing.T) {
	t.Run("empty", func(t *testing.T) {
		_, url := start(t, emulator.Config{Faults: emulator.Faults{Empty: 1}})
		resp := mustAsk(t, client(t, url, "any"), flash, question, nil)
		if len(resp.Candidates) != 0 || resp.UsageMetadata.PromptTokenCount == 0 {
			t.Errorf("resp = %+v", resp)
		}
	})
	t.Run("malformed, with a schema only", func(t *testing.T) {
		_, url := start(t, emulator.Config{Faults: emulator.Faults{Malformed: 1}})
		c := client(t, url, "any")
		if resp := mustAsk(t, c, flash, `{"question":"Who?"}`, schema("Analysis")); json.Valid([]byte(resp.Text())) {
			t.Errorf("%q is JSON", resp.Text())
		}
		if resp := mustAsk(t, c, flash, question, nil); strings.Contains(resp.Text(), "verdict") {
			t.Errorf("an answer is spoilt: %q", resp.Text())
		}
	})
	t.Run("slow", func(t *testing.T) {
		_, url := start(t, emulator.Config{Faults: emulator.Faults{Slow: 1, SlowForMS: 60}})
		began := time.Now()
		mustAsk(t, client(t, url, "any"), flash, question, nil)
		if took := time.Since(began); took < 60*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

func TestStreamFaults(t *testing.T) {
	stream := func(f emulator.Faults) (chunks int, books emulator.Entry, last error) {
		s, url := start(t, emulator.Config{Faults: f})
		for _, err := range client(t, url, "any").Models.GenerateContentStream(t.Context(), flash, genai.Text(question), nil) {
			if err != nil {
				last = err
				break
			}
			chunks++
		}
		s.Close()
		return chunks, s.Books().Total, last
	}
	if chunks, books, err := stream(emulator.Faults{Cut: 1}); chunks == 0 || err == nil || books.Successes != 0 || books.LostCost == 0 {
		t.Errorf("cut: %d chunks, %v, %+v", chunks, err, books)
	}
	if chunks, _, err := stream(emulator.Faults{Garbage: 1}); chunks != 0 || err == nil {
		t.Errorf("garbage: %d chunks, %v", chunks, err)
	}
	if chunks, books, err := stream(emulator.Faults{Slow: 1, SlowForMS: 30}); chunks < 3 || err != nil || books.Successes != 1 {
		t.Errorf("slow: %d chunks, %v, %+v", chunks, err, books)
	}
	if _, _, err := stream(emulator.Faults{RateLimited: 1}); status(err) != 429 {
		t.Errorf("rate limited: %v", err)
	}
}

func TestFaultsAreDrawnBySeedAtTheirRates(t *testing.T) {
	run := func(seed uint64) map[string]int64 {
		s, url := start(t, emulator.Config{Seed: seed, Faults: emulator.Faults{RateLimited: 0.1, ServerError: 0.05, Unavailable: 0.05}})
		c := client(t, url, "any")
		for range 1000 {
			_, _ = ask(t, c, flash, question, nil)
		}
		return s.Books().Faults
	}
	a, b := run(7), run(7)
	if toJSON(t, a) != toJSON(t, b) {
		t.Errorf("the same seed draws %v, then %v", a, b)
	}
	if a["rate_limited"] < 70 || a["rate_limited"] > 130 || a["server_error"] < 25 || a["server_error"] > 75 {
		t.Errorf("drawn %v of 1000", a)
	}
}

func TestFaultsChangeAtRunTime(t *testing.T) {
	s, url := start(t, emulator.Config{Faults: emulator.Faults{Unavailable: 1}})
	post := func(body string) (int, string) {
		resp, err := http.Post(url+"/emulator/faults", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var out bytes.Buffer
		_, _ = out.ReadFrom(resp.Body)
		return resp.StatusCode, out.String()
	}
	if code, body := post(`{"unavailable":0.5,"server_error":0.25}`); code != 200 || s.Faults().ServerError != 0.25 {
		t.Errorf("%d %s", code, body)
	}
	for _, bad := range []string{`{"unavailable":2}`, `{"server_error":0.6}`, `{"nonsense":1}`, `[]`, `{"hang_for_ms":-1}`} {
		if code, body := post(bad); code != 400 {
			t.Errorf("%s: %d %s", bad, code, body)
		}
	}
	if f := s.Faults(); f.Unavailable != 0.5 {
		t.Errorf("a refused change changed something: %+v", f)
	}
	if code, _ := post(`{"unavailable":0,"server_error":0}`); code != 200 {
		t.Error(code)
	}
	mustAsk(t, client(t, url, "any"), flash, question, nil)
}

func TestNewRefusesWhatMakesNoSense(t *testing.T) {
	for name, cfg := range map[string]emulator.Config{
		"no source":     {},
		"a rate of 2":   {Source: synthetic(t), Faults: emulator.Faults{Cut: 2}},
		"p95 below p50": {Source: synthetic(t), Latency: map[string]emulator.Latency{"": {P50: 2, P95: 1}}},
	} {
		if _, err := emulator.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s, _ := start(t, emulator.Config{})
	if f := emulator.MixedFaults(0.2); s.SetFaults(f) != nil || f.Hang == 0 || f.Cut == 0 {
		t.Errorf("mixed faults %+v", f)
	}
}

func TestFaultsAreReadAsAShareOrByTheirNames(t *testing.T) {
	for text, want := range map[string]emulator.Faults{
		"0":   {},
		"0.2": emulator.MixedFaults(0.2),
		"bad_request=0.1,unauthorized=0.05,slow=0.25": {BadRequest: 0.1, Unauthorized: 0.05, Slow: 0.25},
	} {
		if got, err := emulator.ParseFaults(text); got != want || err != nil {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":             "is neither a share",
		"some":         "is neither a share",
		"slow":         "is neither a share",
		"2":            "want at most 1",
		"-0.1":         "want 0 to 1",
		"NaN":          "want 0 to 1",
		"slow=2":       "want 0 to 1",
		"slowly=0.1":   `no fault "slowly"; there are rate_limited, rate_limited_bare, bad_request, unauthorized, `,
		"cut=1,hang=1": "add up to 2",
	} {
		if _, err := emulator.ParseFaults(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
