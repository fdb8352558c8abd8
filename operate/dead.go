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
		l, err := letterOf(m)
		if err != nil {
			return nil, err
		}
		letters = append(letters, l)
	}
	return pick(letters, s.IDs)
}

func letterOf(m streams.Message) (Letter, error) {
	dead, err := streams.ParseDead(m)
	if err != nil {
		return Letter{}, fmt.Errorf("dead letter %d: %w", m.Sequence, err)
	}
	return Letter{ID: m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], Sequence: m.Sequence, DeadLetter: dead}, nil
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
// (Invariant 8). It returns how many letters are gone from DEAD.
func Revive(ctx context.Context, js jetstream.JetStream, p Publisher, letters []Letter) (int, error) {
	for i, l := range letters {
		m, err := streams.ReplayMessage(l.DeadLetter)
		if err != nil {
			return i, fmt.Errorf("replay %s: %w", l.ID, err)
		}
		if _, err := p.Publish(ctx, []streams.Message{m}); err != nil { // Invariant 1
			return i, fmt.Errorf("replay %s: %w", l.ID, err)
		}
		if err := remove(ctx, js, l); err != nil {
			return i, err
		}
	}
	return len(letters), nil
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

// remove deletes a letter from the log; one that is gone already is no fault.
func remove(ctx context.Context, js jetstream.JetStream, l Letter) error {
	s, err := js.Stream(ctx, streams.StreamDead)
	if err != nil {
		return fmt.Errorf("delete dead letter %s: %w", l.ID, err)
	}
	if err := s.DeleteMsg(ctx, l.Sequence); err != nil && !gone(err) {
		return fmt.Errorf("delete dead letter %s: %w", l.ID, err)
	}
	return nil
}

// gone says that there was nothing to delete any more; the server says so in words only.
func gone(err error) bool {
	return errors.Is(err, jetstream.ErrMsgNotFound) ||
		errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) && strings.Contains(err.Error(), "found")
}
