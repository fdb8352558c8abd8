package streams_test

import (
	"strings"
	"testing"

	"sluice"
	"sluice/streams"
)

func TestSubjectsRefuseWhatNATSWouldReadAsStructure(t *testing.T) {
	q := &sluice.Query{Key: "k"}
	refused := []string{
		"", ".", "*", ">", "a.b", "a*", "a>", " ", "a b", "a\tb", "a\nb", "a\rb", "\x00", "a\x7f", "\xff", strings.Repeat("x", 129),
	}
	for _, token := range refused {
		if s, err := streams.AskedSubject(token); err == nil {
			t.Errorf("AskedSubject(%q) = %q, want an error", token, s)
		}
		if err := streams.ValidToken("version", token); err == nil {
			t.Errorf("ValidToken(%q): want an error", token)
		}
		for name, build := range map[string]func(){
			"accepted": func() { streams.AcceptedSubject(token, "k") },
			"said":     func() { streams.SaidSubject("p", &sluice.Query{Key: token}, sluice.ArmA) },
			"given":    func() { streams.GivenSubject(token, "p", q, sluice.ArmA) },
			"drawn":    func() { streams.DrawnSubject(q, token) },
			"analyzed": func() { streams.AnalyzedSubject(token, q) },
			"example":  func() { streams.ExampleSubject(&sluice.Query{Key: token, Number: 7}, "i") },
			"billed":   func() { streams.BilledSubject("answer", token) },
			"retry":    func() { streams.RetrySubject(token, "i") },
			"dead":     func() { streams.DeadSubject("judge", sluice.Reason(token), "i") },
		} {
			if !panics(build) {
				t.Errorf("%s took the token %q", name, token)
			}
		}
	}
	for _, token := range []string{"web", "simple-qa_v1", "ü", strings.Repeat("x", 128)} {
		if _, err := streams.AskedSubject(token); err != nil {
			t.Errorf("AskedSubject(%q): %v", token, err)
		}
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestEverySubjectLandsInItsStream(t *testing.T) {
	q := &sluice.Query{Key: "k", Number: 7}
	asked, err := streams.AskedSubject("web")
	if err != nil {
		t.Fatal(err)
	}
	for want, subject := range map[string]string{
		streams.StreamQueries:  asked,
		streams.StreamAccepted: streams.AcceptedSubject(streams.Lane(0), "k"),
		streams.StreamAnswers:  streams.SaidSubject("p", q, sluice.ArmA),
		streams.StreamVerdicts: streams.GivenSubject("j", "p", q, sluice.ArmA),
		streams.StreamLabels:   streams.DrawnSubject(q, "i"),
		streams.StreamAnalyses: streams.AnalyzedSubject("a", q),
		streams.StreamExamples: streams.ExampleSubject(q, "i"),
		streams.StreamCalls:    streams.BilledSubject("answer", "c"),
		streams.StreamRetries:  streams.RetrySubject("judge", "i"),
		streams.StreamDead:     streams.DeadSubject("judge", sluice.ReasonPanic, "i"),
	} {
		var in []string
		for _, c := range streams.Configs(streams.DefaultOptions()) {
			if strings.HasPrefix(subject, strings.TrimSuffix(c.Subjects[0], ">")) {
				in = append(in, c.Name)
			}
		}
		if len(in) != 1 || in[0] != want {
			t.Errorf("%s lands in %v, want %s", subject, in, want)
		}
	}
}

func TestAFactsIDIsItsSubject(t *testing.T) {
	a, err := streams.AcceptedFact(sluice.Accepted{Query: sluice.Query{Key: "k", Priority: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if a.ID != a.Subject || a.Subject != "queries.accepted.urgent.k" || a.ContentType != streams.MsgPack {
		t.Errorf("%+v", a)
	}
	c, err := streams.BilledFact(sluice.Call{ID: "c", Stage: "answer"})
	if err != nil {
		t.Fatal(err)
	}
	if !streams.IsLedger(c) || streams.IsLedger(a) {
		t.Errorf("ledger: %s %v, %s %v", c.Subject, streams.IsLedger(c), a.Subject, streams.IsLedger(a))
	}
}
