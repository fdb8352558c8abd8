package bank_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// months are their names and lengths in a common year.
var months = []struct {
	name string
	days int
}{
	{"January", 31},
	{"February", 28},
	{"March", 31},
	{"April", 30},
	{"May", 31},
	{"June", 30},
	{"July", 31},
	{"August", 31},
	{"September", 30},
	{"October", 31},
	{"November", 30},
	{"December", 31},
}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysOf(month, year int) int {
	if month == 1 && leap(year) {
		return 29
	}
	return months[month].days
}

// day is "4 July 1776".
type day struct{ day, month, year int }

func dayOf(words []string) day {
	d := day{whole(words[0]), -1, whole(words[2])}
	for i, m := range months {
		if m.name == words[1] {
			d.month = i
		}
	}
	if d.month < 0 {
		panic("month " + words[1])
	}
	return d
}

func (d day) next() day {
	d.day++
	if d.day > daysOf(d.month, d.year) {
		d.day, d.month = 1, d.month+1
	}
	if d.month == 12 {
		d.month, d.year = 0, d.year+1
	}
	return d
}

func (d day) String() string { return fmt.Sprintf("%d %s %d", d.day, months[d.month].name, d.year) }

// ofYear counts from 1 January as 1.
func (d day) ofYear() int {
	n := d.day
	for m := range d.month {
		n += daysOf(m, d.year)
	}
	return n
}

