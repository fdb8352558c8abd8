package main

import (
	"strings"
	"testing"
)

func TestABackendThatIsNotThereTrainsNothing(t *testing.T) {
	_, errs, status := newProgram(t).run("bench", "train", "--examples", "48", "--backend", "xla:cuda")
	if status == statusDone || !strings.Contains(errs, "-tags xla") {
		t.Errorf("status %d\n%s", status, errs)
	}
}
