package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"sluice"
)

// Budgets says what gateways may spend.
type Budgets struct {
	Unreachable string   `key:"unreachable" doc:"What a gateway does about calls that a cap concerns while the log is away: allow_within_lease goes on with what it has leased, for five minutes at most; refuse refuses at once."`
	Limits      []Budget `key:"limits" doc:"The budgets. A call is concerned by every one that matches it, and needs room in all of them."`
}

// Budget is one budget.
type Budget struct {
	Name   string  `key:"name" doc:"Its name in answers, metrics and commands: letters, digits, - and _; not one that begins with own-, which are the keys' own."`
	Scope  string  `key:"scope" doc:"Whose spending counts: global, tenant, key (by its id) or model."`
	Match  string  `key:"match" doc:"The tenant, the key's id or the model; * gives each its own budget of this size. Not for global."`
	Period string  `key:"period" doc:"hour, day or month, by the UTC calendar."`
	Limit  string  `key:"limit" doc:"US dollars, with six decimals at most: 10 or 0.25."`
	Action string  `key:"action" doc:"What is done about a call that does not fit: refuse; downgrade (the medium model instead, from warn_at on; what does not fit even so is refused); warn, which caps nothing. The other two are never exceeded, whatever the number of gateways."`
	WarnAt float64 `key:"warn_at" doc:"Share of the limit, above 0 and at most 1, from which on it warns or downgrades."`
}

// Keys says how gateways treat virtual API keys.
type Keys struct {
	Anonymous bool `key:"anonymous" doc:"Let requests that come straight from this machine in without a key, for as long as no key was ever made."`
	Replicas  int  `key:"replicas" doc:"How many gateways share the traffic. Each enforces this part of a key's requests per minute; they do not ask one another."`
}

func defaultBudgets() Budgets { return Budgets{Unreachable: "allow_within_lease"} }

func defaultKeys() Keys { return Keys{Anonymous: true, Replicas: 1} }

// MicroUSD is the limit as an integer.
func (b Budget) MicroUSD() (sluice.MicroUSD, error) { return parseDollars(b.Limit) }

// parseDollars reads "12.345678" without going through a float.
func parseDollars(text string) (sluice.MicroUSD, error) {
	whole, part, _ := strings.Cut(strings.TrimPrefix(text, "$"), ".")
	if whole+part == "" || len(part) > 6 || strings.ContainsAny(whole+part, "+-_ ") {
		return 0, fmt.Errorf("%q is no amount of dollars", text)
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", 6-len(part)), 10, 64)
	if err != nil || n > math.MaxInt64/4 {
		return 0, fmt.Errorf("%q is no amount of dollars", text)
	}
	return sluice.MicroUSD(n), nil
}

func (c *Config) checkBudgets(k checker) {
	b := c.Budgets
	k.oneOf("budgets.unreachable", b.Unreachable, "allow_within_lease", "refuse")
	seen := map[string]bool{}
	for i, l := range b.Limits {
		key := func(s string) string { return fmt.Sprintf("budgets.limits[%d].%s", i, s) }
		k.want(versionToken.MatchString(l.Name), key("name"), fmt.Sprintf("%q does not fit into a subject", l.Name), "want letters, digits, - and _, at most 64")
		k.want(!strings.HasPrefix(l.Name, "own-"), key("name"), "begins with own-", "those are the keys' own budgets")
		k.want(!seen[l.Name] || l.Name == "", key("name"), fmt.Sprintf("%q is listed twice", l.Name), "keep one entry")
		seen[l.Name] = true
		k.oneOf(key("scope"), l.Scope, "global", "tenant", "key", "model")
		k.want(l.Scope == "global" || l.Match != "", key("match"), "is empty", "name one, or * for a budget for each")
		k.want(l.Scope != "global" || l.Match == "", key("match"), "is given for a global budget", "leave it out")
		k.oneOf(key("period"), l.Period, "hour", "day", "month")
		amount, err := l.MicroUSD()
		k.want(err == nil && amount > 0, key("limit"), fmt.Sprintf("%q is no amount of dollars above 0", l.Limit), "want dollars with six decimals at most: 10 or 0.25")
		k.oneOf(key("action"), l.Action, "refuse", "downgrade", "warn")
		k.want(l.WarnAt > 0 && l.WarnAt <= 1, key("warn_at"), fmt.Sprintf("is %g", l.WarnAt), "want a share above 0, at most 1")
	}
	k.want(c.Keys.Replicas >= 1, "keys.replicas", "is below 1", "1 is the default")
}
