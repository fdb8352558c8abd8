package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice"
	"sluice/config"
	"sluice/gateway"
	"sluice/gateway/budget"
	"sluice/gateway/keys"
	"sluice/gateway/metrics"
	"sluice/gateway/spool"
	"sluice/llm"
	"sluice/routing/front"
	"sluice/routing/rules"
	"sluice/streams"
	"sluice/trainer/registry"
)

// openedGateway is a gateway's parts, put together: it answers through Pipeline, and publishes what it owes
// to the log by itself.
type openedGateway struct {
	m        *Main
	cfg      config.Config
	log      *openedLog
	Pipeline *gateway.Pipeline
	Front    *front.Front
	Spool    *spool.Spool
	Keys     *keys.Store
	Metrics  *metrics.Metrics
	keeper   *budget.Keeper
	registry *registry.Registry
	panics   gateway.Panics
	// publisher stores what is no fact of a request; nil in a router's process.
	publisher *streams.Publisher
	outlet    *outlet // of the spool
	slot      *spool.Slot
	namesake  atomic.Pointer[error] // who runs under the same name; nil, or of a nil error: nobody
	// stop ends what works beside the requests, which working waits for.
	stop    context.CancelFunc
	working sync.WaitGroup
	close   []func() error
}

// openGateway opens a gateway on a log. Its owner calls Close.
func (m *Main) openGateway(ctx context.Context, cfg config.Config, l *openedLog, models gateway.Models) (_ *openedGateway, err error) {
	g := &openedGateway{m: m, cfg: cfg, log: l, panics: gateway.Panics{Log: m.log}}
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.stop = stop
	defer func() {
		if err != nil {
			err = errors.Join(err, g.Close(ctx))
		}
	}()
	if g.Keys, err = keys.Open(ctx, l.JS, keys.Options{Replicas: cfg.Keys.Replicas, Anonymous: cfg.Keys.Anonymous, Beside: m.beside, Log: m.log}); err != nil {
		return nil, err
	}
	g.close = append(g.close, func() error { g.Keys.Close(); return nil })
	// Before anything works beside: whatever does may have cause for an alert.
	if g.publisher, err = streams.NewPublisher(l.JS, streams.PublisherOptions{Log: m.log}); err != nil {
		return nil, err
	}
	g.close = append(g.close, g.publisher.Close)
	if err := g.openBooks(ctx, beside); err != nil {
		return nil, err
	}
	if err := g.openFront(beside); err != nil {
		return nil, err
	}
	if err := g.openPipeline(ctx, models); err != nil {
		return nil, err
	}
	g.publish(beside)
	return g, nil
}

// openBooks takes a spool's slot and its name, settles what its last owner left, and opens the budgets. beside ends with
// the gateway.
func (g *openedGateway) openBooks(ctx, beside context.Context) (err error) {
	root := g.cfg.Gateway.Spool.Dir
	if root == "" {
		root = filepath.Join(g.cfg.DataDir, "spool")
	}
	if g.slot, err = spool.Acquire(root); err != nil {
		return err
	}
	g.close = append(g.close, g.slot.Release)
	configured, err := limits(g.cfg.Budgets)
	if err != nil {
		return err
	}
	replica, err := replicaName(g.slot.Dir, rand.Text)
	if err != nil {
		return err
	}
	if err := g.holdName(ctx, beside, replica); err != nil {
		return err
	}
	g.keeper, err = budget.Open(ctx, g.log.JS, budget.Options{
		Limits: configured, Replica: replica, RefuseAway: g.cfg.Budgets.Unreachable == "refuse", Log: g.m.log,
	})
	if err != nil {
		return err
	}
	// The money that is not in use goes back even when the process was told to hurry.
	g.close = append(g.close, func() error { return g.keeper.Close(context.WithoutCancel(ctx)) })
	return g.openSpool(ctx)
}

func (g *openedGateway) openSpool(ctx context.Context) error {
	var left []spool.Leftover
	var err error
	g.Spool, left, err = spool.Open(spool.Options{
		Dir: g.slot.Dir, Sync: spool.Sync(g.cfg.Gateway.Spool.Sync), SyncEvery: g.cfg.Gateway.Spool.SyncEvery,
		BeforeForget: g.keeper.Flush, Owed: g.keeper.Owed, OnBroken: func(b spool.Broken) { g.broken(ctx, b) }, Log: g.m.log,
	})
	if err != nil {
		return err
	}
	g.close = append(g.close, g.Spool.Close)
	spends, err := g.spends()
	if err != nil {
		return err
	}
	late, err := g.settle(left)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		g.m.log.Warn("a gateway was killed here; what it had begun is settled at what was reserved", "requests", len(left))
	}
	spends = append(spends, late...)
	for i := range spends { // the ledger does not say what budgets a key has of its own
		key, _ := g.Keys.Get(spends[i].KeyID)
		spends[i].Own = key.Budgets
	}
	return g.keeper.Recover(ctx, spends)
}

