package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// Letter is a dead letter and its place in the log.
type Letter struct {
	// ID names it in commands; it is the last token of its subject.
	ID       string
	Sequence uint64
	// Undecodable says that what DEAD holds there is no letter: it can be shown and dropped, and nothing else. Its ID
	// is made of its sequence, its envelope holds it as it lies in DEAD, and stage and reason are what its subject says.
	Undecodable bool
	streams.DeadLetter
}

// Selection chooses dead letters. The zero value chooses all of them.
type Selection struct {
	Stage  string
	Reason sluice.Reason
	// Since leaves out what died earlier; zero: nothing.
	Since time.Time
	// IDs, where there are any, are letters' ids or unambiguous beginnings of them.
	IDs []string
}

// filter is the narrowest subject that holds the selection.
func (s Selection) filter() (string, error) {
	if s.Stage == "" && s.Reason == "" {
		return "", nil // what nobody can read may lie anywhere
	}
	tokens := []string{"dead", "*", "*", "*"}
	if s.Stage != "" {
		tokens[1] = s.Stage
	}
	if s.Reason != "" {
		tokens[2] = string(s.Reason)
	}
	for i, what := range []string{1: "stage", 2: "reason"} {
		if i > 0 && tokens[i] != "*" {
			if err := streams.ValidToken(what, tokens[i]); err != nil {
				return "", err
			}
		}
	}
	return strings.Join(tokens, "."), nil
}

// Publisher stores messages with confirmation; *streams.Publisher is one.
type Publisher interface {
	Publish(ctx context.Context, msgs []streams.Message) ([]streams.Ack, error)
}

// Letters lists the dead letters of a selection, oldest first. An id that is not there, or is the
// beginning of several, is an error that names it.
func Letters(ctx context.Context, js jetstream.JetStream, s Selection) ([]Letter, error) {
	filter, err := s.filter()
	if err != nil {
		return nil, err
	}
	var letters []Letter
	for m, err := range streams.Scan(ctx, js, streams.StreamDead, streams.Window{Filter: filter, Since: s.Since}) {
		if err != nil {
			return nil, fmt.Errorf("dead letters: %w", err)
		}
		letters = append(letters, letterOf(m))
	}
	return pick(letters, s.IDs)
}

// undecodable begins the id of what is no letter; its sequence in DEAD follows.
const undecodable = "undecodable-"

// letterOf reads a message of DEAD. One that can't be read is a letter too, so that it neither hides others nor stays
// for ever.
func letterOf(m streams.Message) Letter {
	tokens := strings.Split(m.Subject, ".")
	dead, err := streams.ParseDead(m)
	if err == nil && dead.Stage != "" && len(tokens) == 4 {
		return Letter{ID: tokens[3], Sequence: m.Sequence, DeadLetter: dead}
	}
	if err == nil {
		err = errors.New("it names no stage, or lies under another subject than its own")
	}
	l := Letter{ID: fmt.Sprint(undecodable, m.Sequence), Sequence: m.Sequence, Undecodable: true}
	l.Envelope, l.DiedAt, l.Class = streams.Seal(m), m.StoredAt, sluice.ClassPoison
	l.Error = fmt.Sprintf("undecodable: %v", err)
	if len(tokens) == 4 {
		l.Stage, l.Reason = tokens[1], sluice.Reason(tokens[2])
	}
	return l
}

// pick keeps the letters that ids name.
func pick(letters []Letter, ids []string) ([]Letter, error) {
	if len(ids) == 0 {
		return letters, nil
	}
	var faults []error
	chosen := map[string]bool{}
	for _, id := range ids {
		var found []string
		for _, l := range letters {
			if l.ID == id {
				found = []string{id}
				break
			}
			if strings.HasPrefix(l.ID, id) {
				found = append(found, l.ID)
			}
		}
		switch len(found) {
		case 0:
			faults = append(faults, fmt.Errorf("no dead letter %s among those selected; sluice dead list shows them", id))
		case 1:
			chosen[found[0]] = true
		default:
			faults = append(faults, fmt.Errorf("%d dead letters begin with %s: give more of the id", len(found), id))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(letters, func(l Letter) bool { return !chosen[l.ID] }), nil
}

// Revive hands each letter's message to the stage that it died in, confirms that, and only then deletes
// the letter. Doing it twice, or dying in the middle and doing it again, hands each message over once
// (Invariant 8). It returns how many letters are gone from DEAD; those that can't be handed over stay there, and the
// error names them.
func Revive(ctx context.Context, js jetstream.JetStream, p Publisher, letters []Letter) (int, error) {
	n := 0
	var faults []error
	for _, l := range letters {
		m, err := l.handOver()
		if err != nil {
			faults = append(faults, fmt.Errorf("replay %s: %w", l.ID, err))
			continue
		}
		if _, err := p.Publish(ctx, []streams.Message{m}); err != nil { // Invariant 1
			return n, errors.Join(append(faults, fmt.Errorf("replay %s: %w", l.ID, err))...)
		}
		if err := remove(ctx, js, l); err != nil {
			return n, errors.Join(append(faults, err)...)
		}
		n++
	}
	return n, errors.Join(faults...)
}

// ErrUndecodable says that a dead letter can't be replayed, since it can't be read.
var ErrUndecodable = errors.New("it can't be read, so that nobody knows what died: sluice dead show shows its bytes, sluice dead drop deletes it")

// handOver is the letter's message for the stage that it died in.
func (l Letter) handOver() (streams.Message, error) {
	if l.Undecodable {
		return streams.Message{}, ErrUndecodable
	}
	return streams.ReplayMessage(l.DeadLetter)
}

// Drop deletes letters for good and returns how many.
func Drop(ctx context.Context, js jetstream.JetStream, letters []Letter) (int, error) {
	for i, l := range letters {
		if err := remove(ctx, js, l); err != nil {
			return i, err
		}
	}
	return len(letters), nil
}

// remove deletes a letter from the log, and overwrites it on the disk: [Forget] would not find it there any more. One
// that is gone already is no fault.
func remove(ctx context.Context, js jetstream.JetStream, l Letter) error {
	s, err := js.Stream(ctx, streams.StreamDead)
	if err != nil {
		return fmt.Errorf("delete dead letter %s: %w", l.ID, err)
	}
	if err := streams.Erase(ctx, s, l.Sequence); err != nil {
		return fmt.Errorf("delete dead letter %s: %w", l.ID, err)
	}
	return nil
}
