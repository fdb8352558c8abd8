package llm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/llm"
)

func TestTheChainGoesOnWhereAnAttemptFailed(t *testing.T) {
	for name, c := range map[string]struct {
		parts [][]spoken
		want  string
		after time.Duration
		fails bool
	}{
		"the chosen model answers":                        {parts: [][]spoken{{speaks(0, "a")}, {speaks(0, "b")}}, want: "chosen ok"},
		"broken goes elsewhere at once":                   {parts: [][]spoken{{breaks(brokenNow)}, {speaks(0, "b")}}, want: "chosen broken, second ok"},
		"overloaded is asked again, then elsewhere":       {parts: [][]spoken{{breaks(overloadedX)}, {speaks(0, "b")}}, want: "chosen server_error, chosen server_error, second ok", after: 250 * time.Millisecond},
		"overloaded once":                                 {parts: [][]spoken{{breaks(overloadedX), speaks(0, "a")}, {speaks(0, "b")}}, want: "chosen server_error, chosen ok", after: 250 * time.Millisecond},
		"a short RetryInfo is honoured":                   {parts: [][]spoken{{breaks(limitedX(700 * time.Millisecond)), speaks(0, "a")}, {speaks(0, "b")}}, want: "chosen rate_limited, chosen ok", after: 700 * time.Millisecond},
		"a long RetryInfo goes elsewhere":                 {parts: [][]spoken{{breaks(limitedX(2 * time.Second))}, {speaks(0, "b")}}, want: "chosen rate_limited, second ok"},
		"a long RetryInfo of the only one is waited for":  {parts: [][]spoken{{breaks(limitedX(2 * time.Second)), speaks(0, "a")}}, want: "chosen rate_limited, chosen ok", after: 2 * time.Second},
		"a bad key goes elsewhere":                        {parts: [][]spoken{{breaks(badKey)}, {speaks(0, "b")}}, want: "chosen refused, second ok"},
		"a bad key is not asked again":                    {parts: [][]spoken{{breaks(overloadedX)}, {breaks(badKey)}}, want: "chosen server_error, chosen server_error, second refused, chosen server_error", after: 1250 * time.Millisecond, fails: true},
		"refused goes nowhere":                            {parts: [][]spoken{{breaks(llm.Error{Outcome: sluice.OutcomeRefused, Status: 400, Sent: true})}, {speaks(0, "b")}}, want: "chosen refused", fails: true},
		"blocked goes nowhere":                            {parts: [][]spoken{{breaks(llm.Error{Outcome: sluice.OutcomeBlocked, Sent: true, Usage: &used})}, {speaks(0, "b")}}, want: "chosen blocked", fails: true},
		"the budget of attempts is the whole chain's":     {parts: [][]spoken{{breaks(brokenNow)}, {breaks(brokenNow)}, {breaks(overloadedX)}}, want: "chosen broken, second broken, third server_error, third server_error", after: 250 * time.Millisecond, fails: true},
		"the last model is asked until the budget is out": {parts: [][]spoken{{breaks(overloadedX)}}, want: "chosen server_error, chosen server_error, chosen server_error, chosen server_error", after: 1750 * time.Millisecond, fails: true},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, streamed %t", name, stream), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := actors(t, llm.ModelConfig{}, c.parts...)
					var h heard
					sink := h.sink
					if !stream {
						sink = nil
					}
					began := time.Now()
					res, err := s.play(t, t.Context(), llm.ChainOptions{}, &told{}, sink)
					if got := scriptOf(res.Lines); got != c.want || (err != nil) != c.fails || time.Since(began) != c.after {
						t.Errorf("%s after %s, %v; want %s after %s", got, time.Since(began), err, c.want, c.after)
					}
					last := res.Lines[len(res.Lines)-1]
					if res.Model != last.Model || res.CallID != last.ID || res.Delivered != (stream && !c.fails) {
						t.Errorf("result %+v", res)
					}
					if !c.fails && (res.Text == "" || res.Usage != used || res.FinishReason != llm.FinishStop || (stream && h.text.String() != res.Text)) {
						t.Errorf("result %+v, heard %q", res, h.text.String())
					}
				})
			})
		}
	}
}

