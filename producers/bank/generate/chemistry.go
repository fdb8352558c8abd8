package main

import "slices"

var symbols = []item{
	{"gold", "Au", .04},
	{"iron", "Fe", .05},
	{"silver", "Ag", .06},
	{"sodium", "Na", .08},
	{"potassium", "K", .1},
	{"lead", "Pb", .1},
	{"mercury", "Hg", .12},
	{"tin", "Sn", .15},
	{"tungsten", "W", .2},
	{"antimony", "Sb", .3},
	{"praseodymium", "Pr", .55},
	{"protactinium", "Pa", .6},
	{"dysprosium", "Dy", .55},
}

var atomicNumbers = []item{
	{"1", "hydrogen / H", .03},
	{"6", "carbon / C", .06},
	{"8", "oxygen / O", .06},
	{"26", "iron / Fe", .15},
	{"79", "gold / Au", .15},
	{"92", "uranium / U", .15},
	{"47", "silver / Ag", .25},
	{"50", "tin / Sn", .3},
	{"33", "arsenic / As", .35},
	{"74", "tungsten / W", .35},
	{"88", "radium / Ra", .45},
	{"57", "lanthanum / La", .45},
	{"68", "erbium / Er", .55},
	{"75", "rhenium / Re", .55},
	{"96", "curium / Cm", .55},
	{"101", "mendelevium / Md", .6},
	{"104", "rutherfordium / Rf", .65},
	{"109", "meitnerium / Mt", .65},
	{"111", "roentgenium / Rg", .65},
	{"118", "oganesson / Og", .5},
	{"43", "technetium / Tc", .4},
	{"61", "promethium / Pm", .55},
}

var numbersOfElements = []item{
	{"helium", "2", .05},
	{"neon", "10", .15},
	{"calcium", "20", .15},
	{"copper", "29", .25},
	{"krypton", "36", .35},
	{"iodine", "53", .4},
	{"barium", "56", .45},
	{"lead", "82", .3},
	{"thorium", "90", .45},
	{"hafnium", "72", .6},
	{"thulium", "69", .65},
	{"seaborgium", "106", .7},
	{"livermorium", "116", .7},
}

var formulas = []item{
	{"water", "H2O / H₂O", .02},
	{"table salt (sodium chloride)", "NaCl", .04},
	{"methane", "CH4 / CH₄", .1},
	{"ammonia", "NH3 / NH₃", .12},
	{"ozone", "O3 / O₃", .12},
	{"hydrogen peroxide", "H2O2 / H₂O₂", .12},
	{"sulfuric acid", "H2SO4 / H₂SO₄", .15},
	{"glucose", "C6H12O6 / C₆H₁₂O₆", .2},
	{"calcium carbonate", "CaCO3 / CaCO₃", .2},
	{"nitric acid", "HNO3 / HNO₃", .2},
	{"benzene", "C6H6 / C₆H₆", .2},
	{"baking soda (sodium bicarbonate)", "NaHCO3 / NaHCO₃", .25},
	{"sucrose", "C12H22O11 / C₁₂H₂₂O₁₁", .35},
	{"aspirin (acetylsalicylic acid)", "C9H8O4 / C₉H₈O₄", .5},
	{"caffeine", "C8H10N4O2 / C₈H₁₀N₄O₂", .5},
}

var substances = []item{
	{"What is the most abundant gas in the Earth's atmosphere?", "nitrogen / N2", .06},
	{"What is the most abundant chemical element in the universe?", "hydrogen", .06},
	{"Which metal is liquid at room temperature and was used in thermometers?", "mercury", .05},
	{"Which non-metallic element is liquid at room temperature?", "bromine", .2},
	{"What are the elements of group 1 of the periodic table called, hydrogen left out?", "alkali metals", .12},
	{"What are the elements of group 17 of the periodic table called?", "halogens", .12},
	{"What are the elements of group 18 of the periodic table called?", "noble gases", .08},
	{"How many elements does the periodic table have, up to oganesson?", "118", .12},
	{"Bronze is an alloy of copper and mainly which other metal?", "tin", .12},
	{"Brass is an alloy of copper and mainly which other metal?", "zinc", .15},
	{"What is the most abundant metal in the Earth's crust?", "aluminium / aluminum", .3},
	{"Which metal has the highest melting point?", "tungsten", .3},
	{"Which element has the highest electronegativity on Pauling's scale?", "fluorine", .25},
	{"Which element was found in the spectrum of the Sun before it was found on Earth?", "helium", .25},
	{"Which two elements did Marie and Pierre Curie discover in 1898?", "polonium and radium / radium and polonium", .3},
	{"What is the Avogadro constant per mole, exactly, by the definition of 2019?", "6.02214076e23 / 6.02214076×10²³ / 6.02214076 × 10^23", .4},
	{"Which gas turns limewater milky?", "carbon dioxide / CO2", .2},
	{"Which acid is in vinegar?", "acetic acid / ethanoic acid", .1},
	{"Which element do all organic compounds contain?", "carbon", .06},
	{"Which colour does sodium give to a flame?", "yellow / orange-yellow", .2},
	{"Which colour does potassium give to a flame?", "lilac / violet / purple", .35},
	{"What is the trivial name of methylbenzene?", "toluene", .35},
	{"Which industrial process makes ammonia from nitrogen and hydrogen?", "Haber process / Haber-Bosch process / Haber–Bosch", .2},
}

func chemistry() []entry {
	const d = "chemistry"
	return slices.Concat(
		fill(d, "What is the chemical symbol of %s?", symbols),
		fill(d, "Which chemical element has the atomic number %s?", atomicNumbers),
		fill(d, "What is the atomic number of %s?", numbersOfElements),
		fill(d, "What is the chemical formula of %s?", formulas),
		questions(d, substances),
	)
}
