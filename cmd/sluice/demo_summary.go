package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"sluice"
	"sluice/operate"
	"sluice/postgres"
)

// summarize reads what the run made of its questions from the tables.
func (d *demo) summarize(ctx context.Context) (*summary, error) {
	db, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	stored, err := db.Summary(ctx, d.filter())
	if err != nil {
		return nil, err
	}
	s := d.fromTables(stored)
	if err := d.countDead(ctx, s); err != nil {
		return nil, err
	}
	matrix, err := d.cfg.OracleMatrix()
	if err != nil {
		return nil, err
	}
	t := d.tables.get()
	s.cells, s.pair = matrix.Cells(), [2]string{d.cfg.Pair.Medium, d.cfg.Pair.Large}
	s.Upstream, s.dataset, s.tenant = d.upstream, d.in.name, d.tenant
	s.stages, s.working = d.stageTimes(stored), d.working
	s.fresh, s.tables = t.Cluster.Private(), t.Cluster.Describe()
	if s.fresh {
		s.tables = fmt.Sprintf("database %s, %s", demoDatabase, s.tables)
	}
	s.skippedWhy, s.dataDir = d.in.skipped, filepath.Join(d.cfg.DataDir, "demo")
	for _, n := range d.in.skipped {
		s.Skipped += n
	}
	s.Seconds = float64(time.Since(d.started).Milliseconds()) / 1000
	return s, nil
}

// fromTables is the part of a summary that the tables know.
func (d *demo) fromTables(t postgres.Summary) *summary {
	s := &summary{
		Queries: d.published, Examples: int(t.Examples), Train: int(t.Train), Test: int(t.Test),
		Matrix: map[string]map[string]int{}, Policies: map[string]int{},
		Cost: map[string]int64{}, Calls: map[string]int{},
	}
	for _, medium := range sluice.Grades() {
		s.Matrix[string(medium)] = map[string]int{}
		for _, large := range sluice.Grades() {
			s.Matrix[string(medium)][string(large)] = int(t.Matrix[medium][large])
		}
	}
	for p, n := range t.Policies {
		s.Policies[string(p)] = int(n)
	}
	for model, cost := range t.CostByModel() {
		s.Cost[model] = int64(cost)
	}
	for model, n := range t.CallsByModel() {
		s.Calls[model] = int(n)
	}
	for _, x := range t.Spending {
		s.spends = append(s.spends, spendRow{
			stage: x.Stage, model: x.Model, calls: x.Calls, failed: x.Calls - x.OK,
			tokens: x.Usage.Prompt + x.Usage.Output + x.Usage.Thoughts, cost: x.Cost,
		})
	}
	return s
}

// stageTimes joins what this process knows of its stages with what the log's clock says.
func (d *demo) stageTimes(t postgres.Summary) []stageTime {
	times := d.ring.times(d.m.stageNames())
	for i := range times {
		for _, logged := range t.Stages {
			if logged.Stage == times[i].stage {
				times[i].p50, times[i].p95 = seconds(logged.P50Seconds), seconds(logged.P95Seconds)
			}
		}
	}
	return times
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// countDead counts the run's dead letters in its own log: those of the entrance name no tenant.
func (d *demo) countDead(ctx context.Context, s *summary) error {
	letters, err := operate.Letters(ctx, d.log.JS, operate.Selection{})
	if err != nil {
		return err
	}
	s.Dead, s.deadWhy = len(letters), map[string]int{}
	for _, l := range letters {
		s.deadWhy[l.Stage+": "+string(l.Reason)]++
	}
	return nil
}
