package features

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is what is known of a word.
type word struct {
	role      role
	languages uint8
}

// role is what a word is in mathematics.
type role uint8

const (
	noRole   role = iota
	topic         // says mathematics by itself: polynomial
	noun          // may: radius, average
	verb          // asks for a result: calculate
	number        // is one: seven
	operator      // stands between two: plus, times
	by            // makes an operator of the word before: divided by
	divided       // wants by
	percent       // with of and a number: 15 percent of 80
	of
	root    // with square or cube before: square root
	square  // with root behind; alone it is a noun
	prime   // with number or factor behind
	numbers // what prime wants
	power   // with of behind and a number
	what    // "what is" asks for a result
	is
	integral // "integral part" is none
	part
	squared // behind a number
	whats   // "what's" is "what is"
	many    // "how many" asks for a number
)

// maxWord is the longest word that the lexicon is asked for, in bytes.
const maxWord = 24

// roleWords lists the words of each role; a word has one.
var roleWords = map[role]string{
	topic: `polynomial polynomials logarithm logarithms factorial quadratic hypotenuse cosine arctan eigenvalue
		eigenvalues eigenvector eigenvectors trigonometry trigonometric calculus antiderivative equation equations
		lemma arithmetic gcd lcm numerator denominator divisible integer integers
		coefficient coefficients differentiate logarithmic permutations isosceles algebraic
		gleichung gleichungen wahrscheinlichkeit ableitung quadratwurzel ecuación ecuaciones derivada
		équation équations dérivée intégrale equazione equazioni equação equações vergelijking`,
	noun: `derivative derivatives matrix matrices theorem probability radius diameter perimeter circumference area volume
		angle angles triangle circle sum product quotient remainder average mean median variance sine tangent
		vector vectors fraction fractions decimal decimals digit digits exponent series sequence limit function
		domain convergent converges slope intercept graph modulus proportion ratio rectangle interest algebra geometry binomial primes`,
	verb:     "calculate compute simplify evaluate solve prove factorize integrate berechne calcule calcula calculer löse",
	number:   "one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty hundred thousand",
	operator: "plus minus times mod modulo",
	divided:  "divided multiplied", by: "by", percent: "percent", of: "of", root: "root roots", square: "square cube cubic",
	prime: "prime", numbers: "number numbers factor factors factorization", power: "power", what: "what how",
	is: "is", many: "many much far long old tall often", integral: "integral integrals", part: "part parts", squared: "squared cubed",
	whats: "what's whats what’s",
}

var lexiconWords = func() map[string]word {
	out := map[string]word{}
	for r, words := range roleWords {
		for w := range strings.FieldsSeq(words) {
			out[w] = word{role: r}
		}
	}
	stopwords := map[uint8]string{
		english:    "the of and is are was were what who which how why when where in to for with that this it does do did a an from on by be can i you my",
		german:     "der die das und ist sind war was wer wie warum wann wo welche welcher in zu für mit dass ein eine nicht von auf ich du den dem",
		french:     "le la les et est sont était que qui quel quelle comment pourquoi quand où dans pour avec un une des du ne pas je il ce en",
		spanish:    "el la los las y es son era qué quién cuál cómo por cuándo dónde en para con un una de del no que lo se su",
		italian:    "il lo la gli e è sono era che chi quale come perché quando dove in per con un una di del della non",
		portuguese: "o a os as e é são era que quem qual como por quando onde em para com um uma do da não",
		dutch:      "de het een en is zijn was wat wie hoe waarom wanneer waar welke in te voor met dat niet van op ik",
	}
	for bit, words := range stopwords {
		for s := range strings.FieldsSeq(words) {
			w := out[s]
			w.languages |= bit
			out[s] = w
		}
	}
	return out
}()

// lexicon looks a word up, in any letter case.
func lexicon(s string) word {
	if len(s) > maxWord {
		return word{}
	}
	var buf [maxWord + utf8.UTFMax]byte
	b := buf[:0]
	for _, r := range s {
		switch {
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		case r >= utf8.RuneSelf:
			r = unicode.ToLower(r)
		}
		if len(b) >= maxWord {
			return word{}
		}
		b = utf8.AppendRune(b, r)
	}
	return lexiconWords[string(b)]
}

// isWordLike says whether a chunk begins and ends like a word.
func isWordLike(s string) bool {
	return s != "" && (isASCIILetter(s[0]) || s[0] >= utf8.RuneSelf) && (isASCIILetter(s[len(s)-1]) || s[len(s)-1] >= utf8.RuneSelf)
}

func isASCIILetter(c byte) bool { c |= 0x20; return 'a' <= c && c <= 'z' }
