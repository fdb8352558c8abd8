package main

import (
	"fmt"
	"math/big"
	"slices"
)

var siUnits = []item{
	{"force", "newton", .06},
	{"energy", "joule", .06},
	{"power", "watt", .06},
	{"frequency", "hertz", .06},
	{"pressure", "pascal", .1},
	{"electrical resistance", "ohm", .08},
	{"electrical capacitance", "farad", .2},
	{"inductance", "henry", .3},
	{"radioactive activity", "becquerel", .35},
	{"magnetic flux density", "tesla", .35},
	{"electrical conductance", "siemens", .4},
	{"luminous flux", "lumen", .4},
	{"illuminance", "lux", .4},
	{"equivalent dose of radiation", "sievert", .4},
	{"absorbed dose of radiation", "gray", .45},
	{"magnetic flux", "weber", .45},
	{"catalytic activity", "katal", .7},
}

var prefixes = []item{
	{"3", "kilo", .03},
	{"-3", "milli", .04},
	{"9", "giga", .08},
	{"-9", "nano", .1},
	{"12", "tera", .12},
	{"15", "peta", .25},
	{"-12", "pico", .25},
	{"-15", "femto", .35},
	{"-18", "atto", .45},
	{"21", "zetta", .4},
	{"24", "yotta", .4},
	{"-24", "yocto", .5},
	{"27", "ronna", .7},
	{"30", "quetta", .7},
	{"-27", "ronto", .8},
	{"-30", "quecto", .8},
}

// conversion is an amount of one unit in another: amount times numerator over denominator.
type conversion struct {
	amount, from, to       string
	numerator, denominator int64
	difficulty             float64
}

var conversions = []conversion{
	{"3", "kilometres", "metres", 1000, 1, .02},
	{"250", "centimetres", "metres", 1, 100, .03},
	{"2", "hours", "seconds", 3600, 1, .06},
	{"5", "feet", "inches", 12, 1, .05},
	{"3", "days", "minutes", 1440, 1, .1},
	{"12", "inches", "centimetres", 254, 100, .12},
	{"2.5", "litres", "millilitres", 1000, 1, .03},
	{"3", "miles", "feet", 5280, 1, .15},
	{"100", "yards", "metres", 9144, 10000, .25},
	{"6", "acres", "square metres", 40468564224, 10000000, .6},
	{"1", "nautical mile", "metres", 1852, 1, .2},
	{"7", "pounds", "grams", 45359237, 100000, .45},
	{"90", "kilometres per hour", "metres per second", 5, 18, .2},
	{"4", "fortnights", "hours", 336, 1, .3},
	{"5", "furlongs", "yards", 220, 1, .4},
	{"3", "hectares", "square metres", 10000, 1, .15},
	{"8", "stone", "pounds avoirdupois", 14, 1, .25},
	{"2", "gibibytes", "mebibytes", 1024, 1, .2},
	{"4", "imperial gallons", "litres", 454609, 100000, .6},
	{"17", "fathoms", "feet", 6, 1, .4},
	{"3", "chains", "links", 100, 1, .65},
	{"11", "US gallons", "cubic inches", 231, 1, .7},
	{"6", "troy ounces", "grains", 480, 1, .75},
}

// temperatures are whole degrees Celsius; the answers are exact in Fahrenheit.
var temperatures = []struct {
	celsius    int64
	difficulty float64
}{{0, .04}, {100, .06}, {20, .12}, {-40, .15}, {37, .2}, {235, .35}, {-183, .45}}

// decimal writes a rational whose denominator divides a power of ten, without zeros at its end.
func decimal(r *big.Rat) string {
	for places := range 20 {
		s := r.FloatString(places)
		if back, ok := new(big.Rat).SetString(s); ok && back.Cmp(r) == 0 {
			return s
		}
	}
	panic("generate: " + r.String() + " has no finite decimal expansion")
}

func (c conversion) answer() string {
	amount, ok := new(big.Rat).SetString(c.amount)
	if !ok {
		panic("generate: amount " + c.amount)
	}
	result := amount.Mul(amount, big.NewRat(c.numerator, c.denominator))
	if result.IsInt() {
		return grouped(result.Num().Int64())
	}
	return decimal(result)
}

func units() []entry {
	const d = "units"
	entries := slices.Concat(
		fill(d, "What is the SI unit of %s called?", siUnits),
		fill(d, "Which metric prefix stands for 10 to the power %s?", prefixes),
	)
	for _, c := range conversions {
		q := fmt.Sprintf("How many %s are %s %s, exactly?", c.to, c.amount, c.from)
		entries = append(entries, ask(d, c.difficulty, q, c.answer()))
	}
	for _, t := range temperatures {
		q := fmt.Sprintf("How many degrees Fahrenheit are %d degrees Celsius?", t.celsius)
		entries = append(entries, ask(d, t.difficulty, q, decimal(big.NewRat(t.celsius*9+160, 5))))
	}
	return entries
}
