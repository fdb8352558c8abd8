package evaluation

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"

	"sluice"
)

// Leaks is what of the training samples must not be learnt from, since the test split holds it too.
type Leaks struct {
	// SameID and SameText count training samples whose id or wording is in the test split, NearText those
	// that nearly say what a test sample says.
	SameID   int `json:"same_id"`
	SameText int `json:"same_text"`
	NearText int `json:"near_text"`
}

// Any says whether something leaks.
func (l Leaks) Any() bool { return l != Leaks{} }

// WithoutLeaks returns the training samples that share neither id nor wording, nearly the same wording
// included, with a test sample, and counts the others.
func WithoutLeaks(train, test []Sample) ([]Sample, Leaks) {
	ids, contents := map[string]bool{}, map[string]bool{}
	texts := make([]string, 0, len(test)+len(train))
	for _, s := range test {
		ids[s.ID], contents[sluice.ContentHash(s.Text)] = true, true
		texts = append(texts, s.Text)
	}
	for _, s := range train {
		texts = append(texts, s.Text)
	}
	groups := NearGroups(texts) // a group's number is its first text's: below len(test) where a test sample is in it
	var kept []Sample
	var leaks Leaks
	for i, s := range train {
		switch {
		case s.ID != "" && ids[s.ID]:
			leaks.SameID++
		case contents[sluice.ContentHash(s.Text)]:
			leaks.SameText++
		case groups[len(test)+i] < len(test):
			leaks.NearText++
		default:
			kept = append(kept, s)
		}
	}
	return kept, leaks
}

// Plan says how samples are divided into what is learnt from and what is scored.
type Plan struct {
	// Folds is the number of parts; each is scored by routers that were fitted on the others.
	Folds int
	// Holdout scores the first part alone: one fixed split.
	Holdout bool
	// MaxTrain bounds the training rows of a fit; they are drawn, not the first ones. 0: all.
	MaxTrain int
	// Seed cuts the folds and draws the training rows.
	Seed uint64
}

// String says it in words.
func (p Plan) String() string {
	s := fmt.Sprintf("%d folds by content; each row is scored by routers that never saw it", p.Folds)
	if p.Holdout {
		s = fmt.Sprintf("one part of %d by content held out; every router is fitted on the others", p.Folds)
	}
	if p.MaxTrain > 0 {
		s += fmt.Sprintf("; at most %d training rows, drawn", p.MaxTrain)
	}
	return s
}

// Cut is the samples with the fold of each. Texts that say nearly the same share a fold, so that none is
// learnt from while its double is scored.
type Cut struct {
	plan  Plan
	folds []int
	// Moved counts the samples that a near duplicate took along to its fold.
	Moved int
}

// Cut divides the samples. It fails where a part would be empty.
func (p Plan) Cut(samples []Sample) (*Cut, error) {
	if p.Folds < 2 {
		return nil, fmt.Errorf("%d folds: want at least 2", p.Folds)
	}
	texts := make([]string, len(samples))
	for i, s := range samples {
		texts[i] = s.Text
	}
	c := &Cut{plan: p, folds: make([]int, len(samples))}
	sizes := make([]int, p.Folds)
	for i, first := range NearGroups(texts) {
		c.folds[i] = Fold(texts[first], p.Seed, p.Folds)
		if c.folds[i] != Fold(texts[i], p.Seed, p.Folds) {
			c.Moved++
		}
		sizes[c.folds[i]]++
	}
	if i := slices.Index(sizes, 0); i >= 0 {
		return nil, fmt.Errorf("fold %d of %d is empty: %d samples are too few", i+1, p.Folds, len(samples))
	}
	return c, nil
}

// Scored lists the samples that are scored: all, or the held-out part.
func (c *Cut) Scored(samples []Sample) []Sample {
	if !c.plan.Holdout {
		return samples
	}
	var out []Sample
	for i, s := range samples {
		if c.folds[i] == 0 {
			out = append(out, s)
		}
	}
	return out
}

// OperatingShare is that of the samples that routers learn from: all where each is learnt from and scored in turns, and
// of one fixed split those that are not scored.
func (c *Cut) OperatingShare(samples []Sample) float64 {
	if c.plan.Holdout {
		samples = c.train(samples, 0)
	}
	return OperatingShare(samples)
}

// rounds is how many folds are scored.
func (c *Cut) rounds() int {
	if c.plan.Holdout {
		return 1
	}
	return c.plan.Folds
}

// train draws the training rows of a fold: the MaxTrain with the least hash of seed and content.
func (c *Cut) train(samples []Sample, fold int) []Sample {
	type drawn struct {
		s    Sample
		draw uint64
	}
	var rows []drawn
	for i, s := range samples {
		if c.folds[i] != fold {
			rows = append(rows, drawn{s, contentDraw("train", s.Text, c.plan.Seed)})
		}
	}
	if n := c.plan.MaxTrain; n > 0 && n < len(rows) {
		slices.SortFunc(rows, func(a, b drawn) int { return cmp.Compare(a.draw, b.draw) })
		rows = rows[:n]
	}
	out := make([]Sample, len(rows))
	for i, r := range rows {
		out[i] = r.s
	}
	return out
}

// Fold draws a sample's fold from its content and the seed, so that repeated texts share a fold.
func Fold(text string, seed uint64, folds int) int {
	return int((contentDraw("", text, seed) >> 7) % uint64(folds))
}

// contentDraw is a number drawn from content and seed.
func contentDraw(what, text string, seed uint64) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s%d\x00%s", what, seed, sluice.NormalizeText(text))
	return h.Sum64()
}
