package openai_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	oai "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"sluice"
	"sluice/gateway"
	"sluice/internal/gatetest"
)

func client(r *gatetest.Rig) oai.Client {
	return oai.NewClient(option.WithBaseURL(r.URL+"/v1"), option.WithAPIKey("acme"), option.WithMaxRetries(0))
}

func asks(model, text string) oai.ChatCompletionNewParams {
	return oai.ChatCompletionNewParams{Model: model, Messages: []oai.ChatCompletionMessageParamUnion{
		oai.SystemMessage("Be brief."), oai.UserMessage(text),
	}}
}

func TestTheOfficialClientGetsTheAnswerOfTheModelThatWasChosen(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	c := client(r)
	var raw *http.Response
	got, err := c.Chat.Completions.New(t.Context(), asks("auto", "A complex question: which river flows through Baghdad?"), option.WithResponseInto(&raw))
	if err != nil {
		t.Fatal(err)
	}
	if got.Model != gatetest.Large || got.Choices[0].Message.Content == "" || got.Choices[0].FinishReason != "stop" {
		t.Errorf("reply %s", got.RawJSON())
	}
	d := r.Decisions(t)
	lines := r.Lines(t)
	if len(d) != 1 || len(lines) != 1 || d[0].Model != gatetest.Large || d[0].Policy != sluice.Complex || d[0].Outcome != sluice.OutcomeOK {
		t.Fatalf("decisions %+v, lines %+v", d, lines)
	}
	if d[0].Cost != lines[0].Cost || d[0].Cost == 0 || d[0].Query.Tenant != "acme" || d[0].API != "openai.chat" || d[0].Answer != got.Choices[0].Message.Content {
		t.Errorf("decision %+v", d[0])
	}
	if want := lines[0].Usage; got.Usage.PromptTokens != want.Prompt || got.Usage.CompletionTokens != want.Output+want.Thoughts {
		t.Errorf("usage %+v, the ledger says %+v", got.Usage, want)
	}
	h := raw.Header
	if h.Get("X-Sluice-Decision-Id") != d[0].ID || h.Get("X-Request-Id") != d[0].ID || h.Get("X-Sluice-Policy") != string(sluice.Complex) || h.Get("X-Sluice-Model") != gatetest.Large ||
		h.Get("X-Sluice-Router-Version") != d[0].RouterVersion || h.Get("X-Sluice-Cost-Microusd") != strings.TrimSpace(intOf(int64(d[0].Cost))) {
		t.Errorf("headers %v", h)
	}
}

func intOf(n int64) string { b, _ := json.Marshal(n); return string(b) }

func TestAStreamEndsWithItsUsageAndAgreesWithTheLedger(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"auto", gatetest.Third} {
		r := gatetest.Start(t)
		c := client(r)
		p := asks(model, "Which river flows through Baghdad?")
		p.StreamOptions = oai.ChatCompletionStreamOptionsParam{IncludeUsage: oai.Bool(true)}
		s := c.Chat.Completions.NewStreaming(t.Context(), p)
		acc := oai.ChatCompletionAccumulator{}
		var usages []string
		for s.Next() {
			acc.AddChunk(s.Current())
			usages = append(usages, s.Current().JSON.Usage.Raw())
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		if n := len(usages); n < 3 || strings.Join(usages[:n-1], "") != strings.Repeat("null", n-1) || usages[n-1][0] != '{' {
			t.Errorf("%s: the chunks' usages are %q, want null in all but the last", model, usages)
		}
		d := r.Decisions(t)
		if len(d) != 1 || acc.Choices[0].Message.Content != d[0].Answer || acc.Choices[0].FinishReason != "stop" {
			t.Fatalf("%s: %+v, decisions %+v", model, acc.Choices, d)
		}
		if acc.Usage.TotalTokens != d[0].Usage.Prompt+d[0].Usage.Output+d[0].Usage.Thoughts || acc.Usage.TotalTokens == 0 {
			t.Errorf("%s: usage %+v, decision %+v", model, acc.Usage, d[0].Usage)
		}
		if !d[0].Streamed || d[0].Requested != model || (model != "auto") != (d[0].Rule == "explicit") {
			t.Errorf("%s: decision %+v", model, d[0])
		}
	}
}

