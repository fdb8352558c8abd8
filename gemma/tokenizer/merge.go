package tokenizer

import (
	"container/heap"
	"unicode/utf8"
)

// span is a part of the text being merged; parts form a list by index.
type span struct {
	from, to    int
	left, right int // neighbours; -1 is none
}

// candidate is a pair of neighbours that may merge. It is stale when either has changed since.
type candidate struct {
	rank        float64
	left, right int
	size        int // of both together, when it was found
}

// candidates is a heap: lowest rank first, then leftmost.
type candidates []candidate

func (c candidates) Len() int { return len(c) }
func (c candidates) Less(i, j int) bool {
	if c[i].rank != c[j].rank {
		return c[i].rank < c[j].rank
	}
	return c[i].left < c[j].left
}
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *candidates) Push(x any)   { *c = append(*c, x.(candidate)) }
func (c *candidates) Pop() any {
	old := *c
	last := old[len(old)-1]
	*c = old[:len(old)-1]
	return last
}

// characters are the spans that merging begins with: those of single characters, or bytes where the text is no UTF-8.
func characters(text string) (spans []span) {
	for at := 0; at < len(text); {
		_, size := utf8.DecodeRuneInString(text[at:])
		n := len(spans)
		spans = append(spans, span{at, at + size, n - 1, n + 1})
		at += size
	}
	if n := len(spans); n > 0 {
		spans[n-1].right = -1
	}
	return spans
}

// merge applies byte-pair encoding to a text: starting from [characters], the pair of
// neighbours with the lowest rank becomes one, leftmost first, until no pair has a rank. The
// time grows as n·log n with the length.
func (t *Tokenizer) merge(text string) []string {
	spans := characters(text)
	if len(spans) == 0 {
		return nil
	}
	queue := &candidates{}
	offer := func(left int) {
		if left < 0 || spans[left].right < 0 {
			return
		}
		l, r := spans[left], spans[spans[left].right]
		if rank, ok := t.merges(text[l.from:l.to], text[r.from:r.to]); ok {
			heap.Push(queue, candidate{rank, left, l.right, r.to - l.from})
		}
	}
	for i := range spans {
		offer(i)
	}
	for queue.Len() > 0 {
		c := heap.Pop(queue).(candidate)
		l, r := &spans[c.left], &spans[c.right]
		if l.right != c.right || r.to-l.from != c.size || l.from == l.to {
			continue
		}
		l.to, l.right = r.to, r.right
		if r.right >= 0 {
			spans[r.right].left = c.left
		}
		r.from, r.right = r.to, -1 // swallowed
		offer(l.left)
		offer(c.left)
	}
	var parts []string
	for i := 0; i >= 0; i = spans[i].right {
		parts = append(parts, text[spans[i].from:spans[i].to])
	}
	return parts
}
