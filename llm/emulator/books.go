package emulator

import (
	"hash/maphash"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"sluice"
	"sluice/pricing"
)

// Kind is what a request wants.
type Kind string

// The kinds. Unreadable is a request that could not be understood.
const (
	KindAnswer     Kind = "answer"
	KindVerdict    Kind = "verdict"
	KindAnalysis   Kind = "analysis"
	KindUnreadable Kind = "unreadable"
)

// Books are the emulator's accounts since it was made.
type Books struct {
	Source string `json:"source"` // the server's name: "emulator:recorded"
	Total  Entry  `json:"total"`
	// Underway counts the requests that have come and are in no account yet.
	Underway int `json:"underway"`
	// Models splits the total by model, then by kind.
	Models map[string]map[Kind]Entry `json:"models"`
	// Faults counts the faults that were drawn.
	Faults map[string]int64 `json:"faults"`
}

// Entry is one account.
type Entry struct {
	Requests int64 `json:"requests"`
	// Successes are whole replies that were written to the client.
	Successes int64 `json:"successes"`
	// Distinct are the different things that successes were about: a question, or for verdicts a question
	// with an answer. Repeated is Successes - Distinct: what was bought again. (Two models that gave one
	// text to one question are one thing to the judge.)
	Distinct int64 `json:"distinct"`
	Repeated int64 `json:"repeated"`
	// ByStatus counts replies by HTTP status; "none" is a connection that got none.
	ByStatus map[string]int64 `json:"by_status"`
	// Usage and Cost are those of successes. A model without a price costs nothing.
	Usage sluice.Usage    `json:"usage"`
	Cost  sluice.MicroUSD `json:"cost_microusd"`
	// LostCost is that of replies which were made and then cut or spoilt by a fault, or whose client had
	// left: a provider bills them too.
	LostCost sluice.MicroUSD `json:"lost_microusd"`
}

// add sums two entries, maps apart.
func (e *Entry) add(o Entry) {
	e.Requests += o.Requests
	e.Successes += o.Successes
	e.Distinct += o.Distinct
	e.Repeated += o.Repeated
	e.Usage.Prompt += o.Usage.Prompt
	e.Usage.Cached += o.Usage.Cached
	e.Usage.Output += o.Usage.Output
	e.Usage.Thoughts += o.Usage.Thoughts
	e.Cost += o.Cost
	e.LostCost += o.LostCost
	for k, v := range o.ByStatus {
		e.ByStatus[k] += v
	}
}

type account struct {
	model string
	kind  Kind
}

type subject struct {
	account
	about uint64 // hash of what it is about
}

// ledger is the books while they are kept.
type ledger struct {
	prices pricing.Table
	seed   maphash.Seed

	mu       sync.Mutex
	entries  map[account]*Entry
	subjects map[subject]int64
	faults   map[Fault]int64
	keep     bool
	bills    []Bill
}

// Bill is what one request came to, for [Server.Bills].
type Bill struct {
	Model string
	Kind  Kind
	// Prompt is the last turn of the user.
	Prompt string
	Fault  Fault
	// Status is the HTTP status; 0 for a connection that got none.
	Status int
	// Usage is what was generated, and Cost what is billed for it, whether or not it reached the client.
	Usage sluice.Usage
	Cost  sluice.MicroUSD
	// Whole is true for a success.
	Whole bool
}

func newLedger(prices pricing.Table) *ledger {
	return &ledger{
		prices: prices, seed: maphash.MakeSeed(), entries: map[account]*Entry{},
		subjects: map[subject]int64{}, faults: map[Fault]int64{},
	}
}

// record books one request. status 0 is no reply. whole is true for a success; usage is what was
// generated, zero where nothing was.
func (l *ledger) record(a ask, status int, f Fault, usage sluice.Usage, whole bool) {
	cost, _, err := l.prices.Price(a.model, time.Now(), usage)
	if err != nil {
		cost = 0
	}
	code := "none"
	if status != 0 {
		code = strconv.Itoa(status)
	}
	acc := account{a.model, a.kind}
	about := l.about(a.kind, a.about...)
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[acc]
	if e == nil {
		e = &Entry{ByStatus: map[string]int64{}}
		l.entries[acc] = e
	}
	e.Requests++
	e.ByStatus[code]++
	if f != "" {
		l.faults[f]++
	}
	if l.keep {
		l.bills = append(l.bills, Bill{a.model, a.kind, a.prompt, f, status, usage, cost, whole})
	}
	if !whole {
		e.LostCost += cost
		return
	}
	key := subject{acc, about}
	l.subjects[key]++
	if l.subjects[key] == 1 {
		e.Distinct++
	} else {
		e.Repeated++
	}
	e.add(Entry{Successes: 1, Usage: usage, Cost: cost})
}

// about hashes what a request is about.
func (l *ledger) about(kind Kind, parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(string(kind))
	for _, p := range parts {
		_ = h.WriteByte(0)
		_, _ = h.WriteString(sluice.NormalizeText(p))
	}
	return h.Sum64()
}

// Books are the accounts up to now.
func (s *Server) Books() Books {
	s.mu.Lock()
	underway := s.underway
	s.mu.Unlock()
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	b := Books{
		Source: s.Name(), Total: Entry{ByStatus: map[string]int64{}}, Underway: underway,
		Models: map[string]map[Kind]Entry{}, Faults: map[string]int64{},
	}
	for acc, e := range l.entries {
		copied := *e
		copied.ByStatus = maps.Clone(e.ByStatus)
		if b.Models[acc.model] == nil {
			b.Models[acc.model] = map[Kind]Entry{}
		}
		b.Models[acc.model][acc.kind] = copied
		b.Total.add(copied)
	}
	for f, n := range l.faults {
		b.Faults[string(f)] = n
	}
	return b
}

// Bills lists what every request came to, in the order in which they ended; nil unless [Config.KeepBills]
// is set.
func (s *Server) Bills() []Bill {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	return slices.Clone(s.ledger.bills)
}

// Generated counts the successes of a model about one thing: a question, or for [KindVerdict] a
// question and an answer.
func (s *Server) Generated(kind Kind, model string, about ...string) int64 {
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.subjects[subject{account{model, kind}, l.about(kind, about...)}]
}

func (s *Server) showBooks(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.Books())
}
