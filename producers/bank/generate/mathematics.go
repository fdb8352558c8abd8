package main

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Every answer here is computed, by code that the bank's test does not share.

var sums = []struct {
	a, b       int64
	operator   string
	difficulty float64
}{
	{7, 5, "plus", .01},
	{18, 24, "plus", .03},
	{9, 8, "times", .03},
	{100, 37, "minus", .03},
	{144, 12, "divided by", .06},
	{23, 17, "times", .15},
	{347, 589, "plus", .08},
	{1000, 463, "minus", .08},
	{99, 101, "times", .12},
	{68, 74, "times", .25},
	{3016, 52, "divided by", .35},
	{247, 386, "times", .4},
	{918, 273, "times", .45},
	{4821, 3917, "times", .62},
	{7364, 9128, "times", .65},
	{81726, 35491, "times", .78},
	{618034, 271828, "times", .86},
	{3141592, 6535897, "times", .92},
	{98765432, 12345679, "times", .95},
	{87654321, 12345, "minus", .3},
	{48293847, 91827364, "plus", .4},
	{170859375, 3375, "divided by", .7},
}

func arithmetic(a, b int64, operator string) int64 {
	switch operator {
	case "plus":
		return a + b
	case "minus":
		return a - b
	case "times":
		return a * b
	}
	return a / b
}

// pairsOf holds two numbers and how hard they make a question.
type pairsOf []struct {
	a, b       int64
	difficulty float64
}

var (
	divisors  = pairsOf{{12, 18, .06}, {84, 36, .15}, {221, 143, .35}, {1071, 462, .45}, {8633, 10403, .75}}
	multiples = pairsOf{{4, 6, .05}, {12, 18, .12}, {21, 35, .2}, {84, 90, .4}, {221, 143, .6}}
	chosen    = pairsOf{{5, 2, .1}, {10, 3, .2}, {12, 5, .4}, {20, 6, .55}, {30, 11, .8}}
	powers    = pairsOf{{2, 10, .08}, {3, 5, .12}, {7, 4, .25}, {2, 20, .3}, {13, 5, .55}, {17, 7, .8}}
	shares    = pairsOf{{10, 250, .03}, {15, 80, .08}, {35, 640, .2}, {12, 725, .3}, {64, 1375, .45}}
)

var (
	primesAt   = []item{{"5", "", .1}, {"10", "", .2}, {"25", "", .35}, {"100", "", .45}, {"200", "", .75}, {"500", "", .85}}
	factorials = []item{{"5", "", .08}, {"7", "", .2}, {"10", "", .3}, {"13", "", .6}, {"17", "", .82}}
	zeros      = []item{{"10", "", .25}, {"100", "", .4}, {"1000", "", .6}, {"2026", "", .75}}
	fibonaccis = []item{{"7", "", .2}, {"10", "", .2}, {"20", "", .45}, {"30", "", .6}, {"47", "", .88}}
	totients   = []item{{"12", "", .3}, {"97", "", .3}, {"360", "", .5}, {"2026", "", .6}, {"9999", "", .8}}
	counted    = []item{{"28", "", .25}, {"144", "", .4}, {"360", "", .5}, {"5040", "", .65}, {"83160", "", .9}}
	factors    = []item{{"91", "", .2}, {"221", "", .35}, {"1001", "", .3}, {"8633", "", .65}, {"30031", "", .75}, {"1022117", "", .95}}
	digitSums  = []item{{"10", "", .3}, {"20", "", .55}, {"50", "", .85}, {"100", "", .93}}
	romans     = []item{{"14", "", .08}, {"49", "", .2}, {"1994", "", .25}, {"2026", "", .2}, {"3888", "", .45}, {"949", "", .4}}
)

// series asks for the sum of the whole numbers up to n.
var series = []item{{"10", "", .08}, {"100", "", .1}, {"365", "", .4}, {"1234", "", .6}}

// equation is ax + b = c.
type equation struct {
	a, b, c    int64
	difficulty float64
}

var linear = []equation{{2, 3, 11, .06}, {5, -7, 28, .1}, {7, 15, 99, .15}, {13, 47, 424, .3}, {37, -118, 992, .45}}

// quadratic is x² + bx + c = 0 with two whole roots.
type quadratic struct {
	r, s       int64
	difficulty float64
}

var quadratics = []quadratic{{2, 3, .15}, {-1, 4, .2}, {-7, 12, .35}, {17, -23, .55}, {31, 43, .65}}

// remainders asks for base to the power exponent, modulo m.
var remainders = []struct {
	base, exponent, modulus int64
	difficulty              float64
}{{2, 10, 7, .35}, {3, 100, 10, .45}, {7, 222, 100, .6}, {5, 2026, 13, .7}, {123, 456, 789, .93}}

