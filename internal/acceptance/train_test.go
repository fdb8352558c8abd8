package acceptance

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"sluice/internal/process"
)

// trained is what a demo with --train adds to its summary.
type trained struct {
	summary
	Training struct {
		Job     string `json:"job_id"`
		Status  string `json:"status"`
		Reason  string `json:"reason"`
		Model   string `json:"model_version"`
		Active  string `json:"active_version"`
		Train   int    `json:"train_examples"`
		Test    int    `json:"test_examples"`
		Loss    []any  `json:"loss_curve"`
		Results struct {
			Report struct {
				Routers []struct {
					Name string `json:"name"`
				} `json:"routers"`
			} `json:"report"`
		} `json:"results"`
		Decisions []struct {
			Policy    string  `json:"policy"`
			Score     float64 `json:"p_complex"`
			Threshold float64 `json:"threshold"`
			Rule      string  `json:"rule"`
			Model     string  `json:"model"`
			Router    string  `json:"router_version"`
		} `json:"decisions"`
	} `json:"training"`
}

// The README's first command: from nothing to a router that was promoted, or refused with the reason.
func TestADemoTrainsARouterAndSaysWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	c := process.Start(t, process.Spec{
		Name: "demo", Path: binaries.Sluice(t), Args: []string{"demo", "--train", "--json", "--limit", "150"},
		Env: []string{"SLUICE_DATA_DIR=" + dir},
	})
	if err := c.Wait(t.Context()); err != nil {
		t.Fatalf("sluice demo --train: %v\n%s", err, c.Output())
	}
	var s trained
	if err := json.Unmarshal([]byte(c.Stdout()), &s); err != nil {
		t.Fatalf("%v\n%s", err, c.Stdout())
	}
	s.consistent(t, 150)
	r := s.Training
	if r.Status != "promoted" && r.Status != "refused" || r.Reason == "" || r.Model == "" {
		t.Errorf("ended %q: %q, model %q", r.Status, r.Reason, r.Model)
	}
	if (r.Status == "refused") != (r.Active == "static") || r.Train == 0 || r.Test == 0 || r.Train+r.Test > 150 || len(r.Loss) == 0 {
		t.Errorf("training %+v", r)
	}
	for _, want := range []string{"trained", "random", "length", "knn", "logistic", "oracle", "always-large"} {
		if !slices.ContainsFunc(r.Results.Report.Routers, func(x struct {
			Name string `json:"name"`
		},
		) bool {
			return x.Name == want
		}) {
			t.Errorf("the table lacks %s", want)
		}
	}
	for _, d := range r.Decisions {
		if d.Router != r.Active || d.Policy == "" || d.Rule == "" || !strings.HasPrefix(d.Model, "gemini-2.5-") {
			t.Errorf("decision %+v", d)
		}
		// As a gateway decides: by the threshold that the router brings, and then by the rules.
		if decided := r.Active != "static"; decided != (d.Threshold > 0) || decided && (d.Score >= d.Threshold) != (d.Policy == "Complex_Query") {
			t.Errorf("decision %+v of %s", d, r.Active)
		}
	}
	if len(r.Decisions) == 0 {
		t.Error("nothing was routed")
	}
	shell(t, dir, `sluice sql --demo "SELECT 1/count(*) FROM training_runs WHERE status IN ('promoted', 'refused') AND jsonb_array_length(loss_curve) > 0"`)
	shell(t, dir, `sluice sql --demo "SELECT 1/(count(*) = 0)::int FROM training_runs, jsonb_array_elements(loss_curve) p WHERE (p ->> 'loss')::float = 0"`)
	shell(t, dir, `sluice sql --demo "SELECT 1/count(*) FROM models WHERE manifest ->> 'kind' = 'blend'"`)
}
