package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"sluice"
	"sluice/routing/features"
	"sluice/routing/front"
	"sluice/routing/rules"
	"sluice/trainer/artifact"
)

// rulesTryCmd tries the rules on queries.
type rulesTryCmd struct {
	File   string                   `arg:"" help:"A query a line, or JSON lines with query and, if known, policy, score, tenant, tags, key; - is standard input."`
	Policy string                   `default:"" placeholder:"POLICY" help:"Assume this policy where a line names none. Default: the static map's."`
	Router string                   `placeholder:"DIR" help:"Let the trained router of this directory decide the policies instead."`
	Spent  float64                  `min:"0" placeholder:"SHARE" help:"Assume a budget of which this share is spent: 0.9."`
	P95    map[string]time.Duration `name:"p95" placeholder:"MODEL=DUR" help:"Assume this live latency of a model; may be repeated."`
	At     instant                  `default:"0s" placeholder:"TIME" help:"Assume this time. Default: now."`
	Tenant string                   `help:"Assume this tenant where a line names none."`
	JSON   bool                     `help:"Print a JSON object a query, and one with the summary last."`
}

// tryRow is a line of the file.
type tryRow struct {
	Query  string        `json:"query"`
	Policy sluice.Policy `json:"policy"`
	Score  float64       `json:"score"`
	Tenant string        `json:"tenant"`
	Tags   []string      `json:"tags"`
	Key    string        `json:"key"`
}

// tried is what became of one query.
type tried struct {
	Line     int                `json:"line"`
	Query    string             `json:"query"`
	Policy   sluice.Policy      `json:"policy"`
	Router   string             `json:"router"`
	Score    float64            `json:"score,omitempty"`
	Features map[string]float64 `json:"features"`
	Language string             `json:"language,omitempty"`
	Rule     string             `json:"rule"`
	Reason   string             `json:"reason"`
	Model    string             `json:"model,omitempty"`
	Refusal  string             `json:"refusal,omitempty"`
	// Failed are the rules that failed on this query and were left out.
	Failed map[string]string `json:"failed,omitempty"`
}

// trySummary counts.
type trySummary struct {
	RulesVersion string         `json:"rules_version"`
	Queries      int            `json:"queries"`
	Rules        map[string]int `json:"rules"`
	Models       map[string]int `json:"models"`
	Policies     map[string]int `json:"policies"`
	Refused      int            `json:"refused"`
	Failures     int            `json:"failures"`
}

// Run tries every line.
func (c *rulesTryCmd) Run(ctx context.Context, m *Main) (err error) {
	if c.Policy != "" && !m.knowsPolicy(c.Policy) {
		return usagef("--policy %s is not configured", c.Policy)
	}
	mapper, err := newMapper(m.config)
	if err != nil {
		return err
	}
	f, err := c.front(ctx, m)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	in, err := openLines(c.File)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := c.tryAll(m, in, mapper.Version(), func(row tryRow) tried { return c.try(ctx, f, mapper, row) }); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return nil
}

// tryAll tries every line and shows what became of each, and of all.
func (c *rulesTryCmd) tryAll(m *Main, in io.Reader, rulesVersion string, try func(tryRow) tried) error {
	sum := trySummary{RulesVersion: rulesVersion, Rules: map[string]int{}, Models: map[string]int{}, Policies: map[string]int{}}
	var all []tried
	err := eachRow(in, func(line int, row tryRow) error {
		if row.Policy != "" && !m.knowsPolicy(string(row.Policy)) {
			return fmt.Errorf("line %d: the policy %q is not configured", line, row.Policy)
		}
		one := try(row)
		one.Line = line
		sum.add(one)
		if c.JSON {
			return printJSONAs(m.Stdout, jsonForm{verbatim: true}, one)
		}
		all = append(all, one)
		return nil
	})
	switch {
	case err != nil:
		return err
	case sum.Queries == 0:
		return errors.New("holds no query")
	case c.JSON:
		return printJSONAs(m.Stdout, jsonForm{verbatim: true}, sum)
	}
	drawTried(m.Stdout, all)
	sum.draw(m.Stdout)
	return nil
}

// front decides what lines do not say.
func (c *rulesTryCmd) front(ctx context.Context, m *Main) (*front.Front, error) {
	f, err := newFront(m.config, m.beside, nil)
	if err != nil {
		return nil, err
	}
	set := front.Set{}
	if c.Router != "" {
		if set.Active, err = artifact.Open(ctx, c.Router); err != nil {
			return nil, err
		}
	}
	f.Swap(set)
	return f, nil
}

