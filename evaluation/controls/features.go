package controls

import (
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"

	"sluice/evaluation"
)

// feature is one entry of a sparse vector.
type feature struct {
	index  uint32
	weight float32
}

// hashBits is the width of the hashed feature space.
const hashBits = 18

// tokens splits a text into lower-case words and numbers (as "<num>").
func tokens(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	for i, w := range words {
		if strings.IndexFunc(w, func(r rune) bool { return !unicode.IsDigit(r) }) < 0 {
			words[i] = "<num>"
		}
	}
	return words
}

// grams lists the hashed n-grams of a text: words, pairs of words, character trigrams to pentagrams
// within words if chars, and the bucket of its length.
func grams(text string, chars bool) []uint32 {
	words := tokens(text)
	out := make([]uint32, 0, 8*len(words))
	add := func(kind, s string) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(kind))
		_, _ = h.Write([]byte(s))
		out = append(out, h.Sum32()&(1<<hashBits-1))
	}
	for i, w := range words {
		add("w", w)
		if i > 0 {
			add("b", words[i-1]+" "+w)
		}
		if !chars {
			continue
		}
		padded := "^" + w + "$"
		for n := 3; n <= 5; n++ {
			for j := 0; j+n <= len(padded); j++ {
				add("c", padded[j:j+n])
			}
		}
	}
	add("len", string(rune('a'+min(25, int(2*math.Log2(float64(1+len(words))))))))
	return out
}

// vectorizer weighs n-grams by inverse document frequency; vectors have unit length.
type vectorizer struct {
	chars bool
	idf   []float32
}

// fitVectorizer learns document frequencies from the training texts alone.
func fitVectorizer(train []evaluation.Sample, chars bool) *vectorizer {
	df := make([]int, 1<<hashBits)
	for _, s := range train {
		seen := map[uint32]bool{}
		for _, g := range grams(s.Text, chars) {
			if !seen[g] {
				seen[g] = true
				df[g]++
			}
		}
	}
	v := &vectorizer{chars: chars, idf: make([]float32, 1<<hashBits)}
	for i, n := range df {
		if n > 1 { // a gram of one document says nothing of another
			v.idf[i] = float32(math.Log(float64(1+len(train))/float64(1+n)) + 1)
		}
	}
	return v
}

// vector is the text's sparse unit vector, sorted by index.
func (v *vectorizer) vector(text string) []feature {
	counts := map[uint32]float64{}
	for _, g := range grams(text, v.chars) {
		if v.idf[g] > 0 {
			counts[g]++
		}
	}
	out := make([]feature, 0, len(counts))
	norm := 0.0
	for _, g := range slices.Sorted(maps.Keys(counts)) { // in one order, so that the sum is the same to the bit
		w := (1 + math.Log(counts[g])) * float64(v.idf[g])
		norm += w * w
		out = append(out, feature{g, float32(w)})
	}
	if norm > 0 {
		scale := float32(1 / math.Sqrt(norm))
		for i := range out {
			out[i].weight *= scale
		}
	}
	return out
}

// prior is the share of training samples that escalating pays for, kept off 0 and 1.
func prior(train []evaluation.Sample) float64 {
	n := 0.0
	for _, s := range train {
		if s.Escalate() {
			n++
		}
	}
	return (n + 0.5) / (float64(len(train)) + 1)
}
