package main

import "slices"

var authors = []item{
	{"Romeo and Juliet", "William Shakespeare / Shakespeare", .02},
	{"Don Quixote", "Miguel de Cervantes / Cervantes", .06},
	{"War and Peace", "Leo Tolstoy / Tolstoy", .06},
	{"Pride and Prejudice", "Jane Austen / Austen", .05},
	{"Crime and Punishment", "Fyodor Dostoevsky / Dostoevsky / Dostoyevsky", .08},
	{"The Metamorphosis", "Franz Kafka / Kafka", .1},
	{"One Hundred Years of Solitude", "Gabriel García Márquez / García Márquez / Gabriel Garcia Marquez", .15},
	{"Frankenstein", "Mary Shelley / Shelley", .1},
	{"Les Misérables", "Victor Hugo / Hugo", .1},
	{"The Magic Mountain", "Thomas Mann", .3},
	{"Dead Souls", "Nikolai Gogol / Gogol", .35},
	{"Things Fall Apart", "Chinua Achebe / Achebe", .25},
	{"The Tale of Genji", "Murasaki Shikibu / Murasaki", .35},
	{"The Good Soldier Švejk", "Jaroslav Hašek / Jaroslav Hasek / Hašek", .45},
	{"The Man Without Qualities", "Robert Musil / Musil", .5},
	{"Quo Vadis", "Henryk Sienkiewicz / Sienkiewicz", .45},
	{"Snow Country", "Yasunari Kawabata / Kawabata", .55},
	{"The Lusiads", "Luís de Camões / Luis de Camoes / Camões / Camoens", .5},
	{"Independent People", "Halldór Laxness / Halldor Laxness / Laxness", .65},
	{"Pan Tadeusz", "Adam Mickiewicz / Mickiewicz", .55},
	{"Kristin Lavransdatter", "Sigrid Undset / Undset", .6},
	{"The Bridge on the Drina", "Ivo Andrić / Ivo Andric / Andrić", .55},
}

var painters = []item{
	{"the Mona Lisa", "Leonardo da Vinci / Leonardo", .02},
	{"The Starry Night", "Vincent van Gogh / Van Gogh", .03},
	{"Guernica", "Pablo Picasso / Picasso", .04},
	{"The Night Watch", "Rembrandt / Rembrandt van Rijn", .08},
	{"Girl with a Pearl Earring", "Johannes Vermeer / Vermeer", .08},
	{"The Birth of Venus", "Sandro Botticelli / Botticelli", .12},
	{"The Scream", "Edvard Munch / Munch", .06},
	{"The Garden of Earthly Delights", "Hieronymus Bosch / Bosch", .2},
	{"Las Meninas", "Diego Velázquez / Velázquez / Velazquez", .2},
	{"The Raft of the Medusa", "Théodore Géricault / Géricault / Gericault", .35},
	{"Liberty Leading the People", "Eugène Delacroix / Delacroix", .3},
	{"Wanderer above the Sea of Fog", "Caspar David Friedrich", .3},
	{"the Isenheim Altarpiece", "Matthias Grünewald / Grünewald / Grunewald", .55},
	{"A Sunday Afternoon on the Island of La Grande Jatte", "Georges Seurat / Seurat", .35},
	{"The Ambassadors, with a distorted skull", "Hans Holbein the Younger / Holbein", .4},
}

var composers = []item{
	{"the opera The Magic Flute", "Wolfgang Amadeus Mozart / Mozart", .06},
	{"The Four Seasons", "Antonio Vivaldi / Vivaldi", .06},
	{"the Brandenburg Concertos", "Johann Sebastian Bach / J. S. Bach / Bach", .15},
	{"the opera Carmen", "Georges Bizet / Bizet", .15},
	{"the ballet The Rite of Spring", "Igor Stravinsky / Stravinsky", .2},
	{"the opera Aida", "Giuseppe Verdi / Verdi", .12},
	{"the oratorio Messiah", "George Frideric Handel / Handel", .12},
	{"the cycle of symphonic poems Má vlast", "Bedřich Smetana / Bedrich Smetana / Smetana", .4},
	{"the opera Jenůfa", "Leoš Janáček / Leos Janacek / Janáček", .5},
	{"the opera Boris Godunov", "Modest Mussorgsky / Mussorgsky", .4},
	{"the suite The Planets", "Gustav Holst / Holst", .25},
	{"the opera Wozzeck", "Alban Berg / Berg", .45},
	{"the Turangalîla-Symphonie", "Olivier Messiaen / Messiaen", .6},
	{"the opera Bluebeard's Castle", "Béla Bartók / Bela Bartok / Bartók", .5},
}

var artsFacts = []item{
	{"How many strings does a violin have?", "4 / four", .04},
	{"How many keys does a standard modern piano have?", "88", .1},
	{"How many lines does a sonnet have?", "14 / fourteen", .12},
	{"How many syllables does a traditional haiku have?", "17 / seventeen", .1},
	{"In which city is the Uffizi Gallery?", "Florence / Firenze", .15},
	{"In which city is the Prado museum?", "Madrid", .12},
	{"Which architect designed the Sagrada Família in Barcelona, from 1883 on?", "Antoni Gaudí / Gaudí / Gaudi", .1},
	{"Which architect designed the Sydney Opera House?", "Jørn Utzon / Jorn Utzon / Utzon", .35},
	{"Which architect designed the house called Fallingwater?", "Frank Lloyd Wright / Wright", .25},
	{"What is the name of Don Quixote's horse?", "Rocinante / Rozinante", .3},
	{"What is the name of Odysseus's wife in the Odyssey?", "Penelope", .2},
	{"What is the name of the dog of Odysseus in the Odyssey?", "Argos / Argus", .5},
	{"Which poet guides Dante through Hell in the Divine Comedy?", "Virgil / Vergil", .25},
	{"How many symphonies did Beethoven complete?", "9 / nine", .15},
	{"Which ancient Greek playwright wrote Oedipus Rex?", "Sophocles", .2},
	{"Who wrote the ancient Greek comedy Lysistrata?", "Aristophanes", .35},
	{"In which key is Beethoven's Fifth Symphony?", "C minor", .3},
	{"What is Shakespeare's longest play by number of lines?", "Hamlet", .35},
}

func arts() []entry {
	const d = "arts"
	return slices.Concat(
		fill(d, "Who wrote %s?", authors),
		fill(d, "Who painted %s?", painters),
		fill(d, "Who composed %s?", composers),
		questions(d, artsFacts),
	)
}
