package acceptance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sluice/internal/process"
)

// ring is a running ring of one data directory.
type ring struct {
	t   *testing.T
	dir string
}

// start starts a program of the ring; its arms are always the same, so that two rings label alike.
func (r ring) start(args ...string) *process.Child {
	r.t.Helper()
	return process.Start(r.t, process.Spec{
		Name: strings.Join(args, " "), Path: binaries.Sluice(r.t), Args: args,
		Env: []string{"SLUICE_DATA_DIR=" + r.dir, "SLUICE_ARM_KEY=one key for every ring here"},
	})
}

// run runs a program to its end.
func (r ring) run(args ...string) (*process.Child, error) {
	r.t.Helper()
	c := r.start(args...)
	return c, c.Wait(r.t.Context())
}

func (r ring) must(args ...string) *process.Child {
	r.t.Helper()
	c, err := r.run(args...)
	if err != nil {
		r.t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, c.Output())
	}
	return c
}

// few are enough for the first stage to be checkpointed before it ends.
const few = "300"

// label brings up a ring that has labelled a few questions, and asks for a training.
func label(t *testing.T) ring {
	t.Helper()
	r := ring{t, openDir(t)}
	up := r.start("up", "--upstream", "emulator")
	if err := up.WaitFor(t.Context(), "the ring is up"); err != nil {
		t.Fatal(err)
	}
	r.must("publish", "--limit", few)
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for all := "SELECT 1/(count(*) = " + few + ")::int FROM examples"; ; {
		if _, err := r.run("sql", all); err == nil {
			break
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the questions were never labelled")
		}
	}
	r.must("train", "now", "--set", "training.min_train=40", "--set", "training.min_test=2")
	return r
}

// worker starts one that takes a job over three seconds after another fell silent.
func (r ring) worker() *process.Child {
	r.t.Helper()
	return r.start("train", "worker", "--once", "--set", "training.patience=3s", "--log-format", "json")
}

// model is the version that the ring's only training made.
func (r ring) model() string {
	r.t.Helper()
	var m struct {
		Version string `json:"version"`
	}
	out := r.must("model", "list", "--json").Stdout()
	for line := range strings.Lines(out) {
		if strings.Contains(line, `"kind":"blend"`) {
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	if m.Version == "" {
		r.t.Fatalf("no model was made:\n%s", out)
	}
	return m.Version
}

// A worker is killed after a checkpoint. The next one begins there, and the model is the same to the bit.
func TestAKilledTrainingGoesOnAndMakesTheSameModel(t *testing.T) {
	t.Parallel()
	undisturbed := label(t)
	if err := undisturbed.worker().Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	killed := label(t)
	first := killed.worker()
	if err := first.WaitFor(t.Context(), `"msg":"training checkpoint"`); err != nil {
		t.Fatal(err)
	}
	first.Kill()
	second := killed.worker()
	if err := second.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(second.Output(), `"attempt":2`) || strings.Contains(second.Output(), `"stage":"router_base","step":10,`) {
		t.Errorf("the second worker did not go on from the checkpoint:\n%s", second.Output())
	}
	if got, want := killed.model(), undisturbed.model(); got != want {
		t.Errorf("killed: model %s, undisturbed: %s", got, want)
	}
	shell(t, killed.dir, `sluice sql "SELECT 1/(count(*) = 1)::int FROM training_runs WHERE status IN ('promoted', 'refused') AND attempts = 2"`)
}