func TestToolsAndJSONPassThrough(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	for _, model := range []string{gatetest.Medium, gatetest.Third} {
		body := `{"model":"` + model + `","messages":[{"role":"user","content":"What is the weather in Oslo?"}],"tool_choice":"required",
			"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]}`
		var got struct {
			Choices []struct {
				Finish  string `json:"finish_reason"`
				Message struct {
					ToolCalls []struct {
						ID       string
						Function struct{ Name, Arguments string }
					} `json:"tool_calls"`
				}
			}
		}
		text := read(t, r.Post(t, "/v1/chat/completions", body), 200)
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		calls := got.Choices[0].Message.ToolCalls
		if len(calls) == 0 || calls[0].ID == "" || calls[0].Function.Name != "weather" || !json.Valid([]byte(calls[0].Function.Arguments)) || got.Choices[0].Finish != "tool_calls" {
			t.Errorf("%s: %s", model, text)
		}
	}
	text := read(t, r.Post(t, "/v1/chat/completions", `{"model":"auto","messages":[{"role":"user","content":"Name a city."}],
		"response_format":{"type":"json_schema","json_schema":{"name":"city","schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}}`), 200)
	var got struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || !json.Valid([]byte(got.Choices[0].Message.Content)) {
		t.Errorf("%v: %s", err, text)
	}
}

func read(t *testing.T, r gatetest.Reply, status int) string {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	return r.Body
}

func TestWhatCantBeHonouredIsRefusedByName(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	for param, body := range map[string]string{
		"top_logprobs":               `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"top_logprobs":2}`,
		"modalities":                 `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"modalities":["text","audio"]}`,
		"top_p":                      `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"top_p":1.5}`,
		"presence_penalty":           `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"presence_penalty":-3}`,
		"stop":                       `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"stop":""}`,
		"max_tokens":                 `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"max_tokens":0}`,
		"max_completion_tokens":      `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"max_completion_tokens":-1}`,
		"body":                       `[]`,
		"logit_bias":                 `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"logit_bias":{"5":1}}`,
		"n":                          `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"n":2}`,
		"store":                      `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"store":true}`,
		"messages.content.image_url": `{"model":"auto","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`,
		"temperature":                `{"model":"auto","messages":[{"role":"user","content":"Hi"}],"temperature":"hot"}`,
		"messages":                   `{"model":"auto","messages":[]}`,
		"model":                      `{"messages":[{"role":"user","content":"Hi"}]}`,
	} {
		text := read(t, r.Post(t, "/v1/chat/completions", body), 400)
		var got struct {
			Error struct{ Message, Type, Param, Code string }
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Error.Param != param || got.Error.Type != "invalid_request_error" {
			t.Errorf("%s: %s", param, text)
		}
	}
	if d := r.Decisions(t); len(d) != 0 {
		t.Errorf("decisions of requests that were never let in: %+v", d)
	}
}

func TestEveryParameterReachesTheModelAndEveryTokenTheClient(t *testing.T) {
	t.Parallel()
	h := &gatetest.Heard{}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Models = h })
	text := read(t, r.Post(t, "/v1/chat/completions", `{"model":"auto","temperature":0.5,"top_p":0.25,"presence_penalty":-1,"frequency_penalty":1,
		"stop":["END","FIN"],"seed":7,"max_completion_tokens":99,"max_tokens":50,"reasoning_effort":"low","response_format":{"type":"json_object"},
		"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"f"}},
		"messages":[{"role":"system","content":"Be brief."},{"role":"developer","content":[{"type":"text","text":"Be kind."}]},{"role":"user","content":"Hi"},
			{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"out"}]}`), 200)
	var used struct{ Usage usage }
	if err := json.Unmarshal([]byte(text), &used); err != nil || used.Usage != (usage{9, 8, 17, details{CachedTokens: 4}, details{ReasoningTokens: 3}}) {
		t.Errorf("usage %+v (%v)", used.Usage, err)
	}
	got := h.Last()
	if got.System != "Be brief.\n\nBe kind." || *got.Temperature != 0.5 || *got.TopP != 0.25 || *got.PresencePenalty != -1 || *got.FrequencyPenalty != 1 ||
		strings.Join(got.Stop, " ") != "END FIN" || *got.Seed != 7 || got.MaxOutputTokens != 99 || got.ReasoningEffort != "low" || !got.JSON {
		t.Errorf("asked %+v", got)
	}
	if len(got.Tools) != 1 || got.Tools[0].Name != "f" || got.Tools[0].Description != "d" || string(got.Tools[0].Parameters) != `{"type":"object"}` || got.ToolChoice.Name != "f" || got.ToolChoice.Mode != "required" {
		t.Errorf("tools %+v, choice %+v", got.Tools, got.ToolChoice)
	}
	if m := got.Messages; len(m) != 3 || m[0].Text != "Hi" || m[1].ToolCalls[0].ID != "c1" || m[2].ToolCallID != "c1" || m[2].Text != "out" {
		t.Errorf("messages %+v", m)
	}
}

