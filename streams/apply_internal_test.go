package streams

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestAServerWithoutJetStreamIsNamedAsOne(t *testing.T) {
	err := applyError("stream QUERIES", fmt.Errorf("%w (last answer: %w)", context.DeadlineExceeded, nats.ErrNoResponders))
	if !strings.Contains(err.Error(), "stream QUERIES: nobody answers for JetStream") || !strings.Contains(err.Error(), "start the server with -js") {
		t.Errorf("got %v", err)
	}
}
