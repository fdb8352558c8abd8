package streams

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The streams.
const (
	StreamQueries  = "QUERIES"  // what upstream published, as it came
	StreamAccepted = "ACCEPTED" // queries that passed the entrance, one a key
	StreamAnswers  = "ANSWERS"  // what was said
	StreamVerdicts = "VERDICTS" // what the judge found; the state of the label join
	StreamLabels   = "LABELS"   // query and policy
	StreamAnalyses = "ANALYSES" // what a query is like, bought once
	StreamExamples = "EXAMPLES" // what a router learns from
	StreamCalls    = "CALLS"    // the ledger: every provider call
	StreamRetries  = "RETRIES"  // messages handed to one stage once more
	StreamDead     = "DEAD"     // what could not be handled, with the reason

	StreamDecisions = "DECISIONS" // what the gateways decided
	StreamFeedback  = "FEEDBACK"  // how good the answers were
	StreamAlerts    = "ALERTS"    // what went out of its bounds
	StreamJobs      = "JOBS"      // trainings that were asked for
	StreamTraining  = "TRAINING"  // how far they got
)

// The key-value buckets.
const (
	BucketAttempts = "attempts" // failed attempts of messages, written on failure only; what replays and queries in a hurry are about to buy
	BucketArms     = "arms"     // the secret that assigns tiers to arms; see [ArmSecret]
	BucketRouters  = "routers"  // which version of the router is active, shadow, canary, pinned
	BucketBudgets  = "budgets"  // money that is reserved and spent, by budget and period
	BucketKeys     = "keys"     // virtual API keys, by the hash of their secret
	BucketReplies  = "replies"  // answers to requests with an Idempotency-Key, sealed; which gateway runs under which name
	BucketTraining = "training" // what the trainers must agree on: open jobs, heartbeats, cancellations
)

// DurableTrain is the consumer of JOBS that all workers share: a job goes to one of them.
const DurableTrain = "train-v1"

// ObjectStoreArtifacts holds routers and snapshots of examples, each with its digest.
const ObjectStoreArtifacts = "artifacts"

// Headers of our own beside NATS's.
const (
	HeaderContentType = "Content-Type"
	HeaderSchema      = "Sluice-Schema" // version of the payload's schema
	HeaderSplit       = "Sluice-Split"  // a loader may set "test", and nothing else
	HeaderTraceParent = "traceparent"   // W3C trace context
)

// SchemaVersion is the version of every payload written by this build. A fact that names none has the first.
const SchemaVersion = "1"

// Content types.
const (
	MsgPack = "application/msgpack"
	JSON    = "application/json"
)

// once marks streams that hold one message a subject for ever: a second publish to a subject is
// refused by the server, whatever its message id and however late it comes. The subject is the primary
// key (Invariant 2); the deduplication window only spares work.
type spec struct {
	name     string
	subjects []string
	once     bool
	about    string
}

var specs = []spec{
	{StreamQueries, []string{"queries.asked.>"}, false, "queries as upstream published them"},
	{StreamAccepted, []string{"queries.accepted.>"}, true, "queries that passed the entrance"},
	{StreamAnswers, []string{"answers.said.>"}, true, "what was said, and nothing of who said it"},
	{StreamVerdicts, []string{"verdicts.given.>"}, true, "what the blind judge found"},
	{StreamLabels, []string{"labels.drawn.>"}, true, "query and policy"},
	{StreamAnalyses, []string{"analyses.made.>"}, true, "what a query is like"},
	{StreamExamples, []string{"examples.made.>"}, true, "what a router learns from"},
	{StreamCalls, []string{"calls.billed.>"}, true, "the ledger: every provider call of every stage"},
	{StreamRetries, []string{"retries.asked.>"}, true, "messages handed to one stage once more"},
	{StreamDead, []string{"dead.>"}, true, "what could not be handled, with the reason"},
	{StreamDecisions, []string{"decisions.taken.>"}, true, "what the gateways decided, and what it cost"},
	{StreamFeedback, []string{"feedback.given.>"}, true, "how good the answers were"},
	{StreamAlerts, []string{"alerts.raised.>"}, true, "what went out of its bounds, and what came back"},
	{StreamJobs, []string{"jobs.asked.>"}, true, "trainings that were asked for"},
	{StreamTraining, []string{"training.told.>"}, true, "how far trainings got"},
}

// Names lists every stream in the order of the ring.
func Names() []string {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.name
	}
	return names
}

// Once says whether the stream holds one message a subject for ever, so that the subject is the
// primary key of a fact.
func Once(stream string) bool {
	for i := range specs {
		if specs[i].name == stream {
			return specs[i].once
		}
	}
	return false
}

// Options size the streams. See [DefaultOptions].
type Options struct {
	// Replicas is 1, 3 or 5.
	Replicas int
	// MaxAge is how long a fact is kept; it must exceed the longest pause between two verdicts of a
	// query, since the VERDICTS stream is the state of the label join. Zero keeps facts for ever.
	MaxAge time.Duration
	// MaxBytes bounds each stream; a full stream refuses new messages and loses none. Zero: no bound.
	MaxBytes int64
	// RepliesMaxBytes bounds the bucket of replies to repeated requests. Zero: no bound.
	RepliesMaxBytes int64
	// Duplicates is the deduplication window.
	Duplicates time.Duration
	// Storage is file unless a test says otherwise.
	Storage jetstream.StorageType
}

// DefaultOptions are one replica, a year, no byte bound but 256 MiB of replies, a window of two minutes, file storage.
func DefaultOptions() Options {
	return Options{Replicas: 1, MaxAge: 365 * 24 * time.Hour, RepliesMaxBytes: 256 << 20, Duplicates: 2 * time.Minute, Storage: jetstream.FileStorage}
}

// Configs lists every stream's configuration.
func Configs(o Options) []jetstream.StreamConfig {
	configs := make([]jetstream.StreamConfig, 0, len(specs))
	for _, s := range specs {
		c := jetstream.StreamConfig{
			Name:        s.name,
			Description: s.about,
			Subjects:    s.subjects,
			Retention:   jetstream.LimitsPolicy,
			Discard:     jetstream.DiscardNew,
			Storage:     o.Storage,
			Replicas:    o.Replicas,
			MaxAge:      o.MaxAge,
			MaxBytes:    o.MaxBytes,
			Duplicates:  o.Duplicates,
			AllowDirect: true,
		}
		if o.MaxBytes == 0 {
			c.MaxBytes = -1
		}
		if s.once {
			c.MaxMsgsPerSubject = 1
			c.DiscardNewPerSubject = true
		}
		configs = append(configs, c)
	}
	return configs
}

// DurableName names a stage's consumer: the stage and its version, with a suffix where it has several
// inputs. All three must be valid tokens.
func DurableName(stage, version string, suffix ...string) string {
	name := stage + "-" + version
	for _, s := range suffix {
		name += "-" + s
	}
	return name
}

// RetryFilter is a stage's share of RETRIES.
func RetryFilter(stage string) string { return mustSubject("retries.asked", stage) + ".>" }
