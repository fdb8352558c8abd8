package front

import (
	"testing"
	"time"
)

// Who was let through before a router was given its pause has no say in how the one that tries it now fares.
func TestWhoCameBeforeAPauseNeitherEndsNorLengthensIt(t *testing.T) {
	t.Parallel()
	c := &circuit{o: Circuit{Failures: 2, Pause: time.Second}}
	now := time.Unix(0, 0)
	for range 5 {
		if _, ok := c.allow(now); !ok {
			t.Fatal("closed, and not let through")
		}
	}
	c.failed(now, false)
	c.failed(now, false)
	c.succeeded(false)
	if _, ok := c.allow(now); ok {
		t.Error("one that was slow ended the pause")
	}
	now = now.Add(time.Second)
	probe, ok := c.allow(now)
	if !ok || !probe {
		t.Fatal("nobody may try after the pause")
	}
	c.forget(false)
	c.failed(now, false)
	if _, ok := c.allow(now); ok {
		t.Error("two try at once")
	}
	c.succeeded(true)
	if _, ok := c.allow(now); !ok {
		t.Error("it is well, and has its pause still")
	}
}