var mathFacts = []item{
	{"How many degrees do the angles of a triangle add up to in the plane?", "180", .02},
	{"How many sides does a heptagon have?", "7 / seven", .08},
	{"What is the value of pi to two decimals?", "3.14", .03},
	{"What is the value of e, the base of natural logarithms, to three decimals?", "2.718", .12},
	{"How many faces does an icosahedron have?", "20 / twenty", .2},
	{"How many edges does a dodecahedron have?", "30 / thirty", .4},
	{"How many regular convex polyhedra (Platonic solids) are there?", "5 / five", .15},
	{"How many regular convex polytopes are there in four dimensions?", "6 / six", .6},
	{"What is the derivative of sin x with respect to x?", "cos x / cos(x) / cosine of x", .08},
	{"What is the integral of 1/x with respect to x, for positive x, without the constant?", "ln x / ln(x) / natural logarithm of x", .15},
	{"What is the sum of the reciprocals of all positive square numbers?", "π²/6 / pi^2/6 / pi squared over six", .35},
	{"What is the smallest perfect number?", "6 / six", .2},
	{"What is the third perfect number?", "496", .35},
	{"What is the smallest number that is the sum of two positive cubes in two ways?", "1729", .25},
	{"How many groups of order 8 are there, up to isomorphism?", "5 / five", .55},
	{"How many groups of order 16 are there, up to isomorphism?", "14 / fourteen", .75},
	{"What is the order of the Mathieu group M11?", "7920 / 7,920", .85},
	{"Who proved Fermat's Last Theorem?", "Andrew Wiles / Wiles", .12},
	{"Who proved the Poincaré conjecture?", "Grigori Perelman / Perelman", .2},
	{"Whose theorem says that a continuous map of a closed ball to itself has a fixed point?", "Brouwer / Brouwer's fixed-point theorem / L. E. J. Brouwer", .35},
	{"What is the chromatic number of the Petersen graph?", "3 / three", .6},
	{"What is the largest prime number?", "There is none; there are infinitely many primes / none", .3},
	{"What is the value of the Ramsey number R(4, 4)?", "18", .6},
	{"What is the value of the Ramsey number R(3, 3)?", "6 / six", .35},
}

func primes(n int) []int64 {
	var found []int64
	for c := int64(2); len(found) < n; c++ {
		if !slices.ContainsFunc(found, func(p int64) bool { return p*p <= c && c%p == 0 }) {
			found = append(found, c)
		}
	}
	return found
}

// compute answers a question of one number.
func compute(table []item, f func(n int64) string) []item {
	out := slices.Clone(table)
	for i := range out {
		n, err := strconv.ParseInt(out[i].key, 10, 64)
		if err != nil {
			panic("generate: " + err.Error()) // the table above is wrong
		}
		out[i].gold = f(n)
		if answer, err := strconv.ParseInt(out[i].gold, 10, 64); err == nil {
			out[i].gold = grouped(answer)
		}
	}
	return out
}

func fibonacci(n int64) string {
	a, b := big.NewInt(0), big.NewInt(1)
	for range n {
		a.Add(a, b)
		a, b = b, a
	}
	return a.String()
}

func totient(n int64) string {
	phi, rest := n, n
	for p := int64(2); p*p <= rest; p++ {
		if rest%p != 0 {
			continue
		}
		for rest%p == 0 {
			rest /= p
		}
		phi -= phi / p
	}
	if rest > 1 {
		phi -= phi / rest
	}
	return strconv.FormatInt(phi, 10)
}

func countDivisors(n int64) string {
	count := 0
	for d := int64(1); d*d <= n; d++ {
		if n%d == 0 {
			count++
			if d*d != n {
				count++
			}
		}
	}
	return strconv.Itoa(count)
}

// factorize writes the prime factors in rising order: "7 × 13".
func factorize(n int64) string {
	var found []string
	for p := int64(2); n > 1; p++ {
		for n%p == 0 {
			found = append(found, strconv.FormatInt(p, 10))
			n /= p
		}
	}
	return strings.Join(found, " × ") + " / " + strings.Join(found, " * ") + " / " + strings.Join(found, ", ")
}

func digitSumOfPower(n int64) string {
	sum := 0
	for _, digit := range new(big.Int).Lsh(big.NewInt(1), uint(n)).String() {
		sum += int(digit - '0')
	}
	return strconv.Itoa(sum)
}

