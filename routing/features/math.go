package features

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// mathMeter collects evidence for mathematics. Strong evidence counts by itself; weak evidence (a dash
// between two numbers, a single noun) only beside evidence of another kind, since dates, scores, sizes and
// film titles have it too.
type mathMeter struct {
	strong, equations     int
	weak                  uint16 // kinds of weak evidence, a bit each
	nouns, verbs, figures int
	// howMany is true where the text asks for a number in words.
	howMany bool

	// What the chunk before was: an operand, and perhaps the operator behind it.
	left operand
	op   operation
	// asked is true where "what is" or "calculate" stands right before what comes now, and leftAsked where
	// it stood before the operand on the left.
	asked, leftAsked bool
	last             role
}

// operation is what stands between two operands.
type operation uint8

const (
	noOp      operation = iota
	addition            // + * × ÷ ·
	raising             // ^
	dash                // -, which is a range too
	slash               // /, which is a date too
	cross               // x, which is a size too
	equals              // =
	inWords             // plus, divided by, percent of
	dividedOp           // divided, still without by
	percentOp           // percent, still without of
)

// The kinds of weak evidence.
const (
	weakSum uint16 = 1 << iota
	weakDash
	weakSlash
	weakCross
	weakEquals
	weakSign
	weakPrice
)

// pieces is how much evidence there is, 0 where it does not suffice. In source code an assignment is no
// equation.
func (m *mathMeter) pieces(code bool) int {
	m.settle(noRole)
	n := m.strong
	if !code {
		n += m.equations
	}
	weak := bits.OnesCount16(m.weak)
	switch {
	case n > 0:
	case !code && weak >= 2, m.verbs > 0 && (m.nouns > 0 || weak > 0 && !code), m.nouns >= 2 && m.figures > 0:
		n = 1
	case m.howMany && m.figures >= 2: // a problem in words
		n = 1
	}
	return n
}

// chunk takes what stands between two blanks, without its punctuation; parts says whether that parts it
// from what follows.
func (m *mathMeter) chunk(core string, parts bool, w word) {
	asked := m.asked
	m.asked = false
	switch op := signOf(core); {
	case core == "":
		m.blank()
	case op != noOp && m.left != nothing && m.op == noOp:
		m.op, m.asked = op, asked
	case w.role != noRole:
		m.word(w.role, asked)
	case isForeign(core):
		m.settle(noRole)
		m.left, m.op = nothing, noOp
	default:
		m.settle(noRole)
		if isApplied(core) {
			m.strong++
		}
		m.inner(core, asked)
		m.operand(leading(core), trailing(core), asked)
	}
	if parts && m.op != equals {
		m.left, m.op = nothing, noOp
	}
}

// letters takes a chunk of nothing but letters: the shorter way of most words.
func (m *mathMeter) letters(s string, w word) {
	if w.role != noRole || s == "x" || s == "X" {
		m.chunk(s, false, w)
		return
	}
	m.settle(noRole)
	kind, asked := lettersOf(s), m.asked
	m.asked = false
	m.operand(kind, kind, asked)
}

// blank takes punctuation that stands alone: "2 + 2 = ?".
func (m *mathMeter) blank() {
	if m.op == equals && m.left.isOperand() {
		m.strong++
	}
	m.left, m.op = nothing, noOp
}

// signOf reads an operator that stands alone.
func signOf(s string) operation {
	switch s {
	case "+", "*", "×", "÷", "·", "±":
		return addition
	case "^":
		return raising
	case "-", "−", "–":
		return dash
	case "/":
		return slash
	case "x", "X":
		return cross
	case "=":
		return equals
	}
	return noOp
}

// operand takes what may stand beside an operator, as its first and its last character see it.
func (m *mathMeter) operand(first, last operand, asked bool) {
	if first == plain || first == share || first == price {
		m.figures++
	}
	if m.op != noOp {
		m.weigh(m.left, m.op, first, m.leftAsked)
	}
	m.left, m.op, m.leftAsked = last, noOp, asked
}

// weigh judges one operation.
func (m *mathMeter) weigh(l operand, op operation, r operand, asked bool) {
	numbers := l.isNumber() && r.isNumber()
	switch {
	case op == equals:
		m.weighEquation(l, r)
	case op == inWords:
		if (l == plain || l == share || l == year) && (r == plain || r == price) {
			m.strong++
		}
	case l == price || r == price:
		m.weak |= weakPrice
	case op == raising:
		if (l.isOperand() || l == letters) && r.isOperand() {
			m.strong++
		}
	case op == addition:
		m.weighSum(l, r)
	case l == year && r == year:
	case numbers && (asked || op == dash && l == term && r != year):
		m.strong++
	case numbers && op == dash, op == dash && l == variable && r == plain:
		m.weak |= weakDash
	case numbers && op == slash:
		m.weak |= weakSlash
	case numbers && op == cross:
		m.weak |= weakCross
	}
}

