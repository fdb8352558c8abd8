package sluice_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice"
)

func TestASequenceNeverRepeatsAnIDWhoeverAsks(t *testing.T) {
	const each, askers = 5000, 4
	a, b := sluice.NewSequence(), sluice.NewSequence()
	ids := make([][]string, askers)
	var asking sync.WaitGroup
	for i := range ids {
		asking.Go(func() {
			for range each {
				ids[i] = append(ids[i], a.Next(), b.Next())
			}
		})
	}
	asking.Wait()
	seen := map[string]bool{}
	for _, id := range slices.Concat(ids...) {
		if seen[id] {
			t.Fatalf("%s came twice", id)
		}
		seen[id] = true
		if len(id) != 26 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Fatalf("%q is no id of 26 characters of [a-z2-7]", id)
		}
	}
	if len(seen) != 2*each*askers {
		t.Errorf("%d ids, want %d", len(seen), 2*each*askers)
	}
}

// The ids of a block have all but their end in common, and that end does not tell which came first (Invariant 3).
func TestIDsOfABlockAreNeighboursInNoOrder(t *testing.T) {
	s := sluice.NewSequence()
	ids := make([]string, 1024)
	for i := range ids {
		ids[i] = s.Next()
	}
	later := 0
	for i, id := range ids {
		if id[:24] != ids[0][:24] {
			t.Fatalf("%s is no neighbour of %s", id, ids[0])
		}
		if i > 0 && id > ids[i-1] {
			later++
		}
	}
	if next := s.Next(); next[:24] == ids[0][:24] || next[:16] != ids[0][:16] {
		t.Errorf("%s is in the block of %s, or of another sequence", next, ids[0])
	}
	if later < 400 || later > 624 { // 511.5, and a standard deviation of 9
		t.Errorf("%d of 1,023 ids are above the one before: they tell the order", later)
	}
}