func TestAStreamThatBreaksAfterItsFirstChunkIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := actors(t, llm.ModelConfig{}, []spoken{breaks(brokenNow, "Go", "et")}, []spoken{speaks(0, "Mann")})
		var h heard
		res, err := s.play(t, t.Context(), llm.ChainOptions{}, &told{}, h.sink)
		var e *llm.Error
		if !errors.As(err, &e) || e.Outcome != sluice.OutcomeBroken || !res.Delivered || res.Text != "Goet" || h.text.String() != "Goet" || s.actors[second].calls() != 0 {
			t.Errorf("%+v, heard %q: %v", res, h.text.String(), err)
		}
		t.Log("a block that comes later is for good, and says so")
		s = actors(t, llm.ModelConfig{}, []spoken{breaks(llm.Error{Outcome: sluice.OutcomeBlocked, Sent: true, Usage: &used}, "Go")}, []spoken{speaks(0, "Mann")})
		if _, err = s.play(t, t.Context(), llm.ChainOptions{}, &told{}, h.sink); sluice.ClassOf(err) != sluice.ClassTerminal {
			t.Errorf("blocked: %v", err)
		}
	})
}

func TestAStreamMayNeitherStartNorGoOnTooSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Log("the first chunk: elsewhere")
		s := actors(t, llm.ModelConfig{}, []spoken{speaks(3*time.Second, "a")}, []spoken{speaks(time.Second, "b", "c")})
		var h heard
		o := llm.ChainOptions{FirstToken: 2 * time.Second, Idle: 5 * time.Second}
		res, err := s.play(t, t.Context(), o, &told{}, h.sink)
		if err != nil || scriptOf(res.Lines) != "chosen timeout, second ok" || res.FirstToken != 3*time.Second || h.text.String() != "bc" {
			t.Errorf("%s, first after %s, %v", scriptOf(res.Lines), res.FirstToken, err)
		}
		t.Log("a later one: an error, billed at its bound")
		s = actors(t, llm.ModelConfig{}, []spoken{func(ctx context.Context, say func(string) error) (llm.Reply, error) {
			_ = say("a")
			return llm.Reply{}, pausing(ctx, time.Hour)
		}}, []spoken{speaks(0, "b")})
		began := time.Now()
		res, err = s.play(t, t.Context(), o, &told{}, h.sink)
		if err == nil || !strings.Contains(err.Error(), "stalled") || scriptOf(res.Lines) != "chosen timeout" || time.Since(began) != 5*time.Second || !res.Lines[0].CostEstimated {
			t.Errorf("%s after %s, %v", scriptOf(res.Lines), time.Since(began), err)
		}
		t.Log("a reader that takes its time is no stall")
		s = actors(t, llm.ModelConfig{}, []spoken{speaks(time.Second, "a", "b")})
		res, err = s.play(t, t.Context(), o, &told{}, func(llm.Chunk) error { return pausing(t.Context(), time.Minute) })
		if err != nil || scriptOf(res.Lines) != "chosen ok" {
			t.Errorf("%s, %v", scriptOf(res.Lines), err)
		}
		t.Log("without a first-token limit it is the model's timeout")
		s = actors(t, llm.ModelConfig{Timeout: 7 * time.Second}, []spoken{speaks(time.Hour, "a")})
		began = time.Now()
		if _, err = s.play(t, t.Context(), llm.ChainOptions{MaxAttempts: 1}, &told{}, h.sink); err == nil || time.Since(began) != 7*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

func TestOneDeadlineBoundsTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := actors(t, llm.ModelConfig{}, []spoken{breaks(overloadedX)}, []spoken{speaks(time.Hour, "b")})
		began := time.Now()
		res, err := s.play(t, t.Context(), llm.ChainOptions{Deadline: began.Add(3 * time.Second)}, &told{}, nil)
		if scriptOf(res.Lines) != "chosen server_error, chosen server_error, second timeout" || time.Since(began) != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s after %s: %v", scriptOf(res.Lines), time.Since(began), err)
		}
		t.Log("a pause that would pass it is not begun")
		s = actors(t, llm.ModelConfig{}, []spoken{breaks(limitedX(4 * time.Second))})
		began = time.Now()
		_, err = s.play(t, t.Context(), llm.ChainOptions{Deadline: began.Add(3 * time.Second)}, &told{}, nil)
		if time.Since(began) != 0 || sluice.DelayOf(err) != 4*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

func TestAClientThatLeavesCancelsTheAttemptWhichIsBilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, stream := range []bool{false, true} {
			s := actors(t, llm.ModelConfig{}, []spoken{speaks(time.Second, "a", "b", "c")}, []spoken{speaks(0, "b")})
			ctx, leave := context.WithCancel(t.Context())
			time.AfterFunc(1500*time.Millisecond, leave)
			var h heard
			sink := h.sink
			if !stream {
				sink = nil
			}
			began := time.Now()
			res, err := s.play(t, ctx, llm.ChainOptions{}, &told{}, sink)
			if scriptOf(res.Lines) != "chosen canceled" || sluice.ClassOf(err) != sluice.ClassInterrupted || time.Since(began) != 1500*time.Millisecond {
				t.Errorf("%s after %s: %v", scriptOf(res.Lines), time.Since(began), err)
			}
			if l := res.Lines[0]; !l.CostEstimated || l.Cost == 0 {
				t.Errorf("line %+v", l)
			}
		}
		t.Log("so does a sink that fails")
		s := actors(t, llm.ModelConfig{}, []spoken{speaks(time.Second, "a", "b")}, []spoken{speaks(0, "b")})
		gone := errors.New("broken pipe")
		res, err := s.play(t, t.Context(), llm.ChainOptions{}, &told{}, func(llm.Chunk) error { return gone })
		if scriptOf(res.Lines) != "chosen canceled" || !errors.Is(err, gone) || !res.Lines[0].CostEstimated {
			t.Errorf("%s: %v", scriptOf(res.Lines), err)
		}
	})
}

func TestTheBoundIsThePromptAndTheLongestReply(t *testing.T) {
	s := actors(t, llm.ModelConfig{MaxOutputTokens: 1000}, []spoken{breaks(brokenNow)}, []spoken{
		breaks(llm.Error{Outcome: sluice.OutcomeBroken, Sent: true, Partial: true, Usage: &sluice.Usage{Prompt: 20, Cached: 8, Output: 3}}),
	})
	hear := &told{}
	res, err := s.play(t, t.Context(), llm.ChainOptions{MaxAttempts: 2}, hear, nil)
	if err == nil || len(res.Lines) != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	most := hear.begun[0].Cost
	if l := res.Lines[0]; l.Cost != most || !l.CostEstimated || l.Usage != (sluice.Usage{}) || most < 2500 {
		t.Errorf("a broken attempt costs %s, at most %s: %+v", l.Cost, most, l)
	}
	want, _, _ := s.Prices().Bound(second, time.Now(), 20, 1000)
	if l := res.Lines[1]; l.Cost != want || !l.CostEstimated || l.Usage.Prompt != 20 || l.PriceVersion == "" {
		t.Errorf("one that had counted its prompt costs %s, want %s: %+v", l.Cost, want, l)
	}
	if got := s.actors[chosen].asked[0].MaxOutputTokens; got != 1000 {
		t.Errorf("asked for %d tokens, want the model's 1000", got)
	}
	plain := actors(t, llm.ModelConfig{}, []spoken{speaks(0, "a")})
	req := conversation()
	req.MaxOutputTokens = 0
	if _, err := plain.Chat(t.Context(), llm.ChainOptions{Models: plain.models}, req, llm.Hooks{}, nil); err != nil || plain.actors[chosen].asked[0].MaxOutputTokens != llm.DefaultMaxOutputTokens {
		t.Errorf("asked for %d tokens without a limit, %v", plain.actors[chosen].asked[0].MaxOutputTokens, err)
	}
}

