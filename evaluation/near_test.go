package evaluation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// nearByPairs is NearGroups with every pair of texts compared that shares a band.
func nearByPairs(texts []string) []int {
	n := &nearness{groups: make([]int, len(texts)), shingles: make([][]uint64, len(texts))}
	bands := make([][bands]uint64, len(texts))
	for i, t := range texts {
		n.groups[i], n.shingles[i] = i, shinglesOf(t)
		bands[i] = signature(n.shingles[i])
		for j := range i {
			shared := false
			for b := range bands[i] {
				shared = shared || bands[i][b] == bands[j][b]
			}
			if a, c := n.find(i), n.find(j); shared && n.near(i, j) {
				n.groups[max(a, c)] = min(a, c)
			}
		}
	}
	for i := range n.groups {
		n.groups[i] = n.find(i)
	}
	return n.groups
}

func TestTextsAreGroupedAsIfEachPairWereCompared(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	texts := make([]string, 600)
	for i := range texts {
		words := make([]string, 6+rng.IntN(6))
		for j := range words { // few words, so that many texts are at the limit
			words[j] = fmt.Sprintf("w%d", (j*7+rng.IntN(2))%17)
		}
		texts[i] = strings.Join(words, " ")
	}
	got, want := NearGroups(texts), nearByPairs(texts)
	if !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	slices.Sort(got)
	if n := len(slices.Compact(got)); n < 20 || n > 580 {
		t.Errorf("%d groups: the texts put nothing to the test", n)
	}
}

func TestManyTextsThatSayTheSameAreComparedOnceEach(t *testing.T) {
	long := strings.Repeat("the quick brown fox jumps over the lazy dog ", 3) + "while seven wizards vex a jolly old king in the far away country of number "
	equal, nearly := make([]string, 20_000), make([]string, 20_000)
	for i := range equal {
		equal[i], nearly[i] = long, fmt.Sprintf("%s %d", long, i)
	}
	for name, texts := range map[string][]string{"equal": equal, "nearly equal": nearly} {
		near := nearGroups(texts)
		for i, g := range near.groups {
			if g != 0 {
				t.Fatalf("%s: text %d is in group %d", name, i, g)
			}
		}
		if near.compared > 2*len(texts) {
			t.Errorf("%s: %d pairs of %d texts are compared", name, near.compared, len(texts))
		}
	}
}
