package main

import "slices"

var teamSizes = []item{
	{"association football", "11 / eleven", .03},
	{"basketball", "5 / five", .05},
	{"volleyball (indoor)", "6 / six", .1},
	{"cricket", "11 / eleven", .12},
	{"rugby union", "15 / fifteen", .2},
	{"water polo", "7 / seven", .35},
	{"handball (indoor)", "7 / seven", .3},
	{"rugby league", "13 / thirteen", .35},
	{"polo, on horseback", "4 / four", .45},
	{"bandy", "11 / eleven", .7},
	{"Gaelic football", "15 / fifteen", .5},
}

var summerGames = []item{
	{"1896", "Athens", .15},
	{"2000", "Sydney", .12},
	{"1992", "Barcelona", .2},
	{"1936", "Berlin", .12},
	{"1964", "Tokyo", .25},
	{"1968", "Mexico City", .25},
	{"1976", "Montreal", .3},
	{"1988", "Seoul", .25},
	{"1912", "Stockholm", .45},
	{"1904", "St. Louis / Saint Louis", .45},
	{"1928", "Amsterdam", .45},
	{"1920", "Antwerp", .5},
}

var winterGames = []item{
	{"1994", "Lillehammer", .35},
	{"1984", "Sarajevo", .35},
	{"1998", "Nagano", .35},
	{"1924", "Chamonix", .45},
	{"1932", "Lake Placid", .5},
	{"1964", "Innsbruck", .5},
	{"1972", "Sapporo", .5},
	{"1948", "St. Moritz / Saint Moritz", .55},
	{"1956", "Cortina d'Ampezzo / Cortina", .55},
}

var worldCups = []item{
	{"2014", "Germany", .08},
	{"1966", "England", .12},
	{"2002", "Brazil", .12},
	{"1998", "France", .12},
	{"2010", "Spain", .1},
	{"1930", "Uruguay", .25},
	{"1982", "Italy", .3},
	{"1954", "West Germany / Germany", .35},
	{"1950", "Uruguay", .35},
	{"1938", "Italy", .45},
	{"1978", "Argentina", .35},
}

var records = []item{
	{"How many rings does the Olympic symbol have?", "5 / five", .02},
	{"How many kilometres long is a marathon?", "42.195", .12},
	{"What is the highest score with three darts?", "180", .15},
	{"What is a perfect score in ten-pin bowling?", "300", .15},
	{"What is a score of two under par on a hole called in golf?", "eagle", .15},
	{"What is the maximum break in snooker without a free ball?", "147", .25},
	{"What is a score of three under par on a hole called in golf?", "albatross / double eagle", .3},
	{"How many points is a try worth in rugby union today?", "5 / five", .3},
	{"How many points is the black ball worth in snooker?", "7 / seven", .2},
	{"How many pieces does each player have at the start of a game of chess?", "16 / sixteen", .08},
	{"How many squares are on a chessboard, counting only the smallest ones?", "64", .05},
	{"How many intersections does a standard Go board have?", "361", .35},
	{"Whom did Bobby Fischer beat for the world chess championship in 1972?", "Boris Spassky / Spassky", .25},
	{"From whom did Capablanca win the world chess championship in 1921?", "Emanuel Lasker / Lasker", .4},
	{"Who beat Garry Kasparov in their match for the classical world chess title in 2000?", "Vladimir Kramnik / Kramnik", .45},
	{"Which country won the European football championship in 1992?", "Denmark", .3},
	{"Which country won the European football championship in 2004?", "Greece", .3},
	{"Which country won the European football championship in 1976?", "Czechoslovakia", .5},
	{"How many events does the decathlon have?", "10 / ten", .08},
	{"How many events does the modern heptathlon for women have?", "7 / seven", .1},
	{"How long is a lap of a standard athletics track in its inside lane, in metres?", "400", .06},
	{"In which sport is the Stanley Cup awarded?", "ice hockey / hockey", .08},
	{"In which sport is the America's Cup awarded?", "sailing / yachting / yacht racing", .15},
	{"Who was the first man to run a mile in under four minutes?", "Roger Bannister / Bannister", .2},
	{"Which cyclist, called the Cannibal, won the Tour de France five times from 1969 to 1974?", "Eddy Merckx / Merckx", .35},
	{"Which country has won the most Olympic gold medals of all time in badminton?", "China", .35},
}

func sport() []entry {
	const d = "sport"
	return slices.Concat(
		fill(d, "How many players of one team are in play at the start of a game of %s?", teamSizes),
		fill(d, "Which city hosted the Summer Olympics of %s?", summerGames),
		fill(d, "Where were the Winter Olympics of %s held?", winterGames),
		fill(d, "Which country won the men's football World Cup of %s?", worldCups),
		questions(d, records),
	)
}
