package controls

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"sluice/evaluation"
)

// Logistic is L2-regularised logistic regression over hashed word and character n-grams, trained by
// AdaGrad (Duchi et al. 2011). The strength of the regularisation is chosen on a tenth of the training samples. The zero
// value is usable.
type Logistic struct {
	Seed uint64

	vec     *vectorizer
	weights []float32
	bias    float64
}

// strengths are the candidates for the L2 penalty, strongest first.
var strengths = []float64{3e-3, 1e-3, 3e-4, 1e-4, 3e-5}

const epochs = 8

// Name is "logistic".
func (*Logistic) Name() string { return "logistic" }

// Calibrated is true.
func (*Logistic) Calibrated() bool { return true }

// Fit chooses the penalty on a held-out tenth of train by log loss, then trains on all of it. It fails
// on fewer than ten samples.
func (l *Logistic) Fit(train []evaluation.Sample) error {
	if len(train) < 10 {
		return fmt.Errorf("logistic: %d training samples, want at least 10", len(train))
	}
	l.vec = fitVectorizer(train, true)
	x, y := make([][]feature, len(train)), make([]bool, len(train))
	for i, s := range train {
		x[i], y[i] = l.vec.vector(s.Text), s.Escalate()
	}
	order := rand.New(rand.NewPCG(l.Seed, 1)).Perm(len(train))
	held := order[:len(order)/10]
	rest := order[len(order)/10:]
	best, bestLoss := strengths[0], math.Inf(1)
	for _, s := range strengths {
		l.train(x, y, rest, s)
		loss := 0.0
		for _, i := range held {
			loss += logLoss(l.probability(x[i]), y[i])
		}
		if loss < bestLoss {
			best, bestLoss = s, loss
		}
	}
	l.train(x, y, order, best)
	return nil
}

// train runs AdaGrad over the rows, the penalty applied to touched weights in proportion to the time
// since they were last touched.
func (l *Logistic) train(x [][]feature, y []bool, rows []int, penalty float64) {
	l.weights = make([]float32, 1<<hashBits)
	squares := make([]float32, 1<<hashBits)
	last := make([]int, 1<<hashBits)
	positives := 0.5
	for _, i := range rows {
		if y[i] {
			positives++
		}
	}
	share := positives / float64(len(rows)+1)
	l.bias = math.Log(share / (1 - share))
	biasSquares := 1.0
	rng := rand.New(rand.NewPCG(l.Seed, 2))
	order := slices.Clone(rows)
	const rate = 0.15
	step := 0
	for range epochs {
		rng.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		for _, i := range order {
			step++
			g := l.probability(x[i])
			if y[i] {
				g--
			}
			for _, f := range x[i] {
				w := float64(l.weights[f.index])
				grad := g*float64(f.weight) + penalty*w*float64(step-last[f.index])
				last[f.index] = step
				squares[f.index] += float32(grad * grad)
				l.weights[f.index] = float32(w - rate*grad/(1e-3+math.Sqrt(float64(squares[f.index]))))
			}
			biasSquares += g * g
			l.bias -= rate * 0.1 * g / math.Sqrt(biasSquares)
		}
	}
}

func (l *Logistic) probability(x []feature) float64 {
	z := l.bias
	for _, f := range x {
		z += float64(l.weights[f.index] * f.weight)
	}
	return 1 / (1 + math.Exp(-z))
}

// Score is the probability that escalating pays.
func (l *Logistic) Score(text string) float64 { return l.probability(l.vec.vector(text)) }

func logLoss(p float64, y bool) float64 {
	if !y {
		p = 1 - p
	}
	return -math.Log(max(p, 1e-12))
}
