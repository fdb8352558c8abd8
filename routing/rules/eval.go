package rules

import (
	"time"

	"github.com/expr-lang/expr/vm"
)

// eval is the state of mapping one request; they are pooled.
type eval struct {
	Facts
	m *Mapper
	// folded is the text's words, each once round by a blank; made when the first rule wants it.
	folded   []byte
	isFolded bool
	// keyword is the phrase that the last condition on keywords found, slow the model whose latency was
	// looked at last, model what the firing rule chose: for the reason.
	keyword, slow, model string

	machine vm.VM
	env     exprEnv
	envSet  bool
	reason  []byte
}

func newEval(m *Mapper) *eval {
	e := &eval{m: m}
	e.machine.MemoryBudget = exprMemory
	e.env.Probability = e.probability
	e.env.Latency = e.latencyMS
	return e
}

func (e *eval) begin(f Facts) { e.Facts = f }

// keepBytes is the largest buffer that stays in the pool.
const keepBytes = 64 << 10

// end lets go of the request's memory.
func (e *eval) end() {
	e.Facts = Facts{}
	e.isFolded, e.envSet = false, false
	e.keyword, e.slow, e.model = "", "", ""
	if cap(e.folded) > keepBytes {
		e.folded = nil
	}
	probability, latency := e.env.Probability, e.env.Latency
	e.env = exprEnv{Probability: probability, Latency: latency}
}

// words is the folded text.
func (e *eval) words() []byte {
	if !e.isFolded {
		e.folded, e.isFolded = fold(e.folded[:0], e.Text), true
	}
	return e.folded
}

// p95 is a model's live latency; 0 where it is not known. An empty name is the static map's model.
func (e *eval) p95(model string) (string, time.Duration) {
	if model == "" {
		model = e.m.fallback(e.Policy).model
	}
	return model, e.Latency[model]
}
