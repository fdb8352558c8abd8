package consumers

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsThatBeginTogetherShareADeadlineAndLaterOnesHaveTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 320 * time.Millisecond
		r := &Runner{cfg: Config{Stage: Stage{Deadline: most}}, work: t.Context()}
		first := r.deadline(time.Now())
		<-time.After(10 * time.Millisecond)
		if r.deadline(time.Now()) != first {
			t.Error("two deadlines within a 32nd")
		}
		<-time.After(time.Millisecond)
		later := r.deadline(time.Now())
		if later == first {
			t.Error("one deadline after more than a 32nd")
		}
		began := time.Now()
		<-first.Done()
		if later.Err() != nil {
			t.Error("the later call ended with the earlier ones")
		}
		<-later.Done()
		if took := time.Since(began); took < most || took > most+most/32 {
			t.Errorf("the later call had %v", took)
		}
	})
}
