package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Gateway says how requests for models are answered.
type Gateway struct {
	Listen          string        `key:"listen" env:"SLUICE_LISTEN" doc:"Address of the HTTP APIs. Beyond loopback, make keys first (sluice keys create), and mind tls_cert."`
	TLSCert         string        `key:"tls_cert" doc:"Path of the certificate (PEM, with its chain) to serve HTTPS; needs tls_key. Read again when it changes."`
	TLSKey          string        `key:"tls_key" doc:"Path of its key (PEM)."`
	Router          string        `key:"router" doc:"Where the router runs: local, in the gateway's process, or nats: any copy of sluice route serve, on any machine, is asked."`
	Page            string        `key:"page" doc:"Who may look at the page for people, at /: open, everybody who reaches listen may see numbers (no text of a query, no tenant's budget, no dead letter), and whatever changes something wants a login with an admin key; login, everything does; off, there is none."`
	Models          []string      `key:"models" doc:"Models that clients may name beside those of pair; each listed under models."`
	Fallbacks       []Fallback    `key:"fallbacks" doc:"Who stands in for a model that fails. A model of the pair that is not listed here has the other one; a model that a client named has none."`
	Timeout         time.Duration `key:"timeout" doc:"Deadline of a whole request: waiting, retries and fallbacks included."`
	MaxAttempts     int           `key:"max_attempts" doc:"Calls of models that one request may cost."`
	HedgeAfter      time.Duration `key:"hedge_after" doc:"Ask the next model too where the first has not begun by then; the first to speak wins, both are billed. 0: never."`
	FirstToken      time.Duration `key:"first_token" doc:"How long a stream may take to begin before the next model is asked. 0: the model's timeout."`
	Idle            time.Duration `key:"idle" doc:"How long a stream may pause before it counts as broken."`
	MaxQueued       int           `key:"max_queued" doc:"Requests that wait for a slot of one model; more are told to come back (429). 0: four times the model's concurrency."`
	MaxBody         int64         `key:"max_body" doc:"Bytes of a request's body."`
	MaxTextBytes    int           `key:"max_text_bytes" doc:"Bytes of all messages of a request together."`
	MaxMessages     int           `key:"max_messages" doc:"Messages of a request."`
	MaxOutputTokens int           `key:"max_output_tokens" doc:"The most that a client may ask for; a model's own bound goes before."`
	Redact          []string      `key:"redact" doc:"Regular expressions (RE2) that are masked in answers, streamed ones included, and in what is stored of them."`
	RedactLongest   int           `key:"redact_longest" doc:"Bytes that a match of redact has at most: a stream is held back by as much. Longer matches may be missed in a stream."`
	KeepAnswers     bool          `key:"keep_answers" doc:"Store answers, personal data masked, in decisions."`
	LogDecisions    bool          `key:"log_decisions" doc:"Write a line of JSON for every decision to standard error."`
	LogTexts        bool          `key:"log_texts" doc:"Have those lines hold query, reasoning and answer, personal data masked; otherwise they hold their lengths."`
	ReplyBytes      int64         `key:"reply_bytes" doc:"Bytes of answers that each process keeps for repeated Idempotency-Keys; gateways share them through the log. 0: the header is refused."`
	ReplyAge        time.Duration `key:"reply_age" doc:"How long an Idempotency-Key is remembered; by other gateways a day at most."`
	Conversations   int           `key:"conversations" doc:"Conversations whose model is remembered, per process."`
	Drain           time.Duration `key:"drain" doc:"How long requests in hand may take to end when the gateway is stopped; then they are cut off, and accounted for."`
	Spool           Spool         `key:"spool" doc:"The gateway's memory on disk of what it owes to the log."`
}

// Values of gateway.page.
const (
	PageOpen  = "open"
	PageLogin = "login"
	PageOff   = "off"
)

// Fallback names who stands in for a model.
type Fallback struct {
	Model   string   `key:"model" doc:"The model that may fail."`
	Instead []string `key:"instead" doc:"Who is asked instead, in this order. Empty: nobody."`
}

// Spool is where intents and outcomes of calls are kept until the log has them.
type Spool struct {
	Dir       string        `key:"dir" doc:"Its directory; gateways of one machine share it. Empty: spool in data_dir."`
	Sync      string        `key:"sync" doc:"When it is forced to the disk: none (by the operating system, half a minute), batch (what is sync_every old and not the log's yet, beside the requests), always (before every call and last byte; requests at one time share a force). A killed process loses nothing with any of them; this is about a loss of power."`
	SyncEvery time.Duration `key:"sync_every" doc:"How much a loss of power may take of what the log does not have, with batch."`
}

