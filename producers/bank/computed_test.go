package bank_test

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sluice/producers/bank"
)

// check works out the answer of the questions of one form, by other means than the generator's.
type check struct {
	form   string
	least  int
	answer func(words []string) string
}

// whole reads a number of a question.
func whole(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func bigOf(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s + " is no number")
	}
	return n
}

// verify holds the accepted answers of every question that has a check's form against the check.
func verify(t *testing.T, checks []check) {
	t.Helper()
	for _, c := range checks {
		for _, q := range questionsLike(t, c.form, c.least) {
			if want := c.answer(q.words); q.Gold[0] != want {
				t.Errorf("%q has the answer %q, want %q", q.Text, q.Gold[0], want)
			}
			for _, gold := range q.Gold[1:] { // thousands may be set apart by commas
				if plain := strings.ReplaceAll(gold, ",", ""); regexp.MustCompile(`^-?\d+$`).MatchString(plain) && plain != q.Gold[0] {
					t.Errorf("%q has the answers %q", q.Text, q.Gold)
				}
			}
		}
	}
}

// matched is a question and what its form's groups hold.
type matched struct {
	bank.Question
	words []string
}

// questionsLike finds the questions of one form.
func questionsLike(t *testing.T, form string, least int) []matched {
	t.Helper()
	pattern := regexp.MustCompile("^" + form + "$")
	var found []matched
	for _, q := range bank.Questions() {
		if words := pattern.FindStringSubmatch(q.Text); words != nil {
			found = append(found, matched{q, words[1:]})
		}
	}
	if len(found) < least {
		t.Errorf("%d questions of the form %s, want %d at least", len(found), form, least)
	}
	return found
}

func TestComputedArithmetic(t *testing.T) {
	verify(t, []check{
		{`What is (\d+) plus (\d+)\?`, 3, func(w []string) string { // digit by digit, as on paper
			a, b := w[0], w[1]
			sum, carry := "", 0
			for i := 1; i <= max(len(a), len(b)) || carry > 0; i++ {
				for _, n := range []string{a, b} {
					if i <= len(n) {
						carry += int(n[len(n)-i] - '0')
					}
				}
				sum, carry = strconv.Itoa(carry%10)+sum, carry/10
			}
			return sum
		}},
		{`What is (\d+) minus (\d+)\?`, 3, func(w []string) string {
			return new(big.Int).Sub(bigOf(w[0]), bigOf(w[1])).String()
		}},
		{`What is (\d+) times (\d+)\?`, 10, func(w []string) string { // by doubling and halving
			a, b, product := bigOf(w[0]), bigOf(w[1]), new(big.Int)
			for ; a.Sign() > 0; a.Rsh(a, 1) {
				if a.Bit(0) == 1 {
					product.Add(product, b)
				}
				b.Lsh(b, 1)
			}
			return product.String()
		}},
		{`What is (\d+) divided by (\d+)\?`, 3, func(w []string) string {
			quotient, rest := new(big.Int).DivMod(bigOf(w[0]), bigOf(w[1]), new(big.Int))
			if rest.Sign() != 0 {
				return "no whole number"
			}
			return quotient.String()
		}},
		{`What is (\d+) percent of (\d+)\?`, 5, func(w []string) string {
			return fmt.Sprint(float64(whole(w[0])) / 100 * float64(whole(w[1])))
		}},
		{`What is (\d+) to the power (\d+)\?`, 6, func(w []string) string {
			product := 1
			for range whole(w[1]) {
				product *= whole(w[0])
			}
			return strconv.Itoa(product)
		}},
		{`What is the remainder of (\d+) to the power (\d+) divided by (\d+)\?`, 5, func(w []string) string {
			rest := 1
			for range whole(w[1]) {
				rest = rest * whole(w[0]) % whole(w[2])
			}
			return strconv.Itoa(rest)
		}},
		{`Solve (\d+)x ([+-]) (\d+) = (\d+) for x\.`, 5, func(w []string) string {
			for x := -1000; x <= 1000; x++ {
				left := whole(w[0])*x + whole(w[1]+w[2])
				if left == whole(w[3]) {
					return strconv.Itoa(x)
				}
			}
			return "no solution"
		}},
		{`Solve x² ([+-]) (\d*)x ([+-]) (\d+) = 0 over the real numbers\.`, 5, func(w []string) string {
			b := 1
			if w[1] != "" {
				b = whole(w[1])
			}
			if w[0] == "-" {
				b = -b
			}
			var roots []string
			for x := -1000; x <= 1000; x++ {
				if x*x+b*x+whole(w[2]+w[3]) == 0 {
					roots = append(roots, fmt.Sprintf("x = %d", x))
				}
			}
			return strings.Join(roots, " or ")
		}},
	})
}

