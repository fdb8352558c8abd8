package features

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCountsOfATextAreItsOwn(t *testing.T) {
	for _, c := range []struct {
		text                                        string
		words, sentences, lines, questions, longest int
	}{
		{"", 0, 0, 0, 0, 0},
		{" \n ", 0, 0, 0, 0, 0},
		{"Why?", 1, 1, 1, 1, 3},
		{"What is 3.14 about? Tell me.", 7, 2, 1, 1, 5},
		{"I don't know.", 3, 1, 1, 0, 4},
		{"one\ntwo\nthree", 3, 1, 3, 0, 5},
		{"Stop. \"Really?\" Yes!", 3, 3, 1, 1, 6},
		{"日本語ですか？", 6, 1, 1, 1, 1},
		{"Что это? Как?", 3, 2, 1, 2, 3},
		{"¿Qué es?", 2, 1, 1, 1, 3},
		{"Tell me; then stop.", 4, 1, 1, 0, 4},
		{"Ποιος έγραψε την Οδύσσεια; Πότε;", 5, 1, 1, 2, 8},
		{"no end", 2, 1, 1, 0, 3},
		{"...", 0, 0, 1, 0, 0},
	} {
		f := Of(c.text)
		if f.Words != c.words || f.Sentences != c.sentences || f.Lines != c.lines || f.Questions != c.questions || f.Longest != c.longest {
			t.Errorf("%q: got %+v, want words %d, sentences %d, lines %d, questions %d, longest %d",
				c.text, f, c.words, c.sentences, c.lines, c.questions, c.longest)
		}
	}
}

func TestSharesAreOfAllCharacters(t *testing.T) {
	f := Of("AB12cdéf")
	if f.Chars != 8 || f.Digits != 0.25 || f.Upper != 0.25 {
		t.Fatalf("got %+v, want 8 characters, a quarter digits, a quarter capitals", f)
	}
}

func TestLanguageIsGuessedByScriptAndCommonWords(t *testing.T) {
	for text, want := range map[string]string{
		"What is the capital of France?":                                "en",
		"Was ist die Hauptstadt von Ungarn?":                            "de",
		"Quelle est la capitale de la Suisse et qui est le président ?": "fr",
		"¿Cuál es la capital de los Estados Unidos?":                    "es",
		"Qual è la capitale della Francia?":                             "it",
		"Quem é o presidente do Brasil e onde mora?":                    "pt",
		"Wat is de hoofdstad van het land?":                             "nl",
		"法国的首都是哪里？":                                                     "zh",
		"フランスの首都はどこですか":                                                 "ja",
		"프랑스의 수도는 어디입니까":                                                "ko",
		"Какая столица Франции?":                                        "ru",
		"ما هي عاصمة فرنسا؟":                                            "ar",
		"Zyxw vuts":                                                     "",
		"12345":                                                         "",
	} {
		if got := Of(text).Language; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestSourceCodeIsFoundAndProseIsNot(t *testing.T) {
	for _, text := range []string{
		"What does ```go\nfmt.Println(1)\n``` print?",
		"func main() { fmt.Println(\"hi\") }",
		"def add(a, b): return a + b\nadd() == 3",
		"SELECT name FROM users WHERE id = 5",
		"#include <stdio.h> int main() { return 0; }",
		"const f = (x) => x + 1",
		"if (a && b || c == d) foo();",
		"<div><b>x</b></div> why </div> twice",
	} {
		if !Of(text).HasCode() {
			t.Errorf("no code found in %q", text)
		}
	}
	for _, text := range []string{
		"What is the function of the heart?",
		"The public library is static; nothing moves.",
		"A -> B means that A leads to B",
		"She said; then he left.",
		"Select a gift from the list",
		"He wrote {sic} there",
	} {
		if f := Of(text); f.HasCode() {
			t.Errorf("%d pieces of code found in %q", f.Code, text)
		}
	}
}

func TestMapHoldsWhatEachYields(t *testing.T) {
	m := Of("What is 2 + 2?").Map()
	if len(m) != 10 || m["math"] != 1 || m["words"] != 4 || m["questions"] != 1 {
		t.Fatalf("got %v", m)
	}
}

func TestRecordedNumbersComeBack(t *testing.T) {
	want := Of("What is 2 + 2?\nTell me; f(x) == 3 && foo();")
	got := FromMap(want.Map())
	if got.Language = want.Language; got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func TestMeasuringAllocatesNothing(t *testing.T) {
	text := strings.Join(mathematics, " ") + strings.Join(noMathematics, " ")
	if n := testing.AllocsPerRun(10, func() { Of(text) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// FuzzOf holds for any text: no panic, equal texts measure alike, and the numbers fit each other.
func FuzzOf(f *testing.F) {
	for _, text := range append(append([]string{"\xff\xfe", "$", "x=", "+", "\\", "(", "²"}, mathematics...), noMathematics...) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Of(text)
		if got != Of(text) {
			t.Fatal("two measurements differ")
		}
		switch chars := utf8.RuneCountInString(text); {
		case got.Chars != chars:
			t.Fatalf("%d characters, want %d", got.Chars, chars)
		case got.Words > chars, got.Sentences > chars, got.Longest > chars, got.Questions > chars:
			t.Fatalf("more than %d characters hold: %+v", chars, got)
		case got.Digits < 0, got.Digits > 1, got.Upper < 0, got.Upper > 1:
			t.Fatalf("no share: %+v", got)
		case (got.Words == 0) != (got.Longest == 0):
			t.Fatalf("words without a longest one: %+v", got)
		case got.Sentences > 0 && got.Lines == 0:
			t.Fatalf("sentences and no line: %+v", got)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	for name, text := range map[string]string{
		"question": "Who received the IEEE Frank Rosenblatt Award in 2010, and what for?",
		"math":     "What is the value of x when 4x - 2 = 10? Solve the equation.",
		"long":     strings.Repeat("The quick brown fox jumps over the lazy dog, again and again. ", 60),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Of(text)
			}
		})
	}
}
