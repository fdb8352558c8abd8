package keys

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

const subjects = "$KV." + streams.BucketKeys + "."

// resetEvery is how many looks for news there are between two looks whether the bucket was made anew.
const resetEvery = 20

// follow looks for news until ctx ends. It asks for the message after the last one it knows, which needs
// no consumer that could be lost with a server: a revocation holds after one look, whatever happened to
// the log before.
func (s *Store) follow(ctx context.Context) {
	ticker := time.NewTicker(s.o.Every)
	defer ticker.Stop()
	failing := false
	for looks := 1; ; looks++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := s.o.Beside.Contain("news of API keys", func() error { return s.look(ctx, looks%resetEvery == 0) })
		if err != nil && !failing && ctx.Err() == nil {
			s.o.Log.Warn("the log can't be asked for news of API keys; those that were known stay in force", "error", err)
		}
		failing = err != nil
	}
}

func (s *Store) look(ctx context.Context, whole bool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if whole {
		info, err := s.stream.Info(ctx)
		if err != nil {
			return fmt.Errorf("API keys: %w", err)
		}
		s.mu.Lock()
		if info.State.LastSeq < s.last { // the bucket was made anew
			s.last = 0
			clear(s.records)
		}
		s.mu.Unlock()
	}
	return s.catchUp(ctx)
}

// catchUp takes in every message behind the last one known.
func (s *Store) catchUp(ctx context.Context) error {
	for {
		s.mu.RLock()
		next := s.last + 1
		s.mu.RUnlock()
		m, err := s.stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(subjects+">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("API keys: %w", err)
		}
		s.take(m)
	}
}

// take takes in one message. What can't be read is as good as no key.
func (s *Store) take(m *jetstream.RawStreamMsg) {
	id := strings.TrimPrefix(m.Subject, subjects)
	var e *entry
	err := s.o.Beside.Contain("an API key's record", func() (err error) { // one that can't be read must not hide those behind it
		e, err = parse(m)
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = m.Sequence
	if err != nil {
		delete(s.records, id)
		s.o.Log.Warn("an API key can't be read and is out of force", "id", id, "error", err)
		return
	}
	if e == nil {
		delete(s.records, id)
		return
	}
	s.records[id] = *e
}

// parse is the entry of a message, nil for one that deletes.
func parse(m *jetstream.RawStreamMsg) (*entry, error) {
	if m.Header.Get("KV-Operation") != "" {
		return nil, nil //nolint:nilnil // a deletion is no entry and no error
	}
	var r record
	if err := json.Unmarshal(m.Data, &r); err != nil {
		return nil, fmt.Errorf("API key: %w", err)
	}
	hash, err := hex.DecodeString(r.SHA256)
	e := &entry{key: r.Key}
	if err != nil || copy(e.hash[:], hash) != len(e.hash) || len(hash) != len(e.hash) {
		return nil, errors.New("API key: its hash is no SHA-256")
	}
	return e, nil
}
