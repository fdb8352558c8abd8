package llm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/llm"
)

func TestAHedgeStartsWhereTheFirstModelIsSlowToSpeak(t *testing.T) {
	const slow, fast = 10 * time.Second, 100 * time.Millisecond
	for name, c := range map[string]struct {
		parts [][]spoken
		want  string
		took  time.Duration
		text  string
		fails bool
	}{
		"not needed":                     {[][]spoken{{speaks(fast, "a", "A")}, {speaks(fast, "b")}}, "chosen ok", 200 * time.Millisecond, "aA", false},
		"the hedge wins":                 {[][]spoken{{speaks(slow, "a")}, {speaks(fast, "b", "B")}}, "chosen canceled, second ok", 1200 * time.Millisecond, "bB", false},
		"the first wins after all":       {[][]spoken{{speaks(1500*time.Millisecond, "a")}, {speaks(slow, "b")}}, "second canceled, chosen ok", 1500 * time.Millisecond, "a", false},
		"the first fails before":         {[][]spoken{{breaks(brokenNow)}, {speaks(fast, "b")}}, "chosen broken, second ok", fast, "b", false},
		"the hedge fails":                {[][]spoken{{speaks(2*time.Second, "a")}, {breaks(overloadedX)}}, "second server_error, chosen ok", 2 * time.Second, "a", false},
		"the first fails, the hedge not": {[][]spoken{{late(1500*time.Millisecond, breaks(overloadedX))}, {speaks(2*time.Second, "b")}}, "chosen server_error, second ok", 3 * time.Second, "b", false},
		"both fail, the third answers": {
			[][]spoken{{late(2*time.Second, breaks(brokenNow))}, {breaks(brokenNow)}, {speaks(fast, "c")}}, "second broken, chosen broken, third ok", 2*time.Second + fast, "c", false,
		},
		"the winner breaks later": {[][]spoken{{speaks(slow, "a")}, {breaks(brokenNow, "b")}}, "chosen canceled, second broken", time.Second, "b", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := actors(t, llm.ModelConfig{}, c.parts...)
				var h heard
				began := time.Now()
				hear := &told{}
				res, err := s.play(t, t.Context(), llm.ChainOptions{HedgeAfter: time.Second}, hear, h.sink)
				if h.text.String() != c.text || res.Text != c.text || time.Since(began) != c.took || (err != nil) != c.fails {
					t.Errorf("heard %q (result %q) after %s, %v; want %q after %s", h.text.String(), res.Text, time.Since(began), err, c.text, c.took)
				}
				// Cancelled and winning lines may end in either order.
				if got := sorted(res.Lines); got != sortedWords(c.want) {
					t.Errorf("lines %q, want %q", got, sortedWords(c.want))
				}
				for _, l := range res.Lines {
					if l.Outcome == sluice.OutcomeCanceled && (l.Cost == 0 || !l.CostEstimated || !strings.Contains(l.Error, "faster")) {
						t.Errorf("the loser is not billed, or not told why it lost: %+v", l)
					}
				}
				t.Log("every slot is free, every attempt over")
				if res, err := s.play(t, t.Context(), llm.ChainOptions{Models: []string{third, second}[2-len(c.parts[1:]):]}, &told{}, nil); err != nil && len(res.Lines) == 0 {
					t.Error(err)
				}
			})
		})
	}
}

// late plays a part after a while.
func late(d time.Duration, part spoken) spoken {
	return func(ctx context.Context, say func(string) error) (llm.Reply, error) {
		if err := pausing(ctx, d); err != nil {
			return llm.Reply{}, err
		}
		return part(ctx, say)
	}
}

func TestAHedgeOfAWholeReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := actors(t, llm.ModelConfig{}, []spoken{speaks(10*time.Second, "a")}, []spoken{speaks(time.Second, "b")})
		began := time.Now()
		res, err := s.play(t, t.Context(), llm.ChainOptions{HedgeAfter: time.Second}, &told{}, nil)
		if err != nil || res.Text != "b" || res.Model != second || sorted(res.Lines) != "chosen canceled, second ok" || time.Since(began) != 2*time.Second {
			t.Errorf("%q by %s, %q after %s: %v", res.Text, res.Model, sorted(res.Lines), time.Since(began), err)
		}
	})
}

func TestAHedgeIsOneOfTheAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := actors(t, llm.ModelConfig{}, []spoken{late(2*time.Second, breaks(brokenNow))}, []spoken{breaks(brokenNow)}, []spoken{speaks(0, "c")})
		res, err := s.play(t, t.Context(), llm.ChainOptions{HedgeAfter: time.Second, MaxAttempts: 2}, &told{}, nil)
		if err == nil || scriptOf(res.Lines) != "second broken, chosen broken" || s.actors[third].calls() != 0 {
			t.Errorf("%q: %v", scriptOf(res.Lines), err)
		}
	})
}

func TestAHedgeThatTheBudgetRefusesIsLetBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := actors(t, llm.ModelConfig{}, []spoken{speaks(3*time.Second, "a")}, []spoken{speaks(0, "b")})
		hear := &told{refuse: func(l sluice.Call) error { return when(l.Model == second, errors.New("over budget")) }}
		var h heard
		res, err := s.play(t, t.Context(), llm.ChainOptions{HedgeAfter: time.Second}, hear, h.sink)
		if err != nil || res.Text != "a" || scriptOf(res.Lines) != "chosen ok" || s.actors[second].calls() != 0 {
			t.Errorf("%+v: %v", res, err)
		}
	})
}

func TestAClientThatLeavesCancelsBothOfAHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := actors(t, llm.ModelConfig{}, []spoken{speaks(time.Hour, "a")}, []spoken{speaks(time.Hour, "b")})
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, leave)
		res, err := s.play(t, ctx, llm.ChainOptions{HedgeAfter: time.Second}, &told{}, nil)
		if sorted(res.Lines) != "chosen canceled, second canceled" || sluice.ClassOf(err) != sluice.ClassInterrupted {
			t.Errorf("%q: %v", sorted(res.Lines), err)
		}
	})
}

func TestAPanicBesideAHedgeIsTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, parts := range map[string][][]spoken{
			"before the hedge": {{speaks(0, "a")}, {speaks(0, "b")}},
			"while it runs":    {{speaks(1500*time.Millisecond, "a")}, {speaks(time.Minute, "b")}},
		} {
			s, hear := actors(t, llm.ModelConfig{}, parts...), &told{}
			func() {
				defer func() {
					if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "ouch") {
						t.Errorf("%s: recovered %v", name, v)
					}
				}()
				_, _ = s.play(t, t.Context(), llm.ChainOptions{HedgeAfter: time.Second}, hear, func(llm.Chunk) error { panic("ouch") })
			}()
			if len(hear.ended) != len(hear.begun) || len(hear.begun) == 0 {
				t.Errorf("%s: %d attempts begun, %d ended", name, len(hear.begun), len(hear.ended))
			}
		}
	})
}
