package recipe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice"
	"sluice/routing"
	"sluice/trainer/artifact"
	"sluice/trainer/dataset"
)

// made are rows whose wording decides: rivers are Complex, capitals Standard, wishes Ambiguous.
func made(t *testing.T, n int) dataset.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 5))
	kinds := []struct {
		policy sluice.Policy
		form   string
		a      sluice.Analysis
	}{
		{sluice.Standard, "What is the capital of region %d?", sluice.Analysis{Domain: "geography", AnswerType: "place", Complexity: "low", Specificity: "broad"}},
		{sluice.Complex, "Which tributary joins river %d above its delta?", sluice.Analysis{Domain: "geography", AnswerType: "term", Complexity: "high", Specificity: "obscure", ReasoningSteps: 3}},
		{sluice.Ambiguous, "What should somebody wish for on day %d?", sluice.Analysis{Domain: "philosophy", AnswerType: "text", Ambiguity: "high"}},
	}
	var rows []dataset.Row
	for i := range n {
		k := kinds[min(rng.IntN(4), 2)] // Ambiguous twice as often
		rows = append(rows, dataset.Row{ID: fmt.Sprint(i), Text: fmt.Sprintf(k.form, rng.IntN(90)), Policy: k.policy, Analysis: k.a})
	}
	set, err := dataset.Of(rows)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func weightsOf(t *testing.T, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheDefaultRecipeMakesARouterThatDecides(t *testing.T) {
	var seen []Progress
	dir, report, err := Train(t.Context(), made(t, 160), Options{Dir: t.TempDir(), Seed: 1, JobID: "j", Medium: "m", Large: "l"}, func(p Progress) { seen = append(seen, p) })
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Logf("%+v", report)
	if report.Rows+report.Validation != 160 || report.FinalNLL >= report.PriorNLL || report.Version != filepath.Base(dir) {
		t.Errorf("report %+v of %s", report, dir)
	}
	router, err := artifact.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]sluice.Policy{
		"What is the capital of region 91?":                 sluice.Standard,
		"Which tributary joins river 92 above its delta?":   sluice.Complex,
		"WHAT should  somebody wish for on day 93?":         sluice.Ambiguous,
		strings.Repeat("Which tributary joins river? ", 99): sluice.Complex,
	} {
		c, err := router.Route(t.Context(), routing.Request{Text: text})
		if err != nil || c.Policy != want || c.Version != report.Version || c.Reasoning == "" || c.ReasoningSource != routing.ReasoningTemplate {
			t.Errorf("%.40s: %+v, %v", text, c, err)
		}
		if c.Truncated != (len(text) > 1000) {
			t.Errorf("%.40s: truncated %t", text, c.Truncated)
		}
	}
	if _, ok := router.(*artifact.Blended); !ok {
		t.Errorf("the default router is a %T", router)
	}
	c, err := router.Route(t.Context(), routing.Request{Text: "Which tributary joins river 92 above its delta?", Explain: true})
	if err != nil || c.Reasoning == "" {
		t.Errorf("explained: %+v, %v", c, err)
	}
	t.Logf("explained: %s: %s", c.ReasoningSource, c.Reasoning)
	stages := map[string]int{}
	for _, p := range seen {
		stages[p.Kind+" "+p.Stage]++
	}
	for _, s := range []string{StageBase, StageFinal} {
		if stages["started "+s] != 1 || stages["stage_done "+s] != 1 || stages["progress "+s] == 0 {
			t.Errorf("progress %v", stages)
		}
	}
	easy, errEasy := router.Route(t.Context(), routing.Request{Text: "What is the capital of region 91?"})
	brings, ok := router.(interface{ Threshold() float64 })
	if errEasy != nil || !ok || brings.Threshold() <= easy.Score() || brings.Threshold() > c.Score() {
		t.Errorf("a threshold between %.3f and %.3f is wanted: %v, %v", easy.Score(), c.Score(), router, errEasy)
	}
	m, err := artifact.ReadManifest(dir)
	if err != nil || m.JobID != "j" || m.Medium != "m" || m.Metrics["train_rows"] != float64(report.Rows) {
		t.Errorf("manifest %+v, %v", m, err)
	}
}

