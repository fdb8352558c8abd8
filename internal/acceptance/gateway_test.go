package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/natstest"
	"sluice/internal/process"
)

// The npm package that applications use, at the version that was tested.
const npmOpenAI = "openai@7.57.0"

// The script prints "ok" once everything is as an application expects it.
const nodeScript = `
import OpenAI from "openai";
const must = (ok, what) => { if (!ok) { console.error("not so: " + what); process.exit(1); } };
const client = new OpenAI({ baseURL: process.env.GATEWAY + "/v1", apiKey: "none", maxRetries: 0 });

const { data, response } = await client.chat.completions.create({
  model: "auto", messages: [{ role: "user", content: "Which river flows through Baghdad?" }],
}).withResponse();
must(data.choices[0].message.content.length > 0, "a reply");
must(data.usage.total_tokens > 0, "usage");
must(response.headers.get("x-sluice-decision-id") === data.sluice.decision_id, "the decision's id");

let text = "", usage = null, finish = null;
const stream = await client.chat.completions.create({
  model: "auto", stream: true, stream_options: { include_usage: true }, messages: [{ role: "user", content: "Which river flows through Baghdad?" }],
});
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  finish = chunk.choices[0]?.finish_reason ?? finish;
  usage = chunk.usage ?? usage;
}
must(text === data.choices[0].message.content, "the same reply streamed, got " + text);
must(finish === "stop" && usage.total_tokens === data.usage.total_tokens, "finish and usage of the stream");

const call = await client.chat.completions.create({
  model: "gemini-2.5-flash", tool_choice: "required", messages: [{ role: "user", content: "What is the weather in Oslo?" }],
  tools: [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } }],
});
must(typeof JSON.parse(call.choices[0].message.tool_calls[0].function.arguments).city === "string", "a tool call");

const answer = await client.responses.create({ model: "auto", input: "Which river flows through Baghdad?" });
must(answer.output_text === text, "the responses API, got " + answer.output_text);

const models = await client.models.list();
must(models.data.some((m) => m.id === "auto"), "auto among the models");

try {
  await client.chat.completions.create({ model: "gpt-17", messages: [{ role: "user", content: "Hi" }] });
  must(false, "an unknown model is refused");
} catch (e) {
  must(e instanceof OpenAI.NotFoundError && e.code === "model_not_found", "a NotFoundError, got " + e);
}
console.log("ok");
`

func TestTheNpmClientOfOpenAIRunsAgainstTheGateway(t *testing.T) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("CI has no %s", tool)
			}
			t.Skipf("there is no %s here", tool)
		}
	}
	dir := openDir(t)
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private":true,"type":"module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "client.js"), []byte(nodeScript), 0o600); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", npmOpenAI)
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("npm install %s: %v\n%s", npmOpenAI, err, out)
		}
		t.Skipf("npm can't install %s here: %v\n%s", npmOpenAI, err, out)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", natstest.FreePort(t))
	gateway := process.Start(t, process.Spec{
		Name: "gateway", Path: binaries.Sluice(t), Args: []string{"gateway", "--upstream", "emulator", "--listen", addr}, Dir: dir,
	})
	if err := gateway.WaitFor(t.Context(), "the gateway is up"); err != nil {
		t.Fatal(err)
	}
	script := exec.CommandContext(t.Context(), "node", "client.js")
	script.Dir, script.Env = dir, append(os.Environ(), "GATEWAY=http://"+addr)
	if out, err := script.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "ok\n") {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := gateway.Stop(); err != nil {
		t.Error(err)
	}
}
