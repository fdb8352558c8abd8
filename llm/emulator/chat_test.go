package emulator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genai"

	"sluice/llm/emulator"
)

func TestAScriptGoesBeforeTheDraw(t *testing.T) {
	s, url := start(t, emulator.Config{Faults: emulator.Faults{Unavailable: 1}, KeepBills: true})
	c := client(t, url, "any")
	for model, faults := range map[string][]emulator.Fault{flash: {"", emulator.BadRequest}, "": {emulator.ServerError}} {
		if err := s.Script(model, faults...); err != nil {
			t.Fatal(err)
		}
	}
	var got []int
	for _, model := range []string{flash, flash, flash, flash} {
		_, err := ask(t, c, model, question, nil)
		got = append(got, status(err))
	}
	if want := []int{0, 400, 500, 503}; len(got) != 4 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] || got[3] != want[3] {
		t.Errorf("statuses %v, want %v", got, want)
	}
	bills := s.Bills()
	if len(bills) != 4 || !bills[0].Whole || bills[0].Cost == 0 || bills[0].Prompt != question || bills[1].Fault != emulator.BadRequest || bills[1].Status != 400 || bills[1].Cost != 0 {
		t.Errorf("bills %+v", bills)
	}
	if err := s.Script(flash, "gremlins"); err == nil {
		t.Error("an unknown fault is taken")
	}
}

func TestABlockAndAnEmptyReplyCostTheirPrompt(t *testing.T) {
	for _, f := range []emulator.Fault{emulator.Blocked, emulator.Empty} {
		s, url := start(t, emulator.Config{KeepBills: true})
		if err := s.Script("", f, f); err != nil {
			t.Fatal(err)
		}
		resp, err := client(t, url, "any").Models.GenerateContent(t.Context(), flash, genai.Text(question), nil)
		if err != nil || len(resp.Candidates) != 0 || (resp.PromptFeedback != nil) != (f == emulator.Blocked) {
			t.Errorf("%s: %+v, %v", f, resp, err)
		}
		c := chat(t, url, "k", map[string]any{"model": flash, "messages": messages("", question)}).chunk(t)
		if blocked := len(c.Choices) == 1 && *c.Choices[0].FinishReason == "content_filter"; blocked != (f == emulator.Blocked) {
			t.Errorf("%s: %+v", f, c)
		}
		for _, b := range s.Bills() {
			if b.Usage.Prompt != emulator.Tokens(question) || b.Usage.Output != 0 || b.Cost == 0 || b.Whole {
				t.Errorf("%s: bill %+v", f, b)
			}
		}
	}
}

func TestAStreamOfOpenAITellsUsageOnlyIfAsked(t *testing.T) {
	_, url := start(t, emulator.Config{})
	got := chat(t, url, "k", map[string]any{"model": flash, "stream": true, "messages": messages("", question)})
	if strings.Contains(string(got.body), `"usage"`) || !strings.Contains(string(got.body), "[DONE]") {
		t.Errorf("%s", got.body)
	}
}

func TestContentMayBeAListOfParts(t *testing.T) {
	_, url := start(t, emulator.Config{})
	want := chat(t, url, "k", map[string]any{"model": flash, "messages": messages("", "Who wrote Faust?")}).chunk(t)
	got := chat(t, url, "k", map[string]any{"model": flash, "stop": "never", "messages": []map[string]any{
		{"role": "user", "content": []map[string]string{{"type": "text", "text": "Who wrote "}, {"type": "text", "text": "Faust?"}}},
	}}).chunk(t)
	if got.Choices[0].Message.Content != want.Choices[0].Message.Content || got.Usage.Prompt != want.Usage.Prompt {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestStopSequencesAndThinkingBudgetsAreHonoured(t *testing.T) {
	_, url := start(t, emulator.Config{})
	c := client(t, url, "any")
	none := int32(0)
	resp := mustAsk(t, c, pro, "What is the capital of France?", &genai.GenerateContentConfig{
		StopSequences: []string{"Paris"}, ThinkingConfig: &genai.ThinkingConfig{ThinkingBudget: &none},
	})
	if strings.Contains(resp.Text(), "Paris") || resp.UsageMetadata.ThoughtsTokenCount != 0 || resp.UsageMetadata.CandidatesTokenCount != int32(emulator.Tokens(resp.Text())) {
		t.Errorf("%q, %+v", resp.Text(), resp.UsageMetadata)
	}
}

func TestAnySchemaIsFilledIn(t *testing.T) {
	_, url := start(t, emulator.Config{})
	resp := mustAsk(t, client(t, url, "any"), flash, `Book "Hotel Ritz" for 2.5 stars, 4 nights`, &genai.GenerateContentConfig{
		ResponseMIMEType: "application/json",
		ResponseJsonSchema: json.RawMessage(`{"title":"Booking","type":"object","properties":{
			"name":{"type":"string"},"nights":{"type":"integer"},"stars":{"type":["number","null"]},"paid":{"type":"boolean"},
			"class":{"enum":["first","second"]},"tags":{"type":"array","items":{"const":"x"}},"note":{"anyOf":[{"type":"null"}]},"guest":{"type":"object"}}}`),
	})
	want := `{"class":"first","guest":{},"name":"Hotel Ritz","nights":2,"note":null,"paid":true,"stars":2.5,"tags":["x"]}`
	if resp.Text() != want {
		t.Errorf("%s\nwant %s", resp.Text(), want)
	}
}

func TestWaitingForWhatClientsGaveUp(t *testing.T) {
	s, url := start(t, emulator.Config{Faults: emulator.Faults{SlowHeaders: 1, SlowForMS: 20}, KeepBills: true})
	if got := chat(t, url, "k", map[string]any{"model": flash, "messages": messages("", question)}); got.status != http.StatusOK {
		t.Errorf("slow headers: %d", got.status)
	}
	s.Wait()
	if b := s.Bills(); len(b) != 1 || b[0].Fault != emulator.SlowHeaders {
		t.Errorf("bills %+v", b)
	}
}
