package main

import "slices"

var planetsOfMoons = []item{
	{"Io", "Jupiter", .2},
	{"Callisto", "Jupiter", .25},
	{"Titan", "Saturn", .15},
	{"Phobos", "Mars", .15},
	{"Triton", "Neptune", .3},
	{"Enceladus", "Saturn", .35},
	{"Miranda", "Uranus", .5},
	{"Oberon", "Uranus", .5},
	{"Iapetus", "Saturn", .5},
	{"Hyperion", "Saturn", .55},
	{"Amalthea", "Jupiter", .6},
	{"Proteus", "Neptune", .6},
	{"Nereid", "Neptune", .6},
	{"Umbriel", "Uranus", .6},
	{"Phoebe", "Saturn", .6},
	{"Himalia", "Jupiter", .75},
}

var constellationsOfStars = []item{
	{"Betelgeuse", "Orion", .15},
	{"Polaris", "Ursa Minor / Little Bear / Little Dipper", .2},
	{"Vega", "Lyra", .35},
	{"Aldebaran", "Taurus", .4},
	{"Antares", "Scorpius / Scorpio", .4},
	{"Deneb", "Cygnus", .4},
	{"Regulus", "Leo", .4},
	{"Spica", "Virgo", .4},
	{"Arcturus", "Boötes / Bootes", .45},
	{"Altair", "Aquila", .45},
	{"Mizar", "Ursa Major", .45},
	{"Capella", "Auriga", .5},
	{"Algol", "Perseus", .55},
	{"Canopus", "Carina", .65},
	{"Fomalhaut", "Piscis Austrinus", .7},
	{"Achernar", "Eridanus", .75},
	{"Alphard", "Hydra", .75},
	{"Alpheratz", "Andromeda", .65},
	{"Hamal", "Aries", .7},
}

var sky = []item{
	{"Which planet is nearest to the Sun?", "Mercury", .02},
	{"Which planet is called the red planet?", "Mars", .02},
	{"What is the largest planet of the solar system?", "Jupiter", .02},
	{"How many planets does the solar system have?", "8 / eight", .03},
	{"Which galaxy is the solar system in?", "Milky Way", .03},
	{"What was the first artificial satellite called?", "Sputnik 1 / Sputnik", .08},
	{"Which large galaxy is nearest to ours?", "Andromeda / Andromeda Galaxy / M31", .12},
	{"What is the brightest star of the night sky?", "Sirius", .12},
	{"Which planet has the hottest surface?", "Venus", .15},
	{"Which star is nearest to the Sun?", "Proxima Centauri", .2},
	{"What is the largest moon of the solar system?", "Ganymede", .25},
	{"What is the largest moon of Pluto?", "Charon", .25},
	{"What are the two moons of Mars?", "Phobos and Deimos / Deimos and Phobos", .25},
	{"Which planet lies on its side, its axis tilted by about 98 degrees?", "Uranus", .25},
	{"Which spacecraft was the first to reach interstellar space?", "Voyager 1", .25},
	{"Which spacecraft flew past Pluto in 2015?", "New Horizons", .25},
	{"How many constellations does the International Astronomical Union recognize?", "88", .3},
	{"On which planet is a day, one turn about its axis, longer than its year?", "Venus", .3},
	{"Who discovered Uranus?", "William Herschel / Herschel", .3},
	{"Who discovered Pluto?", "Clyde Tombaugh / Tombaugh", .3},
	{"What was the name of the lander that touched down on a comet in 2014?", "Philae", .35},
	{"In which year was Neptune discovered?", "1846", .45},
	{"What is the largest moon of Uranus?", "Titania", .5},
	{"Which asteroid did the spacecraft OSIRIS-REx bring a sample from?", "Bennu / 101955 Bennu", .45},
	{"Which asteroid did the spacecraft Hayabusa2 bring a sample from?", "Ryugu / 162173 Ryugu", .5},
	{"Which asteroid did the first Hayabusa spacecraft bring a sample from?", "Itokawa / 25143 Itokawa", .6},
	{"Who discovered Ceres?", "Giuseppe Piazzi / Piazzi", .55},
	{"Which was the second asteroid to be discovered, in 1802?", "Pallas / 2 Pallas", .6},
	{"What is the spectral class of the Sun?", "G2V / G2 / G", .4},
	{"What is the boundary called beyond which nothing escapes a black hole?", "event horizon", .08},
	{"Whose limit is the greatest mass of a stable white dwarf?", "Chandrasekhar / Chandrasekhar limit", .3},
	{"Which crater of the Moon has the brightest rays and lies in its southern highlands?", "Tycho", .5},
}

func astronomy() []entry {
	const d = "astronomy"
	return slices.Concat(
		fill(d, "Which planet does the moon %s orbit?", planetsOfMoons),
		fill(d, "In which constellation is the star %s?", constellationsOfStars),
		questions(d, sky),
	)
}
