// Package config is everything that an operator may choose: one [Config] made of defaults, a
// sluice.yaml, the environment and flags, in this order of precedence.
//
// A file, an environment and flags enter; a checked Config, or every fault of it at once, leaves.
// Each key is spelled, typed and documented on its struct field and nowhere else: the loader, the
// printed reference and the faults all read it from there. Secrets come from the environment alone
// ([Secret]) and never leave as text. The package opens nothing and connects to nothing.
package config

import "time"

// Config is the whole configuration. The zero value is not usable: see [Default] and [Load].
type Config struct {
	DataDir   string    `key:"data_dir" env:"SLUICE_DATA_DIR" doc:"Where everything that sluice keeps lives: the embedded log and the private Postgres. Made at first use."`
	Datasets  string    `key:"datasets" env:"SLUICE_DATASETS" doc:"Where data sets are looked for when a path is not found as given. Empty: only as given."`
	NATS      NATS      `key:"nats" doc:"The log: NATS with JetStream."`
	Postgres  Postgres  `key:"postgres" doc:"The tables. Whose they are is said by the environment variable DATABASE_URL, which holds a password and so has no key here; without it a private cluster is kept in data_dir."`
	Models    []Model   `key:"models" doc:"The models that may be asked. Adding one is adding an entry (and a price, if the built-in table has none)."`
	Pair      Pair      `key:"pair" doc:"The two models that the router chooses from."`
	Judge     Judge     `key:"judge" doc:"Who grades the answers, alone and blind."`
	Analysis  Analysis  `key:"analysis" doc:"Who describes a query, from its text alone."`
	Matrix    []Cell    `key:"matrix" doc:"Cells of the oracle matrix that are moved to another policy; every cell that is not named keeps its default. Grades are correct, incorrect and idk."`
	Policies  []Policy  `key:"policies" doc:"The policies that cells of the matrix may name."`
	Query     Query     `key:"query" doc:"What the ring's entrance lets in."`
	Split     Split     `key:"split" doc:"How questions are divided into what may be learnt from and what results are measured on. The split of a question is a function of its text and the seed."`
	Privacy   Privacy   `key:"privacy" doc:"Masking of personal data at the ring's entrance: e-mail addresses, phone numbers, card numbers with a valid check digit, API keys."`
	Stages    Stages    `key:"stages" doc:"How each stage runs."`
	Prices    []Price   `key:"prices" doc:"Prices that override or complete the built-in table. A model that is asked and has no price is refused at start."`
	Training  Training  `key:"training" doc:"When a router is trained, on what and by whom."`
	Gateway   Gateway   `key:"gateway" doc:"How requests for models are answered, over HTTP and NATS."`
	Routing   Routing   `key:"routing" doc:"How a gateway decides: the router in front, and the rules that say which model a policy means. docs/routing.md has worked examples."`
	Emulator  Emulator  `key:"emulator" doc:"The Gemini API server on loopback that demos and tests ask instead of a provider."`
	Monitor   Monitor   `key:"monitor" doc:"How the online ring is watched: decisions into tables, windows, metrics, alerts."`
	Budgets   Budgets   `key:"budgets" doc:"What the gateways may spend, all together."`
	Keys      Keys      `key:"keys" doc:"Virtual API keys: who may use the gateways."`
	Telemetry Telemetry `key:"telemetry" doc:"Traces, in OpenTelemetry's words: one follows a query through HTTP, the log and the calls of models. Keys, counts and outcomes are told, never a text."`
	Secrets   SecretSet `key:"-"`
}

