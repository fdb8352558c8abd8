package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// Person says whose queries are forgotten: one query by upstream's id, or every query of a tenant.
type Person struct {
	// Tenant is the customer; empty is the default tenant, and then ID must be set.
	Tenant string
	// ID is upstream's own identifier of one query; empty means every query of Tenant.
	ID string
}

// is says whether a query that upstream published belongs to the person.
func (p Person) is(tenant, id string) bool { return tenant == p.Tenant && (p.ID == "" || id == p.ID) }

// Tables is the part of Postgres that forgets.
type Tables interface {
	// KeysOfTenant lists the keys of a tenant's queries.
	KeysOfTenant(ctx context.Context, tenant string) ([]string, error)
	// UnnamedLetters are the recorded dead letters that name no query, by their ids, and what died: raw messages
	// at the entrance, mostly.
	UnnamedLetters(ctx context.Context) (map[string]streams.Envelope, error)
	// Forget erases queries with everything that was made of them, and the dead letters named; it keeps
	// facts about the queries that arrive later out. rows counts what it erased, fresh the keys that it was not told
	// to forget before.
	Forget(ctx context.Context, keys, letters []string) (rows, fresh int64, err error)
}

// Forgotten says what was erased.
type Forgotten struct {
	// Keys counts queries, those that nothing was found of included; Messages what was erased from each stream, and
	// Rows from the tables.
	Keys     int
	Messages map[string]int
	Rows     int64
	// Before is true where every one of the keys had been forgotten before.
	Before bool
	// InHand is true where a stage still held messages when patience ended, or was handed some before all was erased:
	// what it makes of them may be stored yet, so that the same must be done again.
	InHand bool
}

// Nothing says that neither the log nor the tables had anything of the person.
func (f Forgotten) Nothing() bool {
	for _, n := range f.Messages {
		if n > 0 {
			return false
		}
	}
	return f.Rows == 0
}

// Forget erases a person's queries: from the tables first, which from then on refuse what is still on its
// way; then from every stream, raw messages, dead letters and hand-overs included, each overwritten on
// disk. A stage that held a message meanwhile would store one more fact afterwards, so the whole ring is
// paused, for at most patience, until every stage has let go. The ledger's lines stay: they hold nothing
// that the query said. Those that a decision brings and nobody has entered yet are entered first. told, where not nil,
// hears of every message that is erased, and from which stream: the server rewrites a file of up to 8 MiB for each, and has no
// way to overwrite several at once (docs/operating.md).
func Forget(ctx context.Context, js jetstream.JetStream, pub Publisher, t Tables, p Person, patience time.Duration, told func(stream string)) (Forgotten, error) {
	out := Forgotten{Messages: map[string]int{}, Before: true}
	if p.Tenant == "" && p.ID == "" {
		return out, errors.New("forget: neither a tenant nor an id")
	}
	fail := func(err error) (Forgotten, error) {
		return out, fmt.Errorf("forget: not all is erased yet, run it again: %w", err)
	}
	s := search{js: js, Person: p, keys: map[string]bool{}, decisions: map[string]bool{}, letters: map[string]bool{}}
	if err := s.learnKeys(ctx, t); err != nil {
		return fail(err)
	}
	if err := s.forgetRows(ctx, t, &out); err != nil {
		return fail(err)
	}
	until := time.Now().Add(patience)
	marks, err := pause(ctx, js, until)
	defer func() { resume(ctx, js, marks) }()
	if err != nil {
		return fail(err)
	}
	settled, err := letGo(ctx, js, marks, until)
	if err != nil {
		return fail(err)
	}
	// Until a pass finds nothing: a replica that answered one of them may have lagged behind.
	for erased := 1; erased > 0; {
		if erased, err = s.erase(ctx, pub, out.Messages, told); err != nil {
			return fail(err)
		}
	}
	handedOut, err := goneOn(ctx, js, marks)
	if err != nil {
		return fail(err)
	}
	out.InHand = !settled || handedOut
	// Once more: raw messages may have named keys that neither tables nor ACCEPTED knew.
	if err := s.forgetRows(ctx, t, &out); err != nil {
		return fail(err)
	}
	return out, nil
}

// search is for whatever is a person's, and what it has learnt of that so far.
type search struct {
	js jetstream.JetStream
	Person
	// keys are those of the queries, decisions and letters the ids of decisions about them, and of the dead letters in the
	// log that only point to a message of the person's.
	keys, decisions, letters map[string]bool
}

// forgetRows erases from the tables what is known to be the person's by now.
func (s *search) forgetRows(ctx context.Context, t Tables, out *Forgotten) error {
	unnamed, err := t.UnnamedLetters(ctx)
	if err != nil {
		return err
	}
	for id, e := range unnamed {
		his, err := s.holds(ctx, e)
		if err != nil {
			return err
		}
		if his {
			s.letters[id] = true
		}
	}
	all := slices.Sorted(maps.Keys(s.keys))
	if s.ID == "" {
		all = append(all, sluice.TenantKey(s.Tenant)) // it tells later on that this was done before
	}
	rows, fresh, err := t.Forget(ctx, all, slices.Sorted(maps.Keys(s.letters)))
	out.Keys, out.Rows, out.Before = len(s.keys), out.Rows+rows, out.Before && fresh == 0
	return err
}

