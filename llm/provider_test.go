package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/llm"
	"sluice/llm/emulator"
)

const secret = "AIzaSy-THE-VERY-SECRET-KEY-0123456789"

var items = []emulator.Item{{Question: "Who wrote Faust?", Gold: []string{"Goethe"}, Difficulty: 0}}

func emulate(tb testing.TB, cfg emulator.Config) (*emulator.Server, string) {
	tb.Helper()
	source, err := emulator.NewSynthetic(items, emulator.SyntheticConfig{Seed: 1})
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Source = source
	s, err := emulator.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	url, err := s.Start("127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s, url
}

// providers are both providers at one server.
func providers(tb testing.TB, url string) map[string]llm.Provider {
	tb.Helper()
	g, err := llm.NewGemini(tb.Context(), url, llm.NewKey(secret))
	if err != nil {
		tb.Fatal(err)
	}
	o, err := llm.NewOpenAI(url, llm.NewKey(secret))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(g.Close)
	tb.Cleanup(o.Close)
	return map[string]llm.Provider{"gemini": g, "openai": o}
}

func request() llm.Request {
	return llm.Request{Model: "gemini-2.5-pro", System: "Answer briefly, and say so if you do not know.", Prompt: "Who wrote Faust?"}
}

func TestProvidersTellTextAndUsage(t *testing.T) {
	s, url := emulate(t, emulator.Config{Keys: []string{secret}})
	var texts []string
	for name, p := range providers(t, url) {
		resp, err := p.Generate(t.Context(), request())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if p.Name() != name || !strings.Contains(resp.Text, "Goethe") || !strings.EqualFold(resp.FinishReason, "stop") {
			t.Errorf("%s: %+v", name, resp)
		}
		if u := resp.Usage; u.Prompt != 16 || u.Output != emulator.Tokens(resp.Text) || u.Thoughts < 150 {
			t.Errorf("%s: usage %+v", name, u)
		}
		texts = append(texts, resp.Text+fmt.Sprint(resp.Usage))
	}
	if texts[0] != texts[1] {
		t.Errorf("the dialects disagree: %q", texts)
	}
	if e := s.Books().Models["gemini-2.5-pro"][emulator.KindAnswer]; e.Successes != 2 || e.Usage.Prompt != 32 {
		t.Errorf("books = %+v", e)
	}
}

func TestProvidersTellCachedTokens(t *testing.T) {
	_, url := emulate(t, emulator.Config{})
	for name, p := range providers(t, url) {
		cached := 0
		for i := range 40 {
			req := request()
			req.Prompt = strings.Repeat("word ", 60+i)
			resp, err := p.Generate(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Usage.Cached > 0 {
				cached++
			}
		}
		if cached == 0 {
			t.Errorf("%s: no prompt of 40 was cached", name)
		}
	}
}

// Thinking is a part of the completion with OpenAI, beside it with others, and billed with all.
func TestThinkingIsCountedWhereverAServerOfTheDialectTellsIt(t *testing.T) {
	for name, c := range map[string]struct {
		usage string
		want  sluice.Usage
	}{
		"a part":                  {`{"prompt_tokens":24,"completion_tokens":19,"total_tokens":43,"completion_tokens_details":{"reasoning_tokens":7}}`, sluice.Usage{Prompt: 24, Output: 12, Thoughts: 7}},
		"beside":                  {`{"prompt_tokens":12,"completion_tokens":2,"total_tokens":331,"completion_tokens_details":{"reasoning_tokens":317}}`, sluice.Usage{Prompt: 12, Output: 2, Thoughts: 317}},
		"beside, and fewer":       {`{"prompt_tokens":20,"completion_tokens":7,"total_tokens":30,"completion_tokens_details":{"reasoning_tokens":3}}`, sluice.Usage{Prompt: 20, Output: 7, Thoughts: 3}},
		"beside, without a total": {`{"prompt_tokens":12,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":317}}`, sluice.Usage{Prompt: 12, Output: 2, Thoughts: 317}},
		"in the total alone":      {`{"prompt_tokens":20,"completion_tokens":198,"total_tokens":623}`, sluice.Usage{Prompt: 20, Output: 198, Thoughts: 405}},
		"none, without a total":   {`{"prompt_tokens":24,"completion_tokens":19}`, sluice.Usage{Prompt: 24, Output: 19}},
		"a total of nothing":      {`{"prompt_tokens":24,"completion_tokens":19,"total_tokens":0}`, sluice.Usage{Prompt: 24, Output: 19}},
	} {
		o := answers(t, 200, `{"choices":[{"finish_reason":"stop","message":{"content":"x"}}],"usage":`+c.usage+`}`)["openai"]
		if got, err := o.Generate(t.Context(), request()); err != nil || got.Usage != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got.Usage, err, c.want)
		}
	}
}

