package streams

import (
	"fmt"
	"strconv"
	"strings"

	"sluice"
)

// token refuses what NATS would read as structure: an empty token, ". * >", blanks, control
// characters, and more than 128 bytes.
func token(what, s string) error {
	switch {
	case s == "":
		return fmt.Errorf("subject token %s: empty", what)
	case len(s) > 128:
		return fmt.Errorf("subject token %s: %d bytes, at most 128", what, len(s))
	case strings.ContainsAny(s, ".*> \t\r\n"):
		return fmt.Errorf("subject token %s: %q holds one of . * > or a blank", what, s)
	}
	for _, r := range s {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return fmt.Errorf("subject token %s: %q holds a control character or invalid UTF-8", what, s)
		}
	}
	return nil
}

// simple says of nearly every token at a glance that it is one: letters, digits, dashes.
func simple(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// subject joins a prefix of ours and tokens that may come from outside.
func subject(prefix string, tokens ...string) (string, error) {
	for i, t := range tokens {
		if simple(t) {
			continue
		}
		if err := token(fmt.Sprintf("%d of %s", i+1, prefix), t); err != nil {
			return "", err
		}
	}
	size := len(prefix)
	for _, t := range tokens {
		size += 1 + len(t)
	}
	var b strings.Builder
	b.Grow(size)
	b.WriteString(prefix)
	for _, t := range tokens {
		b.WriteByte('.')
		b.WriteString(t)
	}
	return b.String(), nil
}

// mustSubject is for tokens that are ours by construction: keys, arms, versions checked at start.
func mustSubject(prefix string, tokens ...string) string {
	s, err := subject(prefix, tokens...)
	if err != nil {
		panic("streams: " + err.Error())
	}
	return s
}

// ValidToken says whether s may stand in a subject (a version, a source, a stage's name).
func ValidToken(what, s string) error { return token(what, s) }

// AskedSubject is where upstream publishes the queries of one source.
func AskedSubject(source string) (string, error) { return subject("queries.asked", source) }

// SourceOf reads the source off a subject of [AskedSubject]: every token after the prefix.
func SourceOf(asked string) string { return strings.TrimPrefix(asked, "queries.asked.") }

// Lanes of accepted queries: urgent ones are answered first.
const (
	LaneUrgent = "urgent"
	LaneNormal = "normal"
)

// Lane is the lane of a priority.
func Lane(priority int) string {
	if priority > 0 {
		return LaneUrgent
	}
	return LaneNormal
}

// AcceptedSubject is the place of an accepted query.
func AcceptedSubject(lane, key string) string { return mustSubject("queries.accepted", lane, key) }

// AcceptedFilter holds the accepted queries of a lane.
func AcceptedFilter(lane string) string { return mustSubject("queries.accepted", lane) + ".*" }

// UrgentKey is the key of an accepted query that is in the urgent lane; false where the subject is another.
func UrgentKey(subject string) (key string, ok bool) {
	return strings.CutPrefix(subject, "queries.accepted."+LaneUrgent+".")
}

// IsClaim says whether an accepted query holds its key in the normal lane and is worked on in another one: every
// query is in the normal lane, so that a key is accepted once, and those in a hurry are in theirs too.
func IsClaim(subject string, q *sluice.Query) bool {
	return Lane(q.Priority) != LaneNormal && subject == AcceptedSubject(LaneNormal, q.Key)
}

// Each function here names the place of a fact about a query. The server keeps every subject in a tree, and a key is
// a hash: by keys alone each fact would lie in another part of it. The number before the key makes neighbours of
// what was asked one after the other; a query without one is named by its key.
func ofQuery(prefix string, before []string, number int64, key string, after ...string) string {
	var room [6]string
	tokens := append(room[:0], before...)
	if number > 0 {
		tokens = append(tokens, strconv.FormatInt(number, 10))
	}
	return mustSubject(prefix, append(append(tokens, key), after...)...)
}

// SaidSubject is the place of one answer to a query.
func SaidSubject(pair string, q *sluice.Query, arm sluice.Arm) string {
	return ofQuery("answers.said", []string{pair}, q.Number, q.Key, string(arm))
}

// GivenSubject is the place of one verdict on an answer to a query.
func GivenSubject(judgeVersion, pair string, q *sluice.Query, arm sluice.Arm) string {
	return ofQuery("verdicts.given", []string{judgeVersion, pair}, q.Number, q.Key, string(arm))
}

// DrawnSubject is the place of one label of a query; the id is a function of query, pair and versions.
func DrawnSubject(q *sluice.Query, labelID string) string {
	return ofQuery("labels.drawn", nil, q.Number, q.Key, labelID)
}

// AnalyzedSubject is the place of a query's description.
func AnalyzedSubject(analysisVersion string, q *sluice.Query) string {
	return ofQuery("analyses.made", []string{analysisVersion}, q.Number, q.Key)
}

// ExampleSubject is the place of one example of a query.
func ExampleSubject(q *sluice.Query, id string) string {
	return ofQuery("examples.made", nil, q.Number, q.Key, id)
}

// BilledSubject is the place of one provider call.
func BilledSubject(stage, callID string) string { return mustSubject("calls.billed", stage, callID) }

// TakenSubject is the place of one decision.
func TakenSubject(id string) string { return mustSubject("decisions.taken", id) }

// FeedbackSubject is the place of one piece of feedback on a decision.
func FeedbackSubject(decisionID, id string) string {
	return mustSubject("feedback.given", decisionID, id)
}

// RaisedSubject is the place of one alert.
func RaisedSubject(rule, id string) string { return mustSubject("alerts.raised", rule, id) }

// RaisedFilter holds the alerts of a rule.
func RaisedFilter(rule string) string { return mustSubject("alerts.raised", rule) + ".*" }

// JobSubject is the place of one training job.
func JobSubject(id string) string { return mustSubject("jobs.asked", id) }

// ToldSubject is the place of one event of a training job.
func ToldSubject(jobID string, attempt, sequence int) string {
	return mustSubject("training.told", jobID, strconv.Itoa(attempt), strconv.Itoa(sequence))
}

// ToldFilter holds every event of a training job.
func ToldFilter(jobID string) string { return mustSubject("training.told", jobID) + ".*.*" }

// KeyFilters are the subjects of everything that the log holds of one query, with a number and without, by stream;
// the ledger's lines hold nothing that the query said and stay.
func KeyFilters(key string) map[string][]string {
	return map[string][]string{
		StreamAccepted: {"queries.accepted.*." + key},
		StreamAnswers:  {"answers.said.*.*." + key + ".*", "answers.said.*." + key + ".*"},
		StreamVerdicts: {"verdicts.given.*.*.*." + key + ".*", "verdicts.given.*.*." + key + ".*"},
		StreamLabels:   {"labels.drawn.*." + key + ".*", "labels.drawn." + key + ".*"},
		StreamAnalyses: {"analyses.made.*.*." + key, "analyses.made.*." + key},
		StreamExamples: {"examples.made.*." + key + ".*", "examples.made." + key + ".*"},
	}
}

// RetrySubject is where a stage is handed a message once more; id tells one hand-over from another.
func RetrySubject(stage, id string) string { return mustSubject("retries.asked", stage, id) }

// DeadSubject is the resting place of a message that a stage could not handle.
func DeadSubject(stage string, reason sluice.Reason, id string) string {
	return mustSubject("dead", stage, string(reason), id)
}
