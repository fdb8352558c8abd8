package scored

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice"
	"sluice/gemma/tokenizer"
	"sluice/routing"
)

// Layout turns queries and completions into tokens of one model. It is immutable.
type Layout struct {
	tok    *tokenizer.Tokenizer
	prompt routing.Prompt
	specs  []sluice.PolicySpec

	prefix, suffix []int
	decide         []int   // what every decision begins with
	explain        []int   // what every reasoning begins with
	end            []int   // what a completion ends with, where that is one token
	policies       [][]int // what tells the decisions apart, by policy
	budget         int     // tokens of a query
}

// NewLayout checks that the tokenizer can spell the prompt and tell the policies apart.
func NewLayout(tok *tokenizer.Tokenizer, prompt routing.Prompt, specs []sluice.PolicySpec) (*Layout, error) {
	if err := prompt.Validate(); err != nil {
		return nil, err
	}
	if len(specs) < 2 {
		return nil, fmt.Errorf("layout: %d policies, want at least two", len(specs))
	}
	l := &Layout{
		tok: tok, prompt: prompt, specs: specs, prefix: tok.EncodeTemplate(prompt.Prefix),
		suffix: tok.EncodeTemplate(prompt.Suffix), explain: tok.EncodeTemplate(prompt.Explain),
	}
	if end := tok.EncodeTemplate(prompt.End); len(end) == 1 {
		l.end = end
	}
	for _, c := range routing.Controls(specs) {
		if _, ok := tok.ID(c); prompt.Lengths && !ok {
			return nil, fmt.Errorf("layout: the vocabulary lacks the control token %s", c)
		}
	}
	for _, s := range specs {
		l.policies = append(l.policies, tok.EncodeTemplate(prompt.Completion("", s.Name)))
	}
	if err := l.part(); err != nil {
		return nil, err
	}
	l.budget = prompt.Limit - len(l.prefix) - len(l.suffix) - len(l.decide)
	if l.budget < 8 {
		return nil, fmt.Errorf("layout: the prompt's own text takes all but %d of its %d tokens: shorten the policies' names and descriptions",
			l.budget, prompt.Limit)
	}
	return l, nil
}

// part takes what all decisions begin with off them.
func (l *Layout) part() error {
	n := 0
	same := func() bool {
		for _, p := range l.policies {
			if n >= len(p) || p[n] != l.policies[0][n] {
				return false
			}
		}
		return true
	}
	for same() {
		n++
	}
	l.decide = l.policies[0][:n:n]
	for i := range l.policies {
		l.policies[i] = l.policies[i][n:]
		if len(l.policies[i]) == 0 {
			return fmt.Errorf("layout: the tokens of %s are the beginning of another policy's", l.specs[i].Name)
		}
	}
	if n == 0 {
		return errors.New("layout: decisions have no first token in common")
	}
	return nil
}

// Candidates are the continuations of [Layout.Decide], by policy.
func (l *Layout) Candidates() [][]int { return l.policies }

// Query is a query's own tokens, folded as the prompt wants it; of one that is too long the middle is left out.
func (l *Layout) Query(text string) (tokens []int, truncated bool) {
	words := len(strings.Fields(text))
	text, cut := middleOut(text, 32*l.budget)
	if l.prompt.Fold {
		text = Folded(text)
	}
	tokens = append(l.length(words), l.tok.Encode(text)...)
	if len(tokens) <= l.budget {
		return tokens, cut
	}
	head := l.budget * 2 / 3
	return append(tokens[:head:head], tokens[len(tokens)-(l.budget-head):]...), true
}

// length is the token that tells a query's length, where the prompt wants one.
func (l *Layout) length(words int) []int {
	if !l.prompt.Lengths {
		return nil
	}
	id, _ := l.tok.ID(routing.LengthMark(words)) // NewLayout has seen to it that there is one
	return []int{id}
}

// Prompt is the tokens of a prompt round a query's.
func (l *Layout) Prompt(query []int) []int {
	out := make([]int, 0, len(l.prefix)+len(query)+len(l.suffix)+max(len(l.decide), len(l.explain)))
	return append(append(append(out, l.prefix...), query...), l.suffix...)
}

// Decide is a prompt after which the model decides at once.
func (l *Layout) Decide(query []int) []int { return append(l.Prompt(query), l.decide...) }

// Explain is a prompt after which the model reasons first.
func (l *Layout) Explain(query []int) []int { return append(l.Prompt(query), l.explain...) }

// Completion is what a model learns to say behind a prompt; an empty reasoning is the fast form.
func (l *Layout) Completion(reasoning string, policy sluice.Policy) []int {
	return l.tok.EncodeTemplate(l.prompt.Completion(reasoning, policy))
}

// Text spells what a model said, its marks and policies included.
func (l *Layout) Text(ids []int) string {
	if !l.prompt.Tight {
		return l.tok.Decode(ids)
	}
	controls := map[int]string{}
	for _, c := range routing.Marks(l.specs) {
		if id, ok := l.tok.ID(c); ok {
			controls[id] = c
		}
	}
	var b strings.Builder
	from := 0
	for i, id := range ids {
		if c, ok := controls[id]; ok {
			b.WriteString(l.tok.Decode(ids[from:i]) + c)
			from = i + 1
		}
	}
	return b.String() + l.tok.Decode(ids[from:])
}

// middleOut cuts a text to a number of bytes at characters' edges: two thirds of its beginning, the rest of its end.
func middleOut(text string, most int) (string, bool) {
	if len(text) <= most {
		return text, false
	}
	head, tail := most*2/3, len(text)-most/3
	for head > 0 && !utf8.RuneStart(text[head]) {
		head--
	}
	for tail < len(text) && !utf8.RuneStart(text[tail]) {
		tail++
	}
	return text[:head] + " " + text[tail:], true
}

// Folded is a text as a folding prompt's tokenizer sees it, and what its vocabulary is learnt from: in small letters,
// its digits as 0 and its blanks as one, with a blank in front, so that a word is spelled alike wherever it stands.
func Folded(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 1)
	blank := true
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			blank = true
			continue
		case blank:
			b.WriteByte(' ')
			blank = false
		}
		switch {
		case unicode.IsDigit(r):
			b.WriteByte('0')
		case r < utf8.RuneSelf:
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			b.WriteByte(byte(r))
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}