func (m *mathMeter) weighSum(l, r operand) {
	switch {
	case l.isOperand() && r.isOperand() && (l.isNumber() || r.isNumber()):
		m.strong++
	case l >= variable && r != nothing:
		m.weak |= weakSum
	}
}

func (m *mathMeter) weighEquation(l, r operand) {
	switch {
	case l.isOperand() && (r.isOperand() || r == price):
		m.equations++
	case l.isOperand() && r == letters:
		m.weak |= weakEquals
	}
}

// inner looks for operators and signs within a chunk.
func (m *mathMeter) inner(s string, asked bool) {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if isOperatorByte(c) {
				m.innerOperator(s, i, asked)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		m.sign(s, i, size, r, asked)
		i += size
	}
	m.innerCross(s, asked)
	if n := len(s); n > 2 && n < 40 && s[0] == '$' && s[n-1] == '$' && !isDigit(s[1]) && (n == 3 || strings.ContainsAny(s, `^_\=+<>`)) {
		m.strong++
	}
}

func isOperatorByte(c byte) bool {
	switch c {
	case '+', '*', '^', '-', '/', '=', '\\':
		return true
	}
	return false
}

func (m *mathMeter) innerOperator(s string, i int, asked bool) {
	if s[i] == '\\' {
		if isLatex(s[i+1:]) {
			m.strong++
		}
		return
	}
	if i == 0 || isOperatorByte(s[i-1]) || strings.IndexByte("!<>:", s[i-1]) >= 0 {
		return
	}
	l, r := left(s, i), nothing
	if i+1 < len(s) {
		if s[i+1] == '=' || s[i+1] == '>' || s[i+1] == s[i] && s[i] != '*' {
			return
		}
		next := i + 1
		if s[i] == '*' && s[next] == '*' {
			next++
		}
		r = right(s, next)
	}
	switch s[i] {
	case '+', '*':
		m.weigh(l, addition, r, asked)
	case '^':
		m.weigh(l, raising, r, asked)
	case '=':
		if r == nothing && i == len(s)-1 && l.isNumber() {
			r = plain // 15/3=
		}
		m.weigh(l, equals, r, asked)
	case '-', '/':
		m.innerSeparator(s, i, l, r, asked)
	}
}

// innerSeparator weighs what dates, scores and telephone numbers are written with.
func (m *mathMeter) innerSeparator(s string, i int, l, r operand, asked bool) {
	op := slash
	if s[i] == '-' {
		op = dash
		if l != term && (l == variable || r == variable || len(s)-i == 5 && i == 3) {
			return // T-1000, 555-1234
		}
	}
	switch s {
	case "24/7", "9/11", "7/11", "50/50", "80/20", "20/20", "4/20", "7/7":
		return
	}
	m.weigh(l, op, r, asked)
}

// innerCross takes 12x7 after "what is"; elsewhere it is a size.
func (m *mathMeter) innerCross(s string, asked bool) {
	before, after, found := strings.Cut(s, "x")
	if asked && found && len(before) < 3 && len(after) < 3 && s != "4x4" && kindOf(before) == plain && kindOf(after) == plain {
		m.strong++
	}
}

// sign takes a character of its own meaning.
func (m *mathMeter) sign(s string, i, size int, r rune, asked bool) {
	switch r {
	case '∫', '∑', '∏', '√', '∂', '∇', '∈', '∉', '∀', '∃', '≡', '⊂', '⊆', '∪', '∩':
		m.strong++
	case '≤', '≥', '≠', '≈', '∞':
		m.weak |= weakSign
	case '×', '÷', '·', '−':
		op := addition
		if r == '−' {
			op = dash
		}
		l, r := left(s, i), right(s, i+size)
		if s[i:i+size] == "×" && l.isNumber() && r.isNumber() {
			op = cross // 1920×1080
		}
		m.weigh(l, op, r, asked)
	case '²', '³', 'ⁿ':
		if left(s, i) == variable && s[i-1] != 'm' || left(s, i) == term {
			m.strong++
		}
	}
}

// isLatex says whether a command of mathematics stands at the beginning of s, behind its backslash.
func isLatex(s string) bool {
	n := 0
	for n < len(s) && isASCIILetter(s[n]) {
		n++
	}
	switch s[:n] {
	case "frac", "dfrac", "sqrt", "int", "iint", "oint", "sum", "prod", "lim", "infty", "partial", "nabla", "cdot", "times",
		"leq", "geq", "neq", "approx", "equiv", "alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "pi",
		"sigma", "phi", "omega", "sin", "cos", "tan", "log", "ln", "exp", "binom", "mathbb", "mathbf", "mathrm", "mathcal",
		"vec", "hat", "overline", "pmod", "forall", "exists", "subset", "subseteq", "cup", "cap", "det", "left", "pm":
		return true
	case "begin":
		for _, env := range []string{"{equation", "{align", "{matrix", "{pmatrix", "{bmatrix", "{vmatrix", "{cases", "{gather"} {
			if strings.HasPrefix(s[n:], env) {
				return true
			}
		}
	}
	return false
}
