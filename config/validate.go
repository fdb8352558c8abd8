package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sluice"
	"sluice/pricing"
)

// checker collects faults with the place of each key.
type checker struct {
	places map[string]string
	faults *FaultsError
}

// want adds a fault for the key unless ok.
func (k checker) want(ok bool, key, problem, remedy string) {
	if !ok {
		k.faults.add(key, k.places[key], problem, remedy)
	}
}

// oneOf wants one of at least two words.
func (k checker) oneOf(key, got string, words ...string) {
	last := len(words) - 1
	k.want(slices.Contains(words, got), key, fmt.Sprintf("is %q", got), "want "+strings.Join(words[:last], ", ")+" or "+words[last])
}

// address wants a host and a port, or nothing.
func (k checker) address(key, addr string) {
	if addr != "" {
		_, _, err := net.SplitHostPort(addr)
		k.want(err == nil, key, fmt.Sprintf("%q is no address", addr), "want host:port, as 127.0.0.1:9464")
	}
}

var (
	versionToken = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	envName      = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
)

func (c *Config) validate(places map[string]string, faults *FaultsError) {
	k := checker{places, faults}
	k.want(c.DataDir != "", "data_dir", "is empty", "name a directory, or set SLUICE_DATA_DIR")
	c.checkNATS(k)
	k.want(c.Postgres.MaxConns >= 2, "postgres.max_conns", "is below 2", "the recorder and the commands need one each")
	c.checkModels(k)
	c.checkRoles(k)
	c.checkPolicies(k)
	k.want(c.Query.MaxBytes > 0, "query.max_bytes", "is not above 0", "16384 is the default")
	k.want(c.Query.MaxBytes <= 512<<10, "query.max_bytes", "is above 524288", "the server's max_payload bounds the whole message")
	k.want(c.Split.TrainShare > 0 && c.Split.TrainShare < 1, "split.train_share", "is not between 0 and 1", "0.8 is the default")
	c.checkPrivacy(k)
	c.checkStages(k)
	c.checkGateway(k)
	c.checkPrices(k)
	c.checkTraining(k)
	c.checkBudgets(k)
	c.checkRouting(k)
	c.checkMonitor(k)
	c.checkTelemetry(k)
	k.want(c.Emulator.Faults >= 0 && c.Emulator.Faults < 1, "emulator.faults", "is not between 0 and 1", "0.2 means every fifth call")
	k.want(c.Emulator.Latency >= 0, "emulator.latency", "is negative", "0 answers at once")
	k.want(port(c.Emulator.Port), "emulator.port", "is not a port", "want 0 to 65535")
	armKey := len(c.Secrets.ArmKey.Reveal())
	k.want(armKey == 0 || armKey >= 16, "SLUICE_ARM_KEY", "has fewer than 16 bytes", "make one with: openssl rand -hex 16")
}

func port(p int) bool { return p >= 0 && p <= 65535 }

