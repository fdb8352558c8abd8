package keys

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/bulkhead"
)

// rotten is a stream whose first answer panics; then it has one key.
type rotten struct {
	jetstream.Stream
	asked atomic.Int64
	key   *jetstream.RawStreamMsg
}

func (r *rotten) GetMsg(_ context.Context, seq uint64, _ ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	if r.asked.Add(1) == 1 {
		panic("half a header")
	}
	if seq > r.key.Sequence {
		return nil, jetstream.ErrMsgNotFound
	}
	return r.key, nil
}

// A revocation must hold within a second, whatever happened to the look before.
func TestNewsOfKeysAreFollowedAfterAPanic(t *testing.T) {
	beside := bulkhead.New(slog.New(slog.DiscardHandler), time.Now)
	hash := digest("secret")
	data, err := json.Marshal(record{Key: Key{ID: "k1"}, SHA256: hex.EncodeToString(hash[:])})
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{
		o:       Options{Every: time.Millisecond, Log: slog.New(slog.DiscardHandler), Beside: beside},
		records: map[string]entry{}, stream: &rotten{key: &jetstream.RawStreamMsg{Subject: subjects + "k1", Sequence: 1, Data: data}},
	}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	s.following.Go(func() { s.follow(ctx) })
	until(t, "the key is known", func() bool { _, ok := s.Get("k1"); return ok })
	s.Close()
	if n := beside.Counts()["news of API keys"]; n != 1 {
		t.Errorf("%d panics counted", n)
	}
}
