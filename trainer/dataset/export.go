package dataset

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"sluice"
	"sluice/routing"
)

// Format is a form of rows for people who train elsewhere.
type Format string

// The formats.
const (
	FormatSFT Format = "sft" // {prompt, completion}
	FormatDPO Format = "dpo" // {prompt, chosen, rejected}
	// The labelled queries as the tables have them: all, those that training sees, the held-out ones.
	FormatOracle Format = "oracle"
	FormatTrain  Format = "train"
	FormatTest   Format = "test"
)

// Card says what a file of rows is: what it was made of, and how to tell it from another.
type Card struct {
	Format Format
	Rows   int
	// Fields are the keys of a row of the tables; sft and dpo rows have their own.
	Fields []string
	// Digest is the SHA-256 of the file, in hex; SetDigest that of the examples behind sft and dpo rows.
	Digest, SetDigest string
	Masked            int
	PromptVersion     string
	Policies          []sluice.PolicySpec
	Counts            map[sluice.Policy]int
	// IDs are the examples, in the order of the rows.
	IDs []string
}

// Write writes the rows of a set as JSON lines and returns their card. The same set, prompt and policies give
// the same bytes.
func Write(w io.Writer, s Set, f Format, p routing.Prompt, specs []sluice.PolicySpec) (Card, error) {
	h := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(w, h))
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, r := range s.rows {
		var line any = SFT(p, r)
		if f == FormatDPO {
			line = DPO(p, r, specs)
		}
		if err := enc.Encode(line); err != nil {
			return Card{}, fmt.Errorf("write %s rows: %w", f, err)
		}
	}
	if err := out.Flush(); err != nil {
		return Card{}, fmt.Errorf("write %s rows: %w", f, err)
	}
	return Card{
		Format: f, Rows: len(s.rows), Digest: hex.EncodeToString(h.Sum(nil)), SetDigest: s.digest, Masked: s.masked,
		PromptVersion: p.Version, Policies: specs, Counts: s.counts(), IDs: s.IDs(),
	}, nil
}

// Markdown is the card for people: YAML for tools in front, and every example's id at the end.
func (c Card) Markdown() (string, error) {
	var b strings.Builder
	if err := card.Execute(&b, c); err != nil {
		return "", fmt.Errorf("data set card: %w", err)
	}
	return b.String(), nil
}

// Share is a policy's part of the rows.
func (c Card) Share(p sluice.Policy) string {
	return fmt.Sprintf("%.1f%%", 100*float64(c.Counts[p])/float64(max(c.Rows, 1)))
}

// Columns are the keys of a row.
func (c Card) Columns() string {
	switch c.Format {
	case FormatSFT:
		return "prompt, completion"
	case FormatDPO:
		return "prompt, chosen, rejected"
	}
	return strings.Join(c.Fields, ", ")
}

// About says what the rows are.
func (c Card) About() string {
	const drawn = "the policy that the oracle matrix drew from two blind verdicts"
	switch c.Format {
	case FormatOracle:
		return "every labelled query with " + drawn + ", its description and both grades. Rows of both splits are here, and ones that were judged without a ground truth: the columns split and basis tell which. Grades are for evaluation, never for training. No row holds an answer or a ground truth."
	case FormatTrain:
		return "the queries that training sees, each with " + drawn + ", and its description. No row holds an answer, a verdict or a ground truth."
	case FormatTest:
		return "the held-out queries, which nothing may be trained on, each with " + drawn + "."
	}
	return "queries of the train split, each with " + drawn + ". No row holds an answer, a verdict or a ground truth; reasonings are drawn from closed lists of words that describe the query."
}

// Prompted says whether rows hold a prompt.
func (c Card) Prompted() bool { return c.Format == FormatSFT || c.Format == FormatDPO }

// Others are policies of rows that are not configured any more.
func (c Card) Others() (names []sluice.Policy) {
	for p := range c.Counts {
		if !slices.ContainsFunc(c.Policies, func(s sluice.PolicySpec) bool { return s.Name == p }) {
			names = append(names, p)
		}
	}
	slices.Sort(names)
	return names
}

var card = template.Must(template.New("card").Parse(`---
format: {{.Format}}
rows: {{.Rows}}
sha256: {{.Digest}}
{{- if .Prompted}}
examples_sha256: {{.SetDigest}}
prompt_version: {{.PromptVersion}}
{{- end}}
---
# Router rows, {{.Format}}

JSON lines with the keys {{.Columns}}: {{.About}} Personal data (e-mail addresses, phone and card numbers, keys) is masked: {{.Masked}} rows held some.
{{if or .Prompted (eq .Format "train")}}
The test split is not here. Whoever trains on these rows evaluates on it by ` + "`sluice dataset export --format test`" + `.
{{end}}
| policy | rows | share | description |
|---|---|---|---|
{{range .Policies}}| {{.Name}} | {{index $.Counts .Name}} | {{$.Share .Name}} | {{.Description}} |
{{end}}{{range .Others}}| {{.}} | {{index $.Counts .}} | {{$.Share .}} | not configured any more |
{{end}}
## Examples

The id of each row's example, in the order of the rows:

{{range .IDs}}    {{.}}
{{end}}`))
