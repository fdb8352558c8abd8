package intake_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"sluice/consumers/intake"
)

var update = flag.Bool("update", false, "write docs/query.schema.json anew")

// TestThePublishedSchemaIsTheCodes: docs/query.schema.json is what intake.Schema says.
func TestThePublishedSchemaIsTheCodes(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "query.schema.json")
	if *update {
		if err := os.WriteFile(path, intake.Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(published, intake.Schema()) {
		t.Errorf("%s is not what the code says; run go test ./consumers/intake -update", path)
	}
}

// TestEveryExampleOfTheSchemaIsAccepted puts each property's examples through the entrance.
func TestEveryExampleOfTheSchemaIsAccepted(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Description string `json:"description"`
			Examples    []any  `json:"examples"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(intake.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	if len(schema.Properties) != 8 {
		t.Errorf("%d properties", len(schema.Properties))
	}
	s := newStage(t)
	for key, p := range schema.Properties {
		if p.Description == "" || len(p.Examples) == 0 {
			t.Errorf("%s: no description or no example", key)
		}
		for _, example := range p.Examples {
			data, err := json.Marshal(map[string]any{"query": "Why?", key: example})
			if err != nil {
				t.Fatal(err)
			}
			accept(t, s, asked("faq", "", string(data)))
		}
	}
}
