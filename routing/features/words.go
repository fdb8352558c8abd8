package features

// word takes a word that the lexicon knows.
func (m *mathMeter) word(r role, asked bool) {
	last := m.last
	m.settle(r)
	m.last = r
	switch r {
	case topic:
		m.strong++
	case noun, square:
		m.nouns++
	case verb:
		m.verbs++
		m.asked = true
	case whats:
		m.asked = true
	case is:
		m.asked = last == what || asked
	case many:
		m.asked = last == what
		m.howMany = m.howMany || m.asked
	case number:
		m.operand(plain, plain, asked)
		return
	case operator, divided, percent:
		m.wordOperator(r)
		return
	case by, of:
		if m.joins(r, last) {
			return
		}
	case root:
		m.count(last == square)
	case numbers:
		m.count(last == prime)
	case squared:
		m.count(m.left.isOperand())
	}
	m.left, m.op = nothing, noOp
}

func (m *mathMeter) count(found bool) {
	if found {
		m.strong++
	}
}

// wordOperator takes plus, divided and percent behind a number.
func (m *mathMeter) wordOperator(r role) {
	op := inWords
	switch r {
	case divided:
		op = dividedOp
	case percent:
		op = percentOp
	}
	if m.left == plain || m.left == year {
		m.op = op
		return
	}
	m.left, m.op = nothing, noOp
}

// joins makes an operator of what stands before by or of: "divided by", "15% of", "the power of".
func (m *mathMeter) joins(r, last role) bool {
	switch {
	case r == by && m.op == dividedOp, r == of && (m.op == percentOp || m.op == noOp && m.left == share):
		m.op = inWords
	case r == of && last == power && m.figures > 0:
		m.left, m.op = plain, inWords
	default:
		return false
	}
	return true
}

// settle decides about an integral by the word behind it: the integral of something is mathematics, an
// integral part is not.
func (m *mathMeter) settle(next role) {
	if m.last == integral {
		switch next {
		case of:
			m.strong++
		case part:
		default:
			m.nouns++
		}
	}
	m.last = noRole
}
