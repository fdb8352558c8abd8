package features

// The scripts that tell a language by themselves, or nearly so.
const (
	otherScript = iota
	han
	kana
	hangul
	cyrillic
	arabic
	hebrew
	greek
	thai
	devanagari
	scripts
)

func scriptOf(r rune) int {
	switch {
	case r < 0x370:
		return otherScript
	case r < 0x400:
		return greek
	case r < 0x530:
		return cyrillic
	case 0x590 <= r && r < 0x600:
		return hebrew
	case 0x600 <= r && r < 0x780:
		return arabic
	case 0x900 <= r && r < 0x980:
		return devanagari
	case 0xe00 <= r && r < 0xe80:
		return thai
	case 0x3040 <= r && r < 0x3100:
		return kana
	case 0x3400 <= r && r < 0xa000, 0xf900 <= r && r < 0xfb00, 0x20000 <= r && r < 0x32000:
		return han
	case 0xac00 <= r && r < 0xd7b0, 0x1100 <= r && r < 0x1200:
		return hangul
	}
	return otherScript
}

// The languages in Latin letters that are told by their commonest words.
const (
	english = 1 << iota
	german
	french
	spanish
	italian
	portuguese
	dutch

	languages = 7
)

var languageCodes = [languages]string{"en", "de", "fr", "es", "it", "pt", "nl"}

var scriptCodes = [scripts]string{
	han: "zh", kana: "ja", hangul: "ko", cyrillic: "ru", arabic: "ar",
	hebrew: "he", greek: "el", thai: "th", devanagari: "hi",
}

func (m *meter) addLanguages(bits uint8) {
	for i := 0; bits != 0; i, bits = i+1, bits>>1 {
		if bits&1 != 0 {
			m.languages[i]++
		}
	}
}

// language guesses: by the script where half of the words' letters or more are of one that tells, and by
// common words otherwise. A tie tells nothing.
func (m *meter) language() string {
	best, most := otherScript, 0
	for s := han; s < scripts; s++ {
		if m.scripts[s] > most {
			best, most = s, m.scripts[s]
		}
	}
	if best == han && m.scripts[kana]*10 > m.scripts[han] {
		best = kana
	}
	if most*2 >= m.Chars && most > 0 {
		return scriptCodes[best]
	}
	winner, tie := 0, true
	for i := range m.languages {
		switch {
		case m.languages[i] > m.languages[winner] || i == 0:
			winner, tie = i, m.languages[i] == 0
		case m.languages[i] == m.languages[winner]:
			tie = true
		}
	}
	if tie {
		return ""
	}
	return languageCodes[winner]
}
