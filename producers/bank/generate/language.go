package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var plurals = []item{
	{"mouse", "mice", .03},
	{"child", "children", .02},
	{"ox", "oxen", .1},
	{"criterion", "criteria", .15},
	{"matrix", "matrices / matrixes", .15},
	{"larva", "larvae", .2},
	{"sheep", "sheep", .05},
	{"louse", "lice", .12},
}

var pasts = []item{
	{"go", "went", .02},
	{"bring", "brought", .04},
	{"swim", "swam", .06},
	{"seek", "sought", .12},
	{"tread", "trod", .3},
	{"smite", "smote", .4},
	{"slay", "slew / slayed", .3},
	{"beseech", "besought / beseeched", .35},
}

var translations = []item{
	{`the French word "chien"`, "dog", .05},
	{`the Spanish word "mariposa"`, "butterfly", .15},
	{`the German word "Schmetterling"`, "butterfly", .15},
	{`the Italian word "formaggio"`, "cheese", .15},
	{`the Latin word "aqua"`, "water", .06},
	{`the Polish word "jabłko"`, "apple", .35},
	{`the Finnish word "kirja"`, "book", .5},
	{`the Hungarian word "kenyér"`, "bread", .5},
	{`the Turkish word "kedi"`, "cat", .4},
	{`the Welsh word "llyfr"`, "book", .6},
	{`the Basque word "etxe"`, "house / home", .65},
	{`the Estonian word "lumi"`, "snow", .6},
	{`the Swahili word "simba"`, "lion", .2},
	{`the Czech word "zmrzlina"`, "ice cream", .45},
	{`the Icelandic word "tölva"`, "computer", .6},
}

var words = []item{
	{"How many letters does the modern English alphabet have?", "26", .02},
	{"How many vowel letters are in the English alphabet, y not counted?", "5 / five", .04},
	{"What is the opposite of \"ancient\"?", "modern / new / recent", .06},
	{"What does the Latin phrase \"carpe diem\" mean?", "seize the day / pluck the day", .1},
	{"What does the Latin phrase \"ab ovo\" mean word for word?", "from the egg", .4},
	{"What is the study of the origin of words called?", "etymology", .1},
	{"What is a word that reads the same backwards called?", "palindrome", .08},
	{"What is a sentence that contains every letter of the alphabet called?", "pangram", .3},
	{"What is the eighth letter of the Greek alphabet?", "theta / Θ / θ", .35},
	{"What is the last letter of the Greek alphabet?", "omega / Ω / ω", .06},
	{"What is the first letter of the Hebrew alphabet?", "aleph / alef", .2},
	{"Which language has the ISO 639-1 code \"eu\"?", "Basque", .5},
	{"Which language has the ISO 639-1 code \"cy\"?", "Welsh", .45},
	{"Which language has the ISO 639-1 code \"sq\"?", "Albanian", .5},
	{"Which language family does Hungarian belong to?", "Uralic / Finno-Ugric", .25},
	{"Which language family does Tamil belong to?", "Dravidian", .3},
	{"Which official language of Spain is not related to any other known language?", "Basque / Euskara", .2},
	{"How many grammatical cases does standard Finnish have, as usually counted?", "15 / fifteen", .5},
}

// letterCounts asks how often a letter stands in a word.
var letterCounts = []struct {
	letter, word string
	difficulty   float64
}{
	{"r", "strawberry", .3},
	{"e", "cheese", .2},
	{"s", "Mississippi", .25},
	{"a", "banana", .1},
	{"i", "indivisibility", .45},
	{"n", "nonconformance", .5},
	{"t", "statistician", .45},
	{"e", "nevertheless", .4},
}

// reversed asks for words spelled backwards.
var reversed = []struct {
	word       string
	difficulty float64
}{{"stone", .15}, {"planet", .2}, {"harbour", .35}, {"chrysanthemum", .7}, {"incomprehensible", .8}, {"uncopyrightable", .8}}

// nthLetters asks for one letter of a word.
var nthLetters = []struct {
	n          int
	word       string
	difficulty float64
}{{3, "orange", .1}, {7, "elephant", .25}, {9, "watermelon", .35}, {12, "characteristic", .5}, {17, "incomprehensibility", .7}}

func backwards(word string) string {
	letters := []rune(word)
	slices.Reverse(letters)
	return string(letters)
}

func language() []entry {
	const d = "language"
	entries := slices.Concat(
		fill(d, "What is the plural of the English noun \"%s\"?", plurals),
		fill(d, "What is the simple past tense of the English verb \"%s\"?", pasts),
		fill(d, "What does %s mean in English?", translations),
		questions(d, words),
	)
	for _, c := range letterCounts {
		n := strings.Count(strings.ToLower(c.word), c.letter)
		q := fmt.Sprintf("How many times does the letter %s occur in the word %q?", c.letter, c.word)
		entries = append(entries, ask(d, c.difficulty, q, strconv.Itoa(n)))
	}
	for _, r := range reversed {
		entries = append(entries, ask(d, r.difficulty, fmt.Sprintf("Spell the word %q backwards.", r.word), backwards(r.word)))
	}
	for _, l := range nthLetters {
		q := fmt.Sprintf("What is letter number %d of the word %q?", l.n, l.word)
		entries = append(entries, ask(d, l.difficulty, q, string([]rune(l.word)[l.n-1])))
	}
	return entries
}
