package emulator

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice"
)

var (
	phrasings = []string{
		"%s.", "The answer is %s.", "It is %s.", "That would be %s.", "%s, as far as I can tell.",
		"This is %s, according to the usual references.",
	}
	declinings = []string{
		"I don't know.",
		"I'm not sure about that, and would rather not guess.",
		"I do not have reliable information about this.",
		"I can't say with any confidence.",
		"There is no way to know this from what I have learned.",
	}
	// inventions answer what no bank has a lure for.
	inventions = []string{
		"Edmund Harrowgate", "the Calder process", "Port Merrion", "1847", "the second of the two",
		"Ruritania", "about 340", "Lake Ardent", "the Veltmann theorem", "copper oxide",
	}
)

func pick(from []string, h uint64) string { return from[h%uint64(len(from))] }

// phrase says something in one of the usual ways.
func (s *Synthetic) phrase(model, norm, what string) string {
	return phrased(pick(phrasings, hash(s.cfg.Seed, "phrase", model, norm)), what)
}

func phrased(form, what string) string {
	what = strings.TrimRight(strings.TrimSpace(what), ".")
	if strings.HasPrefix(form, "%s") {
		r, n := utf8.DecodeRuneInString(what)
		what = string(unicode.ToUpper(r)) + what[n:]
	}
	return strings.Replace(form, "%s", what, 1)
}

func (s *Synthetic) decline(model, norm string) string {
	return pick(declinings, hash(s.cfg.Seed, "declining", model, norm))
}

// right says an accepted answer, in words that the judge takes for it.
func (s *Synthetic) right(model, norm string, it Item) string {
	gold := pick(it.Gold, hash(s.cfg.Seed, "gold", model, norm))
	text := s.phrase(model, norm, gold)
	if grade(it.Gold, text).Grade != sluice.Correct {
		return gold // the phrase itself got in the way
	}
	return text
}

// wrong says something that looks like an accepted answer and is none.
func (s *Synthetic) wrong(model, norm string, it Item) string {
	h := hash(s.cfg.Seed, "lure", model, norm)
	gold := ""
	if len(it.Gold) > 0 {
		gold = it.Gold[0]
	}
	try := func(what string) (string, bool) {
		if what == "" {
			return "", false
		}
		text := s.phrase(model, norm, what)
		if grade(it.Gold, text).Grade != sluice.Incorrect {
			text = phrased("%s.", what) // the phrase itself may be what is accepted
		}
		return text, grade(it.Gold, text).Grade == sluice.Incorrect
	}
	for i := range uint64(4) {
		if text, ok := try(misnumber(gold, h+i)); ok {
			return text
		}
	}
	if pool := s.lures[shapeOf(gold)]; len(pool) > 0 {
		for i := range uint64(8) {
			if text, ok := try(pick(pool, h+i)); ok {
				return text
			}
		}
	}
	for i := range uint64(len(inventions)) {
		if text, ok := try(pick(inventions, h+i)); ok {
			return text
		}
	}
	return "It is something else altogether."
}

// misnumber changes the first number of a text by a little; "" where there is none.
func misnumber(text string, h uint64) string {
	start := strings.IndexFunc(text, unicode.IsDigit)
	if start < 0 {
		return ""
	}
	end := start
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(text[start:end], 10, 64)
	if err != nil {
		return ""
	}
	step := int64(h%9) + 1
	if n > 3000 || (n > 100 && n < 1000) {
		step *= max(1, n/40) // off by some per cent; years stay near
	}
	if h&16 == 0 && n > step {
		step = -step
	}
	return text[:start] + strconv.FormatInt(n+step, 10) + text[end:]
}

// shape is what an answer looks like, so that a wrong one can look like it.
type shape string

func shapeOf(answer string) shape {
	w := words(answer)
	if len(w) == 0 {
		return "none"
	}
	if len(w) == 1 && (w[0] == "yes" || w[0] == "no" || w[0] == "true" || w[0] == "false") {
		return "yes or no"
	}
	if strings.ContainsFunc(answer, unicode.IsDigit) {
		return "number"
	}
	size := "phrase"
	switch len(w) {
	case 1:
		size = "word"
	case 2, 3:
		size = "words"
	}
	if r, _ := utf8.DecodeRuneInString(strings.TrimSpace(answer)); unicode.IsUpper(r) {
		size = "name, " + size
	}
	return shape(size)
}