// learnKeys learns the keys of a person's queries: those that the tables know and those that the log has.
func (s *search) learnKeys(ctx context.Context, t Tables) error {
	if s.ID != "" {
		s.keys[sluice.QueryKey(s.Tenant, s.ID, "")] = true
		return nil
	}
	known, err := t.KeysOfTenant(ctx, s.Tenant)
	if err != nil {
		return err
	}
	for _, k := range known {
		s.keys[k] = true
	}
	for m, err := range streams.Scan(ctx, s.js, streams.StreamAccepted, streams.Window{}) {
		if err != nil {
			return err
		}
		a, err := streams.Decode[sluice.Accepted](m.Data)
		if err == nil && s.is(a.Query.Tenant, a.Query.ID) {
			s.keys[a.Query.Key] = true
		}
	}
	return nil
}

// erase goes over the log once, adds what it erased to counts, and learns keys that it did not know.
func (s *search) erase(ctx context.Context, pub Publisher, counts map[string]int, told func(string)) (int, error) {
	total := 0
	// What may point to a message goes before it: afterwards nobody could say whose it was. The rest in the ring's
	// order, in which raw messages teach the keys of what was made of them.
	pointing := []string{streams.StreamDead, streams.StreamRetries}
	for _, stream := range slices.Concat(pointing, streams.Names()) {
		if stream == streams.StreamCalls {
			continue
		}
		n, err := s.eraseFrom(ctx, pub, stream, told)
		counts[stream] += n
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s *search) eraseFrom(ctx context.Context, pub Publisher, name string, told func(string)) (int, error) {
	stream, err := s.js.Stream(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", name, err)
	}
	n := 0
	for _, filter := range filtersOf(name, s.keys) {
		for m, err := range streams.Scan(ctx, s.js, name, streams.Window{Filter: filter}) {
			if err != nil {
				return n, err
			}
			his, err := s.belongs(ctx, m)
			if err != nil {
				return n, err
			}
			if !his {
				continue
			}
			if err := enterLines(ctx, pub, m); err != nil {
				return n, err
			}
			if err := streams.Erase(ctx, stream, m.Sequence); err != nil {
				return n, fmt.Errorf("erase %s at %d: %w", name, m.Sequence, err)
			}
			n++
			if told != nil {
				told(name)
			}
		}
	}
	return n, nil
}

// fewKeys is up to how many keys a stream is asked for each by itself, rather than read whole.
const fewKeys = 32

// filtersOf are the subjects of a stream that may be the person's: where they do not say whose they are, all.
func filtersOf(stream string, keys map[string]bool) []string {
	if _, keyed := streams.KeyFilters("")[stream]; !keyed || len(keys) > fewKeys {
		return []string{""}
	}
	var filters []string
	for key := range keys {
		filters = append(filters, streams.KeyFilters(key)[stream]...)
	}
	return filters
}

// belongs says whether a message is about one of the person's queries, and learns the keys of queries and the ids of
// decisions by the way. Bytes that nobody can read belong to nobody that could be named.
func (s *search) belongs(ctx context.Context, m streams.Message) (bool, error) {
	switch m.Stream {
	case streams.StreamDead:
		letter, err := streams.ParseDead(m)
		if err != nil {
			return false, nil //nolint:nilerr // see above
		}
		his, err := s.holds(ctx, letter.Envelope)
		if his && letter.Envelope.ByReference {
			s.letters[letter.ID()] = true
		}
		return his, err
	case streams.StreamRetries:
		envelope, err := streams.ParseRetry(m)
		if err != nil {
			return false, nil //nolint:nilerr // see above
		}
		return s.holds(ctx, envelope)
	}
	return s.owns(m), nil
}

// holds says whether what an envelope holds, or points to, is about one of the person's queries.
func (s *search) holds(ctx context.Context, e streams.Envelope) (bool, error) {
	if e.ByReference {
		data, err := e.Fetch(ctx, s.js)
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return false, fmt.Errorf("fetch %s %d: %w", e.Stream, e.Sequence, err)
		}
		e.Data = data
	}
	return s.owns(e.Open()), nil
}

// owns is belongs for a message that holds no other one.
func (s *search) owns(m streams.Message) bool {
	switch m.Stream {
	case streams.StreamQueries:
		// What could be read of a faulty message counts too.
		asked, _ := streams.ParseAsked(m)
		if !s.is(asked.Tenant, asked.ID) {
			return false
		}
		s.keys[sluice.QueryKey(asked.Tenant, asked.ID, asked.Query)] = true
		return true
	case streams.StreamDecisions:
		d, err := streams.Decode[sluice.Decision](m.Data)
		if err != nil || !s.keys[d.Query.Key] && !s.is(d.Query.Tenant, d.Query.ID) {
			return false
		}
		s.keys[d.Query.Key], s.decisions[d.ID] = true, true
		return true
	case streams.StreamFeedback:
		f, err := streams.Decode[sluice.Feedback](m.Data)
		return err == nil && (s.decisions[f.DecisionID] || s.ID == "" && s.Tenant == f.Tenant)
	}
	place, ok := streams.PlaceOf(m.Subject)
	return ok && place.Key != "" && s.keys[place.Key]
}
