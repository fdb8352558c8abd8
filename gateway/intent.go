package gateway

import (
	"encoding/binary"
	"fmt"
	"time"

	"sluice"
	"sluice/routing/features"
	"sluice/streams"
)

// intent is what the spool remembers of an attempt that is about to be made: all that a decision needs
// should nobody be left to tell how it ended. It is written before every call of a model, and so holds
// nothing that can be told from the rest.
type intent struct {
	ID              string                    `json:"id"`
	QueryKey        string                    `json:"query_key"`
	Text            string                    `json:"text"`
	Tenant          string                    `json:"tenant,omitempty"`
	Tags            []string                  `json:"tags,omitempty"`
	Split           string                    `json:"split"`
	Scrubbed        int                       `json:"scrubbed,omitempty"`
	API             string                    `json:"api"`
	Requested       string                    `json:"requested"`
	KeyID           string                    `json:"key_id,omitempty"`
	Conversation    string                    `json:"conversation,omitempty"`
	Policy          string                    `json:"policy,omitempty"`
	Reasoning       string                    `json:"reasoning,omitempty"`
	ReasoningSource string                    `json:"reasoning_source"`
	Shares          map[sluice.Policy]float64 `json:"shares,omitempty"` // the decision's probabilities
	Knob            float64                   `json:"knob,omitempty"`   // the decision's threshold
	RouterVersion   string                    `json:"router_version"`
	RouterFault     string                    `json:"router_fault,omitempty"`
	RouterUS        int64                     `json:"router_us,omitempty"`
	Canary          bool                      `json:"canary,omitempty"`
	Rule            string                    `json:"rule"`
	RuleReason      string                    `json:"rule_reason,omitempty"`
	RulesVersion    string                    `json:"rules_version"`
	DecidedAt       time.Time                 `json:"decided_at"`
	Streamed        bool                      `json:"streamed,omitempty"`
	// Call costs the most that it can.
	Call sluice.Call `json:"call"`
}

// ended carries the lines of earlier attempts, where there are any, in the same payload.
type ended struct {
	Lines []sluice.Call `json:"lines"`
}

// intentOf is the intent of an attempt.
func intentOf(d *sluice.Decision, call *sluice.Call) intent {
	q := &d.Query
	return intent{
		ID: d.ID, QueryKey: q.Key, Text: q.Text, Tenant: q.Tenant, Tags: q.Tags, Split: string(q.Split), Scrubbed: q.Scrubbed,
		API: d.API, Requested: d.Requested, KeyID: d.KeyID, Conversation: d.Conversation, Policy: string(d.Policy), Reasoning: d.Reasoning,
		ReasoningSource: d.ReasoningSource, Shares: d.Probabilities, Knob: d.Threshold, RouterVersion: d.RouterVersion,
		RouterFault: d.RouterFault, RouterUS: d.RouterUS, Canary: d.Canary,
		Rule: d.Rule, RuleReason: d.RuleReason, RulesVersion: d.RulesVersion, DecidedAt: d.DecidedAt, Streamed: d.Streamed, Call: *call,
	}
}

// appendIntent writes an intent, and the lines of the attempts that ended before it. The intent comes first, with
// its length.
func appendIntent(b []byte, in *intent, lines []sluice.Call) ([]byte, error) {
	start := len(b)
	b, err := streams.Append(append(b, 0, 0, 0, 0), in)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	if err != nil || len(lines) == 0 {
		return b, err
	}
	return streams.Append(b, &ended{lines})
}

// decodeIntent reads what appendIntent wrote.
func decodeIntent(b []byte) (d sluice.Decision, call sluice.Call, lines []sluice.Call, err error) {
	if len(b) < 4 {
		return d, call, nil, fmt.Errorf("an intent of %d bytes", len(b))
	}
	n := int(binary.BigEndian.Uint32(b))
	if b = b[4:]; n > len(b) {
		return d, call, nil, fmt.Errorf("an intent of %d bytes, of which %d are there", n, len(b))
	}
	in, err := streams.Decode[intent](b[:n])
	if err != nil {
		return d, call, nil, err
	}
	if len(b) > n {
		e, err := streams.Decode[ended](b[n:])
		if err != nil {
			return d, call, nil, err
		}
		lines = e.Lines
	}
	in.Call.StartedAt = in.Call.StartedAt.UTC()
	for i := range lines {
		lines[i].StartedAt = lines[i].StartedAt.UTC()
	}
	return in.decision(), in.Call, lines, nil
}

func (in *intent) decision() sluice.Decision {
	at := in.DecidedAt.UTC()
	return sluice.Decision{
		ID: in.ID, API: in.API, Requested: in.Requested, KeyID: in.KeyID, Conversation: in.Conversation, Policy: sluice.Policy(in.Policy),
		Reasoning: in.Reasoning, ReasoningSource: in.ReasoningSource, Probabilities: in.Shares, Threshold: in.Knob, RouterVersion: in.RouterVersion, RouterFault: in.RouterFault,
		RouterUS: in.RouterUS, Canary: in.Canary, Features: features.Of(in.Text).Map(), Model: in.Call.Model, Tier: in.Call.Tier,
		Rule: in.Rule, RuleReason: in.RuleReason, RulesVersion: in.RulesVersion, DecidedAt: at, Streamed: in.Streamed,
		Query: sluice.Query{
			Key: in.QueryKey, Text: in.Text, Source: Source, Tenant: in.Tenant, Tags: in.Tags, AskedAt: at,
			Split: sluice.Split(in.Split), Scrubbed: in.Scrubbed,
		},
	}
}
