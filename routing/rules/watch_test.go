package rules

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// told is what a watch said.
type told struct {
	version string
	err     error
}

// hearing collects what a watch says.
type hearing struct {
	mu  sync.Mutex
	all []told
}

func (h *hearing) told(version string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, told{version, err})
}

// soFar lists it, once the watch has nothing more to do.
func (h *hearing) soFar() []told {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.all)
}

func (h *hearing) last() told {
	all := h.soFar()
	return all[len(all)-1]
}

// watching runs a watch on a file whose content is the name of a preset.
func watching(t *testing.T, content string) (inForce *atomic.Pointer[Mapper], path string, heard *hearing) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sluice.yaml")
	write(t, path, content)
	load := func() (*Mapper, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return New(withPreset(PresetNone)) // as a configuration without a file
		}
		return New(withPreset(strings.TrimSpace(string(text))))
	}
	m, err := load()
	if err != nil {
		t.Fatal(err)
	}
	inForce, heard = &atomic.Pointer[Mapper]{}, &hearing{}
	inForce.Store(m)
	var work sync.WaitGroup
	work.Go(func() {
		Watch{
			Version: m.Version(), Files: []string{path, path + ".absent"}, Load: load, Swap: inForce.Store,
			Told: heard.told,
		}.Run(t.Context())
	})
	t.Cleanup(work.Wait)
	return inForce, path, heard
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAChangedFileIsReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, path, heard := watching(t, PresetNone)
		before := h.Load().Version()
		write(t, path, PresetHybrid)
		pass(3 * time.Second)
		if v := h.Load().Version(); v == before || len(heard.soFar()) != 1 || heard.soFar()[0] != (told{v, nil}) {
			t.Fatalf("version %s after %s, heard %v", v, before, heard.soFar())
		}
		write(t, path, PresetHybrid+"\n") // nothing of ours
		pass(3 * time.Second)
		if len(heard.soFar()) != 1 {
			t.Fatalf("heard %v of a change that changes no rule", heard.soFar())
		}
	})
}

func TestABrokenFileKeepsTheOldRulesAndIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, path, heard := watching(t, PresetHybrid)
		before := h.Load()
		write(t, path, "nonsense")
		pass(10 * time.Second)
		var faults FaultsError
		if h.Load() != before || len(heard.soFar()) != 1 || !errors.As(heard.soFar()[0].err, &faults) || heard.soFar()[0].version != before.Version() {
			t.Fatalf("heard %v", heard.soFar())
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Second)
		write(t, path, PresetNone)
		pass(3 * time.Second)
		if h.Load() == before || heard.last().err != nil {
			t.Fatalf("the mended file is not in force: %v", heard.soFar())
		}
	})
}

func TestRulesWhoseMakingPanicsAreRefusedAndToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, heard := filepath.Join(t.TempDir(), "sluice.yaml"), &hearing{}
		write(t, path, "one")
		loads := 0
		var work sync.WaitGroup
		work.Go(func() {
			Watch{Version: "v1", Files: []string{path}, Swap: func(*Mapper) {}, Told: heard.told, Load: func() (*Mapper, error) {
				if loads++; loads == 1 {
					panic("no such operator")
				}
				return New(withPreset(PresetNone))
			}}.Run(t.Context())
		})
		t.Cleanup(work.Wait)
		pass(10 * time.Second)
		if all := heard.soFar(); len(all) != 1 || all[0].version != "v1" || !strings.Contains(all[0].err.Error(), "no such operator") {
			t.Fatalf("heard %v", all)
		}
		write(t, path, "two")
		pass(3 * time.Second)
		if got := heard.last(); got.err != nil || got.version == "v1" {
			t.Fatalf("the mended file is not in force: %v", got)
		}
	})
}

func TestAFileThatIsGoneTakesNoRulesWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, path, heard := watching(t, PresetHybrid)
		before := h.Load()
		pass(3 * time.Second)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Second)
		if all := heard.soFar(); h.Load() != before || len(all) != 1 || !errors.Is(all[0].err, os.ErrNotExist) {
			t.Fatalf("heard %v", all)
		}
		write(t, path, PresetNone)
		pass(3 * time.Second)
		if h.Load() == before || heard.last().err != nil {
			t.Fatalf("the file that is back is not in force: %v", heard.soFar())
		}
	})
}

func TestAHalfWrittenFileIsNotTakenForTheWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, path, heard := watching(t, PresetHybrid)
		before := h.Load()
		pass(2500 * time.Millisecond)
		write(t, path, "cost")
		pass(time.Second) // one look
		write(t, path, PresetHybrid)
		pass(5 * time.Second)
		if h.Load() != before || len(heard.soFar()) != 0 {
			t.Fatalf("heard %v", heard.soFar())
		}
	})
}

// TestAReloadUnderLoadMixesNoVersions maps while the rules change: what a rule says and which version says
// it always belong together.
func TestAReloadUnderLoadMixesNoVersions(t *testing.T) {
	one := mapper(t, spec(Rule{Name: "one", When: When{MinWords: 1}, Then: Then{Tier: "large"}}))
	two := mapper(t, spec(Rule{Name: "two", When: When{MinWords: 1}, Then: Then{Tier: "medium"}}))
	want := map[string]string{one.Version(): "one pro", two.Version(): "two flash"}
	var h atomic.Pointer[Mapper]
	h.Store(one)
	stop := make(chan struct{})
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := h.Load().Map(asking("why")); got.Rule+" "+got.Model != want[got.RulesVersion] {
					t.Errorf("got %+v", got)
					return
				}
			}
		})
	}
	for range 500 {
		h.Store(two)
		h.Load().Map(asking("why"))
		h.Store(one)
	}
	close(stop)
	work.Wait()
}

// pass lets a test's own time pass.
func pass(d time.Duration) { <-time.After(d) }
