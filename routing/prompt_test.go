package routing_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"sluice"
	"sluice/routing"
)

func TestRoutesXMLHoldsWhatIsConfigured(t *testing.T) {
	specs := append(sluice.DefaultPolicies(), sluice.PolicySpec{Name: "Legal_Query", Description: " Law: <contracts> & \"torts\".  "})
	var doc struct {
		Routes []struct {
			Name        string `xml:"name"`
			Description string `xml:"description"`
		} `xml:"route"`
	}
	if err := xml.Unmarshal([]byte(routing.RoutesXML(specs)), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Routes) != len(specs) {
		t.Fatalf("%d routes of %d policies", len(doc.Routes), len(specs))
	}
	for i, s := range specs {
		if doc.Routes[i].Name != string(s.Name) || doc.Routes[i].Description != strings.TrimSpace(s.Description) {
			t.Errorf("route %+v of policy %+v", doc.Routes[i], s)
		}
	}
}

func TestTheFullPromptHoldsPoliciesFormAndQuery(t *testing.T) {
	specs := sluice.DefaultPolicies()
	text := routing.FullPrompt(specs).Text("Which river flows through Baghdad?")
	for _, want := range []string{routing.RoutesXML(specs), routing.ReasoningMark, routing.DecisionMark, "Which river flows through Baghdad?", "<start_of_turn>model"} {
		if !strings.Contains(text, want) {
			t.Errorf("the prompt lacks %q", want)
		}
	}
}

func TestAPromptIsItsText(t *testing.T) {
	specs := sluice.DefaultPolicies()
	a, b := routing.CompactPrompt(specs), routing.CompactPrompt(specs)
	if a != b || a.Validate() != nil {
		t.Fatalf("two prompts of the same policies: %+v, %+v, %v", a, b, a.Validate())
	}
	specs[1].Description = "A query for the large one: many steps."
	if c := routing.CompactPrompt(specs); c.Version == a.Version {
		t.Error("another description has the same version")
	}
	b.Suffix = "\nchanged"
	if b.Validate() == nil {
		t.Error("a prompt that was altered is valid")
	}
	if l := a.Limited(96); l.Validate() != nil || l.Version == a.Version || a.Limited(0) != a {
		t.Errorf("limited: %+v", l)
	}
}
