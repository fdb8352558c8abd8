package streams

import (
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
)

// crowd is the messages of one wave and one stream. Their confirmations come to one subject and are counted: a
// subject for each message would cost the server a search for its listeners each, and us a name. A
// confirmation carries the sequence of what was stored, and only one with a higher sequence than those before
// counts, so that none that comes twice (a new leader repeats what the old one said) stands for another
// message. Where any message is refused, all of the crowd are sent again one by one, and each has a fate of its
// own.
//
// It is for streams that hold one message a subject, where nothing that is sent again is stored twice.
type crowd struct {
	spec    int
	indices []int

	// All below is guarded by wave.mu. sequences are those that were confirmed, in their order; sent counts also
	// those that had no word yet.
	sequences []uint64
	refused   int
	sent      int
}

// crowded takes the messages apart: crowds, by stream, and those that travel alone.
func (w *wave) crowded(todo []int) (alone []int) {
	if len(todo) < 2 {
		return todo
	}
	var by [maxSpecs][]int
	spec := -1
	for _, i := range todo {
		if spec < 0 || !strings.HasPrefix(w.msgs[i].Subject, prefixes[spec]) {
			spec = specOf(w.msgs[i].Subject)
		}
		if spec < 0 || !specs[spec].once {
			alone = append(alone, i)
			continue
		}
		if by[spec] == nil {
			by[spec] = make([]int, 0, len(todo))
		}
		by[spec] = append(by[spec], i)
	}
	for spec, indices := range by {
		switch {
		case len(indices) == 1:
			alone = append(alone, indices...)
		case len(indices) > 1:
			w.crowds = append(w.crowds, &crowd{spec: spec, indices: indices, sequences: make([]uint64, 0, len(indices))})
		}
	}
	return alone
}

// confirm hears the server's word on one message of a crowd.
func (w *wave) confirm(g *crowd, m *nats.Msg) {
	ack, f := parseAck(m)
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(g.sequences)
	switch {
	case g.flying() == 0: // a word that comes twice
	case f.err != nil || !ack.New:
		g.refused++
		w.counted(g)
	case n == 0 || ack.Sequence > g.sequences[n-1]:
		g.sequences = append(g.sequences, ack.Sequence)
		w.counted(g)
	}
}

// refuse counts a message of a crowd that could not be sent.
func (w *wave) refuse(g *crowd) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g.refused++
	w.counted(g)
}

// counted ends the flight of one message of a crowd, and seals the fate of all where it was the last. The lock is
// held.
func (w *wave) counted(g *crowd) {
	w.inFlight--
	w.p.room.Release(1)
	if g.open() > 0 {
		return
	}
	if g.refused > 0 {
		w.fell(g, fault{crowded: true, err: errCrowd})
		return
	}
	for _, i := range g.indices {
		w.states[i], w.acks[i] = confirmed, Ack{New: true, Stream: specs[g.spec].name}
	}
	w.wakeIfIdle()
}

// open is how many of the crowd have had no word yet.
func (g *crowd) open() int { return len(g.indices) - len(g.sequences) - g.refused }

// flying is how many of them are sent.
func (g *crowd) flying() int { return max(g.sent-len(g.sequences)-g.refused, 0) }

// over says that no word is waited for any more.
func (g *crowd) over() { g.refused = len(g.indices) - len(g.sequences) }

// ours says of a stored message whether it was a crowd of this wave that stored it.
func (w *wave) ours(stream string, sequence uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.crowds {
		if specs[g.spec].name == stream {
			_, found := slices.BinarySearch(g.sequences, sequence)
			return found
		}
	}
	return false
}

// fell fails a whole crowd; those of its messages that had no word are in flight no more. The lock is held.
func (w *wave) fell(g *crowd, f fault) {
	w.p.room.Release(int64(g.flying()))
	w.inFlight -= g.flying()
	g.over()
	for _, i := range g.indices {
		w.states[i] = failed
		w.fault(i, f)
	}
	w.wakeIfIdle()
}

const maxSpecs = 16

// prefixes are what the subjects of each stream begin with.
var prefixes = func() (list [maxSpecs]string) {
	for i, s := range specs {
		list[i] = strings.TrimSuffix(s.subjects[0], ">")
	}
	return list
}()

// specOf finds the stream of a subject of ours, -1 if there is none.
func specOf(subject string) int {
	for i := range specs {
		if strings.HasPrefix(subject, prefixes[i]) {
			return i
		}
	}
	return -1
}
