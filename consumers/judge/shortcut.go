package judge

import (
	"strings"

	"sluice"
)

// shortcutReason is the reason of a verdict that no model was asked for.
const shortcutReason = "Equals an accepted answer word for word."

// equalsAccepted says whether the answer is an accepted answer word for word; case, white space and
// punctuation around it do not count. It can only ever find an answer correct, never incorrect.
func equalsAccepted(a *sluice.Answer) bool {
	said := bare(a.Text)
	if said == "" {
		return false
	}
	for _, truth := range a.GroundTruth {
		if bare(truth) == said {
			return true
		}
	}
	return false
}

// bare takes off what ends a sentence and what quotes it; a leading point is a number's.
func bare(s string) string {
	s = strings.TrimRight(sluice.NormalizeText(s), " .!")
	return strings.TrimRight(strings.Trim(s, "\"'`"), " .!")
}
