package bench

import (
	"math"
	"slices"
	"time"
)

// result is what the parts and the raw turns between them come to.
func (m *pipelineRun) result(b books) (Pipeline, error) {
	mem, err := memoryOf(0)
	if err != nil {
		return Pipeline{}, err
	}
	n := m.o.Queries
	perQueryStored := float64(b.stored) / float64(n)
	var speeds, ratios []float64
	for i := range m.parts {
		p := &m.parts[i]
		raw := (m.rawTurns[i] + m.rawTurns[i+1]) / 2
		p.RawPerSecond, p.Ratio = round(raw), round(p.QueriesPerSecond*perQueryStored/raw)
		p.RawCPUPerMessage = round(perQuery(m.rawCPU[i]+m.rawCPU[i+1], 2*m.o.RawMessages))
		speeds, ratios = append(speeds, p.QueriesPerSecond), append(ratios, p.Ratio)
	}
	last := stretch(m.parts, len(m.parts)-fifth(len(m.parts)), len(m.parts))
	var growth *Growth
	if len(m.young) > 0 {
		growth = growthOf(m.young, last)
	}
	speed, raw, rawCPU := median(speeds), median(m.rawTurns), m.rawCPUPerMessage()
	return Pipeline{
		Queries:             n,
		QueriesPerSecond:    round(speed),
		MessagesPerQuery:    round(perQueryStored),
		DeliveriesPerQuery:  round(float64(b.delivered) / float64(n)),
		MessagesPerSecond:   round(speed * perQueryStored),
		RawPerSecond:        round(raw),
		Ratio:               round(median(ratios)),
		RatioLow:            slices.Min(ratios),
		RatioHigh:           slices.Max(ratios),
		RawCPUPerMessage:    round(rawCPU),
		RawGCCPUPerMessage:  round(perQuery(m.rawCollecting, len(m.rawTurns)*m.o.RawMessages)),
		CPUShare:            round(rawCPU * perQueryStored / perQuery(m.cpu+m.postgresCPU, n)),
		CPUPerQuery:         round(perQuery(m.cpu, n)),
		PostgresCPUPerQuery: round(perQuery(m.postgresCPU, n)),
		PeakRSS:             round(mem.peak),
		First:               stretch(m.parts, 0, fifth(len(m.parts))),
		Last:                last,
		Growth:              growth,
		Parts:               m.parts,
		RawTurns:            rounded(m.rawTurns),
	}, nil
}

// rawCPUPerMessage is the mean of all raw turns, in microseconds.
func (m *pipelineRun) rawCPUPerMessage() float64 {
	var total time.Duration
	for _, d := range m.rawCPU {
		total += d
	}
	return perQuery(total, len(m.rawTurns)*m.o.RawMessages)
}

// stretch is the mean of parts[from:to], which are of one size.
func stretch(parts []Part, from, to int) Stretch {
	s := Stretch{To: parts[to-1].Done}
	if before := parts[:from]; len(before) > 0 {
		s.From = before[len(before)-1].Done
	}
	for _, p := range parts[from:to] {
		s.add(p.Costs)
	}
	s.divide(to - from)
	return s
}

// numbers are those that a mean is taken of.
func (c *Costs) numbers() []*float64 {
	return []*float64{
		&c.QueriesPerSecond, &c.Ratio, &c.RawCPUPerMessage, &c.CPUPerQuery, &c.PostgresCPUPerQuery, &c.KernelCPUPerQuery, &c.GCCPUPerQuery,
	}
}

func (c *Costs) add(more Costs) {
	values := more.numbers()
	for i, v := range c.numbers() {
		*v += *values[i]
	}
}

func (c *Costs) divide(n int) {
	for _, v := range c.numbers() {
		*v = round(*v / float64(n))
	}
}

// median is the middle one, or the mean of the two in the middle; values must not be empty.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

func perQuery(d time.Duration, n int) float64 { return float64(d.Microseconds()) / float64(n) }

// round keeps three decimals below ten and one above: more would be noise.
func round(v float64) float64 {
	scale := 10.0
	if math.Abs(v) < 10 {
		scale = 1000
	}
	return math.Round(v*scale) / scale
}

func rounded(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = round(v)
	}
	return out
}
