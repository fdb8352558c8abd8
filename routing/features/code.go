package features

import "strings"

// codeMeter collects evidence for source code.
type codeMeter struct {
	fences, symbols, words int
	selects, froms         int
}

// chunk looks at what stands between two blanks.
func (m *codeMeter) chunk(s string) {
	if len(s) > 2 && s[0] == '`' && strings.HasPrefix(s, "```") {
		m.fences++
	}
	for i := range len(s) {
		switch c := s[i]; c {
		case ';':
			m.mark(i == len(s)-1 && i > 0 && isCodeBefore(s[i-1]))
		case '{', '}':
			m.mark(len(s) == 1 || i == len(s)-1 && c == '{')
		case '=', '>', '&', '|', ':':
			m.mark(i > 0 && isPair(s[i-1], c))
		case ')':
			m.mark(i > 1 && s[i-1] == '(' && isLower(s[i-2]))
		case '/':
			m.mark(i > 0 && s[i-1] == '<')
		}
	}
	m.word(s)
}

// word looks for words of programming languages.
func (m *codeMeter) word(s string) {
	switch s {
	case "def", "func", "fn", "function", "#include", "const", "void", "elif", "println", "printf", "public", "private", "static", "lambda":
		m.words++
	case "SELECT":
		m.selects++
	case "FROM":
		m.froms++
	}
}

func (m *codeMeter) mark(found bool) {
	if found {
		m.symbols++
	}
}

// isPair says whether two characters make an operator that prose does not have.
func isPair(a, b byte) bool {
	switch b {
	case '=':
		return a == '=' || a == '!' || a == ':' || a == '+'
	case '>':
		return a == '-' || a == '='
	case '&', '|', ':':
		return a == b
	}
	return false
}

func isCodeBefore(c byte) bool { return c == ')' || c == '}' || c == '"' || c == '\'' || c == ']' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

// pieces is how much evidence there is, 0 where it does not suffice: prose has an arrow now and then.
func (m *codeMeter) pieces() int {
	sql := min(m.selects, m.froms)
	if m.fences == 0 && sql == 0 && m.symbols < 2 && (m.symbols == 0 || m.words == 0) {
		return 0
	}
	return m.fences + sql + m.symbols + m.words
}
