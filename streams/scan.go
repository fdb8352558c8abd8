package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Window is the part of a stream that [Scan] reads. The zero value is all of it.
type Window struct {
	// Filter is a subject, with wildcards or without; empty means every subject.
	Filter string
	// Since and Until bound the time at which a message was stored: from Since, up to but without Until.
	// The zero value is no bound.
	Since, Until time.Time
	// From is the first sequence to read; 0 is the stream's first. Since goes before it.
	From uint64
}

// scanPage is how many messages one request asks for.
const scanPage = 500

// scanTimeout is how long one message of a reply may be in coming before the page is asked for again.
const scanTimeout = 5 * time.Second

// Scan reads the messages that a stream holds at the time of the call, oldest first, without a consumer:
// nothing is acknowledged and nothing remembers that they were read. What is stored while it reads is
// left out. An error is the last thing yielded.
func Scan(ctx context.Context, js jetstream.JetStream, stream string, w Window) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if err := scan(ctx, js, stream, w, func(m Message) bool { return yield(m, nil) }); err != nil {
			yield(Message{}, fmt.Errorf("read stream %s: %w", stream, err))
		}
	}
}

func scan(ctx context.Context, js jetstream.JetStream, stream string, w Window, yield func(Message) bool) error {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	last := s.CachedInfo().State.LastSeq
	ask := pageRequest{Batch: scanPage, Sequence: max(w.From, 1), Filter: w.Filter}
	if !w.Since.IsZero() {
		ask.Sequence, ask.Since = 0, w.Since.UTC().Format(time.RFC3339Nano)
	}
	if ask.Filter == "" {
		ask.Filter = ">"
	}
	for faults := 0; ; {
		page, more, err := readPage(ctx, js.Conn(), stream, ask)
		for _, m := range page {
			if m.Sequence > last || !w.Until.IsZero() && !m.StoredAt.Before(w.Until) {
				return nil
			}
			if !yield(m) {
				return nil
			}
			ask.Sequence, ask.Since, faults = m.Sequence+1, "", 0
		}
		if err != nil {
			if faults++; faults > 5 || ctx.Err() != nil {
				return err
			}
			continue // from behind the last message that arrived
		}
		if !more || ask.Sequence > last {
			return nil
		}
	}
}

// pageRequest is the server's batched direct read.
type pageRequest struct {
	Batch    int    `json:"batch"`
	Sequence uint64 `json:"seq,omitempty"`
	Since    string `json:"start_time,omitempty"`
	Filter   string `json:"next_by_subj"`
}

// readPage makes one request. It returns what arrived even where it fails in the middle.
func readPage(ctx context.Context, nc *nats.Conn, stream string, ask pageRequest) (page []Message, more bool, err error) {
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, false, err
	}
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, sub.Unsubscribe()) }()
	if err := nc.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, body); err != nil {
		return nil, false, err
	}
	for {
		msg, err := nextReply(ctx, sub)
		if err != nil {
			return page, true, err
		}
		// A message first: upstream may have given its own a Status.
		switch status := msg.Header.Get("Status"); {
		case msg.Header.Get("Nats-Sequence") != "":
			m, err := directMessage(stream, msg)
			if err != nil {
				return page, false, err
			}
			page = append(page, m)
		case status == "204": // the page's end
			return page, msg.Header.Get("Nats-Num-Pending") != "0", nil
		case status == "404":
			return page, false, nil
		default:
			return page, false, fmt.Errorf("the server answers %s %s", status, msg.Header.Get("Description"))
		}
	}
}

func nextReply(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}

// directMessage is a message of a direct read.
func directMessage(stream string, msg *nats.Msg) (Message, error) {
	stored, err := storedFrom(msg)
	if err != nil {
		return Message{}, err
	}
	m := fromWire(stream, stored.Subject, stored.Sequence, msg.Header)
	m.Data, m.StoredAt = stored.Data, stored.StoredAt
	return m, nil
}
