package main

import (
	"fmt"
	"strconv"
	"strings"
)

var syllogisms = []item{
	{"All cats are mammals. Felix is a cat. Is Felix a mammal?", "yes", .02},
	{"All roses are flowers. Some flowers fade quickly. Does it follow that some roses fade quickly?", "no / it does not follow", .25},
	{"If it rains, the street is wet. The street is not wet. Does it rain?", "no", .1},
	{"If it rains, the street is wet. The street is wet. Does it follow that it rains?", "no / it does not follow", .2},
	{"No reptile has fur. All cats have fur. Can a cat be a reptile?", "no", .08},
	{"Some poets are pilots. All pilots are brave. Does it follow that some poets are brave?", "yes", .15},
	{"What is the negation of \"all swans are white\"?", "not all swans are white / some swan is not white / at least one swan is not white", .2},
	{"In propositional logic, what is the contrapositive of \"if A then B\"?", "if not B then not A", .25},
	{"In classical logic, what is the truth value of \"if 2 is odd, then 3 is even\"?", "true", .4},
	{"How many rows does the truth table of a formula with five variables have?", "32", .25},
	{"How many different Boolean functions of three variables are there?", "256", .5},
	{"How many different Boolean functions of four variables are there?", "65536 / 65,536", .6},
	{"An islander is a knight, who always tells the truth, or a knave, who always lies. A says: \"We are both knaves\", speaking of A and B. What is B?", "a knight / knight", .4},
	{"An islander is a knight, who always tells the truth, or a knave, who always lies. A says: \"At least one of us is a knave\", speaking of A and B. What is B?", "a knave / knave", .45},
	{"An islander is a knight, who always tells the truth, or a knave, who always lies. A says: \"B and I are of the same kind\". What is B?", "a knight / knight", .55},
	{"Three boxes are labelled apples, oranges, and both, and every label is wrong. From which box must one take a fruit to tell them all?", "the box labelled both / both", .45},
	{"Twelve coins look alike and one has a different weight. In how many weighings on a balance can one always find it and tell whether it is lighter or heavier?", "3 / three", .55},
	{"Can the sentence \"this sentence is false\" consistently be true, or be false, in classical logic?", "no / neither", .6},
	{"In first-order logic, does \"for every x there is a y with R(x, y)\" imply \"there is one y such that R(x, y) for every x\"?", "no", .35},
}

// sequence asks for the next number; the rule is in the answer's making.
type sequence struct {
	shown      int
	term       func(n int) int
	difficulty float64
}

var sequences = []sequence{
	{5, func(n int) int { return 2 * n }, .02},
	{5, func(n int) int { return n * n }, .06},
	{5, func(n int) int { return 1 << n }, .04},
	{5, func(n int) int { return n * (n + 1) / 2 }, .15},
	{5, func(n int) int { return n * n * n }, .15},
	{6, func(n int) int { return n*n + n + 41 }, .5},
	{6, catalan, .55},
	{7, func(n int) int { return n*n - 3*n + 7 }, .45},
	{6, lookAndSay, .5},
}

func catalan(n int) int {
	c := 1
	for i := range n {
		c = c * 2 * (2*i + 1) / (i + 2)
	}
	return c
}

// lookAndSay reads the number before it aloud: 1, 11, 21, 1211.
func lookAndSay(n int) int {
	s := "1"
	for range n - 1 {
		var next strings.Builder
		for i := 0; i < len(s); {
			run := 1
			for i+run < len(s) && s[i+run] == s[i] {
				run++
			}
			fmt.Fprintf(&next, "%d%c", run, s[i])
			i += run
		}
		s = next.String()
	}
	said, err := strconv.Atoi(s)
	if err != nil {
		panic("generate: " + err.Error()) // the table above asks for too long a one
	}
	return said
}

// ranking is people from the tallest down, told in the order of the given pairs.
type ranking struct {
	tallest    []string
	told       [][2]int
	asked      int
	difficulty float64
}

var rankings = []ranking{
	{[]string{"Ann", "Bob", "Cyril"}, [][2]int{{0, 1}, {1, 2}}, 0, .05},
	{[]string{"Dora", "Emil", "Fay", "Gus"}, [][2]int{{1, 2}, {0, 1}, {2, 3}}, 3, .12},
	{[]string{"Hana", "Ivo", "Jan", "Kim", "Lea"}, [][2]int{{2, 3}, {0, 1}, {3, 4}, {1, 2}}, 2, .3},
	{[]string{"Mia", "Noor", "Ola", "Petr", "Quinn", "Rosa", "Sam"}, [][2]int{{4, 5}, {1, 2}, {5, 6}, {0, 1}, {3, 4}, {2, 3}}, 3, .5},
}

var places4 = []string{"tallest", "second tallest", "third tallest", "fourth tallest"}

func (r ranking) entry() entry {
	var told []string
	for _, pair := range r.told {
		told = append(told, fmt.Sprintf("%s is taller than %s.", r.tallest[pair[0]], r.tallest[pair[1]]))
	}
	q := fmt.Sprintf("%s Who is the %s?", strings.Join(told, " "), places4[r.asked])
	return ask("logic", r.difficulty, q, r.tallest[r.asked])
}

func logic() []entry {
	entries := questions("logic", syllogisms)
	for _, s := range sequences {
		var terms []string
		for n := 1; n <= s.shown; n++ {
			terms = append(terms, fmt.Sprint(s.term(n)))
		}
		q := fmt.Sprintf("Which number comes next by the simplest rule: %s?", strings.Join(terms, ", "))
		entries = append(entries, ask("logic", s.difficulty, q, grouped(int64(s.term(s.shown+1)))))
	}
	for _, r := range rankings {
		entries = append(entries, r.entry())
	}
	return entries
}
