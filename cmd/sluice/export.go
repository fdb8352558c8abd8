package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sluice/postgres"
)

// datasetCmd is about the data set that the ring makes.
type datasetCmd struct {
	Export datasetExportCmd `cmd:"" help:"Write the data set as JSON lines."`
}

type datasetExportCmd struct {
	Format string `default:"oracle" enum:"oracle,answers,train,test" help:"oracle: every labelled query with its description; answers: every graded answer; train and test: the splits as training and evaluation see them."`
	Out    string `placeholder:"FILE" help:"Where to; default: standard output. An existing file is replaced when all is written."`
	Demo   bool   `help:"Export the last demo's."`
}

// exports is the query behind each format.
var exports = map[string]string{
	"oracle": `SELECT * FROM labelled_examples ORDER BY query_key`,
	"answers": `SELECT q.text AS query, q.ground_truth, q.split, q.tenant, g.* FROM graded_answers g
		JOIN queries q ON q.key = g.query_key ORDER BY g.query_key, g.pair, g.judge_version, g.tier`,
	"train": `SELECT * FROM examples_train ORDER BY query_key`,
	"test":  `SELECT * FROM examples_test ORDER BY query_key`,
}

// Run exports.
func (c *datasetExportCmd) Run(ctx context.Context, m *Main) (err error) {
	database := postgres.DefaultDatabase
	if c.Demo {
		database = demoDatabase
	}
	t, err := m.findTables(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	db, err := postgres.Connect(ctx, asAnalyst(t.URL), "sluice dataset export", 1)
	if err != nil {
		return fmt.Errorf("%w; are the tables there? sluice migrate up, or sluice demo, makes them", err)
	}
	defer db.Close()
	rows, err := db.Table(ctx, exports[c.Format])
	if err != nil {
		return err
	}
	if err := c.write(m, rows); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	fmt.Fprintf(m.Stderr, "%s rows of %s\n", count(len(rows.Rows)), c.Format)
	return nil
}

// write sends the rows to standard output, or into a file in one step.
func (c *datasetExportCmd) write(m *Main, rows postgres.Table) error {
	if c.Out == "" {
		return writeRows(m.Stdout, rows)
	}
	return writeWhole(c.Out, func(w io.Writer) error { return writeRows(w, rows) })
}
