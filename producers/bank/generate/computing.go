package main

import (
	"fmt"
	"slices"
	"strconv"
)

var acronyms = []item{
	{"CPU", "central processing unit", .03},
	{"RAM", "random-access memory / random access memory", .04},
	{"HTTP", "Hypertext Transfer Protocol", .06},
	{"SQL", "Structured Query Language", .08},
	{"DNS", "Domain Name System", .1},
	{"BIOS", "Basic Input/Output System", .15},
	{"CORS", "cross-origin resource sharing", .3},
	{"CIDR", "classless inter-domain routing", .4},
	{"MESI, in cache coherence", "modified, exclusive, shared, invalid", .55},
	{"ASLR", "address space layout randomization", .45},
}

var ports = []item{
	{"HTTPS", "443", .1},
	{"HTTP", "80", .08},
	{"SSH", "22", .12},
	{"SMTP", "25", .2},
	{"DNS", "53", .2},
	{"PostgreSQL", "5432", .25},
	{"NTP", "123", .4},
	{"LDAP", "389", .45},
	{"BGP", "179", .6},
	{"Kerberos", "88", .5},
}

var statuses = []item{
	{"404", "Not Found", .03},
	{"200", "OK", .04},
	{"500", "Internal Server Error", .06},
	{"403", "Forbidden", .1},
	{"301", "Moved Permanently", .15},
	{"429", "Too Many Requests", .2},
	{"503", "Service Unavailable", .15},
	{"409", "Conflict", .3},
	{"412", "Precondition Failed", .45},
	{"451", "Unavailable For Legal Reasons", .4},
	{"422", "Unprocessable Content / Unprocessable Entity", .35},
	{"421", "Misdirected Request", .65},
}

var inventors = []item{
	{"the programming language Python", "Guido van Rossum", .08},
	{"the programming language C", "Dennis Ritchie / Ritchie", .12},
	{"the Linux kernel", "Linus Torvalds / Torvalds", .04},
	{"the World Wide Web", "Tim Berners-Lee / Berners-Lee", .05},
	{"the programming language Ruby", "Yukihiro Matsumoto / Matz", .3},
	{"the programming language Lisp", "John McCarthy / McCarthy", .3},
	{"the typesetting system TeX", "Donald Knuth / Knuth", .2},
	{"the shortest-path algorithm of 1959 that bears his name", "Edsger Dijkstra / Dijkstra", .15},
	{"the programming language Perl", "Larry Wall", .3},
	{"the programming language APL", "Kenneth Iverson / Kenneth E. Iverson / Iverson", .5},
	{"the programming language Forth", "Charles Moore / Chuck Moore / Charles H. Moore", .5},
	{"the sorting algorithm quicksort", "Tony Hoare / C. A. R. Hoare / Hoare", .3},
}

var computingFacts = []item{
	{"How many bits are in a byte today?", "8 / eight", .02},
	{"What is the time complexity of binary search in a sorted array of n elements?", "O(log n) / logarithmic", .1},
	{"What is the average time complexity of looking up a key in a hash table?", "O(1) / constant", .12},
	{"What is the worst-case time complexity of quicksort on n elements?", "O(n^2) / O(n²) / quadratic", .2},
	{"What is the worst-case time complexity of heapsort on n elements?", "O(n log n)", .2},
	{"How many bits does an IPv6 address have?", "128", .15},
	{"How many usable host addresses does an IPv4 /26 network have?", "62", .45},
	{"What is the largest value of an unsigned 16-bit integer?", "65535 / 65,535", .15},
	{"What is the largest value of a signed 32-bit integer?", "2147483647 / 2,147,483,647", .2},
	{"How many bits does the significand of an IEEE 754 double have, the implicit bit included?", "53", .4},
	{"What does the A in ACID transactions stand for?", "atomicity", .15},
	{"Which data structure is first in, first out?", "queue", .05},
	{"Which data structure is last in, first out?", "stack", .05},
	{"At which company's laboratories was Unix first made?", "Bell Labs / AT&T Bell Labs / AT&T", .2},
	{"Which UTF-8 byte sequence, in hexadecimal, is the byte order mark?", "EF BB BF / EFBBBF / 0xEF 0xBB 0xBF", .45},
	{"How many bytes does the euro sign take in UTF-8?", "3 / three", .4},
	{"Which signal number is SIGKILL on Linux?", "9", .2},
	{"What does fsync do to a file that write alone does not?", "it forces the written data onto the storage device / flushes it to disk", .35},
	{"Can an algorithm decide for every program and input whether the program halts?", "no", .15},
}

var bitwise = []struct {
	operator   string
	a, b       int
	difficulty float64
}{
	{"AND", 12, 10, .25}, {"OR", 12, 10, .25}, {"XOR", 12, 10, .3}, {"XOR", 201, 119, .55}, {"AND", 0xbeef, 0x1234, .75}, {"XOR", 54321, 12345, .8},
}

func bits(operator string, a, b int) int {
	switch operator {
	case "AND":
		return a & b
	case "OR":
		return a | b
	}
	return a ^ b
}

// bases asks for a number in another base.
var bases = []struct {
	n, base    int
	name       string
	difficulty float64
}{
	{5, 2, "binary", .06},
	{10, 2, "binary", .08},
	{255, 16, "hexadecimal", .1},
	{100, 2, "binary", .2},
	{64, 8, "octal", .2},
	{1000, 16, "hexadecimal", .35},
	{2026, 2, "binary", .5},
	{48879, 16, "hexadecimal", .5},
	{123456, 8, "octal", .7},
	{98765, 2, "binary", .75},
	{1234567, 16, "hexadecimal", .75},
}

func computing() []entry {
	const d = "computing"
	entries := slices.Concat(
		fill(d, "What does the abbreviation %s stand for?", acronyms),
		fill(d, "What is the default port of %s?", ports),
		fill(d, "What is the reason phrase of the HTTP status code %s?", statuses),
		fill(d, "Who created %s?", inventors),
		questions(d, computingFacts),
	)
	for _, b := range bitwise {
		q := fmt.Sprintf("What is the bitwise %s of the decimal numbers %d and %d, in decimal?", b.operator, b.a, b.b)
		entries = append(entries, ask(d, b.difficulty, q, strconv.Itoa(bits(b.operator, b.a, b.b))))
	}
	for _, b := range bases {
		q := fmt.Sprintf("Write the decimal number %d in %s.", b.n, b.name)
		entries = append(entries, ask(d, b.difficulty, q, inBase(b.n, b.base)))
	}
	return entries
}

// inBase lists the accepted spellings of n in a base.
func inBase(n, base int) string {
	digits := strconv.FormatInt(int64(n), base)
	prefix := map[int]string{2: "0b", 8: "0o", 16: "0x"}[base]
	return digits + " / " + prefix + digits
}