func roman(n int64) string {
	var b strings.Builder
	for _, step := range []struct {
		value int64
		sign  string
	}{
		{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
	} {
		for ; n >= step.value; n -= step.value {
			b.WriteString(step.sign)
		}
	}
	return b.String()
}

func trailingZeros(n int64) string {
	count := int64(0)
	for five := int64(5); five <= n; five *= 5 {
		count += n / five
	}
	return strconv.FormatInt(count, 10)
}

func factorial(n int64) string { return new(big.Int).MulRange(1, n).String() }

func triangular(n int64) string { return strconv.FormatInt(n*(n+1)/2, 10) }

func nthPrime(n int64) string { return strconv.FormatInt(primes(int(n))[n-1], 10) }

func mathematics() []entry {
	const d = "mathematics"
	return slices.Concat(
		questions(d, mathFacts),
		pairs(d),
		equations(d),
		fill(d, "What is prime number %s, counting 2 as number 1?", compute(primesAt, nthPrime)),
		fill(d, "What is the factorial of %s?", compute(factorials, factorial)),
		fill(d, "How many zeros does the factorial of %s end with, in decimal?", compute(zeros, trailingZeros)),
		fill(d, "What is Fibonacci number %s, where number 1 and number 2 are 1?", compute(fibonaccis, fibonacci)),
		fill(d, "What is Euler's totient of %s?", compute(totients, totient)),
		fill(d, "How many positive divisors does %s have?", compute(counted, countDivisors)),
		fill(d, "What is the prime factorization of %s?", compute(factors, factorize)),
		fill(d, "What is the sum of the decimal digits of 2 to the power %s?", compute(digitSums, digitSumOfPower)),
		fill(d, "Write %s in Roman numerals.", compute(romans, roman)),
		fill(d, "What is the sum of the whole numbers from 1 to %s?", compute(series, triangular)),
	)
}

// pairs asks what is computed from two numbers.
func pairs(d string) []entry {
	var entries []entry
	for _, s := range sums {
		q := fmt.Sprintf("What is %d %s %d?", s.a, s.operator, s.b)
		entries = append(entries, ask(d, s.difficulty, q, grouped(arithmetic(s.a, s.b, s.operator))))
	}
	for _, table := range []struct {
		pairs    pairsOf
		question string
		answer   func(a, b int64) string
	}{
		{divisors, "What is the greatest common divisor of %d and %d?", func(a, b int64) string { return strconv.FormatInt(gcd(a, b), 10) }},
		{multiples, "What is the least common multiple of %d and %d?", func(a, b int64) string { return grouped(a / gcd(a, b) * b) }},
		{chosen, "From %d different things, in how many ways can one choose %d without regard to order?", func(a, b int64) string {
			return grouped(new(big.Int).Binomial(a, b).Int64())
		}},
		{powers, "What is %d to the power %d?", func(a, b int64) string {
			return grouped(new(big.Int).Exp(big.NewInt(a), big.NewInt(b), nil).Int64())
		}},
		{shares, "What is %d percent of %d?", func(a, b int64) string { return new(big.Rat).SetFrac64(a*b, 100).RatString() }},
	} {
		for _, p := range table.pairs {
			entries = append(entries, ask(d, p.difficulty, fmt.Sprintf(table.question, p.a, p.b), table.answer(p.a, p.b)))
		}
	}
	return entries
}

// equations asks for unknowns and remainders.
func equations(d string) []entry {
	var entries []entry
	for _, e := range linear {
		q := fmt.Sprintf("Solve %dx %s = %d for x.", e.a, signed(e.b, ""), e.c)
		x := strconv.FormatInt((e.c-e.b)/e.a, 10)
		entries = append(entries, ask(d, e.difficulty, q, x+" / x = "+x))
	}
	for _, e := range quadratics {
		q := fmt.Sprintf("Solve x² %s %s = 0 over the real numbers.", signed(-(e.r+e.s), "x"), signed(e.r*e.s, ""))
		low, high := min(e.r, e.s), max(e.r, e.s)
		entries = append(entries, ask(d, e.difficulty, q, fmt.Sprintf("x = %d or x = %d / %d and %d / %d, %d", low, high, low, high, low, high)))
	}
	for _, r := range remainders {
		q := fmt.Sprintf("What is the remainder of %d to the power %d divided by %d?", r.base, r.exponent, r.modulus)
		rest := new(big.Int).Exp(big.NewInt(r.base), big.NewInt(r.exponent), big.NewInt(r.modulus))
		entries = append(entries, ask(d, r.difficulty, q, rest.String()))
	}
	return entries
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// signed writes "+ 3x" or "- 3x".
func signed(n int64, unknown string) string {
	sign := "+"
	if n < 0 {
		sign, n = "-", -n
	}
	if n == 1 && unknown != "" {
		return sign + " " + unknown
	}
	return fmt.Sprintf("%s %d%s", sign, n, unknown)
}

// grouped lists the spellings of a whole number: plain, and with commas where there are thousands.
func grouped(n int64) string {
	plain := strconv.FormatInt(n, 10)
	if n < 1000 && n > -1000 {
		return plain
	}
	digits := strings.TrimPrefix(plain, "-")
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	commas := strings.Join(append([]string{digits}, parts...), ",")
	if n < 0 {
		commas = "-" + commas
	}
	return plain + " / " + commas
}
