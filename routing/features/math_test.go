package features

import (
	"strings"
	"testing"
)

var mathematics = []string{
	// LaTeX
	`Evaluate $\frac{1}{2} + \frac{1}{3}$`,
	`What is \int_0^1 x^2 dx?`,
	`Simplify \sqrt{50}`,
	`Show that \sum_{k=1}^n k = n(n+1)/2`,
	`Let $x$ be a positive integer.`,
	`\begin{align} a &= b \end{align}`,
	`Compute \lim_{x \to 0} \sin(x)/x`,
	`Is $\alpha + \beta$ irrational?`,
	// arithmetic
	"What is 2 + 2?",
	"2+2",
	"17*23",
	"What's 12 * 7?",
	"Compute 144 / 12",
	"how much is 3.5 + 4.25",
	"What is 7-4?",
	"What is 100 - 37?",
	"2^10",
	"2**10 in decimal",
	"(3 + 4) * 5",
	"What is 12 x 7?",
	"what is 12x7?",
	"1/2 + 1/3",
	"12 × 7",
	"What is 96 ÷ 8",
	"1,000 + 2,500",
	"5 + -3",
	"2 + 2 = ?",
	"15/3=",
	"6 times 7",
	"What is six times seven?",
	"12 plus 30",
	"144 divided by 12",
	"9 multiplied by 8 is what?",
	"What is 15% of 80?",
	"What is 20 percent of 150?",
	"15% of $80",
	"17 mod 5",
	"What is 5 squared?",
	"2 to the power of 10",
	"sin(30) + cos(60)",
	"100 minus 1",
	"sqrt(16)",
	"What is log(100)?",
	"integrate sin(x)",
	"Prove that there are infinitely many primes.",
	// equations
	"2x+3=7",
	"Solve 2x + 3 = 7",
	"x = 5",
	"f(x) = x^2 + 1",
	"E=mc^2",
	"y=mx+b",
	"x^2 - 5x + 6 = 0",
	"Find x if 3x = 12",
	"a^2 + b^2 = c^2",
	"x² + y² = 25",
	"What is the value of x when 4x - 2 = 10?",
	"5y = 20",
	"求解方程2x+3=7的根",
	// signs
	"∫ x dx",
	"∑ 1/n²",
	"√2 is irrational",
	"∀ x ∈ A",
	// words
	"What is the square root of 144?",
	"Find the derivative of x^3",
	"What is the integral of 1/x?",
	"Is 91 a prime number?",
	"Prime factorization of 84",
	"Solve the quadratic equation",
	"What is the factorial of 6?",
	"Calculate the area of a circle with radius 5",
	"Calculate the probability of two heads",
	"Name the roots of the polynomial",
	"What is the greatest number divisible by 7 below 100?",
	"The hypotenuse of a triangle with legs 3 and 4",
	"Evaluate the determinant of the matrix",
	"A triangle has angles of 30 and 60 degrees, what is the third?",
	"Löse die Gleichung",
	"Résous l'équation suivante : équation du second degré",
	"find the eigenvalues of the matrix",
	// problems in words
	"Tom has 3 apples and buys 5 more. How many apples does he have?",
	"A shirt costs $20 and is 15% off. How much is it now?",
	"How far does a train go in two hours at 80 km/h?",
}