// usage is that of a completion.
type usage struct {
	PromptTokens      int     `json:"prompt_tokens"`
	CompletionTokens  int     `json:"completion_tokens"`
	TotalTokens       int     `json:"total_tokens"`
	PromptDetails     details `json:"prompt_tokens_details"`
	CompletionDetails details `json:"completion_tokens_details"`
}

type details struct {
	CachedTokens    int `json:"cached_tokens"`
	ReasoningTokens int `json:"reasoning_tokens"`
}

func TestAParameterThatIsNullOrSaysWhatWeDoAnywayIsNone(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	for _, extra := range []string{
		`"logit_bias":null,"functions":null,"top_logprobs":null,"stop":null,"max_tokens":null,"tool_choice":null,"temperature":null`,
		`"n":1,"logprobs":false,"top_logprobs":0,"modalities":["text"],"store":false,"service_tier":"auto","temperature":2,"top_p":0`,
	} {
		read(t, r.Post(t, "/v1/chat/completions", `{"model":"auto","messages":[{"role":"user","content":"Hi"}],`+extra+`}`), 200)
	}
	for _, extra := range []string{
		`"tools":null,"tool_choice":null,"include":null,"store":null,"prompt":null`,
		`"tools":[],"tool_choice":"auto","parallel_tool_calls":true,"include":[],"background":false,"store":false,"truncation":"disabled"`,
	} {
		read(t, r.Post(t, "/v1/responses", `{"model":"auto","input":"Hi",`+extra+`}`), 200)
	}
	if d := r.Decisions(t); len(d) != 4 {
		t.Errorf("decisions %+v", d)
	}
}

func TestWhatAResponseCantHonourIsRefusedByName(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	for param, value := range map[string]string{
		"tools": `[{"type":"web_search"}]`, "tool_choice": `"required"`, "include": `["reasoning.encrypted_content"]`, "background": `true`,
		"store": `true`, "truncation": `"auto"`, "service_tier": `"flex"`, "previous_response_id": `"resp_1"`,
		"max_output_tokens": `10000000`, "input": `" "`,
	} {
		text := read(t, r.Post(t, "/v1/responses", strings.Replace(`{"model":"auto","input":"Hi","`+param+`":`+value+`}`, `"input":"Hi","input"`, `"input"`, 1)), 400)
		if !strings.Contains(text, `"param":"`+param+`"`) {
			t.Errorf("%s: %s", param, text)
		}
	}
}

