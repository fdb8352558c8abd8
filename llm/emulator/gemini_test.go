package emulator_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genai"

	"sluice"
	"sluice/llm/emulator"
)

func TestAnswerHasTextUsageAndFinishReason(t *testing.T) {
	_, url := start(t, emulator.Config{})
	c := client(t, url, "any")
	question := "What is the capital of France?"
	system := "Answer briefly and say so if you do not know."
	resp := mustAsk(t, c, pro, question, &genai.GenerateContentConfig{SystemInstruction: genai.NewContentFromText(system, genai.RoleUser)})
	if text := resp.Text(); !strings.Contains(text, "Paris") {
		t.Errorf("text = %q", text)
	}
	u := resp.UsageMetadata
	prompt := int32(emulator.Tokens(system) + emulator.Tokens(question))
	if u.PromptTokenCount != prompt || u.CandidatesTokenCount != int32(emulator.Tokens(resp.Text())) {
		t.Errorf("usage = %+v, want a prompt of %d", u, prompt)
	}
	if u.ThoughtsTokenCount < 150 || u.ThoughtsTokenCount > 450 {
		t.Errorf("%d thinking tokens, want 150 to 450", u.ThoughtsTokenCount)
	}
	if u.TotalTokenCount != u.PromptTokenCount+u.CandidatesTokenCount+u.ThoughtsTokenCount {
		t.Errorf("total %d", u.TotalTokenCount)
	}
	if resp.Candidates[0].FinishReason != genai.FinishReasonStop {
		t.Errorf("finish reason %s", resp.Candidates[0].FinishReason)
	}
	if again := mustAsk(t, c, pro, question, nil); again.Text() != resp.Text() {
		t.Errorf("asked again it says %q", again.Text())
	}
	if u := mustAsk(t, c, flash, question, nil).UsageMetadata; u.ThoughtsTokenCount != 0 {
		t.Errorf("flash thinks %d tokens", u.ThoughtsTokenCount)
	}
}

func TestSomePromptsAreCachedInPart(t *testing.T) {
	_, url := start(t, emulator.Config{})
	c := client(t, url, "any")
	cached := 0
	for i := range 64 {
		u := mustAsk(t, c, flash, strings.Repeat("word ", 40+i), nil).UsageMetadata
		if u.CachedContentTokenCount > 0 {
			cached++
			if u.CachedContentTokenCount != u.PromptTokenCount/2 {
				t.Errorf("usage = %+v", u)
			}
		}
	}
	if cached == 0 || cached > 24 {
		t.Errorf("%d of 64 prompts are cached, want about 8", cached)
	}
}

func TestOutputLimitCutsThinkingThenText(t *testing.T) {
	_, url := start(t, emulator.Config{Thinking: map[string]int{pro: 100}})
	c := client(t, url, "any")
	q := "What is the capital of France?"
	resp := mustAsk(t, c, pro, q, &genai.GenerateContentConfig{MaxOutputTokens: 20})
	if u := resp.UsageMetadata; resp.Text() != "" || u.ThoughtsTokenCount != 20 || resp.Candidates[0].FinishReason != genai.FinishReasonMaxTokens {
		t.Errorf("text %q, usage %+v, %s", resp.Text(), u, resp.Candidates[0].FinishReason)
	}
	resp = mustAsk(t, c, flash, q, &genai.GenerateContentConfig{MaxOutputTokens: 1})
	if len(resp.Text()) == 0 || len(resp.Text()) > 4 || resp.UsageMetadata.CandidatesTokenCount != 1 {
		t.Errorf("text %q, usage %+v", resp.Text(), resp.UsageMetadata)
	}
}

func TestStreamComesInChunksWithUsageInTheLast(t *testing.T) {
	s, url := start(t, emulator.Config{})
	c := client(t, url, "any")
	q := "What did Caesar dream on the first of May?"
	want := mustAsk(t, c, flash, q, nil)
	var text strings.Builder
	chunks, withUsage := 0, 0
	var last *genai.GenerateContentResponse
	for chunk, err := range c.Models.GenerateContentStream(t.Context(), flash, genai.Text(q), nil) {
		if err != nil {
			t.Fatal(err)
		}
		chunks++
		text.WriteString(chunk.Text())
		if chunk.UsageMetadata != nil {
			withUsage++
		}
		last = chunk
	}
	if text.String() != want.Text() {
		t.Errorf("stream says %q, want %q", text.String(), want.Text())
	}
	if chunks < 3 || withUsage != 1 || last.UsageMetadata == nil || last.UsageMetadata.TotalTokenCount != want.UsageMetadata.TotalTokenCount {
		t.Errorf("%d chunks, %d with usage, last %+v", chunks, withUsage, last.UsageMetadata)
	}
	if n := s.Generated(emulator.KindAnswer, flash, q); n != 2 {
		t.Errorf("booked %d generations, want 2", n)
	}
}

