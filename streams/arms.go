package streams

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	armSecretKey = "secret"
	secretBytes  = 32
)

// ArmSecret is the secret that assigns tiers to arms (see sluice.NewArmKey). The first caller draws it;
// every other one, on whatever machine, reads the same, so that all copies of the answer and label
// stages agree. [Apply] must have run. Only those two stages may be let near the bucket (Invariant 3).
func ArmSecret(ctx context.Context, js jetstream.JetStream) ([]byte, error) {
	kv, err := js.KeyValue(ctx, BucketArms)
	if err != nil {
		return nil, fmt.Errorf("arm secret: bucket %s: %w; apply the streams first", BucketArms, err)
	}
	drawn := make([]byte, secretBytes)
	if _, err := rand.Read(drawn); err != nil {
		return nil, fmt.Errorf("arm secret: %w", err)
	}
	var secret []byte
	err = Insist(ctx, func() error {
		entry, err := kv.Get(ctx, armSecretKey)
		if err == nil {
			secret, err = drawnSecret(entry.Value())
			return err
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

// drawnSecret is what stands in a secret's place, if it was drawn. Whoever may publish anything may have the server
// answer there, in JSON that he can foretell: a judge who knows the secret knows who answered (Invariant 3).
func drawnSecret(value []byte) ([]byte, error) {
	if len(value) != secretBytes || json.Valid(value) {
		return nil, errors.New("somebody else wrote what stands there; restore it from a backup, or delete it once no query is between its answers and its label: another one is drawn then")
	}
	return value, nil
}
