package emulator

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"sluice"
)

// Analyse describes a question by rules over its text: keywords, digits, length, script. The same text
// always has the same description.
func Analyse(question string) sluice.Analysis {
	w := words(question)
	a := sluice.Analysis{
		Domain:           domainOf(w),
		AnswerType:       answerTypeOf(question, w),
		KnowledgeRecency: recencyOf(w),
		Language:         languageOf(question, w),
		RequiresMath:     hasAny(w, mathWords) || (digits(question) >= 2 && strings.ContainsAny(question, "+-*/^=×÷")),
		RequiresCode:     hasAny(w, codeWords) || strings.Contains(question, "```"),
	}
	a.ReasoningSteps = stepsOf(w, a.RequiresMath || a.RequiresCode)
	a.Ambiguity = ambiguityOf(question, w)
	a.Specificity = specificityOf(question, w)
	score := a.ReasoningSteps - 1
	if a.Specificity == "obscure" {
		score += 2
	}
	if len(w) > 25 {
		score++
	}
	a.Complexity = level(score, 1, 3, "low", "medium", "high")
	a.Summary = fmt.Sprintf("A %s question about %s that wants a %s in %d step(s).", a.Specificity, a.Domain,
		strings.ReplaceAll(a.AnswerType, "_", " or "), a.ReasoningSteps)
	return a
}

func level(n, middle, high int, names ...string) string {
	switch {
	case n >= high:
		return names[2]
	case n >= middle:
		return names[1]
	}
	return names[0]
}

func hasAny(w, of []string) bool {
	return slices.ContainsFunc(w, func(x string) bool { return slices.Contains(of, x) })
}