func TestComputedNumberTheory(t *testing.T) {
	dividing := func(n int) (divisors []int) {
		for d := 1; d <= n; d++ {
			if n%d == 0 {
				divisors = append(divisors, d)
			}
		}
		return divisors
	}
	verify(t, []check{
		{`What is the greatest common divisor of (\d+) and (\d+)\?`, 5, func(w []string) string {
			a, b := whole(w[0]), whole(w[1])
			for d := min(a, b); ; d-- {
				if a%d == 0 && b%d == 0 {
					return strconv.Itoa(d)
				}
			}
		}},
		{`What is the least common multiple of (\d+) and (\d+)\?`, 5, func(w []string) string {
			a, b := whole(w[0]), whole(w[1])
			for m := a; ; m += a {
				if m%b == 0 {
					return strconv.Itoa(m)
				}
			}
		}},
		{`From (\d+) different things, in how many ways can one choose (\d+) without regard to order\?`, 5, func(w []string) string {
			row := []int{1} // of Pascal's triangle
			for range whole(w[0]) {
				next := append([]int{1}, row...)
				for i := 1; i < len(row); i++ {
					next[i] = row[i-1] + row[i]
				}
				row = next
			}
			return strconv.Itoa(row[whole(w[1])])
		}},
		{`What is prime number (\d+), counting 2 as number 1\?`, 6, func(w []string) string {
			sieve := make([]bool, 10_000)
			for n, count := 2, 0; ; n++ {
				if sieve[n] {
					continue
				}
				if count++; count == whole(w[0]) {
					return strconv.Itoa(n)
				}
				for m := n; m < len(sieve); m += n {
					sieve[m] = true
				}
			}
		}},
		{`What is the factorial of (\d+)\?`, 5, func(w []string) string {
			product := uint64(1)
			for n := uint64(2); n <= uint64(whole(w[0])); n++ {
				product *= n
			}
			return fmt.Sprint(product)
		}},
		{`How many zeros does the factorial of (\d+) end with, in decimal\?`, 4, func(w []string) string {
			digits := new(big.Int).MulRange(1, int64(whole(w[0]))).String()
			return strconv.Itoa(len(digits) - len(strings.TrimRight(digits, "0")))
		}},
		{`What is Fibonacci number (\d+), where number 1 and number 2 are 1\?`, 5, func(w []string) string {
			f := []int{0, 1}
			for len(f) <= whole(w[0]) {
				f = append(f, f[len(f)-1]+f[len(f)-2])
			}
			return strconv.Itoa(f[whole(w[0])])
		}},
		{`What is Euler's totient of (\d+)\?`, 5, func(w []string) string {
			n, count := big.NewInt(int64(whole(w[0]))), 0
			for k := int64(1); k <= n.Int64(); k++ {
				if new(big.Int).GCD(nil, nil, n, big.NewInt(k)).Int64() == 1 {
					count++
				}
			}
			return strconv.Itoa(count)
		}},
		{`How many positive divisors does (\d+) have\?`, 5, func(w []string) string {
			return strconv.Itoa(len(dividing(whole(w[0]))))
		}},
		{`What is the prime factorization of (\d+)\?`, 6, func(w []string) string {
			var factors []string
			for n := whole(w[0]); n > 1; {
				p := dividing(n)[1] // the smallest one above 1 is prime
				if !big.NewInt(int64(p)).ProbablyPrime(20) {
					return "no prime factors"
				}
				factors = append(factors, strconv.Itoa(p))
				n /= p
			}
			return strings.Join(factors, " × ")
		}},
		{`What is the sum of the decimal digits of 2 to the power (\d+)\?`, 4, func(w []string) string {
			n, sum, ten := new(big.Int).Exp(big.NewInt(2), bigOf(w[0]), nil), new(big.Int), big.NewInt(10)
			for n.Sign() > 0 {
				var digit big.Int
				n.DivMod(n, ten, &digit)
				sum.Add(sum, &digit)
			}
			return sum.String()
		}},
		{`Write (\d+) in Roman numerals\.`, 6, func(w []string) string {
			values := map[byte]int{'I': 1, 'V': 5, 'X': 10, 'L': 50, 'C': 100, 'D': 500, 'M': 1000}
			for _, q := range bank.Questions() { // read the answer back
				if q.Text != fmt.Sprintf("Write %s in Roman numerals.", w[0]) {
					continue
				}
				sum, numeral := 0, q.Gold[0]
				for i := range len(numeral) {
					if i+1 < len(numeral) && values[numeral[i]] < values[numeral[i+1]] {
						sum -= values[numeral[i]]
					} else {
						sum += values[numeral[i]]
					}
				}
				if sum == whole(w[0]) {
					return numeral
				}
			}
			return "another numeral"
		}},
		{`What is the sum of the whole numbers from 1 to (\d+)\?`, 4, func(w []string) string {
			sum := 0
			for n := 1; n <= whole(w[0]); n++ {
				sum += n
			}
			return strconv.Itoa(sum)
		}},
	})
}

func TestComputedComputing(t *testing.T) {
	verify(t, []check{
		{`What is the bitwise (\w+) of the decimal numbers (\d+) and (\d+), in decimal\?`, 6, func(w []string) string {
			n := 0
			for place := 20; place >= 0; place-- {
				a, b := whole(w[1])>>place%2, whole(w[2])>>place%2
				bit := map[string]bool{"AND": a+b == 2, "OR": a+b > 0, "XOR": a+b == 1}[w[0]]
				n *= 2
				if bit {
					n++
				}
			}
			return strconv.Itoa(n)
		}},
		{`Write the decimal number (\d+) in (binary|octal|hexadecimal)\.`, 11, func(w []string) string {
			base := map[string]int{"binary": 2, "octal": 8, "hexadecimal": 16}[w[1]]
			digits := ""
			for n := whole(w[0]); n > 0; n /= base {
				digits = string("0123456789abcdef"[n%base]) + digits
			}
			return digits
		}},
		{`How many times does the letter (\w) occur in the word "(\w+)"\?`, 8, func(w []string) string {
			count := 0
			for _, r := range w[1] {
				if strings.EqualFold(string(r), w[0]) {
					count++
				}
			}
			return strconv.Itoa(count)
		}},
		{`Spell the word "(\w+)" backwards\.`, 6, func(w []string) string {
			back := ""
			for _, r := range w[0] {
				back = string(r) + back
			}
			return back
		}},
		{`What is letter number (\d+) of the word "(\w+)"\?`, 5, func(w []string) string {
			return strings.Split(w[1], "")[whole(w[0])-1]
		}},
	})
}
