package learn

import (
	"cmp"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"
)

// Example is a prompt with its completion. Only the completion is learned: Tokens[From:].
type Example struct {
	Tokens []int
	From   int // index of the first completion token, at least 1: something must predict it
}

// Batch is a set of examples padded to one width, with the positions whose next token counts. The head is
// computed at those positions only, which is most of a step for a prompt that is longer than its completion.
type Batch struct {
	Rows, Width, Slots int
	Tokens             []int32   // [Rows, Width]
	Positions          []int32   // [Rows, Slots]: the state that predicts, counted through the whole batch
	Targets            []int32   // [Rows, Slots]: what it should predict
	Weights            []float32 // [Rows, Slots]: 1, and 0 where a row has fewer completion tokens
}

// widths are the lengths that batches are padded to: few, so that few graphs are compiled.
var widths = []int{8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096, 8192}

// padded is the padded length of a row of n tokens.
func padded(n int) (int, error) {
	i, _ := slices.BinarySearch(widths, n)
	if i == len(widths) {
		return 0, fmt.Errorf("%d tokens are more than the longest bucket of %d", n, widths[i-1])
	}
	return widths[i], nil
}

// slots are the padded lengths of completions.
func slots(n int) int {
	for _, s := range []int{1, 2, 4, 8, 16, 24, 32, 48} {
		if n <= s {
			return s
		}
	}
	return (n + 31) / 32 * 32
}

// NewBatch pads examples to the smallest bucket that holds them. Rows beyond the examples are empty and
// weigh nothing, so that a last short batch reuses the graph of the others.
func NewBatch(examples []Example, rows int) (Batch, error) {
	longest, completion := 0, 0
	for i, e := range examples {
		if e.From < 1 || e.From >= len(e.Tokens) {
			return Batch{}, fmt.Errorf("example %d: completion from %d of %d tokens", i, e.From, len(e.Tokens))
		}
		longest, completion = max(longest, len(e.Tokens)), max(completion, len(e.Tokens)-e.From)
	}
	if len(examples) == 0 || len(examples) > rows {
		return Batch{}, fmt.Errorf("%d examples for a batch of %d rows", len(examples), rows)
	}
	return layOut(examples, rows, longest, completion)
}

// layOut places examples in rows; one without tokens leaves its row empty.
func layOut(examples []Example, rows, longest, completion int) (Batch, error) {
	width, err := padded(longest)
	if err != nil {
		return Batch{}, err
	}
	n := slots(completion)
	b := Batch{
		Rows: rows, Width: width, Slots: n, Tokens: make([]int32, rows*width),
		Positions: make([]int32, rows*n), Targets: make([]int32, rows*n), Weights: make([]float32, rows*n),
	}
	for r := range rows {
		for s := range n {
			b.Positions[r*n+s] = int32(r * width)
		}
	}
	for r, e := range examples {
		for t, id := range e.Tokens {
			b.Tokens[r*width+t] = int32(id)
		}
		for s, id := range e.Tokens[e.From:] { // From is 0 where Tokens is empty
			b.Positions[r*n+s] = int32(r*width + e.From + s - 1)
			b.Targets[r*n+s] = int32(id)
			b.Weights[r*n+s] = 1
		}
	}
	return b, nil
}

// Count is the number of completion tokens.
func (b Batch) Count() (n int) {
	for _, w := range b.Weights {
		if w > 0 {
			n++
		}
	}
	return n
}

// smallPart is the number of tokens below which cutting a batch costs more than it gains.
const smallPart = 128

// parts cuts a batch into at most n of equal rows. DPO keeps its pairs together by cutting both halves alike.
func (b Batch) parts(n int, pairs bool) []Batch {
	for n > 1 && (b.Rows%n != 0 || b.Rows/n*b.Width < smallPart || pairs && b.Rows/2%n != 0) {
		n--
	}
	if n <= 1 {
		return []Batch{b}
	}
	out := make([]Batch, n)
	for i := range out {
		out[i] = Batch{Rows: b.Rows / n, Width: b.Width, Slots: b.Slots}
		if !pairs {
			out[i].take(b, i*b.Rows/n, b.Rows/n)
			continue
		}
		out[i].take(b, i*b.Rows/2/n, b.Rows/2/n)
		out[i].take(b, b.Rows/2+i*b.Rows/2/n, b.Rows/2/n)
	}
	return out
}

// take appends rows of another batch.
func (b *Batch) take(from Batch, first, rows int) {
	shift := int32(len(b.Tokens) - first*b.Width)
	b.Tokens = append(b.Tokens, from.Tokens[first*b.Width:(first+rows)*b.Width]...)
	lo, hi := first*b.Slots, (first+rows)*b.Slots
	for _, p := range from.Positions[lo:hi] {
		b.Positions = append(b.Positions, p+shift)
	}
	b.Targets = append(b.Targets, from.Targets[lo:hi]...)
	b.Weights = append(b.Weights, from.Weights[lo:hi]...)
}

// check refuses ids that a gather would read out of bounds.
func (b Batch) check(vocabulary int) error {
	for _, ids := range [][]int32{b.Tokens, b.Targets} {
		for _, id := range ids {
			if id < 0 || int(id) >= vocabulary {
				return fmt.Errorf("token %d is outside the vocabulary of %d", id, vocabulary)
			}
		}
	}
	return nil
}

// tensors are the inputs of a graph, in the order that [inputs] names.
func (b Batch) tensors() []any {
	return []any{
		tensors.FromFlatDataAndDimensions(b.Tokens, b.Rows, b.Width),
		tensors.FromFlatDataAndDimensions(b.Positions, b.Rows*b.Slots, 1),
		tensors.FromFlatDataAndDimensions(b.Targets, b.Rows*b.Slots, 1),
		tensors.FromFlatDataAndDimensions(b.Weights, b.Rows, b.Slots),
	}
}

// Batches shuffles examples by the seed and yields the indices of each batch: of one length bucket, so that
// little is padding, in an order that mixes the buckets. The same seed gives the same batches.
func Batches(examples []Example, rows int, seed uint64) iter.Seq[[]int] {
	rng := rand.New(rand.NewPCG(seed, 0x6261746368))
	order := rng.Perm(len(examples))
	bucket := func(i int) int {
		b, _ := slices.BinarySearch(widths, len(examples[i].Tokens))
		return b
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(bucket(a), bucket(b)) })
	var batches [][]int
	for first, end := 0, 0; first < len(order); first = end {
		for end < len(order) && end-first < rows && bucket(order[end]) == bucket(order[first]) {
			end++
		}
		batches = append(batches, order[first:end])
	}
	rng.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	return slices.Values(batches)
}
