package privacy

// isCard says whether the groups are a payment card number: 13 to 19 digits in one group or in groups
// of at least three, an issuer's first digits, and a check digit that is right.
func isCard(text string, gs []group) bool {
	var buf [19]byte
	digits := buf[:0]
	for i, g := range gs {
		if g.paren || g.plus || g.sep == '/' || len(digits)+g.len() > len(buf) {
			return false
		}
		if len(gs) > 1 && (g.len() < 3 || i == 0 && g.len() != 4) {
			return false
		}
		digits = append(digits, text[g.start:g.end]...)
	}
	return len(digits) >= 13 && issued(string(digits)) && luhn(digits)
}

// issued says whether some network issues cards of these first digits and this length.
func issued(d string) bool {
	two, three, four := number(d[:2]), number(d[:3]), number(d[:4])
	switch n := len(d); {
	case d[0] == '4': // Visa
		return n == 13 || n == 16 || n == 19
	case two == 34 || two == 37: // American Express
		return n == 15
	case two == 36 || two == 38 || two == 39 || three >= 300 && three <= 305: // Diners Club
		return n == 14 || n == 16
	case four >= 3528 && four <= 3589: // JCB
		return n >= 16
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720, four >= 2200 && four <= 2204: // Mastercard, Mir
		return n == 16
	case two == 50, two >= 56 && two <= 69, two == 81 || two == 82: // Maestro, Discover, UnionPay, RuPay
		return n >= 15
	case four == 9792: // Troy
		return n == 16
	}
	return false
}

// number reads a few digits.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

// luhn checks the check digit.
func luhn(digits []byte) bool {
	sum := 0
	for i, c := range digits {
		d := int(c - '0')
		if (len(digits)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