// A run that is stopped, at whatever step, and started again ends with the bits of one that was not.
func TestARunGoesOnFromItsCheckpointToTheSameBits(t *testing.T) {
	set := made(t, 64)
	o := Options{Dir: t.TempDir(), Seed: 2, Epochs: 2, CheckpointEvery: 2}
	whole, want, err := Train(t.Context(), set, o, nil)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	o.Checkpoints = filepath.Join(t.TempDir(), "checkpoints")
	stop := errors.New("the worker is told to stop")
	for _, at := range []struct {
		stage string
		step  int
	}{{StageBase, 2}, {StageFinal, 2}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		_, _, err := Train(ctx, set, o, func(p Progress) {
			if p.Kind == "checkpoint" && p.Stage == at.stage && p.Step >= at.step {
				cancel(stop)
			}
		})
		if !errors.Is(err, stop) {
			t.Fatalf("stopped in %s: %v", at.stage, err)
		}
	}
	o.Dir = t.TempDir()
	dir, report, err := Train(t.Context(), set, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if report.Resumed == 0 || report.Steps != want.Steps || report.Tokens != want.Tokens {
		t.Errorf("resumed %+v, whole %+v", report, want)
	}
	if !bytes.Equal(weightsOf(t, dir), weightsOf(t, whole)) || filepath.Base(dir) != filepath.Base(whole) {
		t.Errorf("the resumed run made %s, the whole one %s", filepath.Base(dir), filepath.Base(whole))
	}
	o.Seed = 3
	if _, _, err := Train(t.Context(), set, o, nil); err == nil || !strings.Contains(err.Error(), "another directory") {
		t.Errorf("a checkpoint of another seed: %v", err)
	}
}

// A run must not go on from bits that the disk has changed, and make another router of the same rows.
func TestACheckpointOfWhichTheDiskHasChangedABitIsOfNoUse(t *testing.T) {
	set, enough := made(t, 64), errors.New("enough")
	for _, pattern := range []string{"router_base-*", "kept-router_base-*"} {
		o := Options{Dir: t.TempDir(), Seed: 2, Epochs: 2, CheckpointEvery: 3, Checkpoints: filepath.Join(t.TempDir(), "checkpoints")}
		ctx, cancel := context.WithCancelCause(t.Context())
		_, _, err := Train(ctx, set, o, func(p Progress) {
			if p.Kind == "checkpoint" {
				cancel(enough)
			}
		})
		files, globbed := filepath.Glob(filepath.Join(o.Checkpoints, pattern))
		if !errors.Is(err, enough) || globbed != nil || len(files) != 1 {
			t.Fatalf("stopped: %v; %s: %v, %v", err, pattern, files, globbed)
		}
		data, err := os.ReadFile(files[0])
		if err == nil {
			data[len(data)-9] ^= 8
			err = os.WriteFile(files[0], data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Train(t.Context(), set, o, nil); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s with a flipped bit: %v", pattern, err)
		}
	}
}

func TestWhatCannotBeTrainedIsSaidAtOnce(t *testing.T) {
	few, set := made(t, 20), made(t, 60)
	var same []dataset.Row
	for _, r := range set.Rows() {
		r.Policy = sluice.Standard
		same = append(same, r)
	}
	one, err := dataset.Of(same)
	if err != nil {
		t.Fatal(err)
	}
	same[3].Policy = "Legal_Query"
	strange, err := dataset.Of(same)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, c := range []struct {
		set   dataset.Set
		o     Options
		fault string
	}{
		{set, Options{}, "no directory"},
		{few, Options{Dir: dir}, "at least 40"},
		{one, Options{Dir: dir}, "one policy"},
		{strange, Options{Dir: dir}, "not configured"},
		{set, Options{Dir: dir, Backend: "xla:cuda"}, "training.backend"},
		{set, Options{Dir: dir, Base: &Base{Name: "gemma-3-270m", Path: filepath.Join(dir, "none")}}, "base model gemma-3-270m"},
	} {
		if _, _, err := Train(t.Context(), c.set, c.o, nil); err == nil || !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%q expected: %v", c.fault, err)
		}
	}
}

// A policy of one's own takes configuration, labels and a training; no code.
func TestAnotherPolicyIsLearntLikeTheDefaultOnes(t *testing.T) {
	const chat = sluice.Policy("Chat_Query")
	policies := append(sluice.DefaultPolicies(), sluice.PolicySpec{Name: chat, Description: "Small talk: greetings and thanks.", Tier: sluice.Medium})
	rows := made(t, 160).Rows()
	for i := range 50 {
		rows = append(rows, dataset.Row{ID: fmt.Sprint("c", i), Text: fmt.Sprintf("Hello there, good morning number %d and thank you", i), Policy: chat, Analysis: sluice.Analysis{Domain: "everyday_life"}})
	}
	set, err := dataset.Of(rows)
	if err != nil {
		t.Fatal(err)
	}
	dir, _, err := Train(t.Context(), set, Options{Dir: t.TempDir(), Seed: 1, Epochs: 1, Policies: policies}, nil)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	router, err := artifact.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]sluice.Policy{
		"Hello there, good morning number 77 and thank you": chat,
		"Which tributary joins river 92 above its delta?":   sluice.Complex,
	} {
		if c, err := router.Route(t.Context(), routing.Request{Text: text}); err != nil || c.Policy != want || len(c.Probabilities) != 4 {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
}
