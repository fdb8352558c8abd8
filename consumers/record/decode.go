package record

import (
	"fmt"
	"sync"

	"sluice"
	"sluice/streams"
)

// The tables need little of the query inside an answer, a verdict, a label or an example. These types name
// what they need by the keys of the real ones; the decoder passes over the rest without keeping it.

type keyed struct {
	Key    string       `json:"key"`
	Number int64        `json:"number"`
	Split  sluice.Split `json:"split"`
}

type said struct {
	Query  keyed      `json:"query"`
	Pair   string     `json:"pair"`
	Arm    sluice.Arm `json:"arm"`
	Text   string     `json:"text"`
	CallID string     `json:"call_id"`
}

type given struct {
	Query        keyed        `json:"query"`
	Pair         string       `json:"pair"`
	Arm          sluice.Arm   `json:"arm"`
	Grade        sluice.Grade `json:"grade"`
	Reason       string       `json:"reason"`
	Basis        sluice.Basis `json:"basis"`
	JudgeVersion string       `json:"judge_version"`
	Shortcut     bool         `json:"shortcut"`
	CallID       string       `json:"call_id"`
}

type drawn struct {
	ID            string        `json:"id"`
	Query         keyed         `json:"query"`
	Pair          string        `json:"pair"`
	Policy        sluice.Policy `json:"policy"`
	Basis         sluice.Basis  `json:"basis"`
	JudgeVersion  string        `json:"judge_version"`
	LabelVersion  string        `json:"label_version"`
	MatrixVersion string        `json:"matrix_version"`
}

type example struct {
	ID    string `json:"id"`
	Label struct {
		Query keyed `json:"query"`
	} `json:"label"`
	AnalysisVersion string `json:"analysis_version"`
}

// wires are the places that payloads are decoded into, one after the other.
type wires struct {
	accepted sluice.Accepted
	said     said
	given    given
	drawn    drawn
	analyzed sluice.Analyzed
	example  example
	billed   sluice.Call
	dead     streams.DeadLetter
}

// room is where a batch is decoded, and used again for the next: made anew it would come to a third of a
// kilobyte a fact.
type room struct {
	facts sluice.Facts
	wires wires
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// leave forgets the batch and gives the room to the next one.
func (r *room) leave() {
	f := &r.facts
	*f = sluice.Facts{
		Accepted: emptied(f.Accepted), Answers: emptied(f.Answers), Verdicts: emptied(f.Verdicts), Labels: emptied(f.Labels),
		Analyses: emptied(f.Analyses), Examples: emptied(f.Examples), Calls: emptied(f.Calls),
	}
	r.wires = wires{}
	rooms.Put(r)
}

func emptied[V any](list []sluice.Fact[V]) []sluice.Fact[V] {
	clear(list)
	return list[:0]
}

// add decodes a message and puts its fact among the others under the number ref. Its error is poison: the
// bytes are no fact, or not the one that the subject names.
func add(f *sluice.Facts, w *wires, ref int, m *streams.Message) error {
	at, ok := streams.PlaceOf(m.Subject)
	if !ok {
		return sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("%s: no subject of a fact", m.Subject))
	}
	switch at.Kind {
	case streams.KindAccepted:
		err := take(&f.Accepted, &w.accepted, ref, m, at, ofAccepted)
		if err == nil && streams.IsClaim(m.Subject, &w.accepted.Query) { // it comes by its own lane
			f.Accepted = f.Accepted[:len(f.Accepted)-1]
		}
		return err
	case streams.KindSaid:
		return take(&f.Answers, &w.said, ref, m, at, ofSaid)
	case streams.KindGiven:
		return take(&f.Verdicts, &w.given, ref, m, at, ofGiven)
	case streams.KindDrawn:
		return take(&f.Labels, &w.drawn, ref, m, at, ofDrawn)
	case streams.KindAnalyzed:
		return take(&f.Analyses, &w.analyzed, ref, m, at, ofAnalyzed)
	case streams.KindExample:
		return take(&f.Examples, &w.example, ref, m, at, ofExample)
	case streams.KindBilled:
		return take(&f.Calls, &w.billed, ref, m, at, ofBilled)
	case streams.KindDead:
		return take(&f.Deaths, &w.dead, ref, m, at, ofDead)
	}
	return sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("%s: no fact of a kind that is recorded", m.Subject))
}

// take decodes a payload of type W, into wire, and adds what of makes of it, if that belongs to the place that the message
// was found at.
func take[W, V any](list *[]sluice.Fact[V], wire *W, ref int, m *streams.Message, at streams.Place, of func(*W) (streams.Place, V)) error {
	var zero W
	*wire = zero
	if err := streams.DecodeInto(m.Data, wire); err != nil {
		return sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("%s: %w", m.Subject, err))
	}
	named, value := of(wire)
	if named.Kind = at.Kind; named != at {
		return sluice.Poison(sluice.ReasonInvalidField, fmt.Errorf("%s: holds the fact of another subject", m.Subject))
	}
	*list = append(*list, sluice.Fact[V]{Ref: ref, At: m.StoredAt, Value: value})
	return nil
}
