package features

import "strings"

// operand is what stands beside an operator.
type operand uint8

const (
	nothing  operand = iota
	plain            // 12, 3.14, 1,000, 1/2
	year             // 1000 to 2100, which is a number too
	share            // 15%
	price            // $5
	term             // 3x, (x+1), sin(x)
	variable         // x
	letters          // mx: two variables, or a word
)

// isNumber says whether arithmetic can be done with it.
func (o operand) isNumber() bool { return o == plain || o == year || o == share || o == term }

func (o operand) isOperand() bool { return o.isNumber() || o == variable }

// trim cuts quotes, brackets and the punctuation of sentences off a chunk, and says whether it was
// punctuation that parts what follows from what stands here.
func trim(chunk string) (core string, parts bool) {
	core = strings.TrimLeft(chunk, `"'([{¿¡“‘«`)
	trimmed := strings.TrimRight(core, `"')]}.,;:?!…”’»？。，`)
	return trimmed, strings.ContainsAny(core[len(trimmed):], ".,;:?!…？。，")
}

// isForeign says whether a chunk is an address, a path or a date, a time, a version, a telephone number:
// something with digits and signs that is no mathematics.
func isForeign(s string) bool {
	if strings.Contains(s, "://") || strings.HasPrefix(s, "www.") || strings.ContainsAny(s, "@&`\"") || strings.Contains(s, `:\`) {
		return true
	}
	digits, separators, same := 0, 0, true
	var last byte
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			digits++
		case c == '-' || c == '/' || c == '.' || c == ':':
			if c == ':' {
				return digits > 0
			}
			separators++
			same = same && (last == 0 || last == c)
			last = c
		case c == ',' || c == '+' && i == 0 || c == '(' || c == ')':
		default:
			return s[0] == 'v' && len(s) > 1 && isDigit(s[1])
		}
	}
	return separators >= 2 || s[0] == '+' && digits >= 7 || separators > 0 && digits >= 7 && same && last == '-'
}

// isApplied says whether a chunk begins with a function of mathematics and what it is of: sqrt(16), sin(x).
func isApplied(s string) bool {
	name, of, _ := strings.Cut(s, "(")
	switch name {
	case "sqrt", "sin", "cos", "tan", "log", "ln", "exp":
		return of != "" && (isDigit(of[0]) || len(strings.TrimRight(of, ")")) == 1)
	}
	return false
}

// leading and trailing are the operands at a chunk's ends.
func leading(s string) operand {
	if s[0] == '$' || strings.HasPrefix(s, "€") || strings.HasPrefix(s, "£") || strings.HasPrefix(s, "¥") || strings.HasPrefix(s, "₹") {
		return price
	}
	return right(s, 0)
}

func trailing(s string) operand {
	if leading(s) == price || strings.HasSuffix(s, "€") || strings.HasSuffix(s, "£") {
		return price
	}
	return left(s, len(s))
}

// left is the operand that ends before s[i].
func left(s string, i int) operand {
	if i == 0 {
		return nothing
	}
	if s[i-1] == ')' || s[i-1] == '}' {
		return term
	}
	j := i
	if s[j-1] == '%' {
		j--
	}
	for j > 0 && isRun(s[j-1]) {
		j--
	}
	return kindOf(s[j:i])
}

// right is the operand that begins at s[i].
func right(s string, i int) operand {
	for i < len(s) && (s[i] == '-' || s[i] == ' ') {
		i++
	}
	if i < len(s) && (s[i] == '(' || s[i] == '{') && i+1 < len(s) {
		return term
	}
	j := i
	for j < len(s) && isRun(s[j]) {
		j++
	}
	if j < len(s) && s[j] == '(' && (isFunction(s[i:j]) || j-i == 1) {
		return term
	}
	if j < len(s) && s[j] == '%' && j > i {
		j++
	}
	return kindOf(s[i:j])
}

// kindOf classifies a run of letters and digits.
func kindOf(run string) operand {
	run = strings.TrimRight(run, ".,")
	digits, dots, tail := 0, 0, ""
	for i := range len(run) {
		switch c := run[i]; {
		case isDigit(c):
			digits++
		case c == '.':
			dots++
		case c == ',':
		default:
			tail = run[i:]
		}
		if tail != "" {
			break
		}
	}
	switch {
	case dots > 1 || digits == 0 && dots > 0:
		return nothing
	case digits == 0:
		return lettersOf(tail)
	case tail == "%":
		return share
	case len(tail) == 1 && isLower(tail[0]) && !strings.Contains("khps", tail):
		return term
	case tail != "" || run[0] == '0' && digits > 1 && dots == 0:
		return nothing
	case digits == 4 && len(run) == 4 && "1000" <= run && run <= "2100":
		return year
	}
	return plain
}

func lettersOf(s string) operand {
	switch {
	case s == "pi" || isFunction(s):
		return term
	case len(s) == 1 && isASCIILetter(s[0]):
		return variable
	case len(s) == 2 && isLower(s[0]) && isLower(s[1]):
		return letters
	}
	return nothing
}

func isFunction(s string) bool {
	switch s {
	case "sin", "cos", "tan", "log", "ln", "exp", "sqrt", "lim", "det", "gcd", "lcm", "mod":
		return true
	}
	return false
}

func isRun(c byte) bool { return isASCIILetter(c) || isDigit(c) || c == '.' || c == ',' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
