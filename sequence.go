package sluice

import (
	"math/rand/v2"
	"sync"
)

const (
	// sequencePrefix is how many characters of an id tell one [Sequence] from another: 80 bits.
	sequencePrefix = 16
	// sequenceBlock is how many ids are handed out in no order. It is the square of the alphabet's size.
	sequenceBlock = 32 * 32
)

// Sequence mints ids like [NewID]'s that have their beginning in common with those before. It is for facts of which
// there are many: an index of random ids is a tree of which every insert touches another part, and that keeps a node
// of its own for every few of them; one of these ids grows at its edge, where it is full. Within a block of 1,024 the
// order is a random one, so that an id does not tell which of two facts came first (Invariant 3). It is safe for
// concurrent use; the zero value is not usable: see [NewSequence].
type Sequence struct {
	prefix string

	mu    sync.Mutex
	block uint64
	order []int // the block's places, shuffled; those before next are taken
	next  int
}

// NewSequence makes a sequence that shares no id with any other, of this process or of another.
func NewSequence() *Sequence { return &Sequence{prefix: NewID()[:sequencePrefix]} }

// Next mints an id of 26 characters of [a-z2-7].
func (s *Sequence) Next() string {
	var text [26]byte
	copy(text[:], s.prefix)
	n := s.number()
	for i := len(text) - 1; i >= sequencePrefix; i-- {
		text[i] = keyAlphabet[n%32]
		n /= 32
	}
	return string(text[:])
}

func (s *Sequence) number() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == len(s.order) {
		s.order, s.next = rand.Perm(sequenceBlock), 0
		s.block++
	}
	n := s.block*sequenceBlock + uint64(s.order[s.next])
	s.next++
	return n
}
