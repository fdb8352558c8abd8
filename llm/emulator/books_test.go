package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genai"

	"sluice"
	"sluice/llm/emulator"
	"sluice/pricing"
)

func TestBooksCountPriceAndFindWhatWasBoughtAgain(t *testing.T) {
	s, url := start(t, emulator.Config{})
	c := client(t, url, "any")
	var want sluice.MicroUSD
	var usage sluice.Usage
	for _, q := range []string{question, question, "Who wrote Faust?"} {
		u := mustAsk(t, c, pro, q, nil).UsageMetadata
		one := sluice.Usage{
			Prompt: int64(u.PromptTokenCount), Cached: int64(u.CachedContentTokenCount),
			Output: int64(u.CandidatesTokenCount), Thoughts: int64(u.ThoughtsTokenCount),
		}
		cost, _, err := pricing.Builtin().Price(pro, time.Now(), one)
		if err != nil {
			t.Fatal(err)
		}
		want += cost
		usage.Prompt += one.Prompt
		usage.Thoughts += one.Thoughts
	}
	judge(t, c, "Who wrote Faust?", []string{"Goethe"}, "Goethe")
	judge(t, c, "Who wrote Faust?", []string{"Goethe"}, "Mann")
	b := s.Books()
	a, v := b.Models[pro][emulator.KindAnswer], b.Models[pro][emulator.KindVerdict]
	if a.Successes != 3 || a.Distinct != 2 || a.Repeated != 1 || a.Cost != want || a.Usage.Prompt != usage.Prompt || a.Usage.Thoughts != usage.Thoughts {
		t.Errorf("answers = %+v, want a cost of %s", a, want)
	}
	if v.Successes != 2 || v.Distinct != 2 || v.Repeated != 0 {
		t.Errorf("verdicts = %+v", v)
	}
	if b.Total.Requests != 5 || b.Total.ByStatus["200"] != 5 || b.Total.Cost != a.Cost+v.Cost || b.Source != "emulator:synthetic" {
		t.Errorf("books = %+v", b)
	}
	if n := s.Generated(emulator.KindAnswer, pro, "what did caesar dream on the first of may?"); n != 2 {
		t.Errorf("generated %d", n)
	}
	if n := s.Generated(emulator.KindVerdict, pro, "Who wrote Faust?", "Mann"); n != 1 {
		t.Errorf("generated %d", n)
	}

	resp, err := http.Get(url + "/emulator/books")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var served emulator.Books
	if err := json.NewDecoder(resp.Body).Decode(&served); err != nil || toJSON(t, served) != toJSON(t, b) {
		t.Errorf("served %+v, %v", served, err)
	}
}

func TestWhoeverLeavesDuringTheLatencyIsNotSold(t *testing.T) {
	s, _ := start(t, emulator.Config{Latency: map[string]emulator.Latency{"": {P50: time.Minute}}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	left := make(chan struct{})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		cancel()
		s.Handler().ServeHTTP(w, r)
	}))
	defer front.Close()
	if _, err := client(t, front.URL, "any").Models.GenerateContent(ctx, flash, genai.Text(question), nil); err == nil {
		t.Error("no error")
	}
	<-left
	if e := s.Books().Total; e.Requests != 1 || e.Successes != 0 || e.LostCost == 0 {
		t.Errorf("books = %+v", e)
	}
}

func TestLatencyDistributions(t *testing.T) {
	took := func(t *testing.T, s *emulator.Server, model string) time.Duration {
		t.Helper()
		began := time.Now()
		rec := newRecorder()
		s.Handler().ServeHTTP(rec, request(t, model, question))
		if rec.status != http.StatusOK {
			t.Fatalf("status %d", rec.status)
		}
		return time.Since(began)
	}
	synctest.Test(t, func(t *testing.T) {
		s, err := emulator.New(emulator.Config{Source: synthetic(t), Latency: map[string]emulator.Latency{
			flash: {P50: 500 * time.Millisecond}, "": {P50: time.Second, P95: 4 * time.Second},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if d := took(t, s, flash); d != 500*time.Millisecond {
			t.Errorf("fixed: %s", d)
		}
		under, over := 0, 0
		for range 1000 {
			switch d := took(t, s, pro); {
			case d > 4*time.Second:
				over++
			case d < time.Second:
				under++
			}
		}
		if under < 450 || under > 550 || over < 30 || over > 70 {
			t.Errorf("lognormal: %d of 1000 under p50, %d over p95", under, over)
		}
	})
}
