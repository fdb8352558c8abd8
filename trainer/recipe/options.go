package recipe

import (
	"errors"
	"fmt"
	"time"

	"sluice"
	"sluice/gemma/nf4"
)

// The stages of a training.
const (
	StageBase  = "router_base"  // SFT
	StageFinal = "router_final" // DPO
)

// Default is the recipe that needs no weights.
const Default = "default"

// Options say how a set becomes a router. Dir must be set; every other zero value is a default.
type Options struct {
	// Dir is where the artifact's directory is made; its name is the version.
	Dir string
	// Checkpoints is the directory that an interrupted run goes on from; empty keeps none. It belongs to one
	// job: a checkpoint of other rows or options is an error.
	Checkpoints string
	// CheckpointEvery is the number of steps between checkpoints; 0 means 50.
	CheckpointEvery int
	// Policies are those to tell apart; nil means the default ones.
	Policies []sluice.PolicySpec
	// Seed draws weights, order and the validation slice.
	Seed uint64
	// Backend is "go" (also empty) or "xla:cuda"; one that this binary lacks is an error.
	Backend string
	// Base adapts pretrained weights; nil trains the default model from nothing.
	Base *Base
	// Epochs of SFT; 0 means 3. DPO takes one.
	Epochs int
	// JobID, Pair, Medium and Large go into the manifest.
	JobID, Pair, Medium, Large string
	// Now is the clock of the manifest; nil means time.Now.
	Now func() time.Time
}

// Base says which pretrained weights are adapted, and how.
type Base struct {
	// Name is what the manifest calls them; Path is a Hugging Face directory or a GGUF file.
	Name, Path string
	// Rank and Alpha of the adapters (LoRA: Hu et al. 2021, arXiv:2106.09685); 0 means 16 and twice the rank.
	Rank  int
	Alpha float64
	// Quantize keeps the frozen linears in 4 bits (QLoRA: Dettmers et al. 2023, arXiv:2305.14314); nil is plain LoRA.
	Quantize *nf4.Options
	// Rows is the number of examples of one optimiser step; 0 means 8. Limit is the longest prompt in tokens; 0
	// means the prompt's own.
	Rows, Limit int
	// Checkpoint trades time for memory: see learn.Options.
	Checkpoint bool
}

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("train: no directory for the artifact")
	}
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = 50
	}
	if o.Policies == nil {
		o.Policies = sluice.DefaultPolicies()
	}
	if o.Epochs == 0 {
		o.Epochs = 3
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Epochs < 0 || o.CheckpointEvery < 0 {
		return o, fmt.Errorf("train: epochs %d, checkpoint every %d must not be negative", o.Epochs, o.CheckpointEvery)
	}
	if o.Base != nil {
		b := *o.Base
		if b.Rank == 0 {
			b.Rank = 16
		}
		if b.Alpha == 0 {
			b.Alpha = 2 * float64(b.Rank)
		}
		if b.Rows == 0 {
			b.Rows = 8
		}
		o.Base = &b
	}
	return o, nil
}

// recipe is the name of what is trained.
func (o Options) recipe() string {
	if o.Base == nil {
		return Default
	}
	return o.Base.Name
}

// Progress is where a run has got to.
type Progress struct {
	// Kind is "started", "progress", "checkpoint" or "stage_done": those of sluice.TrainingEvent.
	Kind  string
	Stage string
	// Step of Steps of the stage; Loss and Margin are means since the last progress. Margin is DPO's.
	Step, Steps  int
	Loss, Margin float64
	// Message says the rest in words.
	Message string
}

// Report is what a run found.
type Report struct {
	Version string `json:"version"`
	// Rows were learnt from, Validation were kept aside.
	Rows       int `json:"rows"`
	Validation int `json:"validation"`
	// Kept is the stage whose weights did best on the validation slice; BaseNLL and FinalNLL are the calibrated
	// mean negative log-likelihoods that it was chosen by, PriorNLL that of knowing the shares alone.
	Kept     string  `json:"kept"`
	PriorNLL float64 `json:"prior_nll"`
	BaseNLL  float64 `json:"base_nll"`
	FinalNLL float64 `json:"final_nll"`
	// Steps and Tokens count what the optimiser saw, padding included, and FLOPs what the matrix products of that
	// took; Parameters are the model's.
	Steps      int     `json:"steps"`
	Tokens     int64   `json:"tokens"`
	FLOPs      float64 `json:"flops"`
	Parameters int     `json:"parameters"`
	Seconds    float64 `json:"seconds"`
	// Resumed is the step that the run went on from; 0 is the beginning.
	Resumed int `json:"resumed,omitempty"`
}