func TestBeginMayStopTheChainOrSendItOn(t *testing.T) {
	over := errors.New("over budget")
	for name, c := range map[string]struct {
		refuse func(sluice.Call) error
		want   string
		err    error
	}{
		"stops, and nobody else is asked": {func(l sluice.Call) error { return when(l.Model == chosen, over) }, "", over},
		"next":                            {func(l sluice.Call) error { return when(l.Model == chosen, llm.TryNext(over)) }, "second ok", nil},
		"next, and none is left":          {func(sluice.Call) error { return llm.TryNext(over) }, "", over},
		"another":                         {func(l sluice.Call) error { return when(l.Model == chosen, llm.TryModel(third, over)) }, "third ok", nil},
		"another, which nobody knows":     {func(sluice.Call) error { return llm.TryModel("nobody", over) }, "", over},
		"to and fro for ever": {func(l sluice.Call) error {
			if l.Model == chosen {
				return llm.TryModel(third, over)
			}
			return llm.TryModel(chosen, over)
		}, "", over},
	} {
		t.Run(name, func(t *testing.T) {
			s := actors(t, llm.ModelConfig{MaxConcurrent: 1}, []spoken{speaks(0, "a")}, []spoken{speaks(0, "b")}, []spoken{speaks(0, "c")})
			res, err := s.play(t, t.Context(), llm.ChainOptions{}, &told{refuse: c.refuse}, nil)
			if scriptOf(res.Lines) != c.want || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("%q, %v", scriptOf(res.Lines), err)
			}
			t.Log("the slots are free again")
			if res, err := s.play(t, t.Context(), llm.ChainOptions{}, &told{}, nil); err != nil || scriptOf(res.Lines) != "chosen ok" {
				t.Errorf("%q, %v", scriptOf(res.Lines), err)
			}
		})
	}
}

func when(yes bool, err error) error {
	if yes {
		return err
	}
	return nil
}

func TestAModelThatCannotDoItIsLeftOut(t *testing.T) {
	s := actors(t, llm.ModelConfig{}, []spoken{speaks(0, "a")}, []spoken{speaks(0, "b")})
	req := conversation()
	req.TopK = ptr(1)
	var u *llm.UnsupportedError
	if _, err := s.Chat(t.Context(), llm.ChainOptions{Models: s.models}, req, llm.Hooks{}, nil); !errors.As(err, &u) || u.Param != "top_k" {
		t.Errorf("nobody can: %v", err)
	}
	res, err := s.Chat(t.Context(), llm.ChainOptions{Models: []string{"nobody", second}}, conversation(), llm.Hooks{}, nil)
	if err != nil || !slices.Equal(res.Asked, []string{second}) {
		t.Errorf("asked %v: %v", res.Asked, err)
	}
}

func TestBrokenStreamsOpenTheBreakerAndTheChainPassesBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := actors(t, llm.ModelConfig{}, []spoken{breaks(brokenNow, "Go")}, []spoken{speaks(0, "b")})
		var h heard
		for range 10 {
			if _, err := s.play(t, t.Context(), llm.ChainOptions{}, &told{}, h.sink); err == nil {
				t.Fatal("no error")
			}
		}
		res, err := s.play(t, t.Context(), llm.ChainOptions{}, &told{}, h.sink)
		if err != nil || scriptOf(res.Lines) != "second ok" {
			t.Errorf("%s, %v", scriptOf(res.Lines), err)
		}
		_, err = s.play(t, t.Context(), llm.ChainOptions{Models: []string{chosen}}, &told{}, h.sink)
		if !errors.Is(err, llm.ErrOpen) || sluice.ClassOf(err) != sluice.ClassWait || sluice.DelayOf(err) < 5*time.Second {
			t.Errorf("alone: %v, come back after %s", err, sluice.DelayOf(err))
		}
	})
}
