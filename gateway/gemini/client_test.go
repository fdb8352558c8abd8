package gemini_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genai"

	"sluice"
	"sluice/gateway"
	"sluice/internal/gatetest"
)

func client(t *testing.T, r *gatetest.Rig, key string) *genai.Client {
	t.Helper()
	c, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		APIKey: key, Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: r.URL},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheOfficialClientGetsAnswersWholeAndStreamed(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	c := client(t, r, "acme")
	config := &genai.GenerateContentConfig{SystemInstruction: genai.NewContentFromText("Be brief.", genai.RoleUser), MaxOutputTokens: 500}
	whole, err := c.Models.GenerateContent(t.Context(), gateway.Auto, genai.Text("A complex question: which river flows through Baghdad?"), config)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Text() == "" || whole.ModelVersion != gatetest.Large || whole.Candidates[0].FinishReason != genai.FinishReasonStop {
		t.Errorf("reply %+v", whole)
	}
	text, tokens := "", int32(0)
	for chunk, err := range c.Models.GenerateContentStream(t.Context(), gateway.Auto, genai.Text("A complex question: which river flows through Baghdad?"), config) {
		if err != nil {
			t.Fatal(err)
		}
		text += chunk.Text()
		if chunk.UsageMetadata != nil {
			tokens = chunk.UsageMetadata.TotalTokenCount
		}
	}
	d := r.Decisions(t)
	if len(d) != 2 || d[0].API != "gemini" || d[0].Query.Tenant != "acme" || !d[1].Streamed || text != d[1].Answer || whole.Text() != d[0].Answer {
		t.Fatalf("decisions %+v, streamed %q", d, text)
	}
	if u := d[1].Usage; int64(tokens) != u.Prompt+u.Output+u.Thoughts {
		t.Errorf("%d tokens, the decision says %+v", tokens, u)
	}
}

func TestToolsGoThroughAndBack(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	c := client(t, r, "acme")
	config := &genai.GenerateContentConfig{
		Tools: []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{{
			Name: "weather", Parameters: &genai.Schema{Type: genai.TypeObject, Properties: map[string]*genai.Schema{"city": {Type: genai.TypeString}}, Required: []string{"city"}},
		}}}},
		ToolConfig: &genai.ToolConfig{FunctionCallingConfig: &genai.FunctionCallingConfig{Mode: genai.FunctionCallingConfigModeAny}},
	}
	got, err := c.Models.GenerateContent(t.Context(), gatetest.Medium, genai.Text("What is the weather in Oslo?"), config)
	if err != nil {
		t.Fatal(err)
	}
	calls := got.FunctionCalls()
	if len(calls) != 1 || calls[0].Name != "weather" || calls[0].Args["city"] == nil {
		t.Fatalf("calls %+v", calls)
	}
	turns := append(genai.Text("What is the weather in Oslo?"), got.Candidates[0].Content, genai.NewContentFromFunctionResponse("weather", map[string]any{"sky": "clear"}, genai.RoleUser))
	if got, err = c.Models.GenerateContent(t.Context(), gatetest.Medium, turns, nil); err != nil || got.Text() == "" {
		t.Errorf("after the tool's result: %+v (%v)", got, err)
	}
}

func TestFaultsComeInGooglesEnvelope(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	cases := []struct {
		key, model string
		config     *genai.GenerateContentConfig
		code       int
		status     string
		says       string
	}{
		{"acme", "gemini-0", nil, 404, "NOT_FOUND", "not served"},
		{"wrong", gateway.Auto, nil, 401, "UNAUTHENTICATED", "not known"},
		{"acme", gateway.Auto, &genai.GenerateContentConfig{CachedContent: "x"}, 400, "INVALID_ARGUMENT", "cachedContent"},
		{"acme", gateway.Auto, &genai.GenerateContentConfig{CandidateCount: 2}, 400, "INVALID_ARGUMENT", "candidateCount"},
	}
	for _, c := range cases {
		_, err := client(t, r, c.key).Models.GenerateContent(t.Context(), c.model, genai.Text("Hi"), c.config)
		var api genai.APIError
		if !errors.As(err, &api) || api.Code != c.code || api.Status != c.status || !strings.Contains(api.Message, c.says) {
			t.Errorf("%s %s: %v", c.key, c.model, err)
		}
	}
	if _, err := client(t, r, "acme").Files.Get(t.Context(), "x", nil); !notFound(err) {
		t.Errorf("an endpoint that is not there: %v", err)
	}
	if d := gatetest.Facts[sluice.Decision](t, r.Log, "decisions."); len(d) != 0 {
		t.Errorf("decisions %+v", d)
	}
}

func notFound(err error) bool {
	var api genai.APIError
	return errors.As(err, &api) && api.Code == 404 && api.Status == "NOT_FOUND"
}

func TestWhatIsWrongIsNamedAsGoogleDoes(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	for field, body := range map[string]string{
		"generationConfig.maxOutputTokens": `{"contents":[{"parts":[{"text":"Hi"}]}],"generationConfig":{"maxOutputTokens":10000000}}`,
		"generationConfig.topP":            `{"contents":[{"parts":[{"text":"Hi"}]}],"generationConfig":{"topP":7}}`,
		"contents":                         `{"contents":[{"parts":[{"text":" "}]}]}`,
		"contents.parts.inlineData":        `{"contents":[{"parts":[{"inlineData":{}}]}]}`,
	} {
		got := r.Post(t, "/v1beta/models/auto:generateContent", body)
		if got.Status != 400 || !strings.Contains(got.Body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", field, got.Status, got.Body)
		}
	}
}

