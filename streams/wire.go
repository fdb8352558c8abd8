package streams

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	msgPackHeader = []string{MsgPack}
	schemaHeader  = []string{SchemaVersion}
)

// toWire makes wire the message as NATS sends it; wire is used again for the next, since the client
// copies it. A fact whose subject is its id carries no id header: the stream refuses a second message of
// the subject by itself, for ever, and need not remember the id. A fact without headers of its own
// carries none at all: in a stream of facts that means msgpack of the first schema. Headers are taken
// apart by the server and by every reader, and cost about as much as a small payload.
func toWire(wire *nats.Msg, m Message, reply string) {
	wire.Subject, wire.Reply, wire.Data = m.Subject, reply, m.Data
	h := wire.Header
	clear(h)
	if plainFact(m) {
		return
	}
	for k, v := range m.Header {
		h[k] = []string{v}
	}
	if m.ID != "" && m.ID != m.Subject {
		h[jetstream.MsgIDHeader] = []string{m.ID}
	}
	switch m.ContentType {
	case "":
	case MsgPack:
		h[HeaderContentType] = msgPackHeader
	default:
		h[HeaderContentType] = []string{m.ContentType}
	}
	if _, set := h[HeaderSchema]; !set {
		h[HeaderSchema] = schemaHeader
	}
}

// plainFact says of a message that its headers would say nothing new.
func plainFact(m Message) bool {
	return len(m.Header) == 0 && m.ID == m.Subject && m.ContentType == MsgPack
}

// FromDelivered is the message that a consumer delivered to a plain subscription.
func FromDelivered(msg *nats.Msg) (Message, error) {
	if p, ok := parseAckSubject(msg.Reply); ok {
		return delivered(msg.Subject, msg.Header, msg.Data, p.stream, p.sequence, p.deliveries, time.Unix(0, p.at)), nil
	}
	meta, err := msg.Metadata()
	if err != nil {
		return Message{}, fmt.Errorf("message on %s: %w", msg.Subject, err)
	}
	return delivered(msg.Subject, msg.Header, msg.Data, meta.Stream, meta.Sequence.Stream,
		meta.NumDelivered, meta.Timestamp), nil
}

func delivered(subject string, h nats.Header, data []byte, stream string, seq, deliveries uint64, at time.Time) Message {
	m := fromWire(stream, subject, seq, h)
	m.Data, m.StoredAt, m.Deliveries = data, at.UTC(), int(deliveries)
	return m
}

// fromWire reads the headers of a stored message.
func fromWire(stream, subject string, sequence uint64, h nats.Header) Message {
	m := Message{Stream: stream, Subject: subject, Sequence: sequence}
	if Once(stream) {
		m.ID, m.ContentType = subject, MsgPack
	}
	for k, v := range h {
		if len(v) == 0 {
			continue
		}
		switch k {
		case jetstream.MsgIDHeader:
			m.ID = v[0]
		case HeaderContentType:
			m.ContentType = v[0]
		case "Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence":
		default:
			if m.Header == nil {
				m.Header = make(map[string]string, len(h))
			}
			m.Header[k] = v[0]
		}
	}
	if m.ID == "" {
		m.ID = stream + ":" + strconv.FormatUint(sequence, 10)
	}
	return m
}

// storedFrom reads one message of a direct read.
func storedFrom(msg *nats.Msg) (Stored, error) {
	seq, err := strconv.ParseUint(msg.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return Stored{}, fmt.Errorf("direct read: sequence: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, msg.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return Stored{}, fmt.Errorf("direct read: time: %w", err)
	}
	return Stored{Subject: msg.Header.Get("Nats-Subject"), Sequence: seq, StoredAt: at.UTC(), Data: msg.Data}, nil
}