func (c *Config) checkNATS(k checker) {
	n := c.NATS
	k.want(n.EmbeddedHost != "", "nats.embedded_host", "is empty", "127.0.0.1 is the default")
	k.want(port(n.EmbeddedPort), "nats.embedded_port", "is not a port", "want 0 to 65535")
	k.want(n.Replicas == 1 || n.Replicas == 3 || n.Replicas == 5, "nats.replicas", fmt.Sprintf("is %d", n.Replicas), "want 1, 3 or 5")
	k.want(n.Replicas == 1 || n.URL != "", "nats.replicas", "is above 1 with the embedded server", "one server holds one copy: name a cluster in nats.url or use 1")
	k.want(n.MaxAge == 0 || n.MaxAge >= time.Hour, "nats.max_age", "is below an hour", "the label join needs both verdicts of a query in the log")
	k.want(n.MaxBytes >= 0, "nats.max_bytes", "is negative", "0 means no bound")
	k.want(n.AckWait >= time.Second, "nats.ack_wait", "is below 1s", "1m is the default")
	k.want(n.RepliesBytes == 0 || n.RepliesBytes >= 1<<20, "nats.replies_max_bytes", "is below 1048576", "268435456 is the default, 0 means no bound")
	k.want(n.Duplicates >= time.Second, "nats.duplicates", "is below 1s", "2m is the default")
	k.want(n.MaxAge == 0 || n.Duplicates <= n.MaxAge, "nats.duplicates", "is longer than nats.max_age", "2m is the default")
	k.want((n.TLSCert == "") == (n.TLSKey == ""), "nats.tls_cert", "needs nats.tls_key, and the other way round", "give both or neither")
	k.want(n.Role == "" || slices.Contains(natsRoles, n.Role), "nats.role", fmt.Sprintf("is %q", n.Role), "want one of "+strings.Join(natsRoles, ", "))
	k.want(!n.Authorize || n.URL == "", "nats.authorize", "is for the embedded server, and nats.url names another", "give that server the users of: sluice streams permissions")
	k.want((n.EmbeddedCert == "") == (n.EmbeddedKey == ""), "nats.embedded_cert", "needs nats.embedded_key, and the other way round", "give both or neither")
	k.want(n.EmbeddedCA == "" || n.EmbeddedCert != "", "nats.embedded_client_ca", "needs nats.embedded_cert", "without TLS nobody shows a certificate")
}

// natsRoles are the roles that package streams knows; a test of cmd/sluice compares them.
var natsRoles = []string{
	"upstream", "intake", "answer", "judge", "label", "analysis", "record", "gateway", "router", "client", "monitor", "training", "trainer",
	"worker", "viewer", "operator",
}

// mostAttempts bounds how often one question may be asked: whoever wants more has a typing error or a bill.
const mostAttempts = 100

var tooManyAttempts = fmt.Sprintf("is above %d", mostAttempts)

func (c *Config) checkModels(k checker) {
	k.want(len(c.Models) > 0, "models", "is empty", "list at least the models of pair, judge and analysis")
	seen := map[string]bool{}
	for i, m := range c.Models {
		key := func(s string) string { return fmt.Sprintf("models[%d].%s", i, s) }
		k.want(m.Name != "", key("name"), "is empty", "name the model as its provider does")
		k.want(!seen[m.Name] || m.Name == "", key("name"), fmt.Sprintf("%q is listed twice", m.Name), "keep one entry")
		seen[m.Name] = true
		k.oneOf(key("provider"), m.Provider, "gemini", "openai")
		// The value is not shown: whoever fills in the wrong thing here fills in the key.
		k.want(m.KeyEnv == "" || envName.MatchString(m.KeyEnv), key("key_env"), "is not the name of an environment variable", "put the key into a variable such as OPENAI_API_KEY, and that name here")
		k.want(m.Concurrency >= 1, key("concurrency"), "is below 1", "32 is the default")
		k.want(m.RequestsPerMinute >= 0, key("requests_per_minute"), "is negative", "0 means no limit")
		k.want(m.TokensPerMinute >= 0, key("tokens_per_minute"), "is negative", "0 means no limit")
		k.want(m.MaxAttempts >= 1, key("max_attempts"), "is below 1", "4 is the default")
		k.want(m.MaxAttempts <= mostAttempts, key("max_attempts"), tooManyAttempts, "each is billed; 4 is the default")
		k.want(m.Timeout > 0, key("timeout"), "is not above 0", "2m is the default")
		k.want(m.MaxInputBytes > 0, key("max_input_bytes"), "is not above 0", "262144 is the default")
		k.want(m.MaxOutputTokens >= 0, key("max_output_tokens"), "is negative", "0 leaves it to the provider")
	}
}

// role is a key that names a model.
type role struct{ key, model string }

func (c *Config) roles() []role {
	return []role{
		{"pair.medium", c.Pair.Medium},
		{"pair.large", c.Pair.Large},
		{"judge.model", c.Judge.Model},
		{"analysis.model", c.Analysis.Model},
	}
}

