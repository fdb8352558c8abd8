package ringtest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/consumers/intake"
	"sluice/consumers/sample"
	"sluice/online"
	"sluice/streams"
)

var noonToday = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// What the sampler thinks is a query's key is what the ring's entrance will call it, and no personal data leaves.
func TestAKeyIsTheEntrancesAndTheTextIsMasked(t *testing.T) {
	stage, err := intake.New(nil, intake.Options{MaxQueryBytes: 1000, TrainShare: 0.8, ScrubSources: []string{"online"}, Now: func() time.Time { return noonToday }})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []online.Candidate{
		{Text: "Who is Ann?", Tenant: "x"},
		{Text: "Is ann@example.com Ann's?\r\nReally?", Tenant: ""},
		{Text: "Who  is ANN?", QueryID: "q-17"},
	} {
		m, err := sample.Message(online.Sample{QueryKey: sample.Key(c), ChosenBy: online.ByUncertainty, Candidate: c})
		if err != nil {
			t.Fatal(err)
		}
		asked, err := streams.ParseAsked(m)
		if err != nil || strings.Contains(asked.Query, "example.com") {
			t.Errorf("%q leaves, %v", asked.Query, err)
		}
		m.Stream, m.Sequence, m.StoredAt = streams.StreamQueries, 1, noonToday
		out, err := stage.Handle(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		accepted, err := streams.Decode[sluice.Accepted](out[0].Data)
		if err != nil || accepted.Query.Key != sample.Key(c) || !slices.Equal(accepted.Query.Tags, []string{"sampled:uncertainty"}) {
			t.Errorf("%+v, want key %s, %v", accepted.Query, sample.Key(c), err)
		}
	}
}
