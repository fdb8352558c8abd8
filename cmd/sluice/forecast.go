package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/config"
	"sluice/consumers/analysis"
	"sluice/consumers/answer"
	"sluice/consumers/intake"
	"sluice/consumers/judge"
	"sluice/consumers/label"
	"sluice/operate"
	"sluice/producers"
	"sluice/streams"
)

// forecaster knows which facts a message leads to under the configuration, and what a call for each costs.
type forecaster struct {
	cfg   config.Config
	key   sluice.ArmKey
	pair  string
	guess producers.Assumptions
	cost  producers.Pricer
	// entrance tells what is let in, and as what.
	entrance *intake.Stage
	// before finds what the entrance accepted by a key.
	before func(key string) (streams.Before, bool, error)
	// numbers are those of the queries that were met in QUERIES, by key: a query that was asked twice has its first.
	numbers map[string]int64
}

// mostQuery is the highest query.max_bytes: what is too long here may not be where it is replayed.
const mostQuery = 512 << 10

func (m *Main) newForecaster(ctx context.Context, js jetstream.JetStream, latest *streams.Latest) (*forecaster, error) {
	of := parts{cfg: m.config, js: js}
	key, err := of.armKey(ctx)
	if err != nil {
		return nil, err
	}
	of.cfg.Query.MaxBytes = mostQuery
	entrance, err := of.intake(latest)
	if err != nil {
		return nil, err
	}
	cost, err := m.pricer()
	if err != nil {
		return nil, err
	}
	pair := key.Pair(m.config.Pair.Medium, m.config.Pair.Large, answer.PromptVersion)
	return &forecaster{
		cfg: m.config, key: key, pair: pair, guess: producers.DefaultAssumptions(), cost: cost, entrance: entrance, numbers: map[string]int64{},
		before: func(key string) (streams.Before, bool, error) { return streams.AcceptedBefore(ctx, latest, key) },
	}, nil
}

// numbered gives a query that the entrance lets in the number that it has, or has had since it was first let in.
func (f *forecaster) numbered(q sluice.Query) (sluice.Query, error) {
	number, met := f.numbers[q.Key]
	if !met {
		known, found, err := f.before(q.Key)
		if err != nil {
			return sluice.Query{}, err
		}
		if number = q.Number; found {
			number = known.Accepted.Query.Number
		}
		f.numbers[q.Key] = number
	}
	q.Number = number
	return q, nil
}

// wants tells which facts a message leads to.
type wants func(streams.Message) ([]operate.Wanted, error)

// wantsOfAny is wants for messages of whatever stage, which the stream tells.
func (f *forecaster) wantsOfAny() wants {
	by := map[string]wants{}
	for _, stage := range []string{intake.Name, answer.Name, judge.Name, label.Name, analysis.Name} {
		by[inputsOf(stage)[0].Stream] = f.wants(stage)
	}
	return func(m streams.Message) ([]operate.Wanted, error) {
		if of, ok := by[m.Stream]; ok {
			return of(m)
		}
		return nil, nil
	}
}

// wants tells for messages that a stage reads which facts they lead to, down to the end of the ring.
func (f *forecaster) wants(stage string) wants {
	switch stage {
	case intake.Name:
		return func(m streams.Message) ([]operate.Wanted, error) {
			a, err := f.entrance.Accept(m)
			if err != nil {
				return nil, nil //nolint:nilerr // it will die at the entrance, for nothing
			}
			q, err := f.numbered(a.Query)
			if err != nil {
				return nil, err
			}
			return f.ofQuery(q, a.GroundTruth), nil
		}
	case answer.Name:
		return leads(func(a *sluice.Accepted) *sluice.Query { return &a.Query }, func(_ streams.Place, a *sluice.Accepted) []operate.Wanted {
			return f.ofQuery(a.Query, a.GroundTruth)
		})
	case judge.Name:
		return leads(func(a *sluice.Answer) *sluice.Query { return &a.Query }, func(at streams.Place, a *sluice.Answer) []operate.Wanted {
			return []operate.Wanted{f.given(at.Pair, a.Query, at.Arm, a.GroundTruth, producers.Tokens(a.Text)), f.analysed(a.Query)}
		})
	case label.Name:
		return leads(func(v *sluice.Verdict) *sluice.Query { return &v.Query }, func(_ streams.Place, v *sluice.Verdict) []operate.Wanted {
			return []operate.Wanted{f.analysed(v.Query)}
		})
	case analysis.Name:
		return leads(func(l *sluice.Label) *sluice.Query { return &l.Query }, func(_ streams.Place, l *sluice.Label) []operate.Wanted {
			return []operate.Wanted{f.analysed(l.Query)}
		})
	}
	return func(streams.Message) ([]operate.Wanted, error) { return nil, nil }
}