// settle ends requests that nobody else will end, and says what they are to cost.
func (g *openedGateway) settle(left []spool.Leftover) (spends []budget.Spend, _ error) {
	for _, l := range left {
		settled, err := gateway.Settle(l, time.Now())
		if err != nil { // of another version perhaps: it stays, and is told again at the next start
			g.m.log.Error("what a killed gateway left can't be read", "decision", l.ID, "error", err)
			continue
		}
		if err := g.Spool.End(settled.ID, settled.Facts); err != nil {
			return spends, err
		}
		spends = append(spends, settled.Spends...)
	}
	return spends, nil
}

// broken settles what was lost with a damaged part of the spool at what had been reserved. The budgets were told of
// the real cost.
func (g *openedGateway) broken(ctx context.Context, b spool.Broken) {
	_, err := g.settle(b.Lost)
	g.m.log.Error("what was lost of the spool is settled at what was reserved", "file", b.File, "offset", b.Offset, "requests", len(b.Lost), "error", err)
	g.alert(func() { g.tellBroken(ctx) }) // what can be published must not wait for it
}

// tellBroken raises an alert where damaged parts of the spool lie about.
func (g *openedGateway) tellBroken(ctx context.Context) {
	if n := g.Spool.Stats().Broken; n > 0 {
		g.raise(ctx, "spool_broken", g.slot.Dir, fmt.Sprintf("%d damaged parts of the gateway's spool are set aside (*.broken): its disk may be failing; some requests may be accounted for at what was reserved, or not at all", n), time.Now())
	}
}

// spends is what the spool's last owner had booked and perhaps not stored.
func (g *openedGateway) spends() ([]budget.Spend, error) {
	var out []budget.Spend
	err := g.Spool.Unpublished(func(m streams.Message) {
		for _, l := range linesIn(m) {
			out = append(out, gateway.SpendOf(l))
		}
	})
	return out, err
}

// linesIn are the lines of the ledger in a fact of a spool: those that its decision brings, or one that is a fact of its
// own, as the spools of older gateways hold them.
func linesIn(m streams.Message) []sluice.Call {
	if streams.IsLedger(m) {
		l, err := streams.Decode[sluice.Call](m.Data)
		if err != nil {
			return nil
		}
		return []sluice.Call{l}
	}
	if at, _ := streams.PlaceOf(m.Subject); at.Kind != streams.KindTaken {
		return nil
	}
	d, err := streams.Decode[sluice.Decision](m.Data)
	if err != nil {
		return nil
	}
	return d.Calls
}

// openFront puts the registry's routers in front, or none where another process serves them. ctx ends with the
// gateway.
func (g *openedGateway) openFront(ctx context.Context) (err error) {
	if g.registry, err = registry.Open(ctx, g.log.JS, nil, time.Now); err != nil {
		return err
	}
	if g.Front, err = newFront(g.cfg, g.m.beside, func(r front.Rollback) { g.rolledBack(ctx, r) }); err != nil {
		return err
	}
	g.close = append(g.close, g.Front.Close)
	if g.cfg.Gateway.Router != "nats" {
		g.follow(ctx)
	}
	return nil
}

func (g *openedGateway) openPipeline(ctx context.Context, models gateway.Models) error {
	c := g.cfg.Gateway
	rs, err := newMapper(g.cfg)
	if err != nil {
		return err
	}
	redact, err := gateway.NewRedactions(c.RedactLongest, c.Redact...)
	if err != nil {
		return err
	}
	fallbacks := map[string][]string{}
	for _, f := range c.Fallbacks {
		fallbacks[f.Model] = f.Instead
	}
	g.Metrics = metrics.New(g.Spool.Stats, func() int { return g.Pipeline.InHand() })
	g.Metrics.CountClaims(g.keeper.Stats)
	g.Metrics.CountPanics(g.panics.Count)
	g.Metrics.CountShadows(g.Front.ShadowsLeftOut)
	g.Metrics.ShowStuck(g.stuck)
	observers := []gateway.Observer{g.Metrics}
	if c.LogDecisions {
		observers = append(observers, gateway.NewLines(g.m.Stderr, c.LogTexts))
	}
	bounds := gateway.DefaultLimits()
	bounds.MaxMessages, bounds.MaxTextBytes, bounds.MaxOutputTokens = c.MaxMessages, c.MaxTextBytes, c.MaxOutputTokens
	g.Pipeline, err = gateway.New(context.WithoutCancel(ctx), gateway.Options{
		Front: g.Front, Rules: rs, Models: models, Spool: g.Spool, Budgets: g.keeper, Limiter: g.Keys, Observers: observers, Beside: g.m.beside, Panics: &g.panics, OnWarning: g.budgetWarned(ctx),
		Medium: g.cfg.Pair.Medium, Large: g.cfg.Pair.Large, Named: c.Models, Fallbacks: fallbacks,
		Timeout: c.Timeout, MaxAttempts: c.MaxAttempts, MaxQueued: c.MaxQueued, HedgeAfter: c.HedgeAfter, FirstToken: c.FirstToken, Idle: c.Idle,
		Limits: bounds, Redact: redact, KeepAnswers: c.KeepAnswers, Seed: g.cfg.Split.Seed, TrainShare: g.cfg.Split.TrainShare,
		Conversations: c.Conversations,
	})
	return err
}

