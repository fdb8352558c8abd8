package gateway_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/gateway"
)

func TestALineTellsOfADecisionAndOfItsTextsOnlyIfAsked(t *testing.T) {
	d := &sluice.Decision{
		ID: "d1", Query: sluice.Query{Text: "a \"quoted\"\n\xff question", Tenant: "acme"}, API: "openai.chat", KeyID: "k1",
		Policy: sluice.Complex, Reasoning: "rare", Model: "gemini-2.5-pro", Rule: "keywords", RouterVersion: "r1", RulesVersion: "u1",
		RouterFault: "deadline", LatencyMS: 250, Cost: 5_000_012, Outcome: sluice.OutcomeBroken, Status: 502, Error: "cut", Answer: "an answer",
	}
	for _, texts := range []bool{false, true} {
		var out bytes.Buffer
		l := gateway.NewLines(&out, texts)
		l.Observe(d)
		l.Observe(&sluice.Decision{ID: "d2", Outcome: sluice.OutcomeOK, Status: 200})
		l.Flush()
		lines := strings.Split(out.String(), "\n")
		if len(lines) != 3 || lines[2] != "" {
			t.Fatalf("%d lines: %s", len(lines)-1, out.String())
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
			t.Fatalf("%s: %v", lines[0], err)
		}
		if at, err := time.Parse(time.RFC3339Nano, got["timestamp"].(string)); err != nil || time.Since(at) > time.Minute {
			t.Errorf("timestamp %v: %v", got["timestamp"], err)
		}
		delete(got, "timestamp")
		want := map[string]any{
			"msg": "decision", "decision_id": "d1", "policy": "Complex_Query", "model": "gemini-2.5-pro", "latency_ms": 250.0, "cost_usd": 5.000012,
			"rule": "keywords", "router_version": "r1", "rules_version": "u1", "api": "openai.chat", "tenant": "acme", "key_id": "k1",
			"outcome": "broken", "status": 502.0, "error": "cut", "router_fault": "deadline",
		}
		if texts {
			want["query"], want["reasoning"], want["answer"] = "a \"quoted\"\n\ufffd question", "rare", "an answer"
		} else {
			want["query_bytes"], want["answer_bytes"] = 21.0, 9.0
		}
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s is %v, want %v", k, got[k], v)
			}
		}
		if len(got) != len(want) {
			t.Errorf("the line has %d fields, want %d: %s", len(got), len(want), lines[0])
		}
		if err := json.Unmarshal([]byte(lines[1]), &got); err != nil || strings.Contains(lines[1], "error") {
			t.Errorf("%s: %v", lines[1], err)
		}
	}
}

// pieces keeps what is written by each Write.
type pieces []string

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, string(b))
	return len(b), nil
}

func TestLinesAreWrittenTogetherButWholeAndNoMoreThanAPipeTakes(t *testing.T) {
	var out pieces
	l := gateway.NewLines(&out, true)
	for n := range 40 {
		d := &sluice.Decision{ID: "d", Answer: strings.Repeat("x", 100)}
		if n == 20 {
			d.Answer = strings.Repeat("x", 10_000)
		}
		l.Observe(d)
	}
	l.Flush()
	l.Flush()
	if len(out) > 12 {
		t.Errorf("%d writes for 40 lines", len(out))
	}
	for _, p := range out {
		if !strings.HasSuffix(p, "}\n") || len(p) > 4<<10 && strings.Count(p, "\n") > 1 {
			t.Errorf("%d bytes, %d lines, are written at once: %.40s", len(p), strings.Count(p, "\n"), p)
		}
	}
	if n := strings.Count(strings.Join(out, ""), "\n"); n != 40 {
		t.Errorf("%d lines", n)
	}
}
