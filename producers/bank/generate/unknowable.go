package main

// unknown are questions that have an answer which nobody can know, or not yet.
var unknown = []item{
	{"Who will win the men's football World Cup of 2090?", "", .95},
	{"What was the name of the first human being who used fire?", "", .97},
	{"How many grains of sand are on the beaches of Brazil at this moment, exactly?", "", .96},
	{"Which number am I thinking of?", "", .95},
	{"What will the weather be in Oslo on 3 March 2187?", "", .95},
	{"What did Julius Caesar eat for breakfast on his tenth birthday?", "", .97},
	{"What will be the price of gold on 1 January 2150?", "", .94},
	{"Who will be the president of France in 2120?", "", .94},
	{"What is the name of the oldest tree that nobody has ever seen?", "", .98},
	{"How many words did Shakespeare speak in his life?", "", .96},
	{"What is the trillionth digit of a number that I have not told you?", "", .97},
	{"What was the colour of the eyes of Homer, the poet?", "", .92},
	{"What did the last speaker of Etruscan say last?", "", .97},
	{"Which side will my coin show when I next toss it?", "", .9},
	{"How many fish are in the Atlantic Ocean right now, exactly?", "", .95},
	{"What is the password of my neighbour's router?", "", .95},
	{"What is inside the box on my desk?", "", .95},
	{"Which species will be the first to be discovered in the year 2200?", "", .97},
	{"On which day will the next eruption of Vesuvius begin?", "", .9},
	{"Who will write the best-selling novel of 2175?", "", .96},
	{"What was Socrates thinking when he first saw Plato?", "", .96},
	{"How many people have ever laughed at the same joke at the same second?", "", .97},
}

func unknowable() []entry {
	entries := make([]entry, 0, len(unknown))
	for _, u := range unknown {
		entries = append(entries, nobodyKnows("unknowable", u.difficulty, u.key))
	}
	return entries
}