// NATS says which server holds the log and how the streams are sized.
type NATS struct {
	URL          string        `key:"url" env:"NATS_URL" doc:"Servers, separated by commas: nats://host:4222. Empty: a server inside this process, kept in data_dir. A URL with a password belongs into the environment."`
	EmbeddedHost string        `key:"embedded_host" doc:"Address on which the embedded server listens, so that other processes and the plain nats CLI can join."`
	EmbeddedPort int           `key:"embedded_port" doc:"Its port; 0 takes a free one. The URL in use is recorded in data_dir/nats/server.json."`
	Creds        string        `key:"creds" doc:"Path of a .creds file, for servers that want one."`
	TLSCA        string        `key:"tls_ca" doc:"Path of a PEM file with the certificate authority of the servers. Empty: the system's."`
	TLSCert      string        `key:"tls_cert" doc:"Path of our client certificate (PEM), for servers that want one; needs tls_key."`
	TLSKey       string        `key:"tls_key" doc:"Path of its key (PEM)."`
	Role         string        `key:"role" env:"SLUICE_NATS_ROLE" doc:"The role that this process plays on the log: upstream, intake, answer, judge, label, analysis, record, gateway, router, client, monitor, training, trainer, worker, viewer or operator. It must be that of the user in the URL; see: sluice streams permissions. A role other than operator leaves the streams as they are. Empty: a server without permissions."`
	Authorize    bool          `key:"authorize" doc:"Let only users of roles into the embedded server, each with a password of its own, drawn at its first start and kept in data_dir/nats/passwords, one file a role."`
	EmbeddedCert string        `key:"embedded_cert" doc:"Path of the embedded server's certificate (PEM); with it, clients on TCP speak TLS."`
	EmbeddedKey  string        `key:"embedded_key" doc:"Path of its key (PEM)."`
	EmbeddedCA   string        `key:"embedded_client_ca" doc:"Path of a PEM file with the authority whose certificates clients of the embedded server must show. Empty: they need none."`
	Replicas     int           `key:"replicas" doc:"Copies of every stream: 1, 3 or 5; more than 1 needs a cluster."`
	MaxAge       time.Duration `key:"max_age" doc:"How long facts are kept in the log. Must exceed the longest pause between the two verdicts of a query. 0 keeps them for ever."`
	MaxBytes     int64         `key:"max_bytes" doc:"Bytes that one stream may hold; a full stream refuses new messages and loses none. 0: no bound."`
	RepliesBytes int64         `key:"replies_max_bytes" doc:"Bytes that gateways may share of replies to requests with an Idempotency-Key, for a day. A server sets them aside. A full bucket refuses no request: each gateway then remembers its own replies alone. 0: no bound."`
	AckWait      time.Duration `key:"ack_wait" doc:"How long the log waits for a sign of life of a stage before it hands a message to another copy. Signs are sent every third of it, so that a slow model costs nothing."`
	Duplicates   time.Duration `key:"duplicates" doc:"The window in which the server recognises a repeated message id. An optimisation: correctness does not rest on it."`
}

// Postgres says how the tables are reached; see the environment variable DATABASE_URL.
type Postgres struct {
	BinDir   string `key:"bin_dir" env:"SLUICE_PG_BIN" doc:"Directory with initdb and postgres for the private cluster. Empty: looked for in the usual places."`
	MaxConns int    `key:"max_conns" doc:"Connections that one process may hold."`
}

// Model is one model that may be asked.
type Model struct {
	Name              string        `key:"name" doc:"The provider's name for it."`
	Provider          string        `key:"provider" doc:"gemini, or openai for any server that speaks the OpenAI chat API."`
	BaseURL           string        `key:"base_url" doc:"Where the provider is. Empty: its public address."`
	KeyEnv            string        `key:"key_env" doc:"Name of the environment variable that holds the API key. Empty: no key is sent. Left out: GEMINI_API_KEY; with provider openai OPENAI_API_KEY, and none where base_url names a server."`
	Concurrency       int           `key:"concurrency" doc:"Calls in flight at once, per process."`
	RequestsPerMinute float64       `key:"requests_per_minute" doc:"Attempts started per minute, per process. 0: no limit."`
	TokensPerMinute   int64         `key:"tokens_per_minute" doc:"Input tokens per minute, per process, by the rule of thumb of four bytes each. 0: no limit."`
	Timeout           time.Duration `key:"timeout" doc:"Deadline of one attempt."`
	MaxAttempts       int           `key:"max_attempts" doc:"How often one call is tried before its stage is told."`
	MaxInputBytes     int           `key:"max_input_bytes" doc:"Longer requests are refused before they are sent."`
	MaxOutputTokens   int           `key:"max_output_tokens" doc:"Bound of every reply, thinking included. 0: the stage's own."`
}

// Pair names the two models.
type Pair struct {
	Medium string `key:"medium" doc:"The fast, inexpensive one."`
	Large  string `key:"large" doc:"The one that is escalated to."`
}

// Judge says who grades.
type Judge struct {
	Model    string `key:"model" doc:"The judging model. Best one that is not of the pair's family; it never learns whose answer it reads."`
	Version  string `key:"version" doc:"Names rubric and model together; give it a new value when the model changes. Verdicts of different versions never meet. Part of subjects: letters, digits and dashes."`
	Shortcut bool   `key:"shortcut" doc:"Grade an answer that equals an accepted answer as correct without asking the model. Every verdict records whether it was so."`
}

