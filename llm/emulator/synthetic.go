package emulator

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"sluice"
)

// Item is a question of a bank, for [NewSynthetic].
type Item struct {
	Question string
	// Gold lists the accepted answers; it may be empty for an unanswerable question.
	Gold []string
	// Difficulty is 0 (anybody knows) to 1 (hardly anybody).
	Difficulty float64
	// Unanswerable questions have no right answer: a model declines, or makes one up.
	Unanswerable bool
}

// SyntheticConfig tunes a synthetic source. The zero value is usable.
type SyntheticConfig struct {
	// Seed: another one makes other answers.
	Seed uint64
	// Strengths, by model, are 0 to 1: a model whose strength is a question's difficulty is right half the
	// time. They add to [DefaultStrengths]; "" is that of every other model.
	Strengths map[string]float64
}

// DefaultStrengths are those of Gemini's family; "" is every other model.
func DefaultStrengths() map[string]float64 {
	return map[string]float64{"": 0.62, "gemini-2.5-flash-lite": 0.50, "gemini-2.5-flash": 0.62, "gemini-2.5-pro": 0.80}
}

// Synthetic makes up answers, each a function of seed, model and question. Make one with
// [NewSynthetic].
//
// To a question of its bank a model of strength s is right with probability 1/(1+exp(-8(s-d))) at
// difficulty d; a model that is not right declines with probability (1+s)/4, or says something wrong
// that looks like an answer. An unanswerable question is declined with probability s/2+1/2. To any other
// question the answer is of the right form at best. The judge never looks at the model or at what was
// meant: it compares texts, with the bank's accepted answers where the request has none.
type Synthetic struct {
	cfg       SyntheticConfig
	strengths map[string]float64
	items     map[string]Item // by normalised question
	lures     map[shape][]string
}

// NewSynthetic makes a source of a bank of questions. It refuses questions without a text, twice or
// without an accepted answer (unless unanswerable), and numbers out of range, naming each.
func NewSynthetic(bank []Item, cfg SyntheticConfig) (*Synthetic, error) {
	s := &Synthetic{cfg: cfg, strengths: DefaultStrengths(), items: make(map[string]Item, len(bank)), lures: map[shape][]string{}}
	maps.Copy(s.strengths, cfg.Strengths)
	for m, v := range s.strengths {
		if v < 0 || v > 1 || math.IsNaN(v) {
			return nil, fmt.Errorf("emulator: the strength of %q is %g, want 0 to 1", m, v)
		}
	}
	for i, it := range bank {
		norm := sluice.NormalizeText(it.Question)
		_, twice := s.items[norm]
		switch {
		case norm == "":
			return nil, fmt.Errorf("emulator: question %d of the bank is empty", i)
		case twice:
			return nil, fmt.Errorf("emulator: question %d of the bank is in it already: %s", i, it.Question)
		case len(it.Gold) == 0 && !it.Unanswerable:
			return nil, fmt.Errorf("emulator: question %d of the bank has no accepted answer: %s", i, it.Question)
		case it.Difficulty < 0 || it.Difficulty > 1 || math.IsNaN(it.Difficulty):
			return nil, fmt.Errorf("emulator: question %d of the bank has difficulty %g, want 0 to 1", i, it.Difficulty)
		}
		s.items[norm] = it
		if len(it.Gold) > 0 && !declines(words(it.Gold[0])) {
			f := shapeOf(it.Gold[0])
			s.lures[f] = append(s.lures[f], it.Gold[0])
		}
	}
	return s, nil
}

// Difficulty draws a difficulty for a question of a data set that tells none: spread evenly, a little
// higher for long questions.
func Difficulty(question string) float64 {
	long := math.Min(1, float64(len(question))/300)
	return math.Min(1, 0.85*draw(0, "difficulty", sluice.NormalizeText(question))+0.15*long)
}

// Name is "synthetic".
func (s *Synthetic) Name() string { return "synthetic" }

// Models lists the models whose strength is known by name; any other name is answered too.
func (s *Synthetic) Models() []string {
	names := slices.Sorted(maps.Keys(s.strengths))
	return slices.DeleteFunc(names, func(m string) bool { return m == "" })
}

func (s *Synthetic) strength(model string) float64 {
	if v, ok := s.strengths[model]; ok {
		return v
	}
	return s.strengths[""]
}

// Answer makes up the model's answer.
func (s *Synthetic) Answer(model, question string) (string, error) {
	norm := sluice.NormalizeText(question)
	fate := draw(s.cfg.Seed, "fate", model, norm)
	strength := s.strength(model)
	it, known := s.items[norm]
	switch {
	case !known:
		// Two models that are strong enough agree on what they make up.
		who := model
		if fate < strength {
			who = ""
		}
		if draw(s.cfg.Seed, "decline", who, norm) < 0.2 {
			return s.decline(model, norm), nil
		}
		return s.phrase(model, norm, pick(inventions, hash(s.cfg.Seed, "invent", who, norm))), nil
	case it.Unanswerable:
		if fate < 0.5+strength/2 {
			return s.decline(model, norm), nil
		}
		return s.wrong(model, norm, it), nil
	}
	right := 1 / (1 + math.Exp(-8*(strength-it.Difficulty)))
	switch {
	case fate < right:
		return s.right(model, norm, it), nil
	case (fate-right)/(1-right) < (1+strength)/4:
		return s.decline(model, norm), nil
	}
	return s.wrong(model, norm, it), nil
}

// Verdict compares the answer with the accepted answers, or with the bank's. Without either it goes by
// whether the answer commits itself, and by a draw: as good a guess as any.
func (s *Synthetic) Verdict(question string, accepted []string, answer string) (Judgement, error) {
	norm := sluice.NormalizeText(question)
	it, known := s.items[norm]
	if len(accepted) == 0 {
		accepted = it.Gold
	}
	j := grade(accepted, answer)
	if len(accepted) > 0 || known || j.Grade == sluice.IDK {
		return j, nil
	}
	if draw(s.cfg.Seed, "guess", norm, sluice.NormalizeText(answer)) < 0.6 {
		return Judgement{sluice.Correct, "It is plausible; there is no reference to compare it with."}, nil
	}
	return Judgement{sluice.Incorrect, "It is hardly plausible; there is no reference to compare it with."}, nil
}
