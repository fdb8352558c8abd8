package routing

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"sluice"
)

// The marks of a model's output.
const (
	ReasoningMark = "[REASONING]"
	DecisionMark  = "[DECISION]"
)

// Prompt is the text round a query, as one model was trained with it. It travels with the model, so that a
// change of this package's wording never meets weights that have not seen it.
type Prompt struct {
	// Version is a function of the rest.
	Version string `json:"version"`
	// Prefix stands before the query and Suffix behind it. Both are templates: control tokens of the model's
	// vocabulary in them are recognised, in the query they are not.
	Prefix string `json:"prefix"`
	Suffix string `json:"suffix"`
	// Decide is what a model is made to say first when it decides at once, Explain when it reasons first.
	Decide  string `json:"decide"`
	Explain string `json:"explain"`
	// End closes a completion: the model's own end mark, or empty.
	End string `json:"end,omitempty"`
	// Tight says that marks and policies are control tokens of the vocabulary, with no blank between them.
	Tight bool `json:"tight,omitempty"`
	// Fold lower-cases queries, turns digits into 0 and blanks into one space, for a vocabulary that was learnt
	// from few texts.
	Fold bool `json:"fold,omitempty"`
	// Limit is the longest prompt in tokens, prefix and suffix included; of a longer query the middle is
	// left out.
	Limit int `json:"limit"`
}

// FullPrompt is the in-context form for pretrained Gemma weights: the policies as XML, the rules of the
// output, and the query in a turn of Gemma's chat format.
func FullPrompt(specs []sluice.PolicySpec) Prompt {
	return Prompt{
		Prefix: "<bos><start_of_turn>user\n" +
			"You route queries to language models. Choose the route whose description fits the query best.\n\n" +
			RoutesXML(specs) + "\n\n" +
			"Judge how hard the query is to answer; do not answer it. Reply in the form\n" +
			ReasoningMark + " why, in one or two sentences " + DecisionMark + " the name of the route\n\n<query>\n",
		Suffix:  "\n</query><end_of_turn>\n<start_of_turn>model\n",
		Decide:  DecisionMark + " ",
		Explain: ReasoningMark + " ",
		End:     "<end_of_turn>",
		Limit:   1024,
	}.named()
}

// CompactLimit is the length of the compact prompt in tokens, query included.
const CompactLimit = 64

// CompactPrompt is the form of the embedded default, which learns what policies mean from examples: each
// policy's name, one control token, with the gist of its description.
func CompactPrompt(specs []sluice.PolicySpec) Prompt {
	var b strings.Builder
	b.WriteString("<bos>")
	for _, s := range specs {
		b.WriteString(string(s.Name) + " " + gist(s.Description) + "\n")
	}
	return Prompt{
		Prefix: b.String(), Decide: DecisionMark, Explain: ReasoningMark, End: "<eos>", Tight: true, Fold: true, Limit: CompactLimit,
	}.named()
}

// Controls are the control tokens that a vocabulary needs for the compact form.
func Controls(specs []sluice.PolicySpec) []string {
	controls := []string{ReasoningMark, DecisionMark}
	for _, s := range specs {
		controls = append(controls, string(s.Name))
	}
	return controls
}

func (p Prompt) named() Prompt {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %t %t %d", p.Prefix, p.Suffix, p.Decide, p.Explain, p.End, p.Tight, p.Fold, p.Limit))
	p.Version = hex.EncodeToString(sum[:6])
	return p
}

// Validate refuses a prompt that was altered after it was named, or that no model can use.
func (p Prompt) Validate() error {
	if p.Prefix == "" || p.Decide == "" || p.Explain == "" || p.Limit < 8 {
		return errors.New("prompt: prefix, decide, explain must be set and limit at least 8")
	}
	if want := p.named().Version; p.Version != want {
		return fmt.Errorf("prompt: version %q does not belong to its text, which is %s", p.Version, want)
	}
	return nil
}

// Text is the whole prompt of a query, for people who train elsewhere.
func (p Prompt) Text(query string) string { return p.Prefix + query + p.Suffix }

// Completion is what a model should say: reasoning and decision, or the decision alone where reasoning is
// empty.
func (p Prompt) Completion(reasoning string, policy sluice.Policy) string {
	if reasoning == "" {
		return p.Decide + string(policy) + p.End
	}
	return p.Explain + reasoning + p.between() + p.Decide + string(policy) + p.End
}

func (p Prompt) between() string {
	if p.Tight {
		return ""
	}
	return " "
}

// Limited is the prompt with another limit; 0 keeps it.
func (p Prompt) Limited(limit int) Prompt {
	if limit > 0 {
		p.Limit = limit
	}
	return p.named()
}