func TestGooglesOwnExamplesForCurlAreUnderstood(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	got := r.Post(t, "/v1beta/models/auto:generateContent", `{"system_instruction":{"parts":[{"text":"Be brief."}]},"contents":[{"parts":[{"text":"Which river flows through Baghdad?"}]}]}`)
	if got.Status != 200 || !strings.Contains(got.Body, `"text":"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if lines := r.Lines(t); len(lines) != 1 || lines[0].Usage.Prompt <= 9 { // nine are the question's
		t.Errorf("the system's words did not arrive: %+v", lines)
	}
	// What is the client's own keeps its names.
	got = r.Post(t, "/v1beta/models/auto:generateContent", `{"contents":[{"parts":[{"text":"What is the weather in Oslo?"}]}],
		"tools":[{"function_declarations":[{"name":"weather","parameters":{"type":"OBJECT","properties":{"city_name":{"type":"STRING"}},"required":["city_name"]}}]}],
		"tool_config":{"function_calling_config":{"mode":"ANY"}},"generation_config":{"max_output_tokens":99,"thinking_config":{"thinking_budget":0}}}`)
	if got.Status != 200 || !strings.Contains(got.Body, `"city_name"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got = r.Post(t, "/v1beta/models/auto:generateContent", `{"contents":[{"parts":[{"inline_data":{}}]}]}`); got.Status != 400 || !strings.Contains(got.Body, "inlineData") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestEveryParameterReachesTheModelAndEveryTokenTheClient(t *testing.T) {
	t.Parallel()
	h := &gatetest.Heard{}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Models = h })
	f := func(v float32) *float32 { return &v }
	seed, thinking := int32(7), int32(0)
	got, err := client(t, r, "acme").Models.GenerateContent(t.Context(), gateway.Auto, genai.Text("Hi"), &genai.GenerateContentConfig{
		SystemInstruction: genai.NewContentFromText("Be brief.", genai.RoleUser), Temperature: f(0.5), TopP: f(0.25), TopK: f(3), Seed: &seed,
		StopSequences: []string{"END"}, MaxOutputTokens: 99, PresencePenalty: f(-1), FrequencyPenalty: f(1), ResponseMIMEType: "application/json",
		ThinkingConfig: &genai.ThinkingConfig{ThinkingBudget: &thinking},
	})
	if err != nil {
		t.Fatal(err)
	}
	if u := got.UsageMetadata; u.PromptTokenCount != 9 || u.CachedContentTokenCount != 4 || u.CandidatesTokenCount != 5 || u.ThoughtsTokenCount != 3 || u.TotalTokenCount != 17 {
		t.Errorf("usage %+v", u)
	}
	c := h.Last()
	if c.System != "Be brief." || *c.Temperature != 0.5 || *c.TopP != 0.25 || *c.TopK != 3 || *c.Seed != 7 || len(c.Stop) != 1 || c.Stop[0] != "END" ||
		c.MaxOutputTokens != 99 || *c.PresencePenalty != -1 || *c.FrequencyPenalty != 1 || !c.JSON || *c.ThinkingBudget != 0 {
		t.Errorf("asked %+v", c)
	}
}

func TestTheOfficialClientListsModels(t *testing.T) {
	t.Parallel()
	c := client(t, gatetest.Start(t), "acme")
	var names []string
	for m, err := range c.Models.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, m.Name)
	}
	if got := strings.Join(names, " "); got != "models/auto models/gemini-2.5-flash models/gemini-2.5-pro models/gpt-4o-mini" {
		t.Errorf("models %s", got)
	}
	if m, err := c.Models.Get(t.Context(), gatetest.Medium, nil); err != nil || m.DisplayName != gatetest.Medium {
		t.Errorf("%+v (%v)", m, err)
	}
	if _, err := c.Models.Get(t.Context(), "gemini-0", nil); !notFound(err) {
		t.Errorf("a model that is not there: %v", err)
	}
}

func TestEveryPartOfAStreamHasItsText(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	got := r.Post(t, "/v1beta/models/auto:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"Hi"}]}]}`)
	if got.Status != 200 || strings.Contains(got.Body, "{}") || strings.Count(got.Body, `{"text":`) != strings.Count(got.Body, `"candidates"`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestModelsUnderV1AreToldInTheDialectOfTheKey(t *testing.T) {
	t.Parallel()
	r := gatetest.Start(t)
	c, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		APIKey: "acme", Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: r.URL, APIVersion: "v1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.Models.List(t.Context(), nil)
	if err != nil || len(page.Items) != 4 || page.Items[0].Name != "models/auto" {
		t.Errorf("listed %+v, %v", page, err)
	}
	if m, err := c.Models.Get(t.Context(), gatetest.Large, nil); err != nil || m.Name != "models/"+gatetest.Large {
		t.Errorf("got %+v, %v", m, err)
	}
	var fault genai.APIError
	if _, err := c.Models.Get(t.Context(), "gpt-17", nil); !errors.As(err, &fault) || fault.Status != "NOT_FOUND" {
		t.Errorf("a model that is not there: %v", err)
	}
	for _, ask := range []struct{ path, header, value, want string }{
		{"/v1/models", "X-Goog-Api-Key", "wrong", `"UNAUTHENTICATED"`},
		{"/v1/models?key=acme", "", "", `"models/auto"`},
		{"/v1/models/auto?key=acme", "", "", `"models/auto"`},
		{"/v1/models", "Authorization", "Bearer acme", `"object":"list"`},
		{"/v1/models/auto", "Authorization", "Bearer acme", `"object":"model"`},
		{"/v1/models?monkey=1", "", "", `"object":"list"`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+ask.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if ask.header != "" {
			req.Header.Set(ask.header, ask.value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !strings.Contains(string(body), ask.want) {
			t.Errorf("%s with %s: %s, want %s", ask.path, ask.header, body, ask.want)
		}
	}
}
