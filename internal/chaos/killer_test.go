package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/streams"
)

// killer ends processes of a rig by SIGKILL, one at a time, and starts them again.
type killer struct {
	t   *testing.T
	rig *rig
	rng *rand.Rand
	// kills counts by victim: a stage's name, "nats" or "postgres".
	kills map[string]int
	// inHand adds up, by stage, the messages that were delivered and not yet settled at the kills: what may
	// have been bought in vain.
	inHand map[string]int
}

func newKiller(r *rig, seed uint64) *killer {
	return &killer{t: r.t, rig: r, rng: rand.New(rand.NewPCG(seed, 1)), kills: map[string]int{}, inHand: map[string]int{}}
}

// seedOf is the run's seed, drawn unless SLUICE_CHAOS_SEED names it, and printed.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SLUICE_CHAOS_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SLUICE_CHAOS_SEED: %v", err)
		}
	}
	t.Logf("seed %d (repeat with SLUICE_CHAOS_SEED=%d)", seed, seed)
	return seed
}

// rampage kills until done is closed, and at least each kind of victim rounds times: the victims of a round
// come in a drawn order, at drawn moments.
func (k *killer) rampage(ctx context.Context, done <-chan struct{}, rounds int, pause time.Duration) {
	victims := append([]string{"nats", "postgres"}, stages...)
	for round := 0; ; round++ {
		k.rng.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
		for _, v := range victims {
			timer := time.NewTimer(time.Duration(k.rng.Int64N(int64(2 * pause))))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
			select {
			case <-done:
				if round >= rounds {
					return
				}
			default:
			}
			k.kill(ctx, v)
		}
	}
}

func (k *killer) kill(ctx context.Context, victim string) {
	k.kills[victim]++
	switch victim {
	case "nats":
		k.killNATS(ctx)
	case "postgres":
		if err := syscall.Kill(k.rig.pg.PID(), syscall.SIGKILL); err != nil {
			k.t.Logf("kill Postgres: %v", err) // it is still starting from the kill before
		}
	default:
		k.killWorker(ctx, victim)
	}
}

// killNATS kills a drawn server of the rig, then starts it again. All copies stand still meanwhile: nothing is handed
// out or made after what they hold was counted. None may be on its way to the log for the first time: a command that
// finds nobody there ends.
func (k *killer) killNATS(ctx context.Context) {
	for _, w := range k.rig.workers {
		if err := w.child.WaitFor(ctx, `"msg":"consuming"`); err != nil {
			k.t.Error(err)
		}
	}
	for _, w := range k.rig.workers {
		k.signal(w, syscall.SIGSTOP)
	}
	for _, stage := range stages {
		k.note(ctx, stage)
	}
	n := k.rig.nodes[k.rng.IntN(len(k.rig.nodes))]
	n.child.Kill()
	for _, w := range k.rig.workers {
		k.signal(w, syscall.SIGCONT)
	}
	n.start(k.t)
}

// killWorker kills a drawn copy of a stage. It is stopped first, so that what it holds can be counted.
func (k *killer) killWorker(ctx context.Context, stage string) {
	var copies []*worker
	for _, w := range k.rig.workers {
		if w.stage == stage {
			copies = append(copies, w)
		}
	}
	w := copies[k.rng.IntN(len(copies))]
	if !w.child.Running() {
		k.t.Errorf("%s ended by itself:\n%s", w.spec.Name, w.child.Output())
	}
	k.signal(w, syscall.SIGSTOP)
	k.note(ctx, stage)
	w.child.Kill()
	w.start(k.t)
}

func (k *killer) signal(w *worker, s syscall.Signal) {
	if err := syscall.Kill(w.child.PID(), s); err != nil {
		k.t.Errorf("%s to %s: %v", s, w.spec.Name, err)
	}
}

// note adds the messages that the stage has in hand.
func (k *killer) note(ctx context.Context, stage string) {
	if stage == "record" || stage == "intake" || stage == "label" {
		return // they buy nothing
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, name := range streams.Names() {
		s, err := k.rig.js.Stream(ctx, name)
		if err != nil {
			k.t.Errorf("what %s has in hand: %v", stage, err)
			return
		}
		list := s.ListConsumers(ctx)
		for c := range list.Info() {
			if strings.HasPrefix(c.Name, stage+"-") {
				k.inHand[stage] += c.NumAckPending
			}
		}
		if err := list.Err(); err != nil {
			k.t.Errorf("what %s has in hand: %v", stage, err)
		}
	}
}

// String tells the kills of a run.
func (k *killer) String() string {
	total := 0
	for _, n := range k.kills {
		total += n
	}
	return fmt.Sprintf("%d kills %v, in hand at them %v", total, k.kills, k.inHand)
}
