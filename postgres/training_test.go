package postgres_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
)

func TestATrainingIsGivenTrainRowsWithoutGradesAndTestRowsWithThem(t *testing.T) {
	w := world.New(t, 120)
	tables := w.Recorded(t, pgtest.New(t)).Training(false)
	rows, newest, err := tables.Examples(t.Context(), w.Pair, 1000)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, q := range w.Queries {
		at[q.Key] = i
	}
	var train, test, want int
	for _, r := range rows {
		i := at[r.Key]
		q := w.Queries[i]
		if r.Split != q.Split || r.Text != q.Text || r.Analysis.Domain == "" || r.Analysis.ReasoningSteps == 0 || i%11 == 10 {
			t.Errorf("row %+v of query %d", r, i)
		}
		switch {
		case r.Split == sluice.Train && r.Graded == nil:
			train++
		case r.Split == sluice.Test && r.Graded != nil && r.Graded.Medium == w.Cell[i][0] && r.Graded.Large == w.Cell[i][1] &&
			r.Graded.MediumCost == 30 && r.Graded.LargeCost == 400:
			test++
		default:
			t.Errorf("%s row with grades %+v; cell %v", r.Split, r.Graded, w.Cell[i])
		}
	}
	for i := range w.Queries {
		if i%11 != 10 {
			want++
		}
	}
	if train+test != want || train == 0 || test == 0 || newest.Before(world.Start) {
		t.Errorf("%d train and %d test rows, want %d together; newest of %v", train, test, want, newest)
	}
	few, _, err := tables.Examples(t.Context(), w.Pair, 10)
	if err != nil || len(few) != 10+test {
		t.Errorf("%d rows of 10 and %d, %v", len(few), test, err)
	}
	byPolicy, oldest, err := tables.Accrued(t.Context(), w.Pair, time.Time{})
	n := 0
	for _, c := range byPolicy {
		n += c
	}
	if err != nil || n != train || len(byPolicy) != 3 || oldest.Before(world.Start) || oldest.After(newest) {
		t.Errorf("accrued %v since %v, %v; want %d", byPolicy, oldest, err, train)
	}
	if late, _, err := tables.Accrued(t.Context(), w.Pair, newest); err != nil || len(late) != 0 {
		t.Errorf("accrued after the newest: %v, %v", late, err)
	}
}