func TestProvidersPassTheSchema(t *testing.T) {
	_, url := emulate(t, emulator.Config{})
	for name, p := range providers(t, url) {
		req := request()
		req.Schema = json.RawMessage(`{"title":"Verdict","type":"object","properties":{"verdict":{"enum":["correct","incorrect","idk"]},"reason":{"type":"string"}},"required":["verdict","reason"]}`)
		req.Prompt = `{"question":"Who wrote Faust?","accepted_answers":["Goethe"],"answer":"Thomas Mann"}`
		resp, err := p.Generate(t.Context(), req)
		var v struct{ Verdict, Reason string }
		if err != nil || json.Unmarshal([]byte(resp.Text), &v) != nil || v.Verdict != "incorrect" || v.Reason == "" {
			t.Errorf("%s: %q, %v", name, resp.Text, err)
		}
	}
}

func TestProvidersPassLimitAndTemperature(t *testing.T) {
	var got map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = nil
		_ = json.NewDecoder(r.Body).Decode(&got)
		w.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	ps := providers(t, server.URL)
	cold := float32(0.5)
	req := request()
	req.MaxOutputTokens, req.Temperature = 77, &cold
	if _, err := ps["gemini"].Generate(t.Context(), req); err == nil {
		t.Error("no error")
	}
	if c, _ := got["generationConfig"].(map[string]any); c["maxOutputTokens"] != 77.0 || c["temperature"] != 0.5 {
		t.Errorf("gemini sent %v", got)
	}
	if _, err := ps["openai"].Generate(t.Context(), req); err == nil {
		t.Error("no error")
	}
	if got["max_tokens"] != 77.0 || got["temperature"] != 0.5 || len(got["messages"].([]any)) != 2 {
		t.Errorf("openai sent %v", got)
	}
}

// fault tells what the provider made of a failed attempt.
func fault(ctx context.Context, t *testing.T, p llm.Provider) *llm.Error {
	t.Helper()
	_, err := p.Generate(ctx, request())
	var e *llm.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: %v is no *llm.Error", p.Name(), err)
	}
	return e
}