// checkRoles checks that each role is played by a model that is listed.
func (c *Config) checkRoles(k checker) {
	for _, r := range c.roles() {
		_, listed := c.Model(r.model)
		k.want(listed, r.key, fmt.Sprintf("%q is not listed in models", r.model), "add it there, or name one of "+strings.Join(c.modelNames(), ", "))
	}
	k.want(c.Pair.Medium != c.Pair.Large, "pair.large", "is the medium model too", "name two models")
	k.want(versionToken.MatchString(c.Judge.Version), "judge.version", fmt.Sprintf("%q does not fit into a subject", c.Judge.Version), "want letters, digits, - and _, at most 64")
	k.want(versionToken.MatchString(c.Analysis.Version), "analysis.version", fmt.Sprintf("%q does not fit into a subject", c.Analysis.Version), "want letters, digits, - and _, at most 64")
}

func (c *Config) checkPolicies(k checker) {
	known := map[string]bool{}
	for i, p := range c.Policies {
		key := func(s string) string { return fmt.Sprintf("policies[%d].%s", i, s) }
		k.want(p.Name != "", key("name"), "is empty", "name the policy")
		k.want(!known[p.Name] || p.Name == "", key("name"), fmt.Sprintf("%q is listed twice", p.Name), "keep one entry")
		known[p.Name] = true
		k.want(p.Description != "", key("description"), "is empty", "the router reads it")
		k.oneOf(key("tier"), p.Tier, string(sluice.Medium), string(sluice.Large))
	}
	matrix, err := c.OracleMatrix()
	k.want(err == nil, "matrix", fmt.Sprint(err), "grades are correct, incorrect and idk, one entry a cell")
	for _, cell := range matrix.Cells() {
		k.want(known[string(cell.Policy)], "matrix", fmt.Sprintf("medium=%s large=%s names the policy %q", cell.Medium, cell.Large, cell.Policy), "list it in policies, or move the cell")
	}
}

// checkPrivacy refuses names that no query comes under, and what looks like a pattern: what was meant would go
// unmasked, and nobody would hear of it. Blanks and dots may be in a payload's own word for its source.
func (c *Config) checkPrivacy(k checker) {
	for i, s := range c.Privacy.ScrubSources {
		key := fmt.Sprintf("privacy.scrub_sources[%d]", i)
		k.want(strings.TrimSpace(s) != "", key, "is blank", "name a source; * is every source, and an empty list is none")
		k.want(len(s) <= 128, key, fmt.Sprintf("has %d bytes", len(s)), "a source has 128 at most")
		k.want(s == "*" || !strings.ContainsAny(s, "*>"), key, fmt.Sprintf("%q is no name of a source", s), "there are no patterns: name each source, or * alone for every one")
		k.want(!strings.ContainsFunc(s, unnamed), key, fmt.Sprintf("%q is no name of a source", s), "no source has control characters or bytes that are not UTF-8")
	}
}

// unnamed says which characters the entrance lets into no name.
func unnamed(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }

func (c *Config) checkStages(k checker) {
	k.address("stages.metrics_listen", c.Stages.MetricsListen)
	for _, s := range c.Stages.All() {
		key := func(f string) string { return "stages." + s.Name + "." + f }
		k.want(s.Concurrency >= 1, key("concurrency"), "is below 1", "one message at a time is the least")
		k.want(s.Concurrency <= 10_000, key("concurrency"), "is above 10000", "run more copies instead")
		k.want(s.Attempts >= 1, key("attempts"), "is below 1", "1 means that the first failure is the last")
		k.want(s.Deadline >= time.Second, key("deadline"), "is below 1s", "a model may take minutes")
	}
}

// checkPrices leaves the prices to their own room, and asks for one of every model that plays a role.
func (c *Config) checkPrices(k checker) {
	table, err := pricing.New(c.PriceRows()...)
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			k.want(false, "prices", line, "")
		}
		return
	}
	for _, r := range append(c.roles(), c.ruleRoles()...) {
		_, listed := c.Model(r.model)
		k.want(!listed || table.Has(r.model), r.key, fmt.Sprintf("%q has no price", r.model), "add one to prices: nothing is asked whose cost is unknown")
	}
}
