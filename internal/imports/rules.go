package imports

// everything, as a room's only import, lets it see the whole house.
const everything = "*"

// rooms lists what each folder may import of this module, by folder ("" is the root). Folders under
// internal/ are harnesses of tests and not listed; no room outside of internal/ may import them.
var rooms = map[string][]string{
	"":                         {},
	"privacy":                  {},
	"migrations":               {},
	"pricing":                  {""},
	"streams":                  {""},
	"llm":                      {"", "pricing"},
	"llm/emulator":             {"", "pricing"},
	"producers":                {"", "streams"},
	"producers/bank":           {"", "producers"},
	"producers/bank/generate":  {""},
	"routing":                  {""},
	"routing/features":         {},
	"routing/front":            {"", "routing"},
	"routing/rules":            {"", "routing/features"},
	"routing/scored":           {"", "routing", "gemma", "gemma/tokenizer"},
	"trainer/artifact":         {"", "routing", "routing/scored", "evaluation", "evaluation/controls"},
	"trainer/dataset":          {"", "privacy", "routing"},
	"trainer/evaluate":         {"", "evaluation", "routing", "trainer/artifact", "trainer/dataset", "trainer/recipe"},
	"trainer/recipe":           {"", "routing", "routing/scored", "trainer/artifact", "trainer/dataset", "gemma", "gemma/learn", "gemma/nf4", "gemma/tokenizer"},
	"consumers":                {"", "streams"},
	"consumers/intake":         {"", "streams", "privacy"},
	"consumers/answer":         {"", "streams", "llm"},
	"consumers/judge":          {"", "streams", "llm"},
	"consumers/label":          {"", "streams"},
	"consumers/analysis":       {"", "streams", "llm"},
	"consumers/record":         {"", "streams"},
	"postgres":                 {"", "migrations"},
	"operate":                  {"", "streams", "consumers"},
	"config":                   {"", "pricing", "routing/rules"},
	"gateway/budget":           {"", "streams"},
	"gateway/keys":             {"", "streams", "gateway/budget"},
	"gateway":                  {"", "llm", "privacy", "routing", "routing/features", "routing/front", "routing/rules", "streams", "gateway/budget", "gateway/keys", "gateway/spool"},
	"gateway/gemini":           {"", "llm", "gateway", "gateway/keys", "gateway/web"},
	"gateway/metrics":          {"", "gateway/spool"},
	"gateway/micro":            {"", "llm", "routing", "gateway", "gateway/keys", "gateway/web"},
	"gateway/openai":           {"", "llm", "gateway", "gateway/keys", "gateway/web"},
	"gateway/spool":            {"", "streams"},
	"gateway/web":              {"", "llm", "streams", "gateway", "gateway/keys"},
	"bench":                    {"", "streams", "llm"},
	"evaluation":               {""},
	"evaluation/controls":      {"evaluation"},
	"gemma":                    {"gemma/gguf", "gemma/internal/kernel", "gemma/safetensors"},
	"gemma/gguf":               {"gemma/safetensors"},
	"gemma/internal/kernel":    {},
	"gemma/internal/reference": {"gemma"},
	"gemma/learn":              {"gemma", "gemma/nf4", "gemma/safetensors"},
	"gemma/nf4":                {},
	"gemma/safetensors":        {},
	"gemma/tokenizer":          {},
	"cmd/sluice":               {everything},
}

// foreign lists the only rooms that may import modules of others, by the module's first path elements.
// A module that is not listed may be imported by nobody; the standard library by everybody, except that
// the root package and package privacy import nothing else.
var foreign = map[string][]string{
	"github.com/nats-io/nats-server":      {"streams"},
	"github.com/nats-io/nats.go":          {"streams", "consumers", "operate", "gateway/budget", "gateway/keys", "gateway/micro", "bench", "cmd/sluice"},
	"github.com/vmihailenco/msgpack":      {"streams", "consumers/intake"},
	"github.com/jackc/pgx":                {"postgres"},
	"github.com/pressly/goose":            {"postgres"},
	"google.golang.org/genai":             {"llm"},
	"golang.org/x/time":                   {"llm", "producers", "gateway/keys"},
	"golang.org/x/sync":                   {"streams", "cmd/sluice"},
	"github.com/prometheus/client_golang": {"gateway/metrics"},
	"github.com/expr-lang/expr":           {"routing/rules"},
	"go.yaml.in/yaml":                     {"config"},
	"github.com/alecthomas/kong":          {"cmd/sluice"},
	"github.com/jedib0t/go-pretty":        {"cmd/sluice"},
	"github.com/gomlx":                    {"gemma/learn"},
}
