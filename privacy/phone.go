package privacy

// isPhone says whether the groups are a telephone number. alone is true where they are the whole
// cluster: a shape that only blanks hold together counts only then. cued is true where the words before
// say that a telephone number comes.
func isPhone(text string, gs []group, alone, cued bool) bool {
	n := 0
	spaced, pointed := true, true
	for i, g := range gs {
		n += g.len()
		if i > 0 {
			spaced = spaced && g.sep == ' '
			pointed = pointed && g.sep == '.'
		}
		if i > 0 && g.plus {
			return false
		}
	}
	if n < minDigits || n > 16 {
		return false
	}
	if gs[0].plus {
		return international(text, gs, n)
	}
	if isDate(text, gs) {
		return false
	}
	fractional := pointed && len(gs) == 2
	if cued && n <= 15 && !fractional && !thousands(text, gs) {
		return true
	}
	if len(gs) == 1 || spaced && !alone && !hasParen(gs) {
		return false
	}
	return exitCode(text, gs, n) || bracketed(text, gs, n) || northAmerican(text, gs) ||
		trunk(text, gs, n, pointed) || grouped(text, gs)
}

// international is "+" and a country code: 8 to 15 digits, and exactly 11 in North America.
func international(text string, gs []group, n int) bool {
	switch text[gs[0].start] {
	case '0':
		return false
	case '1':
		return n == 11
	}
	return n >= 8 && n <= 15
}

// exitCode is "00" and a country code, in groups.
func exitCode(text string, gs []group, n int) bool {
	first := text[gs[0].start:gs[0].end]
	return !gs[0].paren && n >= 10 && len(first) >= 2 && first[:2] == "00" && (len(first) == 2 || first[2] != '0')
}

// bracketed is an area code in brackets: (415) 555-2671, (030) 901820, (11) 98765-4321, and with a
// digit before it 1 (415) 555-2671, 8 (495) 123-45-67.
func bracketed(text string, gs []group, n int) bool {
	if len(gs) >= 3 && gs[0].len() == 1 && !gs[0].paren && gs[1].paren && gs[1].len() == 3 {
		return n == 11
	}
	area := text[gs[0].start:gs[0].end]
	if !gs[0].paren || len(area) < 2 || len(area) > 5 || isYear(area) {
		return false
	}
	if area[0] == '0' {
		return n >= 8 && n <= 12 && gs[len(gs)-1].len() >= 2
	}
	if len(gs) == 3 && len(area) == 3 && gs[1].len() == 3 && gs[2].len() == 4 {
		return true
	}
	last := gs[len(gs)-1]
	return len(gs) >= 3 && n >= 9 && n <= 11 && last.sep == '-' && last.len() >= 2 && last.len() <= 4
}

// northAmerican is 415-555-2671, 415.555.2671, 1-415-555-2671: three, three and four digits, of which
// the first two groups begin with 2 to 9.
func northAmerican(text string, gs []group) bool {
	if len(gs) == 4 && gs[0].len() == 1 && text[gs[0].start] == '1' {
		gs = gs[1:]
	}
	return lens(gs, 3, 3, 4) && text[gs[0].start] >= '2' && text[gs[1].start] >= '2'
}

// trunk is a national number with its trunk prefix 0: 020 7946 0958, 01.42.68.53.00, 089/123456,
// 03-1234-5678.
func trunk(text string, gs []group, n int, pointed bool) bool {
	if len(gs) < 2 || len(gs) > 5 || n < 9 || n > 11 || pointed && len(gs) == 2 {
		return false
	}
	first := text[gs[0].start:gs[0].end]
	if len(first) < 2 || len(first) > 5 || first[0] != '0' || first[1] == '0' {
		return false
	}
	for _, g := range gs[1:] {
		if g.len() < 2 {
			return false
		}
	}
	return true
}

// grouped are shapes that nothing else has: Chinese mobiles (138-0013-8000), Russian numbers
// (8-800-555-35-35) and Spanish ones (612 34 56 78).
func grouped(text string, gs []group) bool {
	first := text[gs[0].start:gs[0].end]
	switch {
	case lens(gs, 3, 4, 4):
		return first[0] == '1' && first[1] >= '3'
	case lens(gs, 1, 3, 3, 2, 2):
		return first == "8" || first == "7"
	case lens(gs, 3, 2, 2, 2):
		return first[0] >= '6' && first[0] != '8'
	}
	return false
}

// lens says whether the groups have these lengths.
func lens(gs []group, want ...int) bool {
	if len(gs) != len(want) {
		return false
	}
	for i, g := range gs {
		if g.len() != want[i] {
			return false
		}
	}
	return true
}

func hasParen(gs []group) bool {
	for _, g := range gs {
		if g.paren {
			return true
		}
	}
	return false
}

// isYear says whether the digits are a year of these centuries.
func isYear(digits string) bool {
	return len(digits) == 4 && (digits[:2] == "18" || digits[:2] == "19" || digits[:2] == "20")
}

// isDate says whether the groups begin with a date (01.02.2024, 2024-01-02, in whatever order) or are a
// range of years.
func isDate(text string, gs []group) bool {
	at := func(i int) string { return text[gs[i].start:gs[i].end] }
	if len(gs) == 2 && isYear(at(0)) && isYear(at(1)) {
		return true
	}
	if len(gs) < 3 || gs[1].sep != gs[2].sep {
		return false
	}
	small := func(i int) bool { return gs[i].len() <= 2 }
	return small(0) && small(1) && isYear(at(2)) || isYear(at(0)) && small(1) && small(2)
}

// thousands says whether the groups are a round number: 1 000 000.
func thousands(text string, gs []group) bool {
	if len(gs) < 2 || gs[0].len() > 3 || text[gs[len(gs)-1].start:gs[len(gs)-1].end] != "000" {
		return false
	}
	for _, g := range gs[1:] {
		if g.len() != 3 || g.sep != ' ' && g.sep != '.' {
			return false
		}
	}
	return true
}
