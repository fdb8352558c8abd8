package main

var situations = []item{
	{"I have three apples and eat one. How many apples do I have left?", "2 / two", .02},
	{"A ticket costs 4 euros. How much do 6 tickets cost, in euros?", "24", .03},
	{"A train leaves at 14:50 and takes 45 minutes. At what time does it arrive?", "15:35 / 3:35 pm", .06},
	{"A shirt of 80 euros is sold at 25 percent off. What does it cost now, in euros?", "60", .08},
	{"A recipe for 4 people takes 300 grams of flour. How many grams are needed for 10 people?", "750", .12},
	{"A bat and a ball cost 1.10 euros together, and the bat costs 1 euro more than the ball. What does the ball cost, in cents?", "5 / five", .35},
	{"Five machines make five parts in five minutes. How many minutes do a hundred machines take to make a hundred parts?", "5 / five", .35},
	{"A patch of lilies doubles in size every day and covers the lake on day 48. On which day did it cover half the lake?", "47", .3},
	{"A farmer has 17 sheep and all but 9 run away. How many are left?", "9 / nine", .2},
	{"Mary's mother has four daughters: Spring, Summer, Autumn and who?", "Mary", .15},
	{"Ice floats in a full glass of water and melts. Does the glass overflow?", "no", .25},
	{"Which is heavier, a kilogram of feathers or a kilogram of iron?", "neither / they weigh the same / the same", .15},
	{"It takes one person 6 hours to paint a fence and another 3 hours. How many hours do both take together?", "2 / two", .3},
	{"How many quarter-hours are in a working day of seven and a half hours?", "30 / thirty", .15},
	{"A car drives 60 km at 30 km/h and 60 km at 60 km/h. What is its average speed, in km/h?", "40", .4},
	{"A price rises by 20 percent and then falls by 20 percent. By how many percent is it lower than at first?", "4 / four", .35},
	{"A tank fills in 3 hours by one pipe and empties in 4 hours by another. With both open, how many hours does it take to fill?", "12 / twelve", .45},
	{"A family has two children and the elder is a girl. With boys and girls equally likely, what is the probability that both are girls?", "1/2 / one half / 50%", .4},
	{"A family has two children and at least one is a girl. With boys and girls equally likely, what is the probability that both are girls?", "1/3 / one third", .55},
	{"In the Monty Hall problem with three doors, what is the probability of winning the car by switching?", "2/3 / two thirds", .3},
	{"A test for a disease that 1 in 1000 have is always positive for the ill and positive for 5 percent of the healthy. What is the probability that someone positive is ill, in percent to one decimal?", "2.0 / 2.0%", .65},
	{"How many people must be in a room for the probability of a shared birthday to exceed one half, with 365 equally likely days?", "23", .4},
	{"A cube of side 3 is painted red and cut into 27 unit cubes. How many of them have exactly two red faces?", "12 / twelve", .45},
	{"A snail climbs 3 metres up a 10 metre wall every day and slides 2 metres down every night. On which day does it reach the top?", "8 / day 8 / the eighth", .45},
	{"Four people cross a bridge at night with one lamp, at most two at a time, taking 1, 2, 5 and 10 minutes alone. What is the least time for all, in minutes?", "17", .6},
	{"Two ropes each burn for exactly one hour, unevenly. Can one measure 45 minutes with them?", "yes", .4},
	{"If you walk a kilometre south, a kilometre east and a kilometre north, and are where you began, at the top of the world, where are you?", "the North Pole / North Pole", .2},
	{"A doctor gives you three pills and says to take one every half hour. How many minutes pass from the first to the last?", "60", .25},
}

func everyday() []entry { return questions("everyday", situations) }