func TestProvidersTellFaultsApart(t *testing.T) {
	for name, c := range map[string]struct {
		faults emulator.Faults
		want   llm.Error
	}{
		"rate limited":      {emulator.Faults{RateLimitedBare: 1}, llm.Error{Outcome: sluice.OutcomeRateLimited, Status: 429, Sent: true}},
		"bad request":       {emulator.Faults{BadRequest: 1}, llm.Error{Outcome: sluice.OutcomeRefused, Status: 400, Sent: true}},
		"unauthorized":      {emulator.Faults{Unauthorized: 1}, llm.Error{Outcome: sluice.OutcomeRefused, Status: 401, Sent: true, Setup: true}},
		"server error":      {emulator.Faults{ServerError: 1}, llm.Error{Outcome: sluice.OutcomeServerError, Status: 500, Sent: true}},
		"unavailable":       {emulator.Faults{Unavailable: 1}, llm.Error{Outcome: sluice.OutcomeServerError, Status: 503, Sent: true}},
		"reset":             {emulator.Faults{Reset: 1}, llm.Error{Outcome: sluice.OutcomeBroken, Sent: true}},
		"closed in silence": {emulator.Faults{Hang: 1, HangForMS: 1}, llm.Error{Outcome: sluice.OutcomeBroken, Sent: true}},
		"cut":               {emulator.Faults{Cut: 1}, llm.Error{Outcome: sluice.OutcomeBroken, Status: 200, Sent: true}},
		"garbage":           {emulator.Faults{Garbage: 1}, llm.Error{Outcome: sluice.OutcomeBroken, Status: 200, Sent: true}},
		"empty":             {emulator.Faults{Empty: 1}, llm.Error{Outcome: sluice.OutcomeBlocked, Status: 200, Sent: true, Usage: &sluice.Usage{Prompt: 16}}},
	} {
		_, url := emulate(t, emulator.Config{Faults: c.faults})
		for _, p := range providers(t, url) {
			e := fault(t.Context(), t, p)
			if e.Outcome != c.want.Outcome || e.Status != c.want.Status || e.Sent != c.want.Sent || e.Setup != c.want.Setup || e.RetryAfter != 0 || e.Error() == "" {
				t.Errorf("%s, %s: %+v", p.Name(), name, e)
			}
			if (e.Usage == nil) != (c.want.Usage == nil) || (e.Usage != nil && *e.Usage != *c.want.Usage) {
				t.Errorf("%s, %s: usage %+v", p.Name(), name, e.Usage)
			}
		}
	}
}

func TestProvidersReadHowLongToWait(t *testing.T) {
	_, url := emulate(t, emulator.Config{Faults: emulator.Faults{RateLimited: 1, RetryDelayMS: 1700}})
	ps := providers(t, url)
	if e := fault(t.Context(), t, ps["gemini"]); e.RetryAfter != 1700*time.Millisecond {
		t.Errorf("RetryInfo: %s", e.RetryAfter)
	}
	if e := fault(t.Context(), t, ps["openai"]); e.RetryAfter != 2*time.Second {
		t.Errorf("Retry-After: %s", e.RetryAfter)
	}
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0.5": 500 * time.Millisecond, "": 0, "-1": 0, "soon": 0, "1e99": 0,
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): time.Hour,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		slack := time.Duration(0)
		if want == time.Hour { // from a date in whole seconds, some moments ago
			slack = time.Minute
		}
		for _, p := range providers(t, server.URL) {
			if e := fault(t.Context(), t, p); e.RetryAfter > want || e.RetryAfter < want-slack || (want > 0) != (e.RetryAfter > 0) {
				t.Errorf("%s, Retry-After %q: %s, want %s", p.Name(), header, e.RetryAfter, want)
			}
		}
		server.Close()
	}
}

func TestProvidersTellWhoGaveUp(t *testing.T) {
	s, url := emulate(t, emulator.Config{Faults: emulator.Faults{Hang: 1}})
	for _, p := range providers(t, url) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		if e := fault(ctx, t, p); e.Outcome != sluice.OutcomeTimeout || !e.Sent || !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("%s: deadline: %+v", p.Name(), e)
		}
		cancel()
		s.Wait() // the provider knows that it is over, too
		ctx, cancel = context.WithCancel(t.Context())
		var leaving sync.WaitGroup
		leaving.Go(func() {
			for s.Books().Underway == 0 && ctx.Err() == nil {
				runtime.Gosched()
			}
			cancel()
		})
		if e := fault(ctx, t, p); e.Outcome != sluice.OutcomeCanceled || !e.Sent || !errors.Is(e, context.Canceled) {
			t.Errorf("%s: canceled: %+v", p.Name(), e)
		}
		cancel() // where it failed before it was there
		leaving.Wait()
	}
}

