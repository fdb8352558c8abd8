package consumers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice"
	"sluice/streams"
)

// Buyer is a handler that asks models for what the log does not hold (Invariant 5). A message that another one of the
// stage may double, since it is a replay or overtakes that one, is claimed before it is handled, if it is to buy
// something; every other one costs nothing for that.
type Buyer interface {
	Handler
	// Work names what a message has the stage buy: the same for whatever message has it buy that, empty where one buys
	// nothing. It asks nobody.
	Work(in streams.Message) string
	// Bought says whether the log holds all of it.
	Bought(ctx context.Context, in streams.Message) (bool, error)
}

// claim says that this copy of the stage has some work in hand: an entry of the bucket of attempts, renewed with the
// heartbeats. One that nobody renews is good for AckWait.
type claim struct {
	name  string
	value []byte

	mu       sync.Mutex
	revision uint64 // 0 once it is another's
}

// claimed is how a claim is written. By names the message, so that it is its own when it comes again.
type claimed struct {
	By string `json:"by"`
	// Overtakes is true where an ordinary message may come meanwhile that has the stage buy the same: see [heard].
	Overtakes bool `json:"overtakes,omitempty"`
}

// claimPrefix begins the names of a stage's claims: copies of all versions share them.
func claimPrefix(stage string) string { return "claim." + stage + "." }

func claimName(stage, work string) string { return claimPrefix(stage) + sluice.HashID("work", work) }

// openClaims opens the bucket that holds the claims, for a stage that makes some.
func (r *Runner) openClaims(ctx context.Context) error {
	if r.buyer == nil {
		return nil
	}
	return streams.Insist(ctx, func() (err error) {
		r.claims, err = streams.OpenClaims(ctx, r.cfg.JS, streams.BucketAttempts)
		return err
	})
}

// claim claims a message's work; false where it is another one's.
func (r *Runner) claim(d *delivery, work string, overtakes bool) (bool, error) {
	me := claimed{By: triesKey(d), Overtakes: overtakes}
	value, err := json.Marshal(me)
	if err != nil {
		return false, err
	}
	name := claimName(r.cfg.Stage.Name, work)
	ctx, cancel := context.WithTimeout(r.work, 5*time.Second)
	defer cancel()
	revision, ok, err := r.claims.Put(ctx, name, value, 0)
	if err == nil && !ok {
		revision, ok, err = r.takeOver(ctx, name, value, me)
	}
	if err != nil || !ok {
		return false, err
	}
	d.claim.Store(&claim{name: name, value: value, revision: revision})
	return true, nil
}

// takeOver takes what the same message had claimed before, or somebody who has been silent for too long.
func (r *Runner) takeOver(ctx context.Context, name string, value []byte, me claimed) (revision uint64, ok bool, err error) {
	stands, revision, age, err := r.claims.Get(ctx, name)
	if err != nil || revision == 0 { // it was let go of just now: the message comes again
		return 0, false, err
	}
	var who claimed
	if err := json.Unmarshal(stands, &who); err != nil {
		return 0, false, fmt.Errorf("claim %s: %w", name, err)
	}
	if who.By != me.By && age < r.cfg.AckWait {
		return 0, false, nil
	}
	return r.claims.Put(ctx, name, value, revision)
}

// renewAtOnce is how many claims are renewed at a time: hundreds of them, one after the other over a slow link, would
// take longer than a claim is good for.
const renewAtOnce = 64

// renew says of what is claimed here that it is still in hand.
func (r *Runner) renew(ctx context.Context, inHand []*delivery) {
	ctx, cancel := context.WithTimeout(ctx, min(5*time.Second, r.cfg.AckWait/3))
	defer cancel()
	var all errgroup.Group
	all.SetLimit(renewAtOnce)
	for _, d := range inHand {
		if c := d.claim.Load(); c != nil {
			all.Go(func() error { return c.renew(ctx, r.claims) })
		}
	}
	if err := all.Wait(); err != nil {
		r.cfg.Log.Debug("claims are not renewed", "error", err)
	}
}

func (c *claim) renew(ctx context.Context, in *streams.Claims) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revision == 0 {
		return nil
	}
	revision, ok, err := in.Put(ctx, c.name, c.value, c.revision)
	if err != nil {
		return err
	}
	if !ok {
		revision = 0
	}
	c.revision = revision
	return nil
}

// letGo drops the claim of a message that is settled. One that can't be dropped ends by itself.
func (r *Runner) letGo(d *delivery) {
	c := d.claim.Swap(nil)
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.patience(), 5*time.Second)
	defer cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revision == 0 {
		return
	}
	if err := r.claims.Drop(ctx, c.name, c.revision); err != nil && !errors.Is(err, context.Canceled) {
		r.cfg.Log.Debug("a claim is not dropped and ends by itself", "error", err)
	}
}
