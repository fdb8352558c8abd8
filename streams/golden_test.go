package streams_test

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"sluice"
	"sluice/streams"
)

// The files under testdata/golden are wire messages that must be read for ever: an old file is never
// written again. -update writes the missing ones only.
var update = flag.Bool("update", false, "write golden messages that are missing")

var (
	goldenScore = 0.25

	goldenTime = time.Date(2026, 11, 3, 4, 5, 6, 789_000_000, time.UTC)

	goldenQuery = sluice.Query{
		Key: "abcdefghijklmnopqrstuvwx23", ID: "up/42 ü", Text: "Who wrote Faust?\nPart two.", Source: "simpleqa.dev",
		Tenant: "acme", Tags: []string{"books", "de"}, Priority: 2, Deadline: goldenTime.Add(time.Hour),
		AskedAt: goldenTime, Split: sluice.Test, Scrubbed: 1,
	}
	goldenNumbered = func() sluice.Query {
		q := goldenQuery
		q.Number = 1 << 40
		return q
	}()
	goldenLabel = sluice.Label{
		ID: "lllllllllllllllllllllllll2", Query: goldenQuery, Pair: "pabcdefgh", Policy: sluice.Complex,
		Basis: sluice.Reference, JudgeVersion: "j1", LabelVersion: "l1", MatrixVersion: "m12345678",
	}
	goldenNumberedLabel = sluice.Label{
		ID: "lllllllllllllllllllllllll2", Query: goldenNumbered, Pair: "pabcdefgh", Policy: sluice.Standard, Basis: sluice.Reference,
		JudgeVersion: "j1", LabelVersion: "l1", MatrixVersion: "m12345678",
	}
	goldenAnalysis = sluice.Analysis{
		Domain: "literature", Complexity: "low", ReasoningSteps: 1, Ambiguity: "none", KnowledgeRecency: "historical",
		AnswerType: "person", Specificity: "narrow", RequiresMath: true, RequiresCode: true, Language: "en", Summary: "A known author.",
	}
	goldenEnvelope = streams.Envelope{
		Stream: "QUERIES", Subject: "queries.asked.web", Sequence: 1 << 40, ID: "QUERIES:7", ContentType: "application/json",
		Header: map[string]string{"traceparent": "00-1-2-01"}, StoredAt: goldenTime, Data: []byte("{\xff\x00"), ByReference: true,
	}
)

// goldenLateEnvelope is of a message whose time had run out.
var goldenLateEnvelope = func() streams.Envelope {
	e := goldenEnvelope
	e.ByReference, e.Until = false, goldenTime.Add(time.Minute)
	return e
}()

// golden pairs a value with the decoder of its type.
type golden struct {
	value  any
	decode func([]byte) (any, error)
}

func of[T any](v T) golden {
	return golden{value: v, decode: func(data []byte) (any, error) { return streams.Decode[T](data) }}
}

