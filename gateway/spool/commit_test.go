package spool

import (
	"errors"
	"testing"
	"testing/synctest"
)

// What a disk could not write it may say nothing of when it is asked again.
func TestAForceThatFailsFailsAllWhoWaitedForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c commit
		broken, fail := errors.New("broken"), make(chan error)
		force := func() (uint64, error) { return 2, <-fail }
		ended := make(chan error, 2)
		go func() { ended <- c.wait(1, force) }()
		synctest.Wait()
		go func() { ended <- c.wait(2, force) }()
		synctest.Wait()
		fail <- broken
		synctest.Wait()
		select {
		case fail <- nil: // asked again
		default:
		}
		for range 2 {
			if err := <-ended; !errors.Is(err, broken) {
				t.Errorf("after a force that failed: %v", err)
			}
		}
		later := make(chan error, 1)
		go func() { later <- c.wait(3, func() (uint64, error) { return 3, nil }) }()
		if err := <-later; err != nil {
			t.Errorf("after the disk is well again: %v", err)
		}
		if err := c.wait(3, nil); err != nil {
			t.Errorf("what is on the disk: %v", err)
		}
	})
}