// Analysis says who describes queries.
type Analysis struct {
	Model   string `key:"model" doc:"The describing model."`
	Version string `key:"version" doc:"Names prompt and model together; a query is described once per version. Part of subjects."`
}

// Cell moves one cell of the oracle matrix.
type Cell struct {
	Medium    string `key:"medium" doc:"The medium model's grade."`
	Large     string `key:"large" doc:"The large model's grade."`
	Policy    string `key:"policy" doc:"The policy that the cell stands for from now on."`
	Rationale string `key:"rationale" doc:"Why, in one sentence."`
}

// Policy is one policy.
type Policy struct {
	Name        string `key:"name" doc:"Its name in labels and tables."`
	Description string `key:"description" doc:"What the router reads, in its own words."`
	Tier        string `key:"tier" doc:"medium or large: the model that the static map sends it to."`
}

// Query bounds what is let in.
type Query struct {
	MaxBytes int `key:"max_bytes" doc:"Longer queries go to the dead letters. The server's own max_payload bounds the whole message."`
}

// Split divides questions.
type Split struct {
	Seed       uint64  `key:"seed" doc:"Another seed draws another split of the same data."`
	TrainShare float64 `key:"train_share" doc:"Share of questions that may be learnt from, between 0 and 1."`
}

// Privacy says whose queries are masked.
type Privacy struct {
	ScrubSources []string `key:"scrub_sources" doc:"Sources whose queries are masked, by the last token of the subject or the payload's own source; * alone stands for every source. Benchmarks need no masking, people do."`
}

// Stages holds every stage's running conditions.
type Stages struct {
	Intake   Stage `key:"intake" doc:"Decodes, checks, masks and accepts what upstream published."`
	Answer   Stage `key:"answer" doc:"Asks both models."`
	Judge    Stage `key:"judge" doc:"Grades each answer alone."`
	Label    Stage `key:"label" doc:"Joins the two verdicts. Works in batches."`
	Analysis Stage `key:"analysis" doc:"Describes the query."`
	Record   Stage `key:"record" doc:"Writes every fact to Postgres. Works in batches."`
	Training Stage `key:"training" doc:"Writes jobs and events of trainings to Postgres. Works in batches."`
	Monitor  Stage `key:"monitor" doc:"Writes decisions, feedback and alerts to Postgres, and watches them. Works in batches."`

	MetricsListen string `key:"metrics_listen" env:"SLUICE_STAGE_METRICS_LISTEN" doc:"Address of /metrics, /healthz and /readyz of a process that runs one thing alone: consume (but for the monitor), train watch, worker and launch, route serve. Port 0 takes a free one, which the log names; empty, the default, serves none."`
}

// Stage says how one stage runs.
type Stage struct {
	Concurrency int           `key:"concurrency" doc:"Messages handled at once, per process; the size of a batch where the stage works in batches."`
	Attempts    int           `key:"attempts" doc:"Failures that a message may have before it is a dead letter. Rate limits and restarts do not count."`
	Deadline    time.Duration `key:"deadline" doc:"Bound of handling one message, or one batch."`
}

// Price is what a model costs from a day on, in millionths of a US dollar per million tokens.
type Price struct {
	Model             string `key:"model" doc:"The model's name."`
	EffectiveFrom     string `key:"effective_from" doc:"First day (UTC) of the price, as 2026-01-31. Empty: always, in place of every built-in price of the model."`
	AbovePromptTokens int64  `key:"above_prompt_tokens" doc:"Holds for prompts of more tokens than this; another entry gives the tier below. 0: all."`
	Prompt            int64  `key:"prompt_microusd_per_mtok" doc:"Millionths of a dollar per million input tokens: 300000 is $0.30."`
	Cached            int64  `key:"cached_microusd_per_mtok" doc:"The same for input tokens served from the provider's cache. 0: no discount."`
	Output            int64  `key:"output_microusd_per_mtok" doc:"The same for output tokens, thinking included."`
}

// Emulator says how the emulated provider behaves.
type Emulator struct {
	Host    string        `key:"host" doc:"Address that it listens on."`
	Port    int           `key:"port" doc:"Its port; 0 takes a free one."`
	Seed    uint64        `key:"seed" doc:"Another seed makes other synthetic answers."`
	Latency time.Duration `key:"latency" doc:"Median time that a reply takes."`
	Faults  float64       `key:"faults" doc:"Share of calls, between 0 and 1, that fail: 429, 500, 503, timeouts and cut streams in turn."`
}