func defaultGateway() Gateway {
	return Gateway{
		Listen: "127.0.0.1:8080", Router: "local", Page: PageOpen, Models: []string{}, Fallbacks: []Fallback{}, Redact: []string{}, Timeout: 5 * time.Minute, MaxAttempts: 4, Idle: 30 * time.Second,
		MaxBody: 2 << 20, MaxTextBytes: 512 << 10, MaxMessages: 1000, MaxOutputTokens: 65536, RedactLongest: 256,
		KeepAnswers: true, LogDecisions: true, LogTexts: true, ReplyBytes: 64 << 20, ReplyAge: 24 * time.Hour,
		Conversations: 10_000, Drain: 30 * time.Second, Spool: Spool{Sync: "batch", SyncEvery: 100 * time.Millisecond},
	}
}

func (c *Config) checkGateway(k checker) {
	g := c.Gateway
	_, _, err := net.SplitHostPort(g.Listen)
	k.want(err == nil, "gateway.listen", fmt.Sprintf("%q is no address", g.Listen), "want host:port, as 127.0.0.1:8080")
	k.want((g.TLSCert == "") == (g.TLSKey == ""), "gateway.tls_cert", "needs gateway.tls_key, and the other way round", "give both or neither")
	k.oneOf("gateway.router", g.Router, "local", "nats")
	k.oneOf("gateway.page", g.Page, PageOpen, PageLogin, PageOff)
	for i, m := range g.Models {
		c.wantModel(k, fmt.Sprintf("gateway.models[%d]", i), m)
	}
	for i, f := range g.Fallbacks {
		c.wantModel(k, fmt.Sprintf("gateway.fallbacks[%d].model", i), f.Model)
		for j, m := range f.Instead {
			key := fmt.Sprintf("gateway.fallbacks[%d].instead[%d]", i, j)
			c.wantModel(k, key, m)
			k.want(m != f.Model, key, "stands in for itself", "name another")
		}
	}
	for key, d := range map[string]time.Duration{"timeout": g.Timeout, "idle": g.Idle, "drain": g.Drain, "reply_age": g.ReplyAge, "spool.sync_every": g.Spool.SyncEvery} {
		k.want(d > 0, "gateway."+key, "is not above 0", "")
	}
	k.want(g.HedgeAfter >= 0, "gateway.hedge_after", "is negative", "0 asks one model at a time")
	k.want(g.FirstToken >= 0, "gateway.first_token", "is negative", "0 is the model's timeout")
	for key, n := range map[string]int{
		"max_attempts": g.MaxAttempts, "max_text_bytes": g.MaxTextBytes, "max_messages": g.MaxMessages, "max_output_tokens": g.MaxOutputTokens,
		"redact_longest": g.RedactLongest, "conversations": g.Conversations,
	} {
		k.want(n >= 1, "gateway."+key, "is below 1", "")
	}
	k.want(g.MaxAttempts <= mostAttempts, "gateway.max_attempts", tooManyAttempts, "each is billed; 4 is the default")
	k.want(g.MaxQueued >= 0, "gateway.max_queued", "is negative", "0 is four times the model's concurrency")
	k.want(g.MaxBody >= 1024, "gateway.max_body", "is below 1024", "2097152 is the default")
	k.want(g.ReplyBytes >= 0, "gateway.reply_bytes", "is negative", "0 refuses the header Idempotency-Key")
	for i, p := range g.Redact {
		re, err := regexp.Compile(p)
		k.want(err == nil, fmt.Sprintf("gateway.redact[%d]", i), fmt.Sprint(err), "")
		k.want(err != nil || !re.MatchString(""), fmt.Sprintf("gateway.redact[%d]", i), "matches an empty text", "it would mask everything")
	}
	k.oneOf("gateway.spool.sync", g.Spool.Sync, "none", "batch", "always")
}

func (c *Config) wantModel(k checker, key, model string) {
	_, listed := c.Model(model)
	k.want(listed, key, fmt.Sprintf("%q is not listed in models", model), "add it there, or name one of "+strings.Join(c.modelNames(), ", "))
}

// GatewayModels lists every model that a gateway may come to ask.
func (c *Config) GatewayModels() []string {
	names := append([]string{c.Pair.Medium, c.Pair.Large}, c.Gateway.Models...)
	for _, f := range c.Gateway.Fallbacks {
		names = append(append(names, f.Model), f.Instead...)
	}
	for _, r := range c.ruleRoles() {
		names = append(names, r.model)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