func TestAnalysisFollowsTheSchema(t *testing.T) {
	_, url := start(t, emulator.Config{})
	c := client(t, url, "any")
	resp := mustAsk(t, c, flash, `{"question":"Who painted the ceiling of the Sistine Chapel in 1512?"}`, schema("Analysis"))
	dec := json.NewDecoder(strings.NewReader(resp.Text()))
	dec.DisallowUnknownFields()
	var a sluice.Analysis
	if err := dec.Decode(&a); err != nil {
		t.Fatalf("%q: %v", resp.Text(), err)
	}
	if a.AnswerType != "person" || a.KnowledgeRecency != "historical" || a.Language != "en" || a.ReasoningSteps < 1 || a.Summary == "" {
		t.Errorf("analysis = %+v", a)
	}
}

func TestCountTokensAndModels(t *testing.T) {
	_, url := start(t, emulator.Config{})
	c := client(t, url, "any")
	n, err := c.Models.CountTokens(t.Context(), flash, genai.Text("four bytes a token"), nil)
	if err != nil || n.TotalTokens != 5 {
		t.Errorf("CountTokens = %+v, %v; want 5", n, err)
	}
	m, err := c.Models.Get(t.Context(), pro, nil)
	if err != nil || m.Name != "models/"+pro || m.InputTokenLimit == 0 {
		t.Errorf("Get = %+v, %v", m, err)
	}
	var names []string
	for m, err := range c.Models.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, m.Name)
	}
	if len(names) != 3 || names[0] != "models/"+flash {
		t.Errorf("models = %v", names)
	}
	if _, err := c.Models.Get(t.Context(), "gemini-0", nil); status(err) != 404 {
		t.Errorf("err = %v, want 404", err)
	}
}

func status(err error) int {
	var api genai.APIError
	if errors.As(err, &api) {
		return api.Code
	}
	return 0
}

func TestKeys(t *testing.T) {
	s, url := start(t, emulator.Config{Keys: []string{"right"}})
	if _, err := ask(t, client(t, url, "right"), flash, "What is the capital of France?", nil); err != nil {
		t.Error(err)
	}
	_, err := ask(t, client(t, url, "wrong"), flash, "Who wrote Faust?", nil)
	var api genai.APIError
	if !errors.As(err, &api) || api.Code != 400 || api.Status != "INVALID_ARGUMENT" || len(api.Details) != 1 || api.Details[0]["reason"] != "API_KEY_INVALID" {
		t.Errorf("err = %#v", err)
	}
	resp, err := http.Post(url+"/v1beta/models/"+flash+":generateContent", "application/json", strings.NewReader(`{"contents":[{"parts":[{"text":"x"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("without a key: %s, want 403", resp.Status)
	}
	if e := s.Books().Models[flash][emulator.KindAnswer]; e.Successes != 1 || e.ByStatus["400"] != 1 || e.ByStatus["403"] != 1 {
		t.Errorf("books = %+v", e)
	}
}

func TestWhatItDoesNotUnderstandIsA400(t *testing.T) {
	s, url := start(t, emulator.Config{})
	c := client(t, url, "any")
	for name, try := range map[string]func() error{
		"a judge's prose": func() error { _, err := ask(t, c, flash, "please judge", schema("Verdict")); return err },
		"no question":     func() error { _, err := ask(t, c, flash, `{"answer":"x"}`, schema("Analysis")); return err },
	} {
		if err := try(); status(err) != 400 {
			t.Errorf("%s: %v, want 400", name, err)
		}
	}
	for path, want := range map[string]int{
		"/v1beta/models/m:generateContent":       400, // no JSON
		"/v1beta/models/m:streamGenerateContent": 400, // no alt=sse
		"/v1beta/models/m:sing":                  404,
		"/v1beta/models/m":                       404,
	} {
		resp, err := http.Post(url+path, "application/json", strings.NewReader("no JSON"))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
	if b := s.Books(); b.Total.Successes != 0 || b.Models[flash][emulator.KindUnreadable].Requests != 2 {
		t.Errorf("books = %+v", b)
	}
}
