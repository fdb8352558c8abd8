package streams

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Erase deletes a message and overwrites it on the disk, where a plain delete only marks it as gone. One that is gone
// already is no fault, and stays as it is.
func Erase(ctx context.Context, s jetstream.Stream, sequence uint64) error {
	err := s.SecureDeleteMsg(ctx, sequence)
	// The server says in words only that there was nothing to delete.
	if errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) && strings.Contains(err.Error(), "found") {
		return nil
	}
	return err
}