func TestNothingIsSentToAClosedPort(t *testing.T) {
	for _, p := range providers(t, refusing) {
		if e := fault(t.Context(), t, p); e.Outcome != sluice.OutcomeBroken || e.Sent || !strings.Contains(e.Error(), "connection refused") {
			t.Errorf("%s: %+v", p.Name(), e)
		}
	}
}

// answers serves one body to both dialects.
func answers(t *testing.T, status int, body string) map[string]llm.Provider {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return providers(t, server.URL)
}

func TestRepliesThatAreNone(t *testing.T) {
	for _, c := range []struct {
		provider, body string
		want           sluice.Outcome
		usage          bool
	}{
		{"gemini", `{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":9}}`, sluice.OutcomeBlocked, true},
		{"gemini", `{"candidates":[{"finishReason":"SAFETY"}]}`, sluice.OutcomeBlocked, false},
		{"gemini", `{"candidates":[{"finishReason":"RECITATION","content":{"parts":[{"text":"half"}]}}]}`, sluice.OutcomeBlocked, false},
		{"gemini", `{"candidates":[{"finishReason":"MAX_TOKENS","content":{}}],"usageMetadata":{"promptTokenCount":9,"thoughtsTokenCount":100}}`, sluice.OutcomeBlocked, true},
		{"gemini", `{"candidates":[{"finishReason":"STOP","content":{"parts":[{"text":"hm","thought":true}]}}]}`, sluice.OutcomeBroken, false},
		{"gemini", `{}`, sluice.OutcomeBlocked, false},
		{"gemini", ``, sluice.OutcomeBlocked, false},
		{"gemini", `[1]`, sluice.OutcomeBroken, false},
		{"openai", `{"choices":[{"finish_reason":"content_filter","message":{}}]}`, sluice.OutcomeBlocked, false},
		{"openai", `{"choices":[{"finish_reason":"length","message":{"content":""}}],"usage":{"prompt_tokens":9}}`, sluice.OutcomeBlocked, true},
		{"openai", `{"choices":[{"finish_reason":"stop","message":{"content":null,"refusal":"no"}}]}`, sluice.OutcomeBlocked, false},
		{"openai", `{"choices":[{"finish_reason":"stop","message":{"content":null}}]}`, sluice.OutcomeBroken, false},
		{"openai", `{"choices":[]}`, sluice.OutcomeBlocked, false},
		{"openai", `{"error":{"message":"no GPU"}}`, sluice.OutcomeBroken, false},
		{"openai", ``, sluice.OutcomeBroken, false},
		{"openai", `[1]`, sluice.OutcomeBroken, false},
	} {
		e := fault(t.Context(), t, answers(t, 200, c.body)[c.provider])
		if e.Outcome != c.want || (e.Usage != nil) != c.usage || e.Status != 200 {
			t.Errorf("%s %s: %+v", c.provider, c.body, e)
		}
	}
}

