package privacy

import (
	"strings"
	"unicode/utf8"
)

// maxCueWords is how many words before a number are read.
const maxCueWords = 5

// Words that may stand before a telephone number, folded to lower case.
var (
	// cueWords announce one by themselves.
	cueWords = []string{
		"tel", "telephone", "phone", "mobile", "cell", "cellphone", "call", "fax", "whatsapp", "sms", "dial",
		"telefon", "telefono", "teléfono", "téléphone", "telefone", "móvil", "movil", "celular", "mobil",
		"handynummer", "rufnummer", "telefonnummer",
	}
	// reachWords announce one if somebody is to be reached: "text me at".
	reachWords = []string{"text", "ring", "reach", "contact", "message"}
	// numberWords announce one if it is somebody's: "my number is".
	numberWords = []string{"number", "numbers", "no", "nr", "num", "numero", "número", "nummer"}
	somebody    = []string{"me", "us", "him", "her", "them", "my", "our", "his", "their", "your"}
	// fillers may stand between.
	fillers = []string{"at", "on", "is", "to", "or", "it", "a", "the", "please", "now", "via", "under", "using", "new", "back", "s", "re", "au", "al"}
)

// cue says whether the words before i announce a telephone number.
func cue(text string, i int) bool {
	person, numberWord := false, false
	for range maxCueWords {
		start, end := wordBefore(text, i)
		if start == end {
			return false
		}
		word := text[start:end]
		switch {
		case oneOf(word, cueWords):
			return true
		case oneOf(word, reachWords):
			return person
		case oneOf(word, somebody):
			if numberWord {
				return true
			}
			person = true
		case oneOf(word, numberWords):
			numberWord = true
		case !oneOf(word, fillers):
			return false
		}
		i = start
	}
	return false
}

// wordBefore bounds the word that ends before i, blanks and light punctuation passed over; it is empty
// where there is none.
func wordBefore(text string, i int) (start, end int) {
	end = i
	for end > 0 && strings.IndexByte(" \t\n:#.=(-'\"+", text[end-1]) >= 0 {
		end--
	}
	start = end
	for start > 0 {
		r, size := utf8.DecodeLastRuneInString(text[:start])
		if !wordRune(r) {
			break
		}
		start -= size
	}
	return start, end
}

func oneOf(word string, list []string) bool {
	for _, w := range list {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}