func TestATestRowIsNotAdmittedToATraining(t *testing.T) {
	w := world.New(t, 60)
	db := w.Recorded(t, pgtest.New(t))
	tables := db.Training(false)
	rows, _, err := tables.Examples(t.Context(), w.Pair, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var train, test []sluice.TrainingExample
	for _, r := range rows {
		if r.Split == sluice.Train {
			train = append(train, r)
		} else {
			test = append(test, r)
		}
	}
	for range 2 {
		if err := tables.Admit(t.Context(), "run-1", train); err != nil {
			t.Fatal(err)
		}
	}
	if err := tables.Admit(t.Context(), "run-2", append(train[:3:3], test[0])); err == nil || !strings.Contains(err.Error(), "train split") {
		t.Errorf("a test row: %v", err)
	}
	got, err := db.Table(t.Context(), "SELECT run, count(*) FROM training_set GROUP BY run")
	if err != nil || len(got.Rows) != 1 || got.Rows[0][1] != int64(len(train)) {
		t.Errorf("training_set %v, %v; want %d rows", got.Rows, err, len(train))
	}
}

// told makes events of one job, a second apart.
func told(events ...sluice.TrainingEvent) []sluice.Fact[sluice.TrainingEvent] {
	var all []sluice.Fact[sluice.TrainingEvent]
	for i, e := range events {
		e.At = world.Start.Add(time.Duration(i) * time.Second)
		all = append(all, sluice.Fact[sluice.TrainingEvent]{Ref: i, At: e.At, Value: e})
	}
	return all
}

func TestRunsAndModelsAreWhatWasToldInWhateverOrder(t *testing.T) {
	url := pgtest.New(t)
	recorder, err := postgres.OpenRecorder(t.Context(), url, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer recorder.Close()
	type e = sluice.TrainingEvent
	events := told(
		e{JobID: "j1", Kind: "queued", Sequence: 1},
		e{JobID: "j1", Kind: "started", Attempt: 1, Sequence: 1, Worker: "w1"},
		e{JobID: "j1", Kind: "progress", Attempt: 1, Sequence: 2, Stage: "router_base", Step: 10, Steps: 20, Loss: 2},
		e{JobID: "j1", Kind: "progress", Attempt: 1, Sequence: 3, Stage: "router_base", Step: 20, Steps: 20, Loss: 1.5},
		e{JobID: "j1", Kind: "requeued", Attempt: 2, Sequence: 1, Worker: "w2"},
		e{JobID: "j1", Kind: "progress", Attempt: 2, Sequence: 2, Stage: "router_base", Step: 20, Steps: 20, Loss: 1.4},
		e{JobID: "j1", Kind: "evaluated", Attempt: 2, Sequence: 3, Details: `{"candidates":[]}`},
		e{JobID: "j1", Kind: "registered", Attempt: 2, Sequence: 4, ModelVersion: "gemma-1", Details: `{"kind":"gemma","pair":"p","metrics":{"apgr":0.6}}`},
		e{JobID: "j1", Kind: "promoted", Attempt: 2, Sequence: 5, ModelVersion: "gemma-1", Message: "better"},
		e{JobID: "j2", Kind: "registered", Attempt: 1, Sequence: 1, ModelVersion: "gemma-2", Details: `{"kind":"gemma"}`},
		e{JobID: "j2", Kind: "refused", Attempt: 1, Sequence: 2, ModelVersion: "gemma-2", Message: "not surely better"},
		e{JobID: "j3", Kind: "registered", Attempt: 1, Sequence: 1, ModelVersion: "knn-1", Details: `{"kind":"knn"}`},
		e{JobID: "j3", Kind: "promoted", Attempt: 1, Sequence: 2, ModelVersion: "knn-1"},
		e{JobID: "j4", Kind: "queued", Sequence: 1},
		e{JobID: "j4", Kind: "canceled", Attempt: 1, Sequence: 1, Worker: "train cancel"},
		e{JobID: "j5", Kind: "started", Attempt: 1, Sequence: 1, Worker: "w1"},
		e{JobID: "j5", Kind: "failed", Attempt: 2, Sequence: 1, Worker: "w2"},
		e{JobID: "import-1", Kind: "registered", Sequence: 1, ModelVersion: "gemma-3", Details: `not json`},
	)
	var job []sluice.Fact[sluice.TrainingJob]
	for _, id := range []string{"j1", "j4", "j5"} {
		job = append(job, sluice.Fact[sluice.TrainingJob]{Ref: len(job), At: world.Start, Value: sluice.TrainingJob{ID: id, Trigger: "count", Seed: 1<<64 - 1, AskedAt: world.Start}})
	}
	if err := recorder.RecordTraining(t.Context(), nil, events[5:]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := recorder.RecordTraining(t.Context(), job, events); err != nil {
			t.Fatal(err)
		}
	}
	db, err := postgres.Connect(t.Context(), url, "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	runs, err := db.Table(t.Context(), `SELECT status, message, attempts, model_version, jsonb_array_length(loss_curve),
		loss_curve -> 1 ->> 'loss', ended_at IS NOT NULL, results::text FROM training_runs WHERE job_id = 'j1'`)
	if err != nil || len(runs.Rows) != 1 {
		t.Fatalf("runs %v, %v", runs.Rows, err)
	}
	want := []any{"promoted", "better", int64(2), "gemma-1", int32(2), "1.4", true, `{"candidates": []}`}
	for i := range want {
		if runs.Rows[0][i] != want[i] {
			t.Errorf("column %s: %v, want %v", runs.Columns[i], runs.Rows[0][i], want[i])
		}
	}
	began, err := db.Table(t.Context(), `SELECT string_agg(concat_ws(':', job_id, status, attempts), ' ' ORDER BY job_id) FROM training_runs`)
	if err != nil || began.Rows[0][0] != "j1:promoted:2 j4:canceled:0 j5:failed:1" {
		t.Errorf("workers that began: %v, %v", began.Rows, err)
	}
	models, err := db.Table(t.Context(), `SELECT version, status, coalesce(reason, '') FROM models ORDER BY version`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range models.Rows {
		got = append(got, strings.Join([]string{r[0].(string), r[1].(string), r[2].(string)}, "/"))
	}
	if s := strings.Join(got, " "); s != "gemma-1/retired/better gemma-2/refused/not surely better gemma-3/registered/ knn-1/promoted/" {
		t.Errorf("models %s", s)
	}
}

func TestATrainingLearnsFromQueriesWithoutAGroundTruthWhereItIsToldTo(t *testing.T) {
	w := world.New(t, 120)
	url := pgtest.New(t)
	db := w.Recorded(t, url)
	read := func(referenceFree bool) (train map[string]bool, test int) {
		t.Helper()
		rows, _, err := db.Training(referenceFree).Examples(t.Context(), w.Pair, 1000)
		if err != nil {
			t.Fatal(err)
		}
		train = map[string]bool{}
		for _, r := range rows {
			if r.Split == sluice.Test {
				test++
			} else {
				train[r.Key] = true
			}
		}
		byPolicy, _, err := db.Training(referenceFree).Accrued(t.Context(), w.Pair, time.Time{})
		n := 0
		for _, c := range byPolicy {
			n += c
		}
		if err != nil || n != len(train) {
			t.Errorf("reference free %t: %d accrued, %v; %d are read", referenceFree, n, err, len(train))
		}
		return train, test
	}
	by, tests := read(false)
	all, testsOfAll := read(true)
	var free []string
	for i, q := range w.Queries {
		switch {
		case q.Split != sluice.Train:
		case i%11 == 10:
			free = append(free, q.Key)
			if by[q.Key] || !all[q.Key] {
				t.Errorf("query %d, without a ground truth: learnt from %t, and %t where told to", i, by[q.Key], all[q.Key])
			}
		case !by[q.Key] || !all[q.Key]:
			t.Errorf("query %d: learnt from %t, and %t with the others", i, by[q.Key], all[q.Key])
		}
	}
	if len(free) < 2 || tests == 0 || tests != testsOfAll || len(all) != len(by)+len(free) {
		t.Fatalf("%d train and %d test rows, %d and %d with those that have no ground truth (%d)", len(by), tests, len(all), testsOfAll, len(free))
	}

	must(t, conn(t, url, ""), `INSERT INTO queries (key, text, content_hash, source, tenant, asked_at, accepted_at, split)
		SELECT 'another', text, content_hash, source, 'other', asked_at, accepted_at, 'test' FROM queries WHERE key = $1`, free[0])
	behind, _, err := db.Training(true).Examples(t.Context(), w.Pair, 1000)
	again := slices.ContainsFunc(behind, func(r sluice.TrainingExample) bool { return r.Key == free[0] })
	if err != nil || again || len(behind) != len(all)-1+tests {
		t.Errorf("a wording of the test split is learnt from: %t; %d rows, %v", again, len(behind), err)
	}

	tables, err := postgres.OpenOnline(t.Context(), url, postgres.OnlineOptions{Connections: 1, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	trained, err := tables.Trained(t.Context(), true, 1000, nil)
	if err != nil || trained.N != int64(len(all)-1) {
		t.Errorf("drift is measured against %d examples, %v; want the %d of a training", trained.N, err, len(all)-1)
	}
}