func (c *rulesTryCmd) try(ctx context.Context, f *front.Front, mapper *rules.Mapper, row tryRow) tried {
	facts := rules.Facts{
		Policy: row.Policy, Score: row.Score, Router: "assumed", Text: row.Query, Features: features.Of(row.Query),
		Tenant: row.Tenant, Tags: row.Tags, KeyID: row.Key, Latency: c.P95, At: c.At.Time,
	}
	if facts.Tenant == "" {
		facts.Tenant = c.Tenant
	}
	if facts.Policy == "" && c.Router == "" {
		facts.Policy = sluice.Policy(c.Policy)
	}
	if facts.Policy == "" {
		decided := factsOf(f.Decide(ctx, front.Request{Text: row.Query, Tenant: facts.Tenant}), row.Query)
		facts.Policy, facts.Router, facts.Threshold = decided.Policy, decided.Router, decided.Threshold
		facts.Probabilities, facts.Score = decided.Probabilities, decided.Score
	}
	if c.Spent > 0 {
		facts.Budget = rules.Budget{Name: "assumed", Spent: c.Spent}
	}
	out := mapper.Map(facts)
	one := tried{
		Query: row.Query, Policy: facts.Policy, Router: facts.Router, Score: facts.Score, Features: facts.Features.Map(),
		Language: facts.Features.Language, Rule: out.Rule, Reason: out.Reason, Model: out.Model, Refusal: out.Refusal,
	}
	for _, s := range out.Skipped {
		if one.Failed == nil {
			one.Failed = map[string]string{}
		}
		one.Failed[s.Rule] = s.Err.Error()
	}
	return one
}

// factsOf is what the rules may know of a text that the front has decided; probabilities only where a router gave
// them.
func factsOf(d front.Decision, text string) rules.Facts {
	facts := rules.Facts{
		Policy: d.Choice.Policy, Router: d.Choice.Version, Threshold: d.Threshold, Text: text, Features: features.Of(text), At: time.Now(),
	}
	if d.Threshold > 0 {
		facts.Probabilities, facts.Score = d.Choice.Probabilities, d.Choice.Score()
	}
	return facts
}

func (s *trySummary) add(t tried) {
	s.Queries++
	s.Rules[t.Rule]++
	s.Policies[string(t.Policy)]++
	s.Failures += len(t.Failed)
	if t.Refusal != "" {
		s.Refused++
		return
	}
	s.Models[t.Model]++
}

func drawTried(w io.Writer, all []tried) {
	t := newTable(w, "line", "query", "policy", "words", "math", "rule", "model", "because").numbers(1, 4, 5)
	for _, one := range all {
		model, why := one.Model, one.Reason
		if one.Refusal != "" {
			model = "refused"
		}
		for _, rule := range sortedKeys(one.Failed) {
			why += "; " + rule + " failed: " + one.Failed[rule]
		}
		t.row(strconv.Itoa(one.Line), oneLine(one.Query, 48), string(one.Policy), count(int(one.Features["words"])), count(int(one.Features["math"])), one.Rule, model, oneLine(why, 80))
	}
	t.flush()
}

func (s *trySummary) draw(w io.Writer) {
	for _, part := range []struct {
		name   string
		counts map[string]int
	}{{"rule", s.Rules}, {"model", s.Models}, {"policy", s.Policies}} {
		t := newTable(w, part.name, "queries", "share").numbers(2, 3)
		for _, name := range sortedKeys(part.counts) {
			t.row(name, count(part.counts[name]), fmt.Sprintf("%.1f%%", 100*float64(part.counts[name])/float64(s.Queries)))
		}
		t.flush()
	}
	fmt.Fprintf(w, "%s queries, %s refused, %s failures of rules; rules %s\n", count(s.Queries), count(s.Refused), count(s.Failures), s.RulesVersion)
}

// openLines opens a file, or standard input for "-".
func openLines(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(path)
}

// eachRow reads lines: JSON objects, or queries as they are. Blank lines are skipped.
func eachRow(r io.Reader, yield func(line int, row tryRow) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		row := tryRow{Query: text}
		if strings.HasPrefix(text, "{") {
			row.Query = ""
			if err := json.Unmarshal([]byte(text), &row); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
			if row.Query == "" {
				return fmt.Errorf("line %d: has no query", n)
			}
		}
		if err := yield(n, row); err != nil {
			return err
		}
	}
	return lines.Err()
}
