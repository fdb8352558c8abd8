package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice"
	"sluice/gateway"
	"sluice/gateway/keys"
	"sluice/llm"
)

// askCmd answers one query, end to end: router, rules, model, decision.
type askCmd struct {
	Question  string   `arg:"" help:"The question."`
	Model     string   `default:"auto" help:"auto, or the model to ask."`
	System    string   `placeholder:"TEXT" help:"The system prompt. Default: none."`
	Threshold *float64 `placeholder:"T" help:"The cost-quality knob: P(Complex), 0 to 1, from which on the large model is asked. Default: routing.threshold, or the router's own."`
	Tenant    string   `placeholder:"NAME" help:"Whose query it is. Default: the default tenant, which has no name."`
	Explain   bool     `help:"Show the decision: policy, reasoning, probabilities, rule, cost."`
	JSON      bool     `name:"json" help:"Print one JSON object, the answer and the whole decision, instead."`
	upstreamFlag
}

// Validate checks the knob while the command line is read.
func (c *askCmd) Validate() error {
	if t := c.Threshold; t != nil && (*t < 0 || *t > 1) {
		return fmt.Errorf("--threshold: want a number from 0 to 1, got %g", *t)
	}
	return nil
}

// Run answers in this process: it joins the log that runs, or starts one.
func (c *askCmd) Run(ctx context.Context, m *Main) (err error) {
	models, err := c.apply(m)
	if err != nil {
		return err
	}
	defer models.Close()
	cfg := models.cfg
	cfg.Gateway.LogDecisions = false
	l, err := m.openLog(ctx, "ask", toRun)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	caller, err := gatewayModels(ctx, cfg, nil)
	if err != nil {
		return err
	}
	defer caller.Close()
	g, err := m.openGateway(ctx, cfg, l, caller)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close(ctx)) }()
	var stream gateway.Stream
	if !c.JSON {
		stream = &printed{w: m.Stdout}
	}
	answer, err := g.Pipeline.Answer(ctx, c.ask(), stream)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // the pipeline speaks of a client that left
	}
	return c.show(m, answer, err)
}

func (c *askCmd) ask() *gateway.Ask {
	return &gateway.Ask{
		API: "cli", Model: c.Model, Stream: !c.JSON, Threshold: c.Threshold, Explain: c.Explain,
		Key:  keys.Key{ID: "cli", Tenant: c.Tenant, Scopes: keys.Scopes()},
		Chat: llm.ChatRequest{System: c.System, Messages: []llm.Message{{Role: llm.User, Text: c.Question}}},
	}
}

// show prints what is not printed yet.
func (c *askCmd) show(m *Main, a *gateway.Answer, fault error) error {
	if c.JSON {
		out := struct {
			Answer   string          `json:"answer"`
			Decision sluice.Decision `json:"decision"`
			Error    string          `json:"error,omitempty"`
		}{Answer: a.Text, Decision: a.Decision}
		if fault != nil {
			out.Error = fault.Error()
		}
		if err := printJSONAs(m.Stdout, jsonForm{indent: "  "}, out); err != nil {
			return err
		}
	} else if fault == nil {
		if !strings.HasSuffix(a.Text, "\n") {
			fmt.Fprintln(m.Stdout)
		}
		if c.Explain {
			explain(m.Stdout, &a.Decision)
		}
	}
	if fault != nil {
		return fmt.Errorf("no answer: %w", fault)
	}
	return nil
}

// printed prints an answer as it is written.
type printed struct{ w io.Writer }

// Begin has nothing to print.
func (p *printed) Begin(*sluice.Decision) error { return nil }

// Chunk prints a piece.
func (p *printed) Chunk(c llm.Chunk) error {
	_, err := io.WriteString(p.w, c.Text)
	return err
}

// explain shows a decision, a line for each thing to know of it.
func explain(w io.Writer, d *sluice.Decision) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w)
	if d.Policy != "" { // else nobody was asked for one: the rule says why
		line("policy", "%s%s", d.Policy, probabilities(d.Probabilities))
		if d.Reasoning != "" {
			line("reasoning", "%s", d.Reasoning)
		}
		router := d.RouterVersion
		if d.RouterFault != "" {
			router += ", since the router was not there: " + d.RouterFault
		}
		line("router", "%s, %d us", router, d.RouterUS)
	}
	line("rule", "%s: %s", d.Rule, d.RuleReason)
	line("model", "%s", d.Model)
	if len(d.Fallbacks) > 0 {
		line("", "after %s failed", strings.Join(d.Fallbacks, ", "))
	}
	line("cost", "%s for %d tokens in, %d out", d.Cost, d.Usage.Prompt, d.Usage.Output+d.Usage.Thoughts)
	line("latency", "%d ms, the first word after %d ms", d.LatencyMS, d.FirstTokenMS)
	line("decision", "%s", d.ID)
}

func probabilities(p map[sluice.Policy]float64) string {
	if len(p) == 0 {
		return ""
	}
	names := make([]string, 0, len(p))
	for policy, share := range p {
		names = append(names, fmt.Sprintf("%s %.0f%%", policy, 100*share))
	}
	slices.Sort(names)
	return " (" + strings.Join(names, ", ") + ")"
}