func TestTruncatedTextIsAReply(t *testing.T) {
	g, err := answers(t, 200, `{"candidates":[{"finishReason":"MAX_TOKENS","content":{"parts":[{"text":"To be or"}]}}]}`)["gemini"].Generate(t.Context(), request())
	if err != nil || g.Text != "To be or" || g.FinishReason != "MAX_TOKENS" {
		t.Errorf("%+v, %v", g, err)
	}
	o, err := answers(t, 200, `{"choices":[{"finish_reason":"length","message":{"content":"To be or"}}],"usage":{"prompt_tokens":5,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":9},"completion_tokens_details":{"reasoning_tokens":7}}}`)["openai"].Generate(t.Context(), request())
	if err != nil || o.Text != "To be or" || o.Usage != (sluice.Usage{Prompt: 5, Cached: 5, Output: 3, Thoughts: 7}) {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestAnInvalidKeyIsTheOperatorsToMend(t *testing.T) {
	s, url := emulate(t, emulator.Config{Keys: []string{"another"}})
	for _, p := range providers(t, url) { // Google says 400, OpenAI 401
		if e := fault(t.Context(), t, p); e.Outcome != sluice.OutcomeRefused || !e.Setup {
			t.Errorf("%s: %+v", p.Name(), e)
		}
	}
	if s.Books().Total.Successes != 0 {
		t.Error("let in")
	}
}

// A server that echoes what it was sent, in every kind of reply, learns nobody the key, the prompt or the
// system instruction; nor does printing anything of ours, nor the log.
func TestNoKeyAndNoPromptInErrorsOrLogs(t *testing.T) {
	var logged strings.Builder
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	echo := func(status int, form string) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			said, _ := json.Marshal(fmt.Sprintf("key %s %s, you sent %s", r.Header.Get("x-goog-api-key"), r.Header.Get("Authorization"), body))
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, form, said)
		}))
	}
	forms := []string{
		`{"error":{"code":400,"message":%s,"status":"INVALID_ARGUMENT"}}`, `%s`, `{"oops":%s}`, `plain text: %s`,
		`{"candidates":[{"content":{"parts":%s}}]}`, `{"choices":%s}`,
	}
	check := func(what, text string) {
		t.Helper()
		for _, forbidden := range []string{secret, request().Prompt, request().System, "briefly, and say", "wrote Faust"} {
			if strings.Contains(text, forbidden) {
				t.Errorf("%s shows %q: %s", what, forbidden, text)
			}
		}
	}
	for _, status := range []int{200, 400, 401, 404, 429, 500} {
		for _, form := range forms {
			server := echo(status, form)
			for name, p := range providers(t, server.URL) {
				e := fault(t.Context(), t, p)
				check(fmt.Sprintf("%s %d %s", name, status, form), fmt.Sprintf("%v %+v %#v", e, e, errors.Unwrap(e)))
				for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
					check("printing the provider", fmt.Sprintf(verb, p))
				}
			}
			server.Close()
		}
	}
	key := llm.NewKey(secret)
	var record strings.Builder
	slog.New(slog.NewJSONHandler(&record, nil)).Info("key", "key", key, "struct", struct{ K llm.Key }{key})
	data, err := json.Marshal(map[string]any{"key": key})
	if err != nil {
		t.Fatal(err)
	}
	check("a log record", record.String())
	check("JSON", string(data))
	check("fmt", fmt.Sprintf("%v %+v %#v %s %q %x", key, struct{ k llm.Key }{key}, key, key, key, key))
	check("the standard log", logged.String())
	if key.String() != "[key]" || (llm.Key{}).String() != "" {
		t.Errorf("%q, %q", key, llm.Key{})
	}
}

func TestServersOwnWordsReachTheOperator(t *testing.T) {
	e := fault(t.Context(), t, answers(t, 400, `{"error":{"code":400,"message":"Unknown name responseFoo","status":"INVALID_ARGUMENT"}}`)["gemini"])
	if got := e.Error(); got != "HTTP 400: INVALID_ARGUMENT Unknown name responseFoo" {
		t.Error(got)
	}
	long := strings.Repeat("ä", 400)
	e = fault(t.Context(), t, answers(t, 500, `{"error":{"message":"`+long+`"}}`)["openai"])
	if got := e.Error(); len(got) > 300 || !strings.HasSuffix(got, "...") || !strings.HasPrefix(got, "HTTP 500: ää") {
		t.Error(got)
	}
}

// Whoever asked can mend neither: it must not be told that its request is at fault, nor a queue be emptied for it.
func TestAnAccountWithoutMoneyIsTheOperatorsToMend(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusPaymentRequired)
		_, _ = io.WriteString(w, `{"error":{"message":"Insufficient Balance","code":402}}`)
	}))
	defer server.Close()
	for name, p := range providers(t, server.URL) {
		if e := fault(t.Context(), t, p); e.Outcome != sluice.OutcomeRefused || e.Status != 402 || !e.Setup {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