var noMathematics = []string{
	"",
	"   ",
	"What is the capital of France?",
	"Who wrote Hamlet?",
	// dates
	"What happened on 9/11?",
	"The meeting is on 12/05/2024",
	"2024-05-12",
	"What is 2024-05-12?",
	"Born 12.05.1990 in Rome",
	"On 12 / 05 / 2024 it rained",
	"On 5/12 we leave",
	"Due 2024/05/12.",
	"July 4, 1776",
	"the 1990s",
	// versions
	"How do I upgrade from Python 3.11 to 3.12?",
	"Go 1.26.8 was released",
	"Kubernetes v1.29.2 deprecations",
	"v2.0-beta",
	"iOS 17.2.1 bug",
	"HTTP/2 and HTTP/1.1",
	"USB 3.0",
	"Use C++17 or C++20",
	"Is C++ faster than C#?",
	"UTC+2 and GMT-5",
	// prices
	"It costs $5",
	"A plan for $9.99 per month",
	"The plan costs $5 + $3 shipping",
	"Hotels from €50-€80",
	"between $10 and $20",
	"£1,200.50",
	"5€",
	// telephone numbers
	"Call 555-1234",
	"Call +1 (555) 123-4567",
	"+49 30 1234567",
	"My number is 030/1234567",
	"1-800-555-0199",
	"+442079460958",
	"What is 555-1234?",
	// ISBN, addresses, ids
	"ISBN 978-3-16-148410-0",
	"ISBN 0-306-40615-2",
	"192.168.0.1",
	"Ticket ABC-1234",
	"flight LH-400",
	"https://example.com/?a=1&b=2",
	"mail me at a+b@example.com",
	"see www.example.com/x=5",
	`C:\frac\pi`,
	"/usr/local/bin",
	"10 Downing Street",
	"Route 66",
	// times
	"at 10:30",
	"from 9:00-17:00",
	"open 24/7",
	"What is 24/7 support?",
	"a 4:3 screen",
	// ranges of years, scores, sizes
	"World War II (1939-1945)",
	"What is 1939-1945?",
	"between 1990 - 2000",
	"from 1914–1918",
	"The score was 3-2",
	"The score is 3 - 2",
	"ages 10-12",
	"10 - 12 people",
	"won 21 - 14",
	"a 1920x1080 monitor",
	"What is a 4x4?",
	"What is 4x4 driving?",
	"a 2 x 4 board",
	"1920×1080",
	"50/50 chance",
	"What happened in 1969?",
	"80/20 rule",
	// things with signs
	"Google+ was shut down",
	"an A+ student",
	"people 18+ only",
	"5* hotels",
	"3+ years of experience",
	"covid-19",
	"The T-1000 and the F-16",
	"Press Ctrl+C",
	"and/or",
	"km/h",
	"AC/DC",
	"**bold** and *italic*",
	"LGBTQ+ history",
	"R&D in B2B",
	"60 m² flat",
	"#1 bestseller",
	"100% cotton",
	"50% off",
	"a 5-star hotel",
	"4-day week",
	"--flag=3",
	"C3PO and R2-D2",
	"H2O",
	"catch-22",
	"Apollo 11",
	// words
	"Who directed The Matrix?",
	"an integral part of the team",
	"Who is the prime minister of Japan?",
	"the root of the problem",
	"three times a week",
	"Times Square",
	"Disney Plus",
	"a derivative work",
	"a country divided by politics",
	"the power of love",
	"Where is the Bermuda Triangle?",
	"What is the area of Canada?",
	"the sum of all fears",
	"solve the murder",
	"the sales volume",
	"percent of people",
	"two of the three brothers",
	"one of 10 people",
	"What is the mean house?",
	"How many people live in 10 Downing Street?",
	"Fahrenheit 451",
	"Studio 54",
	"Blink-182",
	"Maroon 5",
	"The year 2020 was bad",
	"How many people lived in Rome in 1950 and 1960?",
	"How many goals did Pelé score in 3 World Cups?",
	"How old is the Earth?",
	"the Asian Championships (AISC)-2017",
	"the binomial name of a fish",
	"What is the most critical factor for the volume of sales?",
	"the lens maker's primes",
	"What is 42?",
	// code
	"if (a == b) { return; }",
	"x := 5; y == 3;",
	"let x = 5; const y = 7; foo();",
	"for (int i = 0; i < 10; i++) { printf(); }",
}

func TestMathematicsIsFound(t *testing.T) {
	for _, text := range mathematics {
		if f := Of(text); !f.HasMath() {
			t.Errorf("no mathematics found in %q", text)
		}
	}
}

func TestWhatOnlyLooksLikeMathematicsIsNone(t *testing.T) {
	for _, text := range noMathematics {
		if f := Of(text); f.HasMath() {
			t.Errorf("%d pieces of mathematics found in %q", f.Math, text)
		}
	}
}

func TestAWordHasOneRoleSoThatEveryProcessFindsTheSame(t *testing.T) {
	roles := map[string]int{}
	for _, words := range roleWords {
		for w := range strings.FieldsSeq(words) {
			roles[w]++
		}
	}
	for w, n := range roles {
		if n > 1 {
			t.Errorf("%q stands in %d places", w, n)
		}
	}
}
