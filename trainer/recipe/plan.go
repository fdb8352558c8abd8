package recipe

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"sluice"
	"sluice/evaluation"
	"sluice/gemma/learn"
	"sluice/trainer/dataset"
)

// Shares of rows that are kept aside for choice and calibration.
const (
	validationShare = 0.15
	validationMost  = 400
)

// divide keeps a slice of the rows aside: those of each policy whose ids draw the lowest numbers, so that
// adding rows moves few. Rows that nearly say the same draw the same number, and those of one policy stay together: a
// slice that repeats what was learnt would choose the weights that know it by heart, and believe them.
func divide(rows []dataset.Row, policies []sluice.PolicySpec, seed uint64) (train, aside []dataset.Row, err error) {
	if len(rows) < sluice.FewestTrainExamples {
		return nil, nil, fmt.Errorf("train: %d rows, want at least %d", len(rows), sluice.FewestTrainExamples)
	}
	share := min(validationShare, validationMost/float64(len(rows)))
	draws := drawn(rows, seed)
	present := 0
	for _, p := range policies {
		var own []dataset.Row
		for _, r := range rows {
			if r.Policy == p.Name {
				own = append(own, r)
			}
		}
		slices.SortStableFunc(own, func(a, b dataset.Row) int { return cmp.Compare(draws[a.ID], draws[b.ID]) })
		n := whole(own, draws, int(math.Round(share*float64(len(own)))))
		aside, train = append(aside, own[:n]...), append(train, own[n:]...)
		if len(own) > 1 {
			present++
		}
	}
	if len(train)+len(aside) != len(rows) {
		return nil, nil, fmt.Errorf("train: %d rows have a policy that is not configured", len(rows)-len(train)-len(aside))
	}
	if present < 2 {
		return nil, nil, fmt.Errorf("train: all rows have one policy: there is nothing to tell apart")
	}
	return train, aside, nil
}

// whole is the number nearest to n, and within half of it, of rows that can be taken off sorted ones without parting
// some that have one draw; n where there is none.
func whole(own []dataset.Row, draws map[string]uint64, n int) int {
	for off := range (n+1)/2 + 1 {
		for _, at := range []int{n - off, n + off} {
			if at > 0 && at < len(own) && draws[own[at-1].ID] != draws[own[at].ID] {
				return at
			}
		}
	}
	return n
}

// drawn are the numbers of rows by their ids: of those that nearly say the same, the first one's.
func drawn(rows []dataset.Row, seed uint64) map[string]uint64 {
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = r.Text
	}
	draws := make(map[string]uint64, len(rows))
	for i, first := range evaluation.NearGroups(texts) {
		draws[rows[i].ID] = draw(rows[first].ID, seed)
	}
	return draws
}

// draw is a number of an id and a seed.
func draw(id string, seed uint64) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d\x00%s", seed, id) // a hash takes everything
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

// sample lists an epoch's rows: as many as there are, each policy as often as the balance wants, every row of a
// policy once before any comes twice.
func (s start) sample(rows []dataset.Row, policies []sluice.PolicySpec, seed uint64) []int {
	rng := rand.New(rand.NewPCG(seed, 0x73616d706c65))
	own := make([][]int, len(policies))
	for i, r := range rows {
		p := index(policies, r.Policy)
		own[p] = append(own[p], i)
	}
	weight := func(o []int) float64 {
		if len(o) == 0 {
			return 0
		}
		return math.Pow(float64(len(o)), 1-s.balance)
	}
	total := 0.0
	for _, o := range own {
		total += weight(o)
	}
	var out []int
	for _, o := range own {
		want := int(math.Round(float64(len(rows)) * weight(o) / total))
		for len(o) > 0 && want > 0 {
			rng.Shuffle(len(o), func(a, b int) { o[a], o[b] = o[b], o[a] })
			n := min(want, len(o))
			out, want = append(out, o[:n]...), want-n
		}
	}
	return out
}

// query is a row's tokens, of which an epoch leaves some out: a model that can't rely on any one word
// learns from more of them.
func (s start) query(r dataset.Row, seed uint64) []int {
	tokens, _ := s.layout.Query(r.Text)
	if s.drop == 0 || len(tokens) < 3 {
		return tokens
	}
	rng := rand.New(rand.NewPCG(draw(r.ID, seed), 0x64726f70))
	kept := make([]int, 0, len(tokens))
	for _, id := range tokens {
		if rng.Float64() >= s.drop {
			kept = append(kept, id)
		}
	}
	return kept
}

// example is a prompt with a completion; an empty reasoning is the fast form.
func (s start) example(query []int, reasoning string, policy sluice.Policy) learn.Example {
	prompt := s.layout.Prompt(query)
	return learn.Example{Tokens: append(prompt, s.layout.Completion(reasoning, policy)...), From: len(prompt)}
}

// reasons says whether a row is also learnt with its reasoning in an epoch.
func (s start) reasons(r dataset.Row, seed uint64) bool {
	return r.Described() && s.reasonEvery > 0 && draw(r.ID, seed)%uint64(s.reasonEvery) == 0
}

// sftEpoch lists the batches of an epoch.
func (s start) sftEpoch(rows []dataset.Row, policies []sluice.PolicySpec, seed uint64) ([]learn.Batch, error) {
	var examples []learn.Example
	for _, i := range s.sample(rows, policies, seed) {
		r := rows[i]
		q := s.query(r, seed)
		examples = append(examples, s.example(q, "", r.Policy))
		if s.reasons(r, seed) {
			examples = append(examples, s.example(q, r.Reasoning(), r.Policy))
		}
	}
	var batches []learn.Batch
	for chosen := range learn.Batches(examples, s.rows, seed) {
		b, err := learn.NewBatch(pick(examples, chosen), s.rows)
		if err != nil {
			return nil, err
		}
		batches = append(batches, b)
	}
	return batches, nil
}

// dpoEpoch lists the batches of pairs; their references are left open.
func (s start) dpoEpoch(rows []dataset.Row, policies []sluice.PolicySpec, seed uint64) ([]learn.Pairs, error) {
	var chosen, rejected []learn.Example
	for _, i := range s.sample(rows, policies, seed) {
		r := rows[i]
		q, wrong := s.query(r, seed), dataset.Wrong(r, policies)
		chosen = append(chosen, s.example(q, "", r.Policy))
		rejected = append(rejected, s.example(q, "", wrong))
		if s.reasons(r, seed) {
			chosen = append(chosen, s.example(q, r.Reasoning(), r.Policy))
			rejected = append(rejected, s.example(q, r.Rejected(wrong), wrong))
		}
	}
	var pairs []learn.Pairs
	for batch := range learn.Batches(chosen, s.rows/2, seed) {
		p, err := learn.NewPairs(pick(chosen, batch), pick(rejected, batch), s.rows)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

func pick(all []learn.Example, indices []int) []learn.Example {
	out := make([]learn.Example, len(indices))
	for i, j := range indices {
		out[i] = all[j]
	}
	return out
}
