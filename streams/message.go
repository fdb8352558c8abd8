package streams

import "time"

// Message is one message of the log, on its way in or out.
type Message struct {
	// Subject is where it was, or is to be, published.
	Subject string
	// ID is its message id (the Nats-Msg-Id header): a function of the input's id and the stage's
	// version. A fact's id is its subject; a message that upstream published without one has the id
	// "<stream>:<sequence>".
	ID string
	// ContentType is [MsgPack] for every message of ours; upstream may also send [JSON].
	ContentType string
	// Header holds whatever other headers it carries (schema version, traceparent); nil if none.
	Header map[string]string
	// Data is the payload.
	Data []byte

	// The rest is set on messages that were read.

	// Stream is the stream it was read from, Sequence its place there.
	Stream   string
	Sequence uint64
	// StoredAt is when the server stored it (UTC).
	StoredAt time.Time
	// Deliveries counts from 1.
	Deliveries int
	// Retry is the id of the hand-over, where somebody had it handed to its stage once more; else empty.
	Retry string
}

// Continue makes the message a part of the trace that a traceparent header names, if it is in none; empty names none.
// The header of the original is left as it is.
func (m Message) Continue(parent string) Message {
	if parent == "" || m.Header[HeaderTraceParent] != "" {
		return m
	}
	h := map[string]string{HeaderTraceParent: parent}
	for k, v := range m.Header {
		h[k] = v
	}
	m.Header = h
	return m
}

// Stored is the last message of a subject as a direct read found it.
type Stored struct {
	Subject  string
	Sequence uint64
	StoredAt time.Time
	Data     []byte
}

// Result is what a stage makes of one message of a batch: outputs, an error, or both. Outputs are
// published before the error settles the message.
type Result struct {
	Out []Message
	Err error
}