func TestAnAssistantsTurnMayBeRepeatedAsItCame(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	read(t, r.Post(t, "/v1/chat/completions", `{"model":"auto","messages":[{"role":"user","content":"Hi"},
		{"role":"assistant","content":[{"type":"text","text":"Hello."}],"refusal":null,"annotations":[{"type":"url_citation"}],"audio":{"id":"a"},"function_call":null,"tool_calls":null},
		{"role":"user","content":"Who wrote Faust?"}]}`), 200)
	if d := r.Decisions(t); len(d) != 1 || d[0].Query.Text != "Who wrote Faust?" {
		t.Errorf("decisions %+v", d)
	}
}

func TestFaultsComeInOpenAIsEnvelope(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	c := client(r)
	_, err := c.Chat.Completions.New(t.Context(), asks("gpt-17", "Hi"))
	var e *oai.Error
	if !errors.As(err, &e) || e.StatusCode != http.StatusNotFound || e.Code != "model_not_found" || e.Param != "model" {
		t.Errorf("an unknown model: %v", err)
	}
	wrong := oai.NewClient(option.WithBaseURL(r.URL+"/v1"), option.WithAPIKey("wrong"), option.WithMaxRetries(0))
	if _, err = wrong.Chat.Completions.New(t.Context(), asks("auto", "Hi")); !errors.As(err, &e) || e.StatusCode != http.StatusUnauthorized || e.Code != "invalid_api_key" {
		t.Errorf("a wrong key: %v", err)
	}
	narrow := oai.NewClient(option.WithBaseURL(r.URL+"/v1"), option.WithAPIKey("only-route"), option.WithMaxRetries(0))
	if _, err = narrow.Chat.Completions.New(t.Context(), asks("auto", "Hi")); !errors.As(err, &e) || e.StatusCode != http.StatusForbidden {
		t.Errorf("a key without the scope: %v", err)
	}
}

func TestModelsListsAutoAndTheConfigured(t *testing.T) {
	t.Parallel()
	c := client(gatetest.Start(t))
	page, err := c.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range page.Data {
		names = append(names, m.ID)
	}
	if got := strings.Join(names, " "); got != gateway.Auto+" gemini-2.5-flash gemini-2.5-pro gpt-4o-mini" {
		t.Errorf("models %s", got)
	}
	var e *oai.Error
	if _, err := c.Models.Get(t.Context(), "nobody"); !errors.As(err, &e) || !strings.Contains(e.Message, `"nobody" is not served here; name auto, gemini-2.5-flash`) {
		t.Errorf("a model that is not served: %v", err)
	}
}

func TestTheResponsesAPIAnswersTextWholeAndStreamed(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	c := client(r)
	p := responses.ResponseNewParams{
		Model: "auto", Instructions: oai.String("Be brief."),
		Input: responses.ResponseNewParamsInputUnion{OfString: oai.String("Which river flows through Baghdad?")},
	}
	whole, err := c.Responses.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if whole.OutputText() == "" || whole.Status != "completed" || whole.Usage.OutputTokens == 0 {
		t.Errorf("response %s", whole.RawJSON())
	}
	s := c.Responses.NewStreaming(t.Context(), p)
	text, done := "", false
	for s.Next() {
		switch e := s.Current(); e.Type {
		case "response.output_text.delta":
			text += e.Delta
		case "response.completed":
			done = e.Response.OutputText() == text && e.Response.Usage.OutputTokens > 0
		}
	}
	if err := s.Err(); err != nil || !done || text != whole.OutputText() {
		t.Errorf("streamed %q (completed %v, error %v), want %q", text, done, err, whole.OutputText())
	}
	read(t, r.Post(t, "/v1/responses", `{"model":"auto","input":"Hi","previous_response_id":"x"}`), 400)
	if d := r.Decisions(t); len(d) != 2 || d[0].API != "openai.responses" {
		t.Errorf("decisions %+v", d)
	}
}
