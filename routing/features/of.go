package features

import (
	"unicode"
	"unicode/utf8"
)

// Of measures a text. Invalid UTF-8 counts as it would print: one character a byte.
func Of(text string) Features {
	var m meter
	m.runes(text)
	m.chunks(text)
	m.Math = m.math.pieces(m.code.pieces() > 0)
	m.Code = m.code.pieces()
	if m.Language = m.language(); m.Language == "el" {
		m.Questions += m.semicolons // they are Greek's question marks
	}
	return m.Features
}

// meter is the state of one measurement.
type meter struct {
	Features
	digits, upper int
	semicolons    int
	scripts       [scripts]int
	languages     [languages]int
	math          mathMeter
	code          codeMeter
}

// runes counts what single characters tell.
func (m *meter) runes(text string) {
	var p prose
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		i += size
		m.Chars++
		switch class := m.classify(r); {
		case class == isLetter:
			p.length++
			p.open, p.stopped, p.anything = true, false, true
		case class == isAlone:
			m.endWord(&p)
			p.length = 1
			m.endWord(&p)
			p.open, p.stopped, p.anything = true, false, true
		case class == isMark && p.length > 0: // belongs to the letter before
		case r == '\'' || r == '’': // don't is one word; what follows a closing quotation mark ends the word
		default:
			m.endWord(&p)
			m.between(&p, r)
		}
	}
	m.endWord(&p)
	if p.open {
		m.Sentences++
	}
	if m.Lines++; !p.anything {
		m.Lines = 0
	}
	if m.Chars > 0 {
		m.Digits, m.Upper = float64(m.digits)/float64(m.Chars), float64(m.upper)/float64(m.Chars)
	}
}

// prose is where in its words and sentences a text is.
type prose struct {
	length   int  // of the word so far
	open     bool // the sentence holds something
	stopped  bool // the last character ends the sentence, if a blank follows
	anything bool // but blanks was there
}

func (m *meter) endWord(p *prose) {
	if p.length > 0 {
		m.Words, m.Longest, p.length = m.Words+1, max(m.Longest, p.length), 0
	}
}

// between takes a character that belongs to no word.
func (m *meter) between(p *prose, r rune) {
	blank := isBlank(r)
	if p.open && (blank && p.stopped || isFullWidthStop(r)) { // no blank follows those
		m.Sentences, p.open = m.Sentences+1, false
	}
	switch {
	case r == '\n':
		m.Lines++
	case isQuestion(r):
		m.Questions++
	case r == ';':
		m.semicolons++
	}
	if isStop(r) {
		p.stopped = true
	} else if !isClosing(r) {
		p.stopped = false
	}
	p.anything = p.anything || !blank
}

// class is what a character does to words.
type class int

const (
	isOther class = iota
	isLetter
	isMark
	isAlone // a word by itself: a character of a script without spaces
)

func (m *meter) classify(r rune) class {
	if r < utf8.RuneSelf {
		switch {
		case 'a' <= r && r <= 'z':
			return isLetter
		case 'A' <= r && r <= 'Z':
			m.upper++
			return isLetter
		case '0' <= r && r <= '9':
			m.digits++
			return isLetter
		case r == '_':
			return isLetter
		}
		return isOther
	}
	switch {
	case unicode.IsLetter(r):
		if unicode.IsUpper(r) {
			m.upper++
		}
		s := scriptOf(r)
		m.scripts[s]++
		if s == han || s == kana {
			return isAlone
		}
		return isLetter
	case unicode.IsDigit(r):
		m.digits++
		return isLetter
	case unicode.IsMark(r):
		return isMark
	}
	return isOther
}

// chunks hands over what stands between blanks.
func (m *meter) chunks(text string) {
	begin, letters := 0, true
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		if isBlank(r) {
			m.chunk(text[begin:i], letters)
			begin, letters = i+size, true
		} else {
			letters = letters && r < utf8.RuneSelf && isASCIILetter(byte(r))
		}
		i += size
	}
	m.chunk(text[begin:], letters)
}

// chunk takes what stands between two blanks; letters says that it is letters and nothing else.
func (m *meter) chunk(chunk string, letters bool) {
	if chunk == "" {
		return
	}
	if letters {
		m.code.word(chunk)
		w := lexicon(chunk)
		m.addLanguages(w.languages)
		m.math.letters(chunk, w)
		return
	}
	m.code.chunk(chunk)
	core, parts := trim(chunk)
	var w word
	if isWordLike(core) {
		w = lexicon(core)
		m.addLanguages(w.languages)
	}
	m.math.chunk(core, parts, w)
}

func isBlank(r rune) bool {
	return r == ' ' || '\t' <= r && r <= '\r' || r == 0xa0 || r >= 0x1680 && unicode.IsSpace(r)
}

func isStop(r rune) bool {
	return r == '.' || r == '!' || r == '?' || r == '…' || r == '؟' || r == '।'
}

func isFullWidthStop(r rune) bool { return r == '。' || r == '！' || r == '？' }

func isQuestion(r rune) bool { return r == '?' || r == '？' || r == '؟' || r == '\u037e' }

// isClosing says whether a sentence may end behind r, after its stop.
func isClosing(r rune) bool { return r == '"' || r == ')' || r == '”' || r == '»' || r == ']' }
