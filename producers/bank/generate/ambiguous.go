package main

// matters are questions that lack what an answer would need, or ask for a taste.
var matters = []item{
	{"Who is the best president?", "", .9},
	{"What is the capital?", "", .85},
	{"How long does it take to get there?", "", .9},
	{"Is it safe?", "", .9},
	{"What is the best programming language?", "", .85},
	{"Who won the match?", "", .85},
	{"How much does it cost to build a house?", "", .75},
	{"What did she mean by that?", "", .95},
	{"What time is it?", "", .8},
	{"What is the nicest city in Europe?", "", .85},
	{"How old is the king?", "", .8},
	{"Which bank is near the river?", "", .88},
	{"When was Washington founded?", "", .7},
	{"How big is Georgia?", "", .65},
	{"What is the tallest one?", "", .92},
	{"Who was the first to do it?", "", .95},
	{"Is Pluto better than Neptune?", "", .9},
	{"How many people live in Springfield?", "", .8},
	{"What is the score?", "", .9},
	{"Which phone should I buy?", "", .85},
	{"What does the professor think of it?", "", .95},
	{"How far is it from Paris?", "", .9},
	{"Which is the greatest novel ever written?", "", .85},
	{"What is the most beautiful prime number?", "", .9},
	{"Does the colour match?", "", .92},
	{"What is the meaning of life?", "", .7},
	{"How do you spell his name?", "", .93},
	{"Which of the two is heavier?", "", .93},
	{"Who is the current mayor?", "", .85},
	{"Is a hot dog a sandwich?", "", .6},
	{"How warm will the room be if I open it?", "", .93},
	{"What comes after it in the list?", "", .95},
}

func ambiguous() []entry {
	entries := make([]entry, 0, len(matters))
	for _, m := range matters {
		entries = append(entries, nobodyKnows("ambiguous", m.difficulty, m.key))
	}
	return entries
}