// goldens are named by fact and version: a fact that gets a new field gets a new version beside the old.
func goldens() map[string]golden {
	return map[string]golden{
		"accepted.v1": of(sluice.Accepted{Query: goldenQuery, GroundTruth: []string{"Goethe", "J. W. von Goethe"}}),
		"accepted.v2": of(sluice.Accepted{Query: goldenNumbered}),
		"answer.v2":   of(sluice.Answer{Query: goldenNumbered, Pair: "pabcdefgh", Arm: sluice.ArmA, Text: "Goethe.", CallID: "c1"}),
		"verdict.v2": of(sluice.Verdict{
			Query: goldenNumbered, Pair: "pabcdefgh", Arm: sluice.ArmA, Grade: sluice.Correct, Reason: "so it is", Basis: sluice.Reference,
			JudgeVersion: "j1", CallID: "c2",
		}),
		"label.v2":   of(goldenNumberedLabel),
		"example.v2": of(sluice.Example{ID: goldenLabel.ID, Label: goldenNumberedLabel, AnalysisVersion: "a1", Analysis: goldenAnalysis}),
		"analyzed.v2": of(sluice.Analyzed{
			QueryKey: goldenNumbered.Key, QueryNumber: goldenNumbered.Number, AnalysisVersion: "a1", Analysis: goldenAnalysis, CallID: "c3",
		}),
		"answer.v1": of(sluice.Answer{
			Query: goldenQuery, GroundTruth: []string{"Goethe"}, Pair: "pabcdefgh", Arm: sluice.ArmB, Text: "Goethe.", CallID: "c1",
		}),
		"verdict.v1": of(sluice.Verdict{
			Query: goldenQuery, Pair: "pabcdefgh", Arm: sluice.ArmA, Grade: sluice.IDK, Reason: "declines", Basis: sluice.ReferenceFree,
			JudgeVersion: "j1", Shortcut: true, CallID: "c2",
		}),
		"label.v1": of(goldenLabel),
		"analyzed.v1": of(sluice.Analyzed{
			QueryKey: goldenQuery.Key, AnalysisVersion: "a1", Analysis: goldenAnalysis, CallID: "c3",
		}),
		"example.v1": of(sluice.Example{ID: goldenLabel.ID, Label: goldenLabel, AnalysisVersion: "a1", Analysis: goldenAnalysis}),
		"call.v1": of(sluice.Call{
			ID: "c1", Stage: "answer", QueryKey: goldenQuery.Key, Tenant: "acme", Pair: "pabcdefgh", Arm: sluice.ArmA, Tier: sluice.Large,
			Provider: "gemini", Model: "gemini-2.5-pro", Attempt: 2, StartedAt: goldenTime, LatencyMS: 1234,
			Usage: sluice.Usage{Prompt: 100, Cached: 40, Output: 20, Thoughts: 300}, Cost: 4321, PriceVersion: "2026-11", CostEstimated: true,
			Outcome: sluice.OutcomeTimeout, Error: "deadline",
		}),
		"call.v2": of(sluice.Call{
			ID: "c4", Stage: "gateway", Tenant: "acme", KeyID: "k1", Provider: "gemini", Model: "gemini-2.5-pro", Attempt: 1,
			StartedAt: goldenTime, Cost: 12, PriceVersion: "2026-11", Outcome: sluice.OutcomeOK,
		}),
		"decision.v1": of(sluice.Decision{
			ID: "d1", Query: goldenQuery, Policy: sluice.Standard, Reasoning: "easy", ReasoningSource: "generated",
			Probabilities: map[sluice.Policy]float64{sluice.Standard: 0.75}, Model: "gemini-2.5-flash", Rule: "static", RuleReason: "default",
			RouterVersion: "r1", RulesVersion: "u1", DecidedAt: goldenTime, RouterUS: 5900, LatencyMS: 300, Cost: 12, CostEstimated: true,
			Outcome: sluice.OutcomeOK, CallIDs: []string{"c1"},
		}),
		"decision.v2": of(sluice.Decision{
			ID: "d2", Query: goldenQuery, API: "openai.chat", Requested: "auto", KeyID: "k1", Conversation: "conv1",
			Policy: sluice.Complex, Reasoning: "rare", ReasoningSource: "template",
			Probabilities: map[sluice.Policy]float64{sluice.Complex: 0.5}, Threshold: 0.4, RouterVersion: "r2", RouterFault: "deadline",
			Canary: true, Shadow: &sluice.Shadow{
				RouterVersion: "r3", Policy: sluice.Standard, Probabilities: map[sluice.Policy]float64{sluice.Standard: 0.9},
				RouterUS: 5, Fault: "unparseable",
			},
			Features: map[string]float64{"words": 3}, Model: "gemini-2.5-pro", Tier: sluice.Large, Rule: "keywords", RuleReason: "contract",
			RulesVersion: "u2", Fallbacks: []string{"gemini-2.5-flash"}, DecidedAt: goldenTime, RouterUS: 1, ModelMS: 2, FirstTokenMS: 3,
			LatencyMS: 4, Streamed: true, Usage: sluice.Usage{Prompt: 1, Cached: 2, Output: 3, Thoughts: 4}, Cost: 5, CostEstimated: true,
			Outcome: sluice.OutcomeBroken, Status: 502, Error: "cut", CallIDs: []string{"c1", "c2"}, Answer: "an answer",
		}),
		"decision.v3": of(sluice.Decision{ID: "d3", Query: goldenNumbered, DecidedAt: goldenTime, Outcome: sluice.OutcomeOK}),
		"decision.v4": of(sluice.Decision{
			ID: "d4", Query: goldenNumbered, DecidedAt: goldenTime, Outcome: sluice.OutcomeOK, CallIDs: []string{"c5", "c6"},
			Calls: []sluice.Call{
				{ID: "c5", Stage: sluice.StageGateway, StartedAt: goldenTime, Outcome: sluice.OutcomeServerError, Error: "503"},
				{ID: "c6", Stage: sluice.StageGateway, StartedAt: goldenTime, Cost: 7, Outcome: sluice.OutcomeOK, Usage: sluice.Usage{Prompt: 3}},
			},
		}),
		"feedback.v1": of(sluice.Feedback{
			ID: "f1", DecisionID: "d2", Tenant: "acme", Source: "client", Thumb: "down", Score: &goldenScore, Correction: "No: Marlowe.",
			Comment: "wrong", GivenAt: goldenTime,
		}),
		"alert.v1": of(sluice.Alert{
			ID: "a1", Rule: "drift", Subject: "words", Severity: "warning", Message: "drifts", Value: 0.3, Limit: 0.2, Cleared: true,
			RaisedAt: goldenTime,
		}),
		"job.v1": of(sluice.TrainingJob{
			ID: "j1", Trigger: "count", Reason: "500 new examples", Snapshot: "snapshots/j1", SnapshotDigest: "ab", TrainExamples: 400,
			TestExamples: 100, Pair: "pabcdefgh", Medium: "m", Large: "l", Recipe: "default", Backend: "go", Seed: 7, AskedAt: goldenTime,
		}),
		"event.v1": of(sluice.TrainingEvent{
			JobID: "j1", Kind: "progress", Sequence: 3, Attempt: 2, Worker: "w1", Stage: "router_base", Step: 10, Steps: 100, Loss: 0.5,
			Margin: 0.1, ModelVersion: "r4", Message: "going", At: goldenTime,
		}),
		"event.v2": of(sluice.TrainingEvent{
			JobID: "j1", Kind: "registered", Sequence: 4, Attempt: 2, Worker: "w1", ModelVersion: "r4", Message: "gemma",
			Details: `{"kind":"gemma"}`, At: goldenTime,
		}),
		"asked.v1": of(streams.Asked{
			Query: "Who?", ID: "1", GroundTruth: []string{"me"}, Source: "web", Tags: []string{"t"}, Tenant: "acme", Priority: -1,
			Deadline: goldenTime,
		}),
		"envelope.v1": of(goldenEnvelope),
		"envelope.v2": of(goldenLateEnvelope),
		"deadletter.v2": of(streams.DeadLetter{
			Envelope: goldenLateEnvelope, Stage: "answer", Durable: "answer-v1-retries", Class: sluice.ClassTerminal, Reason: sluice.ReasonExpired,
			Error: "expired", DiedAt: goldenTime, Retry: "r2",
		}),
		"deadletter.v1": of(streams.DeadLetter{
			Envelope: goldenEnvelope, Stage: "judge", Durable: "judge-v1", Class: sluice.ClassPoison, Reason: sluice.ReasonPanic,
			Error: "panic: nil", Attempts: 3, Deliveries: 5, DiedAt: goldenTime, Retry: "r1",
		}),
	}
}

func TestGoldenMessagesDecodeForEver(t *testing.T) {
	for name, g := range goldens() {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "golden", name+".msgpack")
			if _, err := os.Stat(path); *update && os.IsNotExist(err) {
				data, err := streams.Encode(g.value)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := g.decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, g.value) {
				t.Errorf("read\n%+v\nwant\n%+v", got, g.value)
			}
		})
	}
}

func TestEveryFieldIsHeldByAGoldenMessage(t *testing.T) {
	held := map[string]bool{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		if _, isTime := v.Interface().(time.Time); v.Kind() == reflect.Struct && !isTime {
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
			return
		}
		held[path] = held[path] || !v.IsZero()
	}
	for _, g := range goldens() {
		walk(reflect.TypeOf(g.value).String(), reflect.ValueOf(g.value))
	}
	for path, ok := range held {
		if !ok {
			t.Errorf("%s is zero in every golden message", path)
		}
	}
}
