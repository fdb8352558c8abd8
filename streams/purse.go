package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
)

// Purse is what processes have spent together, kept in the log: one record, in which each of them writes its own
// sum. To write a sum again changes nothing, whether or not the first try was heard of (Invariant 2). A purse
// that nobody pays from is forgotten after 45 days.
type Purse struct {
	kv  jetstream.KeyValue
	key string
	// payer names this process in the record.
	payer string
}

// OpenPurse finds the purse of a stage; one that is not there is empty. Stages share none: what a judge could
// read of the answers' purse would tell it who answered (Invariant 3). payer is this process alone.
func OpenPurse(ctx context.Context, js jetstream.JetStream, stage, name, payer string) (*Purse, error) {
	for _, token := range []string{stage, name, payer} {
		if err := ValidToken("purse", token); err != nil {
			return nil, err
		}
	}
	var kv jetstream.KeyValue
	err := Insist(ctx, func() (err error) {
		kv, err = js.KeyValue(ctx, BucketBudgets)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("purse %s: bucket %s: %w; apply the streams first", name, BucketBudgets, err)
	}
	return &Purse{kv: kv, key: purseKey(stage) + "." + name, payer: payer}, nil
}

// purseKey is the beginning of the keys of a stage's purses; no budget of a gateway has such a key.
func purseKey(stage string) string { return "purse.offline." + stage }

// Pay notes all that the payer has spent so far and returns what all have. A sum that is noted already, or a higher one,
// stands, and is not written again.
func (p *Purse) Pay(ctx context.Context, spent sluice.MicroUSD) (total sluice.MicroUSD, err error) {
	for {
		total, err = p.pay(ctx, spent)
		if !errors.Is(err, jetstream.ErrKeyExists) && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("purse %s: %w", p.key, err)
	}
	return total, nil
}

func (p *Purse) pay(ctx context.Context, spent sluice.MicroUSD) (total sluice.MicroUSD, err error) {
	sums := map[string]sluice.MicroUSD{}
	var revision uint64
	switch entry, err := p.kv.Get(ctx, p.key); {
	case err == nil:
		revision = entry.Revision()
		if err := json.Unmarshal(entry.Value(), &sums); err != nil {
			return 0, fmt.Errorf("revision %d: %w", revision, err)
		}
	case !errors.Is(err, jetstream.ErrKeyNotFound):
		return 0, err
	}
	for payer, sum := range sums {
		if payer != p.payer {
			total += sum
		}
	}
	if was := sums[p.payer]; was >= spent {
		return total + was, nil
	}
	total += spent
	sums[p.payer] = spent
	value, err := json.Marshal(sums)
	if err != nil {
		return 0, err
	}
	if revision == 0 {
		_, err = p.kv.Create(ctx, p.key, value)
	} else {
		_, err = p.kv.Update(ctx, p.key, value, revision)
	}
	return total, err
}
