package main

import "slices"

var discoverers = []item{
	{"penicillin", "Alexander Fleming / Fleming", .06},
	{"X-rays", "Wilhelm Röntgen / Röntgen / Roentgen", .12},
	{"the electron", "Joseph John Thomson / J.J. Thomson / Thomson", .2},
	{"the atomic nucleus", "Ernest Rutherford / Rutherford", .2},
	{"the circulation of the blood, in a book of 1628", "William Harvey / Harvey", .3},
	{"the neutron", "James Chadwick / Chadwick", .3},
	{"radioactivity in uranium salts in 1896", "Henri Becquerel / Becquerel", .3},
	{"the positron", "Carl Anderson / Carl David Anderson", .5},
	{"the law that relates the voltage, current and resistance of a conductor", "Georg Ohm / Georg Simon Ohm / Ohm", .1},
}

var founders = []item{
	{"the general theory of relativity", "Albert Einstein / Einstein", .03},
	{"the periodic table of 1869", "Dmitri Mendeleev / Mendeleev", .08},
	{"the three laws of planetary motion", "Johannes Kepler / Kepler", .1},
	{"the theory of continental drift in 1912", "Alfred Wegener / Wegener", .25},
	{"the first vaccination against smallpox, in 1796", "Edward Jenner / Jenner", .15},
	{"the exclusion principle of quantum mechanics", "Wolfgang Pauli / Pauli", .3},
	{"the uncertainty principle of quantum mechanics", "Werner Heisenberg / Heisenberg", .15},
	{"the laws of inheritance from experiments with peas", "Gregor Mendel / Mendel", .1},
}

var mohs = []item{
	{"1", "talc", .2},
	{"2", "gypsum", .4},
	{"3", "calcite", .4},
	{"4", "fluorite", .45},
	{"5", "apatite", .5},
	{"6", "orthoclase / orthoclase feldspar / feldspar", .45},
	{"7", "quartz", .3},
	{"8", "topaz", .4},
	{"9", "corundum", .35},
	{"10", "diamond", .05},
}

var deficiencies = []item{
	{"scurvy", "C / vitamin C / ascorbic acid", .08},
	{"rickets", "D / vitamin D", .25},
	{"night blindness", "A / vitamin A / retinol", .25},
	{"beriberi", "B1 / vitamin B1 / thiamine", .35},
	{"pellagra", "B3 / vitamin B3 / niacin", .45},
}

var life = []item{
	{"Which gas do plants take from the air for photosynthesis?", "carbon dioxide / CO2", .03},
	{"How many legs does a spider have?", "8 / eight", .02},
	{"How many legs does an insect have?", "6 / six", .02},
	{"What is the largest animal alive?", "blue whale", .03},
	{"What is the fastest land animal?", "cheetah", .03},
	{"What is a young kangaroo called?", "joey", .05},
	{"How many chambers does the human heart have?", "4 / four", .05},
	{"Which organelle is called the powerhouse of the cell?", "mitochondrion / mitochondria", .06},
	{"What is the largest living bird?", "ostrich / common ostrich", .06},
	{"How many bones has an adult human skeleton?", "206", .08},
	{"How many chromosomes are in a normal human body cell?", "46", .08},
	{"Which organ makes insulin?", "pancreas", .08},
	{"What is the longest bone of the human body?", "femur / thigh bone", .1},
	{"What is the largest organ of the human body?", "skin", .1},
	{"How many teeth does an adult human have, wisdom teeth included?", "32", .1},
	{"Which base pairs with adenine in DNA?", "thymine", .12},
	{"Which blood group is the universal donor of red cells?", "O negative / O−", .12},
	{"How many hearts does an octopus have?", "3 / three", .15},
	{"What is the smallest bone of the human body?", "stapes / stirrup", .2},
	{"Which base takes the place of thymine in RNA?", "uracil", .2},
	{"How many amino acids does the standard genetic code encode?", "20 / twenty", .2},
	{"How many compartments does a cow's stomach have?", "4 / four", .2},
	{"How many codons does the genetic code have?", "64", .25},
	{"How many vertebrae are in the human neck?", "7 / seven", .3},
	{"What is the order of mammals that lay eggs called?", "monotremes / Monotremata", .3},
	{"How many of the 64 codons of the standard genetic code are stop codons?", "3 / three", .35},
	{"How many vertebrae are in a giraffe's neck?", "7 / seven", .4},
	{"In which part of the eye are the rods and cones?", "retina", .1},
	{"Which structure joins the two hemispheres of the brain?", "corpus callosum", .25},
	{"Which plant hormone ripens fruit and is a gas?", "ethylene / ethene", .4},
	{"What is the pigment of the blood of horseshoe crabs, which contains copper?", "hemocyanin / haemocyanin", .5},
	{"Which enzyme copies RNA into DNA in retroviruses?", "reverse transcriptase", .3},
}

var physics = []item{
	{"Which particle of the atom has a negative charge?", "electron", .04},
	{"At how many degrees Celsius does water boil at sea level?", "100", .02},
	{"What is the pH of pure water at 25 °C?", "7", .08},
	{"Which colour of visible light has the longest wavelength?", "red", .12},
	{"What is absolute zero in degrees Celsius?", "-273.15 / −273.15", .12},
	{"What is the speed of light in vacuum in metres per second, exactly?", "299792458 / 299,792,458", .2},
	{"Of how many valence quarks does a proton consist?", "3 / three", .2},
	{"Whose law says that pressure times volume of a gas is constant at constant temperature?", "Boyle / Boyle's law", .2},
	{"Whose law says that the volume of a gas is proportional to its temperature at constant pressure?", "Charles / Charles's law / Gay-Lussac", .25},
	{"What is the spin of the photon, in units of the reduced Planck constant?", "1 / one", .4},
	{"What is the spin of the Higgs boson?", "0 / zero", .45},
	{"Which quark has the greatest mass?", "top / top quark", .35},
	{"What is the electric charge of an up quark, in units of the elementary charge?", "+2/3 / 2/3", .35},
	{"At the end of which geological period did the last non-avian dinosaurs die out?", "Cretaceous", .2},
	{"Which layer of the Earth lies between the crust and the core?", "mantle", .05},
	{"What is the boundary between the crust and the mantle of the Earth called?", "Moho / Mohorovičić discontinuity / Mohorovicic discontinuity", .45},
	{"Which geological period came directly before the Silurian?", "Ordovician", .55},
	{"Which geological period came directly after the Permian?", "Triassic", .4},
	{"What is the value of the Planck constant in joule seconds, exactly, by the definition of 2019?", "6.62607015e-34 / 6.62607015×10⁻³⁴ / 6.62607015 × 10^-34", .6},
	{"Which effect, named after a Dutch physicist, splits spectral lines in a magnetic field?", "Zeeman effect / Zeeman", .45},
}

func science() []entry {
	const d = "science"
	return slices.Concat(
		fill(d, "Who discovered %s?", discoverers),
		fill(d, "To whom do we owe %s?", founders),
		fill(d, "Which mineral defines hardness %s on the Mohs scale?", mohs),
		fill(d, "The lack of which vitamin causes %s?", deficiencies),
		questions(d, life),
		questions(d, physics),
	)
}
