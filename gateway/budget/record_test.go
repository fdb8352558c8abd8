package budget

import (
	"context"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sluice/internal/natstest"
)

// starting is a bucket whose server does not answer the first listing.
type starting struct {
	jetstream.KeyValue
	asked int
}

func (s *starting) ListKeysFiltered(ctx context.Context, filters ...string) (jetstream.KeyLister, error) {
	lister, err := s.KeyValue.ListKeysFiltered(ctx, filters...)
	if s.asked++; s.asked > 1 || err != nil {
		return lister, err
	}
	_ = lister.Stop()
	return nil, nats.ErrNoResponders
}

func TestAListThatTheServerDidNotAnswerIsMadeAgain(t *testing.T) {
	b, err := openBucket(t.Context(), natstest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.put(t.Context(), "all.all.2026-03-16", record{Budget: "all", Scope: ScopeGlobal}, 0); err != nil {
		t.Fatal(err)
	}
	s := &starting{KeyValue: b.kv}
	keys, err := bucket{kv: s}.keys(t.Context(), windows(noon))
	if err != nil || !slices.Equal(keys, []string{"all.all.2026-03-16"}) || s.asked != 2 {
		t.Errorf("asked %d times: %v, %v", s.asked, keys, err)
	}
}
