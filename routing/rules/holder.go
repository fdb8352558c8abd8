package rules

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Holder holds the mapper in force. Reading it costs one atomic load; whoever maps a request takes the
// mapper once, and the request sees one version throughout.
type Holder struct {
	current atomic.Pointer[Mapper]
	mu      sync.Mutex
	failed  map[string]int64
}

// NewHolder holds m.
func NewHolder(m *Mapper) *Holder {
	h := &Holder{failed: map[string]int64{}}
	h.current.Store(m)
	return h
}

// Mapper is the one in force.
func (h *Holder) Mapper() *Mapper { return h.current.Load() }

// Swap puts m into force.
func (h *Holder) Swap(m *Mapper) { h.current.Store(m) }

// Map maps by the mapper in force and counts the rules that failed.
func (h *Holder) Map(f Facts) Outcome {
	out := h.current.Load().Map(f)
	if len(out.Skipped) > 0 {
		h.mu.Lock()
		for _, s := range out.Skipped {
			h.failed[s.Rule]++
		}
		h.mu.Unlock()
	}
	return out
}

// Failures counts by rule how often one failed and was left out, reloads notwithstanding.
func (h *Holder) Failures() map[string]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.failed)
}

// Watch reloads a holder's rules when their file changes.
//
// It looks at the file's content every now and then instead of asking the kernel to tell: editors replace
// files, containers swap links and network disks send no events, and a small file is read in microseconds.
type Watch struct {
	Holder *Holder
	// Files are looked at; one that is not there is as good as an empty one.
	Files []string
	// Load makes the mapper of the files' present content.
	Load func() (*Mapper, error)
	// Every is how often; 0 means a second.
	Every time.Duration
	// Told hears of each change: the version in force afterwards, and why the new rules were refused, if
	// they were. The old ones serve on then.
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
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// Only what two looks in a row find is whole: a file may be half written.
			now := w.content()
			if bytes.Equal(now, before) && !bytes.Equal(now, loaded) {
				loaded = now
				w.reload()
			}
			before = now
		}
	}
}

func (w Watch) reload() {
	m, err := w.Load()
	if err != nil {
		w.Told(w.Holder.Mapper().Version(), fmt.Errorf("the changed rules are refused, the old ones serve on: %w", err))
		return
	}
	if m.Version() == w.Holder.Mapper().Version() {
		return // another part of the file
	}
	w.Holder.Swap(m)
	w.Told(m.Version(), nil)
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
