package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/evaluation"
)

// Training says when a router is trained, on what and by whom.
type Training struct {
	Recipe        string        `key:"recipe" doc:"What is trained: default (a small model of Gemma's architecture and n-grams, from nothing, on a processor), or lora:NAME or qlora:NAME to adapt a base model that sluice model import has stored."`
	Backend       string        `key:"backend" doc:"What computes: go, or xla:cuda in a binary built with the tag xla. One that a worker's binary lacks fails the job."`
	Gate          string        `key:"gate" doc:"By which number a trained router must be surely better than what decides now: apgr, aiq, accuracy, arena_score, auroc or macro_f1."`
	Seed          uint64        `key:"seed" doc:"Seeds weights and order. Another seed makes another model of the same examples."`
	NewExamples   int           `key:"new_examples" doc:"Train when that many train examples are newer than the last training's. 0: never for that."`
	PerPolicy     int           `key:"per_policy" doc:"Train when every policy has that many new examples. 0: never for that."`
	MaxAge        time.Duration `key:"max_age" doc:"Train when a new example has waited that long. 0: never for that."`
	Alarms        []string      `key:"alarms" doc:"Rules of alerts that ask for a training, if there is any new example."`
	MinTrain      int           `key:"min_train" doc:"No training begins with fewer train examples than this; what every recipe wants at least is the least that it may be."`
	MinTest       int           `key:"min_test" doc:"No training begins with fewer test examples than this: its gate would promote nothing."`
	MaxTrain      int           `key:"max_train" doc:"Train examples of one training, at most; the newest are taken."`
	ReferenceFree bool          `key:"reference_free" doc:"Learn also from train queries that were judged without a ground truth, by what the judge itself knows, as those are that monitor.sample takes from online traffic. Test queries are taken with a ground truth alone, so that nothing is promoted on a judge's word."`
	Every         time.Duration `key:"every" doc:"How often a trainer looks whether it is time."`
	Patience      time.Duration `key:"patience" doc:"A worker that says nothing for so long has died: its job is the next worker's."`
	Launcher      []string      `key:"launcher" doc:"Command of sluice train launch, word by word, that starts a worker elsewhere. {{.JobID}}, {{.Recipe}}, {{.Backend}} and {{.TrainExamples}} stand for the job's; no shell reads it."`
	LaunchWait    time.Duration `key:"launch_wait" doc:"How long a launched worker may take to begin before it is launched again."`
}

func defaultTraining() Training {
	return Training{
		Recipe: "default", Backend: "go", Gate: "apgr", Seed: 1, NewExamples: 500, MaxAge: 7 * 24 * time.Hour, Alarms: []string{"drift", "calibration", "retrain"},
		MinTrain: 100, MinTest: 25, MaxTrain: 20_000, Every: 5 * time.Second, Patience: time.Minute,
		Launcher: []string{}, LaunchWait: time.Hour,
	}
}

var recipeForm = regexp.MustCompile(`^(default|q?lora:[A-Za-z0-9][A-Za-z0-9._-]{0,63})$`)

func (c *Config) checkTraining(k checker) {
	t := c.Training
	k.want(recipeForm.MatchString(t.Recipe), "training.recipe", fmt.Sprintf("is %q", t.Recipe), "want default, lora:NAME or qlora:NAME")
	k.oneOf("training.backend", t.Backend, "go", "xla:cuda")
	k.want(slices.Contains(evaluation.GateMetrics(), t.Gate), "training.gate", fmt.Sprintf("is %q", t.Gate), "want one of "+strings.Join(evaluation.GateMetrics(), ", "))
	for key, n := range map[string]int{"new_examples": t.NewExamples, "per_policy": t.PerPolicy} {
		k.want(n >= 0, "training."+key, "is negative", "0 never fires")
	}
	k.want(t.MaxAge >= 0, "training.max_age", "is negative", "0 never fires")
	for i, rule := range t.Alarms {
		k.want(versionToken.MatchString(rule), fmt.Sprintf("training.alarms[%d]", i), fmt.Sprintf("%q is no rule", rule), "want letters, digits, - and _")
	}
	k.want(t.MinTrain >= sluice.FewestTrainExamples, "training.min_train", fmt.Sprintf("is below %d, the fewest that a router is made of: such a training would begin and fail", sluice.FewestTrainExamples), "100 is the default")
	k.want(t.MinTest >= 1, "training.min_test", "is below 1", "25 is the default")
	k.want(t.MaxTrain >= t.MinTrain, "training.max_train", "is below training.min_train", "20000 is the default")
	k.want(t.Every >= 100*time.Millisecond, "training.every", "is below 100ms", "5s is the default")
	k.want(t.Patience >= time.Second, "training.patience", "is below 1s", "1m is the default")
	k.want(t.LaunchWait >= time.Second, "training.launch_wait", "is below 1s", "1h is the default")
}
