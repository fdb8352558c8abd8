package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice"
	"sluice/gateway/budget"
	"sluice/gateway/keys"
	"sluice/streams"
)

// keysCmd is about the API keys of the gateways.
type keysCmd struct {
	Create keysCreateCmd `cmd:"" help:"Make a key. Its secret is shown this once and stored nowhere."`
	List   keysListCmd   `cmd:"" help:"List keys, revoked and expired ones included. Secrets can't be shown."`
	Revoke keysRevokeCmd `cmd:"" help:"Put keys out of force, on every gateway within a second."`
}

// withKeys opens the store and hands it to do.
func (m *Main) withKeys(ctx context.Context, do func(*keys.Store) error) (err error) {
	l, err := m.openLog(ctx, "keys", toLook)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	store, err := keys.Open(ctx, l.JS, keys.Options{Log: m.log})
	if err != nil {
		return err
	}
	defer store.Close()
	return do(store)
}

type keysCreateCmd struct {
	Name    string       `help:"What the key is for, for people."`
	Tenant  string       `help:"The tenant whose requests it makes."`
	Scopes  []keys.Scope `name:"scope" default:"chat,route,feedback" enum:"chat,route,feedback,admin" help:"What it may do: chat, route, feedback, admin. May be repeated."`
	Expires lifetime     `placeholder:"DUR" help:"How long it holds: 12h, 90d. Default: until it is revoked."`
	Rate    int          `min:"1" placeholder:"N" help:"Requests per minute, over all gateways where keys.replicas says how many there are. Default: no limit."`
	Budgets []ownBudget  `name:"budget" placeholder:"PERIOD=USD[:ACTION]" help:"A budget of its own: day=5, month=100:downgrade. The period is hour, day or month, the action refuse, downgrade or warn. May be repeated."`
	JSON    bool         `name:"json" help:"One JSON object, the secret included."`
}

// Validate refuses a key that makes no sense before anything is opened. Its rate is the flag's own to bound.
func (c *keysCreateCmd) Validate() error {
	now := time.Now()
	spec := c.spec(now)
	spec.RatePerMinute = 0
	return spec.Validate(now)
}

func (c *keysCreateCmd) spec(now time.Time) keys.Spec {
	spec := keys.Spec{Name: c.Name, Tenant: c.Tenant, Scopes: c.Scopes, RatePerMinute: c.Rate}
	if c.Expires > 0 {
		spec.ExpiresAt = now.Add(time.Duration(c.Expires))
	}
	for _, b := range c.Budgets {
		spec.Budgets = append(spec.Budgets, budget.Limit(b))
	}
	return spec
}

// Run makes the key, shows the secret, and ends once the gateways have had the time to hear of it: a script that uses the
// key right away is let in.
func (c *keysCreateCmd) Run(ctx context.Context, m *Main) error {
	return m.withKeys(ctx, func(store *keys.Store) error {
		first := len(store.List()) == 0
		key, secret, err := store.Create(ctx, c.spec(time.Now()))
		if err != nil {
			return err
		}
		if err := c.show(m, key, secret); err != nil {
			return err
		}
		if first {
			fmt.Fprintln(m.Stderr, "it is the first key: every request to a gateway needs one from here on, requests of its own machine too")
		}
		return streams.Pause(ctx, keys.LookEvery+100*time.Millisecond)
	})
}

func (c *keysCreateCmd) show(m *Main, key keys.Key, secret string) error {
	if c.JSON {
		return printJSON(m.Stdout, struct {
			keys.Key
			Secret string `json:"secret"`
		}{key, secret})
	}
	fmt.Fprintf(m.Stderr, "key %s may %s; its secret is shown this once:\n", key.ID, scopesOf(key))
	_, err := fmt.Fprintln(m.Stdout, secret)
	return err
}

type keysListCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run lists, oldest first.
func (c *keysListCmd) Run(ctx context.Context, m *Main) error {
	return m.withKeys(ctx, func(store *keys.Store) error {
		list := store.List()
		if c.JSON {
			return printJSON(m.Stdout, list...)
		}
		t := newTable(m.Stdout, "id", "name", "tenant", "scopes", "created", "state", "per minute", "budgets")
		for _, k := range list {
			t.row(k.ID, k.Name, k.Tenant, scopesOf(k), k.CreatedAt.Format(time.DateOnly), stateOfKey(k, time.Now()),
				orDash(k.RatePerMinute), budgetsOf(k))
		}
		t.flush()
		if len(list) == 0 {
			fmt.Fprintln(m.Stderr, "no key was ever made: gateways let requests from their own machine in without one (keys.anonymous)")
		}
		return nil
	})
}

type keysRevokeCmd struct {
	IDs  []string `arg:"" name:"id" help:"Ids of keys, as sluice keys list shows them."`
	JSON bool     `name:"json" help:"One JSON object a line."`
}

// Run revokes; what was revoked already stays so.
func (c *keysRevokeCmd) Run(ctx context.Context, m *Main) error {
	return m.withKeys(ctx, func(store *keys.Store) error {
		for _, id := range c.IDs {
			key, err := store.Revoke(ctx, id)
			if err != nil {
				return err
			}
			if c.JSON {
				err = printJSON(m.Stdout, key)
			} else {
				_, err = fmt.Fprintf(m.Stdout, "%s is revoked since %s\n", key.ID, key.RevokedAt.Format(time.RFC3339))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func scopesOf(k keys.Key) string {
	words := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

func stateOfKey(k keys.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked " + k.RevokedAt.Format(time.DateOnly)
	case k.ExpiresAt.IsZero():
		return "in force"
	case now.Before(k.ExpiresAt):
		return "until " + k.ExpiresAt.Format(time.DateOnly)
	}
	return "expired " + k.ExpiresAt.Format(time.DateOnly)
}

func budgetsOf(k keys.Key) string {
	words := make([]string, len(k.Budgets))
	for i, b := range k.Budgets {
		words[i] = fmt.Sprintf("%s %v %s", b.Period, b.Limit, b.Action)
	}
	return strings.Join(words, ", ")
}

func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// lifetime is a span of time to come: 12h, 90d.
type lifetime time.Duration

// UnmarshalText reads it.
func (l *lifetime) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 100_000 {
			*l = lifetime(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is not a span of time such as 12h or 90d", text)
	}
	*l = lifetime(d)
	return nil
}

// ownBudget is a key's own budget on the command line: day=5, month=100:downgrade.
type ownBudget budget.Limit

// UnmarshalText reads it. What the words mean is checked with the whole key.
func (b *ownBudget) UnmarshalText(text []byte) error {
	period, rest, ok := strings.Cut(string(text), "=")
	usd, action, given := strings.Cut(rest, ":")
	if !given {
		action = string(budget.ActionRefuse)
	}
	var d dollars
	if err := d.UnmarshalText([]byte(usd)); !ok || err != nil {
		return fmt.Errorf("%q is not a budget such as day=5 or month=100:downgrade", text)
	}
	*b = ownBudget{Period: budget.Period(period), Limit: sluice.MicroUSD(d.micro), Action: budget.Action(action)}
	return nil
}
