package llm_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/llm"
)

func sorted(lines []sluice.Call) string { return sortedWords(scriptOf(lines)) }

func sortedWords(list string) string {
	words := strings.Split(list, ", ")
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// queue has tenants ask one model with a single slot, one after another, and tells who was answered in
// which order, and who was turned away.
func queue(t *testing.T, maxQueued int, tenants ...string) (answered, busy []string) {
	t.Helper()
	s := actors(t, llm.ModelConfig{MaxConcurrent: 1}, []spoken{speaks(time.Second, "a")})
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, tenant := range tenants {
		wg.Go(func() {
			o := llm.ChainOptions{Models: s.models, MaxQueued: maxQueued, Purpose: llm.Purpose{Tenant: tenant}}
			_, err := s.Chat(t.Context(), o, conversation(), llm.Hooks{}, nil)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				answered = append(answered, tenant)
			case errors.Is(err, llm.ErrBusy) && sluice.ClassOf(err) == sluice.ClassWait && sluice.DelayOf(err) > 0:
				busy = append(busy, tenant)
			default:
				t.Error(err)
			}
		})
		synctest.Wait() // each stands in line before the next comes
	}
	wg.Wait()
	return answered, busy
}

func TestSlotsGoRoundTheTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered, busy := queue(t, 100, "a", "a", "a", "a", "b", "b", "c", "a")
		if got := strings.Join(answered, ""); got != "aabcabaa" || len(busy) != 0 {
			t.Errorf("answered %s, turned away %v", got, busy)
		}
	})
}

func TestAFullQueueTurnsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answered, busy := queue(t, 3, "a", "a", "a", "a", "a")
		if strings.Join(answered, "") != "aaaa" || strings.Join(busy, "") != "a" {
			t.Errorf("answered %v, turned away %v", answered, busy)
		}
		t.Log("a newcomer takes the place of the tenant that has the most of them")
		answered, busy = queue(t, 3, "a", "a", "a", "a", "b", "b")
		if strings.Join(answered, "") != "aaba" || strings.Join(busy, "") != "ab" {
			t.Errorf("answered %v, turned away %v", answered, busy)
		}
	})
}

func TestABusyModelIsPassedBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := actors(t, llm.ModelConfig{MaxConcurrent: 1}, []spoken{speaks(time.Minute, "a")}, []spoken{speaks(0, "b")})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				_, _ = s.Chat(t.Context(), llm.ChainOptions{Models: []string{chosen}, MaxQueued: 1}, conversation(), llm.Hooks{}, nil)
			})
		}
		synctest.Wait()
		res, err := s.play(t, t.Context(), llm.ChainOptions{MaxQueued: 1}, &told{}, nil)
		if err != nil || scriptOf(res.Lines) != "second ok" {
			t.Errorf("%s, %v", scriptOf(res.Lines), err)
		}
		t.Log("whoever leaves the line makes room")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Chat(ctx, llm.ChainOptions{Models: []string{chosen}, MaxQueued: 2}, conversation(), llm.Hooks{}, nil); sluice.ClassOf(err) != sluice.ClassWait || errors.Is(err, llm.ErrBusy) {
			t.Errorf("waited in vain: %v", err)
		}
		wg.Wait()
		if _, err := s.Chat(t.Context(), llm.ChainOptions{Models: []string{chosen}, MaxQueued: 1}, conversation(), llm.Hooks{}, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestASinkThatPanicsGivesTheSlotBackAndIsBilled(t *testing.T) {
	s := actors(t, llm.ModelConfig{MaxConcurrent: 1}, []spoken{speaks(0, "a")})
	hear := &told{}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is lost")
			}
		}()
		_, _ = s.Chat(t.Context(), llm.ChainOptions{Models: s.models}, conversation(), hear.hooks(), func(llm.Chunk) error { panic("abort") })
	}()
	if len(hear.ended) != 1 || hear.ended[0].Outcome != sluice.OutcomeCanceled || hear.ended[0].Cost == 0 {
		t.Errorf("ended %+v", hear.ended)
	}
	if res, err := s.play(t, t.Context(), llm.ChainOptions{MaxQueued: 1}, &told{}, nil); err != nil {
		t.Errorf("%+v: %v", res, err)
	}
}
