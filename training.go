package sluice

import "time"

// FewestTrainExamples is what a training makes a router of at least: the recipes fail with fewer, and configurations
// that would let one begin with fewer are refused.
const FewestTrainExamples = 40

// TrainingJob is the fact that a training was asked for: it names an immutable snapshot of examples and
// everything else that decides the result, so that two workers with the same job make the same model.
type TrainingJob struct {
	// ID is a function of the snapshot and the recipe: however many trainers ask, it is one job.
	ID string `json:"id"`
	// Trigger is "count", "per_policy", "age", "drift" or "hand"; Reason says it in words.
	Trigger string `json:"trigger"`
	Reason  string `json:"reason"`
	// Snapshot names the object with the examples, SnapshotDigest is its SHA-256 in hex.
	Snapshot       string `json:"snapshot"`
	SnapshotDigest string `json:"snapshot_digest"`
	TrainExamples  int    `json:"train_examples"`
	TestExamples   int    `json:"test_examples"`
	// Pair is the pair of models that the labels are about; Medium and Large are their names.
	Pair   string `json:"pair"`
	Medium string `json:"medium"`
	Large  string `json:"large"`
	// Recipe names what is trained: "default" (the embedded small model from scratch), or a base model of
	// the registry for LoRA or QLoRA. Backend is the training backend: "go", "xla:cuda".
	Recipe  string    `json:"recipe"`
	Backend string    `json:"backend"`
	Seed    uint64    `json:"seed"`
	AskedAt time.Time `json:"asked_at"`
}

// TrainingEvent is the fact that a training job got somewhere.
type TrainingEvent struct {
	JobID string `json:"job_id"`
	// Kind is "queued", "started", "progress", "checkpoint", "stage_done", "evaluated", "registered",
	// "promoted", "refused", "failed", "canceled", "requeued".
	Kind string `json:"kind"`
	// Sequence counts the events of one attempt of one job from 1; Attempt counts the workers that took it.
	Sequence int    `json:"sequence"`
	Attempt  int    `json:"attempt"`
	Worker   string `json:"worker"`
	// Stage is "router_base" (SFT) or "router_final" (DPO); empty outside of both.
	Stage string `json:"stage,omitempty"`
	// Step of Steps; Loss is the mean since the last event; Margin is DPO's.
	Step   int     `json:"step,omitempty"`
	Steps  int     `json:"steps,omitempty"`
	Loss   float64 `json:"loss,omitempty"`
	Margin float64 `json:"margin,omitempty"`
	// ModelVersion is the registered model's; Message says the rest in words.
	ModelVersion string `json:"model_version,omitempty"`
	Message      string `json:"message,omitempty"`
	// Details is a JSON object: the model's manifest ("registered"), or what the candidates were worth on
	// the test split ("evaluated"). Empty for others.
	Details string    `json:"details,omitempty"`
	At      time.Time `json:"at"`
}

// TrainingExample is one row of the snapshot of a training job.
type TrainingExample struct {
	// ID is the example's, Key its query's.
	ID       string   `json:"id"`
	Key      string   `json:"key"`
	Split    Split    `json:"split"`
	Text     string   `json:"text"`
	Policy   Policy   `json:"policy"`
	Analysis Analysis `json:"analysis"`
	// Graded is what the models' answers were worth; nil in the train split, always.
	Graded *Graded `json:"graded,omitempty"`
}

// Graded is what both models of a pair made of a query, and what that cost.
type Graded struct {
	Medium     Grade    `json:"medium"`
	Large      Grade    `json:"large"`
	MediumCost MicroUSD `json:"medium_cost_microusd"`
	LargeCost  MicroUSD `json:"large_cost_microusd"`
}
