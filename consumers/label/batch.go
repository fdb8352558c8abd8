package label

import (
	"context"
	"maps"

	"sluice"
	"sluice/streams"
)

// given is a verdict and its place in VERDICTS.
type given struct {
	verdict  sluice.Verdict
	data     []byte
	sequence uint64
	// own and other are the subjects of its arm and of the other one.
	own, other string
}

// batch is the verdicts that are joined together.
type batch struct {
	given map[int]given
	// order lists the places of given in the batch, ascending.
	order []int
	// stored is where every verdict that was found stands, by subject: those of the batch itself, then
	// those that were read.
	stored map[string]streams.Stored
	// youngest is the verdict of the highest sequence.
	youngest given
}

func newBatch(n int) *batch {
	return &batch{given: make(map[int]given, n), order: make([]int, 0, n), stored: make(map[string]streams.Stored, 2*n)}
}

func (b *batch) add(i int, g given) {
	b.given[i] = g
	b.order = append(b.order, i)
	b.stored[g.own] = streams.Stored{Subject: g.own, Sequence: g.sequence, Data: g.data}
	if g.sequence >= b.youngest.sequence {
		b.youngest = g
	}
}

// meet reads the other arms that are not in the batch, all in one request that must have seen the
// youngest verdict of the batch (rule 2).
func (b *batch) meet(ctx context.Context, v Verdicts) error {
	var missing []string
	for _, i := range b.order {
		if other := b.given[i].other; b.stored[other].Subject == "" {
			missing = append(missing, other)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := v.GetAsOf(ctx, streams.StreamVerdicts, missing, b.youngest.own, b.youngest.sequence)
	if err != nil {
		return err
	}
	maps.Copy(b.stored, found)
	return nil
}
