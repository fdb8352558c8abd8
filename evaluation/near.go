package evaluation

import (
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Texts are near duplicates where their sets of word pairs (with single words, for short texts) have a
// Jaccard similarity of at least nearJaccard. Candidates come from MinHash signatures cut into bands
// (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3): pairs at the limit
// share a band with a probability of 0.97 and are then compared in full.
const (
	nearJaccard = 0.8
	bands       = 16
	bandRows    = 4
)

// NearGroups numbers the texts so that near duplicates, and near duplicates of those, share a number: the
// index of the first of them. Texts that are in one group already are not compared, so that it takes no longer where
// many nearly say the same.
func NearGroups(texts []string) []int { return nearGroups(texts).groups }

func nearGroups(texts []string) *nearness {
	type band struct {
		number int
		hash   uint64
	}
	near := &nearness{groups: make([]int, len(texts)), shingles: make([][]uint64, len(texts))}
	buckets, spoken := map[band][][]int{}, map[string]int{}
	for i, t := range texts {
		first, repeats := spoken[t]
		if repeats {
			near.groups[i] = first
			continue
		}
		spoken[t] = i
		near.groups[i], near.shingles[i] = i, shinglesOf(t)
		for b, hash := range signature(near.shingles[i]) {
			key := band{b, hash}
			buckets[key] = near.join(buckets[key], i)
		}
	}
	for i := range near.groups {
		near.groups[i] = near.find(i)
	}
	return near
}

// nearness is which texts are known to be near.
type nearness struct {
	groups   []int // of each text, one of its group before it, or itself
	shingles [][]uint64
	compared int // pairs of texts
}

// find is the first text of a text's group.
func (n *nearness) find(i int) int {
	for n.groups[i] != i {
		n.groups[i] = n.groups[n.groups[i]]
		i = n.groups[i]
	}
	return i
}

// join adds a text to a bucket, and its group to those that are in the bucket and near to it. A bucket lists the texts
// of a group together.
func (n *nearness) join(bucket [][]int, i int) [][]int {
	mine := []int{i}
	rest := bucket[:0]
	for _, others := range bucket {
		a, c := n.find(i), n.find(others[0])
		if a != c && slices.ContainsFunc(others, func(j int) bool { return n.near(i, j) }) {
			n.groups[max(a, c)] = min(a, c)
			c = a
		}
		if a == c {
			mine = append(others, mine...)
		} else {
			rest = append(rest, others)
		}
	}
	return append(rest, mine)
}

// near compares two texts.
func (n *nearness) near(i, j int) bool {
	n.compared++
	return jaccard(n.shingles[i], n.shingles[j]) >= nearJaccard
}

// shinglesOf is the sorted set of hashed words and word pairs.
func shinglesOf(text string) []uint64 {
	words := wordsOf(text)
	out := make([]uint64, 0, 2*len(words))
	for i, w := range words {
		out = append(out, hashed(w))
		if i > 0 {
			out = append(out, hashed(words[i-1]+" "+w))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// wordsOf are a text's words whatever form Unicode spells them in: in small letters, without accents, and without what
// can't be seen. Where a script puts no blanks between words each of its letters is one.
func wordsOf(text string) (words []string) {
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.In(r, unspaced...):
			end()
			words = append(words, string(r))
		case unicode.IsLetter(r), unicode.IsDigit(r):
			word.WriteRune(unicode.ToLower(r))
		case unicode.In(r, unicode.Mn, unicode.Cf):
		default:
			end()
		}
	}
	end()
	return words
}

// unspaced are the scripts that put no blanks between words.
var unspaced = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

func hashed(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return h.Sum64()
}

// signature folds the minima of the band's hash functions into one number a band.
func signature(shingles []uint64) [bands]uint64 {
	var out [bands]uint64
	for b := range out {
		for r := range bandRows {
			least := uint64(math.MaxUint64)
			for _, s := range shingles {
				least = min(least, mixed(s^mixed(uint64(b*bandRows+r+1))))
			}
			out[b] = mixed(out[b] ^ least)
		}
	}
	return out
}

// mixed is the finaliser of SplitMix64.
func mixed(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// jaccard compares two sorted sets.
func jaccard(a, b []uint64) float64 {
	both, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			both, i, j = both+1, i+1, j+1
		}
	}
	if len(a)+len(b) == both {
		return 1 // both empty
	}
	return float64(both) / float64(len(a)+len(b)-both)
}