// stuck is for how long nothing of what waits to be published has got through.
func (g *openedGateway) stuck() time.Duration {
	if g.outlet == nil {
		return 0
	}
	d, _ := g.outlet.stuck(g.Spool.Stats().Unpublished)
	return d
}

// publish works beside the requests: facts go to the log, changed rules come into force.
func (g *openedGateway) publish(ctx context.Context) {
	raise := panicAlerts(g.m.beside, g.store)
	g.working.Go(func() { raise(ctx) })
	g.outlet = &outlet{publisher: g.publisher, now: time.Now}
	g.always(ctx, "forcing of the spool", "the spool is not forced to the disk; trying again", func() error {
		g.Spool.ForceInTime(ctx)
		<-ctx.Done() // where nothing is to be forced beside the requests
		return nil
	})
	g.always(ctx, "publishing of facts", "facts of the spool can't be published; trying again", func() error {
		return g.publishSpool(ctx, func() error { return g.Spool.Run(ctx, g.outlet) })
	})
	g.alert(func() { g.tellBroken(ctx) })
	told := func(version string, err error) {
		if err != nil {
			g.raise(ctx, "rules_refused", version, "a changed file of rules is refused; "+version+" stays in force: "+err.Error(), time.Now())
		}
	}
	g.always(ctx, "watch of rules", "changed rules are not seen; trying again", func() error {
		g.m.watchRules(ctx, g.cfg, g.Pipeline.RulesVersion(), func(next *rules.Mapper) { g.Pipeline.SwapRules(next) }, told)
		return nil
	})
}

// publishSpool publishes until ctx ends, or something fails. A panic is a failure of the spool's own: whoever keeps
// panicking publishes nothing.
func (g *openedGateway) publishSpool(ctx context.Context, publish func() error) error {
	err := g.m.beside.Contain("publishing of facts", publish)
	if err != nil && g.outlet.failed(err) {
		g.alert(func() {
			g.raise(ctx, "spool_unreadable", g.slot.Dir, "what this gateway accounts for can't be published, and the log is not why; it is not ready any more (docs/operating.md): "+err.Error(), time.Now())
		})
	}
	return err
}

// unreadable says why the spool, in which so many requests wait to be published, can't be read; nil: it can.
func (g *openedGateway) unreadable(waits int64) error {
	if _, own := g.outlet.stuck(waits); own != nil {
		return fmt.Errorf("what is accounted for in %s can't be published: %w", g.slot.Dir, own)
	}
	return nil
}

// Close drains the requests in hand, publishes what there is to publish as far as the log is there, and
// gives everything back. What is not published stays in the spool for the next gateway of its slot.
func (g *openedGateway) Close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if g.Pipeline != nil {
		drain, cancel := context.WithTimeout(ctx, g.cfg.Gateway.Drain)
		g.Pipeline.Drain(drain)
		cancel()
		flush, cancel := context.WithTimeout(ctx, 5*time.Second)
		if err := g.Spool.Flush(flush); err != nil {
			g.m.log.Warn("the gateway ends", "error", err)
		}
		cancel()
	}
	g.stop()
	g.working.Wait()
	var errs []error
	for i := len(g.close) - 1; i >= 0; i-- {
		errs = append(errs, g.close[i]())
	}
	return errors.Join(errs...)
}

// gatewayModels makes a caller of the models that a gateway may ask.
func gatewayModels(ctx context.Context, c config.Config, spend *llm.Spend) (*llm.Caller, error) {
	return openModels(ctx, c, llm.Deps{Spend: spend}, []string{"gateway"})
}

// doorKeys lets clients that must send something as a key be anonymous too: as long as no key was ever made,
// one that is none of ours counts as none.
type doorKeys struct{ *keys.Store }

// Authenticate finds the key of a secret.
func (k doorKeys) Authenticate(secret string, loopback bool) (keys.Key, error) {
	if loopback && k.AnonymousOpen() && !strings.HasPrefix(secret, "sk-sluice-") {
		secret = ""
	}
	return k.Store.Authenticate(secret, loopback)
}
