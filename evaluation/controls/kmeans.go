package controls

import (
	"fmt"
	"math"
	"math/rand/v2"

	"sluice/evaluation"
)

const (
	clusters  = 32
	projected = 128 // the dimension that sparse vectors are projected to by random signs
)

// KMeans scores a query by the share of escalating samples in its cluster, as UniRoute's cluster
// routers do (arXiv:2502.08773, section 5).
type KMeans struct {
	Seed uint64

	vec     *vectorizer
	centres [][projected]float32
	share   []float64
}

// Name is "kmeans".
func (*KMeans) Name() string { return "kmeans" }

// Calibrated is true: the score is a smoothed share.
func (*KMeans) Calibrated() bool { return true }

// Fit runs Lloyd's algorithm from the seeds of k-means++ (Arthur and Vassilvitskii 2007) on the projected training samples.
func (k *KMeans) Fit(train []evaluation.Sample) error {
	if len(train) < clusters {
		return fmt.Errorf("kmeans: %d training samples for %d clusters", len(train), clusters)
	}
	k.vec = fitVectorizer(train, false)
	points := make([][projected]float32, len(train))
	for i, s := range train {
		points[i] = k.project(s.Text)
	}
	k.seed(points)
	belongs := make([]int, len(points))
	for range 25 {
		moved := false
		for i := range points {
			if c := k.nearest(&points[i]); c != belongs[i] {
				belongs[i], moved = c, true
			}
		}
		k.recentre(points, belongs)
		if !moved {
			break
		}
	}
	k.shares(train, belongs)
	return nil
}

// seed chooses the first centres by k-means++.
func (k *KMeans) seed(points [][projected]float32) {
	rng := rand.New(rand.NewPCG(k.Seed, 3))
	k.centres = [][projected]float32{points[rng.IntN(len(points))]}
	far := make([]float64, len(points))
	for len(k.centres) < clusters {
		total := 0.0
		for i := range points {
			d := distance(&points[i], &k.centres[len(k.centres)-1])
			if len(k.centres) == 1 || d < far[i] {
				far[i] = d
			}
			total += far[i]
		}
		draw, chosen := rng.Float64()*total, len(points)-1
		for i, d := range far {
			if draw -= d; draw <= 0 {
				chosen = i
				break
			}
		}
		k.centres = append(k.centres, points[chosen])
	}
}

func (k *KMeans) recentre(points [][projected]float32, belongs []int) {
	counts := make([]float32, len(k.centres))
	sums := make([][projected]float32, len(k.centres))
	for i := range points {
		c := belongs[i]
		counts[c]++
		for d, v := range points[i] {
			sums[c][d] += v
		}
	}
	for c := range sums {
		if counts[c] == 0 {
			continue // an empty cluster keeps its centre
		}
		for d := range sums[c] {
			sums[c][d] /= counts[c]
		}
		k.centres[c] = sums[c]
	}
}

// shares smooths each cluster's share of escalating samples towards the overall one.
func (k *KMeans) shares(train []evaluation.Sample, belongs []int) {
	overall := prior(train)
	const weight = 20.0
	hits, counts := make([]float64, len(k.centres)), make([]float64, len(k.centres))
	for i, s := range train {
		counts[belongs[i]]++
		if s.Escalate() {
			hits[belongs[i]]++
		}
	}
	k.share = make([]float64, len(k.centres))
	for c := range k.share {
		k.share[c] = (hits[c] + weight*overall) / (counts[c] + weight)
	}
}

// Score is the share of the nearest cluster.
func (k *KMeans) Score(text string) float64 {
	p := k.project(text)
	return k.share[k.nearest(&p)]
}

func (k *KMeans) nearest(p *[projected]float32) int {
	best, bestDistance := 0, math.Inf(1)
	for c := range k.centres {
		if d := distance(p, &k.centres[c]); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

func distance(a, b *[projected]float32) float64 {
	sum := float32(0)
	for i, v := range a {
		d := v - b[i]
		sum += d * d
	}
	return float64(sum)
}

// project maps a sparse vector to dense by random signs, a function of the feature alone.
func (k *KMeans) project(text string) [projected]float32 {
	var out [projected]float32
	for _, f := range k.vec.vector(text) {
		signs := rand.New(rand.NewPCG(k.Seed, uint64(f.index)))
		for d := 0; d < projected; d += 64 {
			bits := signs.Uint64()
			for j := range 64 {
				if bits>>j&1 == 1 {
					out[d+j] += f.weight
				} else {
					out[d+j] -= f.weight
				}
			}
		}
	}
	return out
}
