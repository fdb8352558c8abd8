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
	// UnnamedLetters are the recorded dead letters that name no query, by their ids: raw messages that
	// died at the entrance.
	UnnamedLetters(ctx context.Context) (map[string]streams.Message, error)
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
	decisions := map[string]bool{}
	if p.Tenant == "" && p.ID == "" {
		return out, errors.New("forget: neither a tenant nor an id")
	}
	fail := func(err error) (Forgotten, error) {
		return out, fmt.Errorf("forget: not all is erased yet, run it again: %w", err)
	}
	keys, err := keysOf(ctx, js, t, p)
	if err != nil {
		return fail(err)
	}
	if err := forgetRows(ctx, t, p, keys, decisions, &out); err != nil {
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
		if erased, err = erase(ctx, js, pub, p, keys, decisions, out.Messages, told); err != nil {
			return fail(err)
		}
	}
	handedOut, err := goneOn(ctx, js, marks)
	if err != nil {
		return fail(err)
	}
	out.InHand = !settled || handedOut
	// Once more: raw messages may have named keys that neither tables nor ACCEPTED knew.
	if err := forgetRows(ctx, t, p, keys, decisions, &out); err != nil {
		return fail(err)
	}
	return out, nil
}

// forgetRows erases from the tables what is known to be the person's by now.
func forgetRows(ctx context.Context, t Tables, p Person, keys, decisions map[string]bool, out *Forgotten) error {
	unnamed, err := t.UnnamedLetters(ctx)
	if err != nil {
		return err
	}
	var letters []string
	for id, m := range unnamed {
		if belongs(m, p, keys, decisions) {
			letters = append(letters, id)
		}
	}
	all := slices.Sorted(maps.Keys(keys))
	if p.ID == "" {
		all = append(all, sluice.QueryKey(p.Tenant, "", "")) // no query's: it tells later on that this was done before
	}
	rows, fresh, err := t.Forget(ctx, all, letters)
	out.Keys, out.Rows, out.Before = len(keys), out.Rows+rows, out.Before && fresh == 0
	return err
}

// keysOf lists the keys of a person's queries: those that the tables know and those that the log has.
func keysOf(ctx context.Context, js jetstream.JetStream, t Tables, p Person) (map[string]bool, error) {
	keys := map[string]bool{}
	if p.ID != "" {
		keys[sluice.QueryKey(p.Tenant, p.ID, "")] = true
		return keys, nil
	}
	known, err := t.KeysOfTenant(ctx, p.Tenant)
	if err != nil {
		return nil, err
	}
	for _, k := range known {
		keys[k] = true
	}
	for m, err := range streams.Scan(ctx, js, streams.StreamAccepted, streams.Window{}) {
		if err != nil {
			return nil, err
		}
		a, err := streams.Decode[sluice.Accepted](m.Data)
		if err == nil && p.is(a.Query.Tenant, a.Query.ID) {
			keys[a.Query.Key] = true
		}
	}
	return keys, nil
}

// erase goes over the log once, adds what it erased to counts, and learns keys that it did not know.
func erase(ctx context.Context, js jetstream.JetStream, pub Publisher, p Person, keys, decisions map[string]bool, counts map[string]int, told func(string)) (int, error) {
	total := 0
	// In the ring's order: raw messages teach the keys of what was made of them.
	for _, stream := range streams.Names() {
		if stream == streams.StreamCalls {
			continue
		}
		n, err := eraseFrom(ctx, js, pub, stream, p, keys, decisions, told)
		counts[stream] += n
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func eraseFrom(ctx context.Context, js jetstream.JetStream, pub Publisher, stream string, p Person, keys, decisions map[string]bool, told func(string)) (int, error) {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", stream, err)
	}
	n := 0
	for _, filter := range filtersOf(stream, keys) {
		for m, err := range streams.Scan(ctx, js, stream, streams.Window{Filter: filter}) {
			if err != nil {
				return n, err
			}
			if !belongs(m, p, keys, decisions) {
				continue
			}
			if err := enterLines(ctx, pub, m); err != nil {
				return n, err
			}
			if err := streams.Erase(ctx, s, m.Sequence); err != nil {
				return n, fmt.Errorf("erase %s at %d: %w", stream, m.Sequence, err)
			}
			n++
			if told != nil {
				told(stream)
			}
		}
	}
	return n, nil
}

// fewKeys is up to how many keys a stream is asked for each by itself, rather than read whole.
const fewKeys = 32

func filtersOf(stream string, keys map[string]bool) []string {
	whole := []string{""}
	if len(keys) > fewKeys {
		return whole
	}
	var filters []string
	for key := range keys {
		of, keyed := streams.KeyFilters(key)[stream]
		if !keyed {
			return whole
		}
		filters = append(filters, of...)
	}
	return filters
}

// belongs says whether a message is about one of the person's queries, and learns the keys of queries and the ids of
// decisions by the way. Bytes that nobody can read belong to
// nobody that could be named.
func belongs(m streams.Message, p Person, keys, decisions map[string]bool) bool {
	switch m.Stream {
	case streams.StreamDead:
		letter, err := streams.ParseDead(m)
		return err == nil && belongs(letter.Envelope.Open(), p, keys, decisions)
	case streams.StreamRetries:
		envelope, err := streams.ParseRetry(m)
		return err == nil && belongs(envelope.Open(), p, keys, decisions)
	case streams.StreamQueries:
		// What could be read of a faulty message counts too.
		asked, _ := streams.ParseAsked(m)
		if !p.is(asked.Tenant, asked.ID) {
			return false
		}
		keys[sluice.QueryKey(asked.Tenant, asked.ID, asked.Query)] = true
		return true
	case streams.StreamDecisions:
		d, err := streams.Decode[sluice.Decision](m.Data)
		if err != nil || !keys[d.Query.Key] && !p.is(d.Query.Tenant, d.Query.ID) {
			return false
		}
		keys[d.Query.Key], decisions[d.ID] = true, true
		return true
	case streams.StreamFeedback:
		f, err := streams.Decode[sluice.Feedback](m.Data)
		return err == nil && (decisions[f.DecisionID] || p.ID == "" && p.Tenant == f.Tenant)
	}
	place, ok := streams.PlaceOf(m.Subject)
	return ok && place.Key != "" && keys[place.Key]
}
