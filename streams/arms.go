package streams

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

const armSecretKey = "secret"

// ArmSecret is the secret that assigns tiers to arms (see sluice.NewArmKey). The first caller draws it;
// every other one, on whatever machine, reads the same, so that all copies of the answer and label
// stages agree. [Apply] must have run. Only those two stages may be let near the bucket (Invariant 3).
func ArmSecret(ctx context.Context, js jetstream.JetStream) ([]byte, error) {
	kv, err := js.KeyValue(ctx, BucketArms)
	if err != nil {
		return nil, fmt.Errorf("arm secret: bucket %s: %w; apply the streams first", BucketArms, err)
	}
	drawn := make([]byte, 32)
	if _, err := rand.Read(drawn); err != nil {
		return nil, fmt.Errorf("arm secret: %w", err)
	}
	var secret []byte
	err = Insist(ctx, func() error {
		entry, err := kv.Get(ctx, armSecretKey)
		if err == nil {
			secret = entry.Value()
			return nil
		}
		if !errors.Is(err, jetstream.ErrKeyNotFound) {
			return err
		}
		_, err = kv.Create(ctx, armSecretKey, drawn)
		if err == nil {
			secret = drawn
			return nil
		}
		if errors.Is(err, jetstream.ErrKeyExists) {
			return errAgain // a replica that lags behind hid it
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("arm secret: %w", err)
	}
	return secret, nil
}
