// Package spelling finds the word that somebody meant who typed another: a name and a list of those there are enter,
// the nearest one leaves. It knows no language.
package spelling

import "strings"

// Meant is the word of a list that typed is a slip of: it differs by case, by what stands between its parts, or by one
// letter in four. Empty: none is near.
func Meant(typed string, words []string) string {
	folded := Fold(typed)
	best, least := "", len(folded)
	for _, w := range words {
		if d := distance(folded, Fold(w)); d <= len(w)/4 && d < max(1, least) {
			best, least = w, d
		}
	}
	return best
}

// Fold makes names alike that differ in case and in what stands between their parts.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// distance is how many characters must be changed, added or dropped to turn a into b. Words longer than
// any name are far from every one.
func distance(a, b string) int {
	if len(a) > 32 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
