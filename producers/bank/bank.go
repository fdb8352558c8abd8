// Package bank holds the questions that ship with the program: written by us, or computed by the code
// in generate/, from what anybody knows to what nobody can know.
//
// The embedded file enters and values leave. It is in the shape of the published contract, so that it
// can also be published as any custom jsonl; the keys difficulty, domain and unanswerable are for
// emulated models and for tests, and never reach a message.
package bank

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"sluice/producers"
)

//go:generate go run ./generate questions.jsonl

//go:embed questions.jsonl
var file []byte

// Name is what the bank is called as a data set, and the source that its questions are published under.
const Name = "bank"

// Question is one question of the bank.
type Question struct {
	ID   string `json:"id"`
	Text string `json:"query"`
	// Gold lists the accepted answers; empty where Unanswerable.
	Gold []string `json:"ground_truth"`
	// Difficulty is above 0 (anybody knows) and at most 1 (hardly anybody).
	Difficulty float64 `json:"difficulty"`
	// Domain is a field of knowledge ("geography"), "ambiguous" or "unknowable".
	Domain string `json:"domain"`
	// Unanswerable questions are underspecified, a matter of taste, or beyond what anybody can know.
	Unanswerable bool `json:"unanswerable"`
}

var questions = sync.OnceValues(func() ([]Question, error) {
	var all []Question
	dec := json.NewDecoder(bytes.NewReader(file))
	for {
		var q Question
		err := dec.Decode(&q)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("question %d: %w", len(all)+1, err)
		}
		all = append(all, q)
	}
})

// Questions lists the bank in its order, which mixes the domains: the first few hundred are spread
// evenly over the difficulties, the rest are easier. The slice is the caller's own.
func Questions() []Question {
	all, err := questions()
	if err != nil {
		panic("bank: the embedded file: " + err.Error()) // a build that holds it does not pass its tests
	}
	return slices.Clone(all)
}

// Rows yields the bank as the rows of a data set, for producers.Publish.
func Rows() iter.Seq2[producers.Row, error] {
	return func(yield func(producers.Row, error) bool) {
		producers.Read(bytes.NewReader(file), Name, producers.Custom, producers.Mapping{})(yield)
	}
}
