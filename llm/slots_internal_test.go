package llm

import (
	"context"
	"errors"
	"testing"
)

// A slot that is given to somebody who leaves at the same moment is not lost.
func TestASlotGivenToOneWhoLeavesGoesOn(t *testing.T) {
	var s slots
	ctx, leave := context.WithCancel(t.Context())
	leave()
	ticket := make(chan error, 1)
	ticket <- nil // given, and not seen any more
	if err := s.leave(ctx, "a", ticket); !errors.Is(err, context.Canceled) || s.free != 1 {
		t.Errorf("%d free, %v", s.free, err)
	}
	ticket <- ErrBusy // turned away: there is nothing to give on
	if err := s.leave(ctx, "a", ticket); !errors.Is(err, context.Canceled) || s.free != 1 {
		t.Errorf("%d free, %v", s.free, err)
	}
}
