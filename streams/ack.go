package streams

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// fault is why a message is unconfirmed. The zero value is no fault.
type fault struct {
	// stream is the stream that refused, where one did.
	stream string
	// full means that the stream has no room, never that no server will have the message, tooLarge that
	// its size is why.
	full, never, tooLarge bool
	// taken means that the subject holds a message already, or will: see [Publisher.believe].
	taken bool
	// crowded means that its fate is not known: another of its crowd was refused.
	crowded bool
	err     error
}

// What the server says of a publish, beside the names of nats.go.
const (
	codeAccountFull   = 10002
	codeInsufficient  = 10023
	codeMemoryFull    = 10028
	codeStorageFull   = 10047
	codeTooLarge      = 10054
	codeStoreFailed   = 10077
	codeHeaderTooLong = 10097

	textPerSubject = "maximum messages per subject exceeded"
	textBytes      = "maximum bytes exceeded"
	textMessages   = "maximum messages exceeded"
	textTooLarge   = "message too large"
)

func faultOfSend(err error) fault {
	tooLarge := errors.Is(err, nats.ErrMaxPayload)
	never := tooLarge || errors.Is(err, nats.ErrBadSubject) ||
		errors.Is(err, nats.ErrBadHeaderMsg) || errors.Is(err, nats.ErrHeadersNotSupported)
	return fault{err: err, never: never, tooLarge: tooLarge}
}

// parseAck reads the server's reply to a publish.
func parseAck(m *nats.Msg) (Ack, fault) {
	if len(m.Data) == 0 {
		if m.Header.Get("Status") == "503" {
			return Ack{}, fault{err: errors.New("no stream listens there, or it has no leader; are the streams applied?")}
		}
		return Ack{}, fault{err: errors.New("an empty confirmation")}
	}
	if ack, ok := quickAck(m.Data); ok {
		return ack, fault{}
	}
	var reply struct {
		Stream    string              `json:"stream"`
		Sequence  uint64              `json:"seq"`
		Duplicate bool                `json:"duplicate"`
		Error     *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return Ack{}, fault{err: fmt.Errorf("an unreadable confirmation: %w", err)}
	}
	if reply.Error == nil {
		if reply.Stream == "" {
			return Ack{}, fault{err: errors.New("a confirmation that names no stream")}
		}
		return Ack{New: !reply.Duplicate, Stream: reply.Stream, Sequence: reply.Sequence}, fault{}
	}
	if reply.Error.ErrorCode == codeStoreFailed && reply.Error.Description == textPerSubject {
		return Ack{}, fault{stream: reply.Stream, taken: true, err: reply.Error}
	}
	return Ack{}, faultOfServer(reply.Stream, reply.Error)
}

func faultOfServer(stream string, e *jetstream.APIError) fault {
	f := fault{stream: stream, err: e}
	switch e.ErrorCode {
	case codeAccountFull, codeInsufficient, codeMemoryFull, codeStorageFull:
		f.full = true
	case codeTooLarge, codeHeaderTooLong:
		f.never, f.tooLarge = true, true
	case codeStoreFailed:
		switch e.Description {
		case textBytes, textMessages:
			f.full = true
		case textTooLarge:
			f.never, f.tooLarge = true, true
		}
	}
	return f
}

// quickAck reads the one shape that nearly every confirmation has: {"stream":"S","seq":7}.
func quickAck(data []byte) (Ack, bool) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"stream":"`))
	if !ok {
		return Ack{}, false
	}
	name, rest, ok := bytes.Cut(rest, []byte(`","seq":`))
	if !ok || bytes.IndexByte(name, '"') >= 0 || len(rest) < 2 || rest[len(rest)-1] != '}' {
		return Ack{}, false
	}
	seq, err := strconv.ParseUint(string(rest[:len(rest)-1]), 10, 64)
	if err != nil {
		return Ack{}, false
	}
	return Ack{New: true, Stream: interned(name), Sequence: seq}, true
}

// interned spares an allocation for the streams of ours.
func interned(name []byte) string {
	for i := range specs {
		if string(name) == specs[i].name {
			return specs[i].name
		}
	}
	return string(name)
}
