package rules

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

// Watch reloads the rules when their file changes.
//
// It looks at the file's content every now and then instead of asking the kernel to tell: editors replace
// files, containers swap links and network disks send no events, and a small file is read in microseconds.
type Watch struct {
	// Version is the version of the rules in force when the watch begins.
	Version string
	// Files are looked at. One that was never there is as good as an empty one; one that is gone takes no rules
	// with it.
	Files []string
	// Load makes the mapper of the files' present content.
	Load func() (*Mapper, error)
	// Swap puts a mapper into force, in one step.
	Swap func(*Mapper)
	// Every is how often; 0 means a second.
	Every time.Duration
	// Told hears of each change: the version in force afterwards, and why the new rules were refused, if
	// they were. The old ones serve on then. It is what raises an alert.
	Told func(version string, err error)
}

// Run watches until ctx ends. The caller waits for it.
func (w Watch) Run(ctx context.Context) {
	every := w.Every
	if every == 0 {
		every = time.Second
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	// At first whatever stands there: it may have changed since the holder's rules were read.
	var loaded, before []byte
	version, seen := w.Version, map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// Only what two looks in a row find is whole: a file may be half written.
			now := w.content()
			if bytes.Equal(now, before) && !bytes.Equal(now, loaded) {
				loaded = now
				version = w.reload(version, seen)
			}
			before = now
		}
	}
}

// reload tells the version in force afterwards. seen are the files that were there.
func (w Watch) reload(version string, seen map[string]bool) string {
	m, err := w.loadOrRefuse(seen)
	if err != nil {
		w.Told(version, fmt.Errorf("the changed rules are refused, the old ones serve on: %w", err))
		return version
	}
	if m.Version() == version {
		return version // another part of the file
	}
	w.Swap(m)
	w.Told(m.Version(), nil)
	return m.Version()
}

// loadOrRefuse refuses rules whose making panics.
func (w Watch) loadOrRefuse(seen map[string]bool) (m *Mapper, err error) {
	defer func() {
		if v := recover(); v != nil {
			m, err = nil, fmt.Errorf("making them panicked: %v\n%s", v, debug.Stack())
		}
	}()
	return w.load(seen)
}

func (w Watch) load(seen map[string]bool) (*Mapper, error) {
	for _, path := range w.Files {
		if _, err := os.Stat(path); err == nil {
			seen[path] = true
		} else if seen[path] {
			return nil, fmt.Errorf("the file is gone: %w", err)
		}
	}
	return w.Load()
}

func (w Watch) content() []byte {
	var all []byte
	for _, path := range w.Files {
		data, err := os.ReadFile(path)
		if err != nil {
			data = nil
		}
		all = append(append(all, data...), 0)
	}
	return all
}
