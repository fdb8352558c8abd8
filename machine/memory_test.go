package machine

import "testing"

func TestAContainersLimitLowersWhatThereIsAndNeverRaisesIt(t *testing.T) {
	if got := allowed(1); got != 1 {
		t.Errorf("one byte became %d", got)
	}
}
