package routing

import (
	"fmt"
	"strings"

	"sluice"
)

// Parse reads a model's output, "[REASONING] ... [DECISION] Complex_Query" or "[DECISION] Complex_Query".
// The policy is the one that the text behind the last decision mark begins with, whatever its case, with
// quotes, stars or colons round it. The error is [ErrUnparseable] where there is no such mark or no policy of
// specs behind it; nothing is guessed from the reasoning.
func Parse(output string, specs []sluice.PolicySpec) (policy sluice.Policy, reasoning string, err error) {
	at := strings.LastIndex(output, DecisionMark)
	if at < 0 {
		return "", "", fmt.Errorf("%w: no %s in it", ErrUnparseable, DecisionMark)
	}
	said := strings.TrimLeft(output[at+len(DecisionMark):], " \t\r\n:\"'`*_<([")
	for _, s := range specs {
		name := string(s.Name)
		if name != "" && len(said) >= len(name) && strings.EqualFold(said[:len(name)], name) &&
			!continues(said[len(name):]) && len(name) > len(policy) {
			policy = s.Name
		}
	}
	if policy == "" {
		return "", "", fmt.Errorf("%w: %s is followed by none", ErrUnparseable, DecisionMark)
	}
	return policy, reasoningIn(output[:at]), nil
}

// continues says whether a name goes on: "Complex_Query_2" is not Complex_Query.
func continues(rest string) bool {
	if rest == "" {
		return false
	}
	c := rest[0]
	return c == '_' && len(rest) > 1 && rest[1] != '_' || c == '-' ||
		c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// reasoningIn is what stands between the last reasoning mark and the end.
func reasoningIn(text string) string {
	if at := strings.LastIndex(text, ReasoningMark); at >= 0 {
		text = text[at+len(ReasoningMark):]
	}
	return sluice.CleanText(strings.TrimSpace(text), maxReasoning)
}

// maxReasoning bounds a reasoning, in bytes.
const maxReasoning = 2000
