package acceptance

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"sluice/bench"
	"sluice/internal/process"
)

// run runs a command in a directory of its own and returns its standard output.
func run(t *testing.T, args ...string) string {
	t.Helper()
	c := process.Start(t, process.Spec{Name: args[0], Path: binaries.Sluice(t), Args: args, Env: []string{"SLUICE_DATA_DIR=" + openDir(t)}})
	if err := c.Wait(t.Context()); err != nil {
		t.Fatalf("sluice %v: %v\n%s", args, err, c.Output())
	}
	return c.Stdout()
}

func number(t *testing.T, object map[string]any, key string) float64 {
	t.Helper()
	n, ok := object[key].(float64)
	if !ok || n <= 0 {
		t.Errorf("%s is %v, want a number above 0", key, object[key])
	}
	return n
}

// isNear says whether a number is another one, but for what rounding to three digits behind the point makes of it and of
// its factors.
func isNear(got, want float64) bool { return math.Abs(got-want) <= 0.01*want+0.001 }

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return o
}

// The benchmark of the pipeline carries every query round and prints every number that it promises.
func TestBenchPipelinePrintsItsNumbers(t *testing.T) {
	t.Parallel()
	o := object(t, run(t, "bench", "pipeline", "--queries", "600", "--rounds", "2", "--raw", "2000", "--growth", "--json"))
	for _, key := range []string{"cpu_us_per_query", "postgres_cpu_us_per_query", "peak_rss_mb", "raw_gc_cpu_us_per_message"} {
		number(t, o, key)
	}
	perSecond, messages := number(t, o, "queries_per_s"), number(t, o, "messages_per_query")
	if messages != bench.StoredPerQuery {
		t.Errorf("%v messages a query, want %d", messages, bench.StoredPerQuery)
	}
	pipeline, ratio := number(t, o, "pipeline_messages_per_s"), number(t, o, "ratio")
	if !isNear(pipeline, perSecond*messages) {
		t.Errorf("%v messages a second are not %v queries of %v messages", pipeline, perSecond, messages)
	}
	if low, high := number(t, o, "ratio_low"), number(t, o, "ratio_high"); ratio < low || ratio > high || number(t, o, "raw_messages_per_s") <= 0 {
		t.Errorf("ratio %v is not from %v to %v", ratio, low, high)
	}
	parts, _ := o["parts"].([]any)
	if len(parts) != 2 {
		t.Errorf("parts: %v, want 2", o["parts"])
	}
	for _, p := range parts {
		part, _ := p.(map[string]any)
		want := number(t, part, "queries_per_s") * messages / number(t, part, "raw_messages_per_s")
		if got := number(t, part, "ratio"); !isNear(got, want) {
			t.Errorf("a part's ratio is %v, want %v: %v", got, want, part)
		}
	}
	for key, done := range map[string][2]float64{"first_fifth": {0, 300}, "last_fifth": {300, 600}} {
		s, _ := o[key].(map[string]any)
		if from, _ := s["from"].(float64); from != done[0] || number(t, s, "to") != done[1] || number(t, s, "cpu_us_per_query") <= 0 {
			t.Errorf("%s: %v, want the queries from %v to %v", key, s, done[0], done[1])
		}
	}
	growth, _ := o["growth"].(map[string]any)
	young, _ := growth["young"].(map[string]any)
	if from, to := number(t, young, "from"), number(t, young, "to"); from != 20 || to != 60 {
		t.Errorf("a ring that begins is measured from query %v to %v, want the last two thirds of 60", from, to)
	}
	want := number(t, o["last_fifth"].(map[string]any), "cpu_us_per_query") / number(t, young, "cpu_us_per_query")
	if got := number(t, growth, "cpu"); !isNear(got, want) {
		t.Errorf("growth %v, want %v: %v", got, want, growth)
	}
	t.Logf("ratio %.2f at %.0f queries/s", ratio, perSecond)
}

// A cold ring draws its first label soon (3 s on a quiet machine, and three times that beside the other tests, of which
// some begin at one time), and an idle one is small.
func TestBenchColdStaysWithinBounds(t *testing.T) {
	t.Parallel()
	var o map[string]any
	var first []any
	for try, s := 1, 10.0; s > 9; try++ {
		o = object(t, run(t, "bench", "cold", "--starts", "1", "--idle", "1s", "--json"))
		var ok bool
		if first, ok = o["first_label_s"].([]any); !ok || len(first) != 1 {
			t.Fatalf("first_label_s: %v", o["first_label_s"])
		}
		if s, ok = first[0].(float64); !ok || s <= 0 || s > 9 && try == 3 {
			t.Fatalf("start %d: first label after %v s", try, first[0])
		}
	}
	if mb := number(t, o, "idle_rss_mb"); mb > 150 {
		t.Errorf("an idle ring holds %v MiB, want at most 150", mb)
	}
	t.Logf("first label after %v s, %v MiB", first[0], o["idle_rss_mb"])
}

func TestBenchRouterPrintsWhatADecisionTakes(t *testing.T) {
	t.Parallel()
	o := object(t, run(t, "bench", "router", "--decisions", "50", "--json"))
	for _, key := range []string{"cold_p50_ms", "decisions_per_s"} {
		number(t, o, key)
	}
	if p50, p95 := number(t, o, "p50_ms"), number(t, o, "p95_ms"); p95 < p50 || number(t, o, "memory_mb") < 5 || o["router"] == "" {
		t.Errorf("%v", o)
	}
	out := run(t, "bench", "router", "--decisions", "5")
	for _, want := range []string{"100-300 ms", "10-20 queries/s", "6 GB", "prefix cached"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestBenchTrainPrintsWhatTrainingTakes(t *testing.T) {
	t.Parallel()
	o := object(t, run(t, "bench", "train", "--examples", "48", "--json"))
	for _, key := range []string{"seconds", "examples_per_s"} {
		number(t, o, key)
	}
	if number(t, o, "examples") != 48 || number(t, o, "peak_share") > 1 {
		t.Errorf("%v", o)
	}
}