// weekday is Zeller's congruence.
func (d day) weekday() string {
	m, y := d.month+1, d.year
	if m < 3 {
		m, y = m+12, y-1
	}
	h := (d.day + 13*(m+1)/5 + y%100 + y%100/4 + y/100/4 + 5*(y/100)) % 7
	return []string{"Saturday", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday"}[h]
}

func TestComputedCalendar(t *testing.T) {
	const date = `(\d+) (\w+) (\d+)`
	verify(t, []check{
		{"Which day of the week is " + date + ` in the Gregorian calendar\?`, 10, func(w []string) string {
			return dayOf(w).weekday()
		}},
		{"How many days after " + date + " is " + date + `\?`, 7, func(w []string) string {
			n := 0
			for d, end := dayOf(w), dayOf(w[3:]); d != end; d = d.next() {
				n++
			}
			return strconv.Itoa(n)
		}},
		{`Which date is (\d+) days after ` + date + `\?`, 6, func(w []string) string {
			d := dayOf(w[1:])
			for range whole(w[0]) {
				d = d.next()
			}
			return d.String()
		}},
		{"Which day of its year is " + date + `, counting 1 January as 1\?`, 4, func(w []string) string {
			return strconv.Itoa(dayOf(w).ofYear())
		}},
		{`Is (\d+) a leap year in the Gregorian calendar\?`, 6, func(w []string) string {
			return map[bool]string{true: "yes", false: "no"}[leap(whole(w[0]))]
		}},
		{`How many minutes are from (\d\d):(\d\d) to (\d\d):(\d\d) on the same day\?`, 4, func(w []string) string {
			return strconv.Itoa(60*whole(w[2]) + whole(w[3]) - 60*whole(w[0]) - whole(w[1]))
		}},
		{`How many days are in the month of (\w+)\?`, 1, func(w []string) string {
			return strconv.Itoa(daysOf(dayOf([]string{"1", w[0], "2025"}).month, 2025))
		}},
	})
}

// factors are the amounts of one unit in another, from memory of the definitions and not of the bank.
var factors = map[string]float64{
	"kilometres metres": 1000, "centimetres metres": .01, "hours seconds": 60 * 60, "feet inches": 12, "days minutes": 24 * 60, "inches centimetres": 2.54,
	"litres millilitres": 1000, "miles feet": 1760 * 3, "yards metres": 3 * .3048, "acres square metres": 4840 * 3 * .3048 * 3 * .3048,
	"nautical miles metres": 1852, "nautical mile metres": 1852, "pounds grams": 453.59237, "kilometres per hour metres per second": 1000. / 3600,
	"fortnights hours": 14 * 24, "furlongs yards": 220, "hectares square metres": 100 * 100, "stone pounds avoirdupois": 14, "gibibytes mebibytes": 1024,
	"imperial gallons litres": 4.54609, "fathoms feet": 6, "chains links": 100, "US gallons cubic inches": 231, "troy ounces grains": 20 * 24,
}

func TestComputedUnits(t *testing.T) {
	verify(t, []check{
		{`How many ([a-z ]+) are ([\d.]+) ([A-Za-z ]+), exactly\?`, 20, func(w []string) string {
			factor, ok := factors[w[2]+" "+w[0]]
			amount, err := strconv.ParseFloat(w[1], 64)
			if !ok || err != nil {
				return "no factor from " + w[2] + " to " + w[0]
			}
			rounded, err := strconv.ParseFloat(strconv.FormatFloat(amount*factor, 'g', 13, 64), 64)
			if err != nil {
				return err.Error()
			}
			return strconv.FormatFloat(rounded, 'f', -1, 64)
		}},
		{`How many degrees Fahrenheit are (-?\d+) degrees Celsius\?`, 7, func(w []string) string {
			tenths := whole(w[0])*18 + 320
			return strings.TrimSuffix(strconv.FormatFloat(float64(tenths)/10, 'f', 1, 64), ".0")
		}},
		{`Which metric prefix stands for 10 to the power (-?\d+)\?`, 16, func(w []string) string {
			up := strings.Fields("kilo mega giga tera peta exa zetta yotta ronna quetta")
			down := strings.Fields("milli micro nano pico femto atto zepto yocto ronto quecto")
			if n := whole(w[0]); n > 0 {
				return up[n/3-1]
			}
			return down[-whole(w[0])/3-1]
		}},
	})
}

// elements are all symbols in the order of the atomic numbers.
var elements = strings.Fields(`H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru
	Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu
	Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og`)

// symbolOf are the names that the questions use.
var symbolOf = map[string]string{
	"helium": "He", "neon": "Ne", "calcium": "Ca", "copper": "Cu", "krypton": "Kr", "iodine": "I", "barium": "Ba", "lead": "Pb", "thorium": "Th",
	"hafnium": "Hf", "thulium": "Tm", "seaborgium": "Sg", "livermorium": "Lv",
}

func TestThePeriodicTable(t *testing.T) {
	if len(elements) != 118 {
		t.Fatalf("%d elements", len(elements))
	}
	number := func(symbol string) string {
		for i, e := range elements {
			if e == symbol {
				return strconv.Itoa(i + 1)
			}
		}
		return "no element " + symbol
	}
	verify(t, []check{
		{`What is the atomic number of (\w+)\?`, 13, func(w []string) string { return number(symbolOf[w[0]]) }},
	})
	for _, q := range questionsLike(t, `Which chemical element has the atomic number (\d+)\?`, 20) {
		if want := elements[whole(q.words[0])-1]; q.Gold[1] != want {
			t.Errorf("%q has the answers %q, want %s", q.Text, q.Gold, want)
		}
	}
	for _, q := range questionsLike(t, `What is the chemical symbol of (\w+)\?`, 13) {
		if strings.HasPrefix(number(q.Gold[0]), "no") {
			t.Errorf("%q has the answer %q, which is no element", q.Text, q.Gold)
		}
	}
}

func TestComputedSequences(t *testing.T) {
	rules := map[string]string{
		"2, 4, 6, 8, 10": "12", "1, 4, 9, 16, 25": "36", "2, 4, 8, 16, 32": "64", "1, 3, 6, 10, 15": "21", "1, 8, 27, 64, 125": "216",
		"43, 47, 53, 61, 71, 83": "97", "1, 2, 5, 14, 42, 132": "429", "5, 5, 7, 11, 17, 25, 35": "47", "1, 11, 21, 1211, 111221, 312211": "13112221",
	}
	verify(t, []check{{`Which number comes next by the simplest rule: ([\d, ]+)\?`, len(rules), func(w []string) string { return rules[w[0]] }}})
}

// TestRankings works out who is taller than how many others, from the pairs that the question tells.
func TestRankings(t *testing.T) {
	places := []string{"tallest", "second tallest", "third tallest", "fourth tallest"}
	for _, q := range questionsLike(t, `((?:\w+ is taller than \w+\. )+)Who is the ([a-z ]+)\?`, 4) {
		taller := map[string][]string{}
		for sentence := range strings.SplitSeq(strings.TrimSpace(q.words[0]), ". ") {
			tall, short, _ := strings.Cut(strings.TrimSuffix(sentence, "."), " is taller than ")
			taller[tall] = append(taller[tall], short)
			if _, known := taller[short]; !known {
				taller[short] = nil
			}
		}
		var below func(name string) int
		below = func(name string) int {
			n := 0
			for _, short := range taller[name] {
				n = max(n, 1+below(short))
			}
			return n
		}
		rank := len(taller) - 1 - below(q.Gold[0])
		if places[rank] != q.words[1] {
			t.Errorf("%q has the answer %s, who is the %s", q.Text, q.Gold[0], places[rank])
		}
	}
}