// leads tells what a fact about a query leads to. What can't be read, or is not the fact that its subject names, leads to
// nothing: it will die in its stage, and nothing is bought for it.
func leads[T any](query func(*T) *sluice.Query, to func(streams.Place, *T) []operate.Wanted) wants {
	return func(m streams.Message) ([]operate.Wanted, error) {
		fact, err := streams.Decode[T](m.Data)
		at, ok := streams.PlaceOf(m.Subject)
		if err != nil || !ok || at.Key == "" || at.Key != query(&fact).Key {
			return nil, nil //nolint:nilerr // see above
		}
		return to(at, &fact), nil
	}
}

// ofQuery is everything that a query leads to.
func (f *forecaster) ofQuery(q sluice.Query, truth []string) []operate.Wanted {
	wanted := []operate.Wanted{f.analysed(q)}
	for _, arm := range sluice.Arms() {
		tier := f.key.Tier(q.Key, arm)
		per := f.guess.Medium
		if tier == sluice.Large {
			per = f.guess.Large
		}
		wanted = append(wanted, operate.Wanted{
			Stage: answer.Name, Tier: tier, Stream: streams.StreamAnswers, Subject: streams.SaidSubject(f.pair, &q, arm),
			Usage: usage(per, producers.Tokens(q.Text)),
		}, f.given(f.pair, q, arm, truth, per.Output))
	}
	return wanted
}

func (f *forecaster) given(pair string, q sluice.Query, arm sluice.Arm, truth []string, answerTokens int64) operate.Wanted {
	return operate.Wanted{
		Stage: judge.Name, Stream: streams.StreamVerdicts, Subject: streams.GivenSubject(f.cfg.Judge.Version, pair, &q, arm),
		Usage: usage(f.guess.Judge, producers.Tokens(q.Text+strings.Join(truth, " "))+answerTokens),
	}
}

func (f *forecaster) analysed(q sluice.Query) operate.Wanted {
	return operate.Wanted{
		Stage: analysis.Name, Stream: streams.StreamAnalyses, Subject: streams.AnalyzedSubject(f.cfg.Analysis.Version, &q),
		Usage: usage(f.guess.Analysis, producers.Tokens(q.Text)),
	}
}

func usage(p producers.PerCall, input int64) sluice.Usage {
	return sluice.Usage{Prompt: p.Instruction + input, Output: p.Output, Thoughts: p.Thoughts}
}

// price adds up what is missing, by stage and tier, in their order.
func (f *forecaster) price(missing []operate.Wanted) ([]producers.Spend, sluice.MicroUSD, error) {
	byName := map[string]producers.Spend{}
	var total sluice.MicroUSD
	for _, w := range missing {
		cost, err := f.cost(w.Stage, w.Tier, w.Usage)
		if err != nil {
			return nil, 0, fmt.Errorf("estimate: %w", err)
		}
		name := w.Stage + " " + string(w.Tier)
		s := byName[name]
		s.Stage, s.Tier = w.Stage, w.Tier
		s.Calls++
		s.Usage.Prompt += w.Usage.Prompt
		s.Usage.Output += w.Usage.Output
		s.Usage.Thoughts += w.Usage.Thoughts
		s.Cost += cost
		byName[name] = s
		total += cost
	}
	var spends []producers.Spend
	for _, name := range sortedKeys(byName) {
		spends = append(spends, byName[name])
	}
	return spends, total, nil
}

// drawForecast shows what would be bought, and of what: all of it, by stage and tier.
func drawForecast(m *Main, spends []producers.Spend, of string, total sluice.MicroUSD) {
	t := newTable(m.Stdout, "stage", "calls", "prompt tokens", "reply tokens", "cost").numbers(2, 3, 4, 5)
	for _, s := range spends {
		t.row(strings.TrimSpace(s.Stage+" "+string(s.Tier)), count(s.Calls), count(s.Usage.Prompt),
			count(s.Usage.Output+s.Usage.Thoughts), s.Cost.String())
	}
	t.footer(of, "", "", "", total.String())
	t.flush()
	if len(spends) == 0 {
		fmt.Fprintln(m.Stderr, "No model would be asked: the log holds what it would say, or there is nothing to ask. Another judge.version or analysis.version asks anew.")
		return
	}
	fmt.Fprintln(m.Stderr, "A rough forecast, without retries; what the log holds already is not asked again.")
}
