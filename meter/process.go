package meter

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Work is what the runners of one stage did in this process.
type Work struct {
	Stage string
	// Settled counts messages by what became of them: done, or the class of what went wrong.
	Settled map[string]uint64
	// Redelivered counts deliveries that were not the first of their message.
	Redelivered uint64
	// InHand counts messages that are being worked on, Seconds is the time that handling took so far.
	InHand, Seconds float64
}

// Process is what a process counts about itself, whatever it does; sum it over processes. What is nil counts nothing.
// It is a [prometheus.Collector], of which a process serves one.
type Process struct {
	// Adopted counts the calls of killed processes that this one took over, Refused what the log's server did not
	// allow, Panics what panicked beside requests and messages, by work.
	Adopted func() float64
	Refused func() int64
	Panics  func() map[string]int64

	works atomic.Pointer[func() []Work]
}

// Works says who knows what the stages of the process do.
func (p *Process) Works(f func() []Work) { p.works.Store(&f) }

// processDescs are what a process may export.
type processDescs struct {
	adopted, refused, panics, settled, redelivered, inHand, seconds *prometheus.Desc
}

var ofProcess, processNames = describeProcess()

func describeProcess() (processDescs, []string) {
	var names []string
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		names = append(names, name)
		return prometheus.NewDesc(name, help, labels, nil)
	}
	all := processDescs{
		adopted:     desc("sluice_calls_adopted_total", "Calls of processes that were killed, or stopped while the log took nothing, which this one put into the ledger."),
		refused:     desc("sluice_log_refusals_total", "What the permissions of the log's server did not allow."),
		panics:      desc("sluice_panics_total", "What panicked beside requests and messages, and was contained.", "work"),
		settled:     desc("sluice_process_settled_total", "Messages by what became of them: done, or the class of what went wrong.", "stage", "outcome"),
		redelivered: desc("sluice_process_redelivered_total", "Deliveries that were not the first of their message.", "stage"),
		inHand:      desc("sluice_process_in_hand_messages", "Messages that this process is working on.", "stage"),
		seconds:     desc("sluice_process_handling_seconds_total", "Time that handling messages took, calls of models included.", "stage"),
	}
	return all, names
}

// Describe lists the metrics.
func (p *Process) Describe(out chan<- *prometheus.Desc) {
	d := ofProcess
	for _, desc := range []*prometheus.Desc{d.adopted, d.refused, d.panics, d.settled, d.redelivered, d.inHand, d.seconds} {
		out <- desc
	}
}

// Collect reads the metrics.
func (p *Process) Collect(out chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	d, adopted, refused := ofProcess, 0.0, int64(0)
	if p.Adopted != nil {
		adopted = p.Adopted()
	}
	if p.Refused != nil {
		refused = p.Refused()
	}
	counter(d.adopted, adopted)
	counter(d.refused, float64(refused))
	if p.Panics != nil {
		for work, n := range p.Panics() {
			counter(d.panics, float64(n), label(work))
		}
	}
	works := p.works.Load()
	if works == nil {
		return
	}
	for _, w := range (*works)() {
		for outcome, n := range w.Settled {
			counter(d.settled, float64(n), w.Stage, label(outcome))
		}
		counter(d.redelivered, float64(w.Redelivered), w.Stage)
		counter(d.seconds, w.Seconds, w.Stage)
		out <- prometheus.MustNewConstMetric(d.inHand, prometheus.GaugeValue, w.InHand, w.Stage)
	}
}

// Handler serves nothing but a process's metrics. Once a process.
func (p *Process) Handler() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(p, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}
