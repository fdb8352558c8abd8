package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"sluice"
	"sluice/postgres"
	"sluice/privacy"
	"sluice/routing"
	trainset "sluice/trainer/dataset"
	"sluice/wholefile"
)

// datasetCmd is about the data set that the ring makes.
type datasetCmd struct {
	Export datasetExportCmd `cmd:"" help:"Write the data set as JSON lines."`
}

type datasetExportCmd struct {
	Format string `default:"oracle" enum:"oracle,answers,train,test,sft,dpo" help:"oracle: every labelled query with its description and both grades; answers: every graded answer; train and test: the views examples_train and examples_test; sft and dpo: rows to train a router on, of the train split. What was judged without a ground truth is in train, sft and dpo where training.reference_free is set. Personal data is masked in all of them."`
	Prompt string `default:"full" enum:"full,compact" help:"The prompt of sft and dpo rows. full: policies in context, for pretrained weights; compact: that of the embedded default."`
	Out    string `placeholder:"FILE" help:"Where to; default: -, which is standard output. An existing file is replaced when all is written. All but answers get a card with hash and example ids beside them, FILE.card.md."`
	Demo   bool   `help:"Export the last demo's."`
}

// exports is the query behind each format.
var exports = map[string]string{
	"oracle": `SELECT e.*, m.grade AS medium_grade, l.grade AS large_grade FROM labelled_examples e
		LEFT JOIN graded_answers m ON m.query_key = e.query_key AND m.pair = e.pair AND m.judge_version = e.judge_version AND m.tier = 'medium'
		LEFT JOIN graded_answers l ON l.query_key = e.query_key AND l.pair = e.pair AND l.judge_version = e.judge_version AND l.tier = 'large'
		ORDER BY e.query_key`,
	"answers": `SELECT q.text AS query, q.ground_truth, q.split, q.tenant, g.query_key, g.pair, g.arm, g.tier, g.provider, g.model, g.judge_version,
		g.grade, g.reason, g.basis, g.shortcut, g.text, g.said_at, g.given_at, g.latency_ms, g.total_tokens, g.cost_microusd, g.call_id
		FROM graded_answers g JOIN queries q ON q.number = g.query_number ORDER BY g.query_key, g.pair, g.judge_version, g.tier`,
	"train": `SELECT e.*` + postgres.FromTrain + ` ORDER BY e.query_key`,
	"test":  `SELECT * FROM examples_test ORDER BY query_key`,
}

// Run exports.
func (c *datasetExportCmd) Run(ctx context.Context, m *Main) error {
	c.Out = cmp.Or(c.Out, stdout)
	return m.withAnalyst(ctx, c.Demo, "sluice dataset export", c.export)
}

func (c *datasetExportCmd) export(ctx context.Context, m *Main, db *postgres.DB) error {
	if c.Format == "sft" || c.Format == "dpo" {
		return c.training(ctx, m, db)
	}
	return c.table(ctx, m, db)
}

// table writes rows as the tables have them, personal data masked.
func (c *datasetExportCmd) table(ctx context.Context, m *Main, db *postgres.DB) error {
	var args []any
	if c.Format == "train" {
		args = append(args, m.config.Training.ReferenceFree)
	}
	rows, err := db.Table(ctx, exports[c.Format], args...)
	if err != nil {
		return err
	}
	card := trainset.Card{
		Format: trainset.Format(c.Format), Rows: len(rows.Rows), Fields: rows.Columns, Policies: m.config.PolicySpecs(),
		Counts: map[sluice.Policy]int{},
	}
	policy, id := slices.Index(rows.Columns, "policy"), slices.Index(rows.Columns, "example_id")
	for _, row := range rows.Rows {
		if maskRow(rows.Columns, row) {
			card.Masked++
		}
		if policy >= 0 && id >= 0 {
			card.Counts[sluice.Policy(fmt.Sprint(row[policy]))]++
			card.IDs = append(card.IDs, fmt.Sprint(row[id]))
		}
	}
	sum := sha256.New()
	if err := m.writeTo(c.Out, func(w io.Writer) error { return writeRows(io.MultiWriter(w, sum), rows) }); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	card.Digest = hex.EncodeToString(sum.Sum(nil))
	return c.carded(m, card)
}

// maskRow masks personal data in what people wrote, and says whether there was any. Ids and hashes stay.
func maskRow(columns []string, row []any) (masked bool) {
	for i, v := range row {
		switch columns[i] {
		case "query", "text", "summary", "reason", "ground_truth":
			clean, found := maskValue(v)
			row[i], masked = clean, masked || found
		}
	}
	return masked
}

// maskValue masks a text, or the texts of a list.
func maskValue(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		clean, n := privacy.Scrub(v)
		return clean, n > 0
	case []any:
		masked := false
		for i := range v {
			clean, found := maskValue(v[i])
			v[i], masked = clean, masked || found
		}
		return v, masked
	}
	return v, false
}

// training writes rows to train a router on.
func (c *datasetExportCmd) training(ctx context.Context, m *Main, db *postgres.DB) error {
	examples, err := db.TrainExamples(ctx, m.config.Training.ReferenceFree)
	if err != nil {
		return err
	}
	set, err := trainset.New(examples)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	policies := m.config.PolicySpecs()
	prompt := routing.FullPrompt(policies)
	if c.Prompt == "compact" {
		prompt = routing.CompactPrompt(policies)
	}
	var card trainset.Card
	err = m.writeTo(c.Out, func(w io.Writer) (err error) {
		card, err = trainset.Write(w, set, trainset.Format(c.Format), prompt, policies)
		return err
	})
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return c.carded(m, card)
}

// carded says what was written, and lays the card beside a file of labelled queries.
func (c *datasetExportCmd) carded(m *Main, card trainset.Card) error {
	fmt.Fprintf(m.Stderr, "%s rows of %s, SHA-256 %s, %d of them masked\n", count(card.Rows), c.Format, card.Digest, card.Masked)
	if c.Out == stdout || c.Format == "answers" {
		return nil
	}
	text, err := card.Markdown()
	if err != nil {
		return err
	}
	return wholefile.Write(c.Out+".card.md", []byte(text), 0o666)
}