func digits(text string) int {
	n := 0
	for _, r := range text {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

var (
	mathWords = strings.Fields("sum product divided multiplied equation derivative integral percent probability remainder " +
		"square root factorial average calculate solve triangle angle")
	codeWords = strings.Fields("python javascript golang function compile algorithm sql regex code program variable array " +
		"recursion complexity")
	// domains are tried in this order.
	domains = []struct {
		name  string
		words []string
	}{
		{"mathematics", mathWords},
		{"computing", strings.Fields("computer software internet operating processor protocol database python javascript algorithm code programming website")},
		{"geography", strings.Fields("country capital river mountain ocean sea island city continent border population lake desert located state town")},
		{"history", strings.Fields("war king queen empire treaty battle revolution ancient century dynasty president emperor colony independence")},
		{"science", strings.Fields("element atom chemical planet star species cell energy temperature physics biology molecule gene gas metal acid light nobel prize")},
		{"sports", strings.Fields("team league goal football soccer basketball baseball cricket olympic tournament championship match player season cup")},
		{"arts", strings.Fields("song album band film movie actor actress novel book author painter painting singer episode series poem composer directed played sang wrote character")},
		{"medicine", strings.Fields("disease blood organ bone drug vaccine symptom heart brain virus medicine body nerve muscle")},
		{"economics", strings.Fields("currency bank tax company market inflation trade price stock economy founded ceo")},
		{"politics", strings.Fields("election parliament senate law minister party vote constitution government congress court amendment")},
	}
)

func domainOf(w []string) string {
	best, most := "general knowledge", 0
	for _, d := range domains {
		n := 0
		for _, x := range w {
			if slices.Contains(d.words, strings.TrimSuffix(x, "s")) || slices.Contains(d.words, x) {
				n++
			}
		}
		if n > most {
			best, most = d.name, n
		}
	}
	return best
}

func answerTypeOf(question string, w []string) string {
	q := " " + strings.Join(w, " ") + " "
	has := func(phrases ...string) bool {
		return slices.ContainsFunc(phrases, func(p string) bool { return strings.Contains(q, " "+p+" ") })
	}
	switch {
	case has("how many", "how much", "how old", "how far", "how tall", "how long", "what number", "percentage") || strings.ContainsAny(question, "=×÷"):
		return "number"
	case has("when", "what year", "which year", "what date", "on what day", "in what month", "which month"):
		return "date"
	case has("who", "whom", "whose", "which person"):
		return "person"
	case has("where", "which country", "what country", "which city", "what city", "what state"):
		return "place"
	case has("why", "explain", "describe", "how does", "how do"):
		return "explanation"
	case len(w) > 0 && slices.Contains(strings.Fields("is are was were do does did can could has have will would should"), w[0]):
		return "yes_no"
	case has("list", "name all", "which of"):
		return "list"
	}
	return "term"
}

func recencyOf(w []string) string {
	if hasAny(w, strings.Fields("now today currently current latest tonight tomorrow yesterday")) {
		return "live"
	}
	for _, x := range w {
		if len(x) != 4 || digits(x) != 4 {
			continue
		}
		switch {
		case x >= "2020":
			return "recent"
		case x >= "1000":
			return "historical"
		}
	}
	if hasAny(w, strings.Fields("was were did ancient century first founded invented discovered born died")) {
		return "historical"
	}
	if hasAny(w, strings.Fields("recent recently new season")) {
		return "recent"
	}
	return "timeless"
}

func stepsOf(w []string, demanding bool) int {
	steps := 1
	for _, x := range w {
		switch x {
		case "and", "whose", "than", "before", "after", "between", "both", "that", "which", "if":
			steps++
		}
	}
	if demanding {
		steps++
	}
	return min(steps, 6)
}

func ambiguityOf(question string, w []string) string {
	score := 0
	if len(w) < 5 {
		score++
	}
	if hasAny(w, strings.Fields("best better favorite favourite most greatest beautiful good should might could")) {
		score++
	}
	if hasAny(w, strings.Fields("it he she they this these those there")) {
		score++
	}
	if strings.Count(question, "?") > 1 {
		score++
	}
	return level(score, 1, 2, "none", "some", "high")
}

func specificityOf(question string, w []string) string {
	score := 0
	names := 0
	for i, f := range strings.Fields(question) {
		if r := []rune(f)[0]; i > 0 && unicode.IsUpper(r) {
			names++
		}
	}
	score += min(names, 4)
	if digits(question) > 0 {
		score++
	}
	if len(w) > 15 {
		score++
	}
	return level(score, 1, 4, "broad", "narrow", "obscure")
}

var stopwords = []struct {
	language string
	words    []string
}{
	{"en", strings.Fields("what which who when where how is of in does did was for to many")},
	{"cs", strings.Fields("kdo kdy kde jak který která které co je v na byl byla jaký kolik ve roce")},
	{"de", strings.Fields("wer was wann wo wie welche welcher ist der die das und von im wurde")},
	{"fr", strings.Fields("qui que quand où comment quel quelle est le la les des dans de du")},
	{"es", strings.Fields("quién qué cuándo dónde cómo cuál es el los las de en del fue")},
}

func languageOf(question string, w []string) string {
	scripts := []struct {
		tag   string
		table *unicode.RangeTable
	}{
		{"ja", unicode.Hiragana},
		{"ja", unicode.Katakana},
		{"ko", unicode.Hangul},
		{"zh", unicode.Han},
		{"ru", unicode.Cyrillic},
		{"ar", unicode.Arabic},
		{"hi", unicode.Devanagari},
		{"el", unicode.Greek},
		{"he", unicode.Hebrew},
	}
	for _, s := range scripts {
		n := 0
		for _, r := range question {
			if unicode.Is(s.table, r) {
				n++
			}
		}
		if 3*n > len([]rune(question)) {
			return s.tag
		}
	}
	best, most := "en", 0
	for _, l := range stopwords {
		n := 0
		for _, x := range w {
			if slices.Contains(l.words, x) {
				n++
			}
		}
		if n > most {
			best, most = l.language, n
		}
	}
	return best
}
