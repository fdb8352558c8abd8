package streams

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
)

// Envelope holds a message as it was stored, byte for byte, with the place where it was found.
type Envelope struct {
	Stream      string            `json:"stream"`
	Subject     string            `json:"subject"`
	Sequence    uint64            `json:"sequence"`
	ID          string            `json:"id"`
	ContentType string            `json:"content_type,omitempty"`
	Header      map[string]string `json:"header,omitempty"`
	StoredAt    time.Time         `json:"stored_at"`
	Data        []byte            `json:"data,omitempty"`
	// ByReference is true where Data was too large to be wrapped: the bytes are still in Stream at
	// Sequence.
	ByReference bool `json:"by_reference,omitempty"`
	// Until, where set, is the instant from which the stored message has a stage buy nothing: its deadline, where Data
	// has another one. See [AnewMessage].
	Until time.Time `json:"until,omitempty,omitzero"`
}

// Seal wraps a message that was read.
func Seal(m Message) Envelope {
	return Envelope{
		Stream: m.Stream, Subject: m.Subject, Sequence: m.Sequence, ID: m.ID, ContentType: m.ContentType,
		Header: maps.Clone(m.Header), StoredAt: m.StoredAt, Data: m.Data,
	}
}

// Open is the message as it was first read, in its first place. Deliveries is left to the reader.
func (e Envelope) Open() Message {
	return Message{
		Stream: e.Stream, Subject: e.Subject, Sequence: e.Sequence, ID: e.ID, ContentType: e.ContentType,
		Header: maps.Clone(e.Header), StoredAt: e.StoredAt, Data: e.Data,
	}
}

// Fetch reads the bytes that an envelope by reference points to. Its error is a [jetstream.ErrMsgNotFound] where the
// message is gone, or another one has its place.
func (e Envelope) Fetch(ctx context.Context, js jetstream.JetStream) ([]byte, error) {
	if !slices.Contains(Names(), e.Stream) {
		return nil, fmt.Errorf("stream %q: %w", e.Stream, jetstream.ErrMsgNotFound)
	}
	s, err := js.Stream(ctx, e.Stream)
	if err != nil {
		return nil, err
	}
	m, err := s.GetMsg(ctx, e.Sequence)
	if err != nil {
		return nil, err
	}
	if m.Subject != e.Subject { // of a stream that was made anew
		return nil, fmt.Errorf("%s is there: %w", m.Subject, jetstream.ErrMsgNotFound)
	}
	return m.Data, nil
}

// ByRef is the envelope without its data, for where that is too large to be wrapped.
func (e Envelope) ByRef() Envelope {
	e.Data, e.ByReference = nil, true
	return e
}

// identity names the stored message: equal for every copy of it, different for every other message,
// even one that upstream gave the same id.
func (e Envelope) identity() string {
	return sluice.HashID(e.Stream, e.Subject, e.ID, strconv.FormatUint(e.Sequence, 10),
		strconv.FormatInt(e.StoredAt.UnixNano(), 10))
}

// DeadLetter is a message that a stage could not handle, and why.
type DeadLetter struct {
	Envelope Envelope      `json:"envelope"`
	Stage    string        `json:"stage"`
	Durable  string        `json:"durable"`
	Class    sluice.Class  `json:"class"`
	Reason   sluice.Reason `json:"reason"`
	// Error is the last error's text; it holds no payload and no secret.
	Error string `json:"error"`
	// Attempts counts the failures that were spent, Deliveries how often the server handed it out.
	Attempts   int       `json:"attempts"`
	Deliveries int       `json:"deliveries,omitempty"`
	DiedAt     time.Time `json:"died_at"`
	// Retry is the id of the hand-over that died, where the message had come by way of RETRIES: a
	// second death is another letter.
	Retry string `json:"retry,omitempty"`
}

// ID names the letter: a function of the dead message, the stage and the hand-over (Invariant 2).
func (l DeadLetter) ID() string {
	return sluice.HashID("dead", l.Stage, l.Envelope.identity(), l.Retry)
}

// DeadMessage stores a letter in DEAD.
func DeadMessage(l DeadLetter) (Message, error) {
	return fact(DeadSubject(l.Stage, l.Reason, l.ID()), l)
}

// ParseDead reads a message of DEAD.
func ParseDead(m Message) (DeadLetter, error) { return Decode[DeadLetter](m.Data) }

// RetryMessage hands the enveloped message to a stage once more, by way of RETRIES. The id tells one
// hand-over from another and may hold any characters: asking twice with one id is asking once
// (Invariant 8).
func RetryMessage(stage, id string, e Envelope) (Message, error) {
	return fact(RetrySubject(stage, sluice.HashID("retry", stage, id, e.identity())), e)
}

// ParseRetry reads a message of RETRIES.
func ParseRetry(m Message) (Envelope, error) { return Decode[Envelope](m.Data) }

// ReplayMessage hands a dead letter's message to the stage that it died in. Sending it twice is sending
// it once, until it dies again (Invariant 8).
func ReplayMessage(l DeadLetter) (Message, error) {
	return RetryMessage(l.Stage, "dead "+l.ID(), l.Envelope)
}
