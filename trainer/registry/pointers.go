package registry

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// static is what is active where no router is: the static map decides.
const static = "static"

// Ref names one version of the registry and its digest; the zero value is none.
type Ref struct {
	Version string `json:"version,omitempty"`
	Digest  string `json:"digest,omitempty"`
}

// Pointer says which version something is, since when and why.
type Pointer struct {
	Ref
	// Before are the versions that were active before this one, the last one first, for a rollback. A Ref
	// without a version is the static map.
	Before []Ref `json:"before,omitempty"`
	// Share of the requests that a canary decides, above 0 and at most 1.
	Share  float64   `json:"share,omitempty"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
	// JobID is the training that promoted it; empty where somebody did so by hand.
	JobID string `json:"job_id,omitempty"`
	// Revision is the bucket's, of the last change.
	Revision uint64 `json:"-"`
}

// State is every pointer.
type State struct {
	Active, Canary, Shadow Pointer
	// Pins are by tenant.
	Pins map[string]Pointer
	// Unreadable are the faults of pointers that can't be read, an [ErrUnreadable] each; they point nowhere.
	Unreadable []error
}

// Keys of the bucket.
const (
	keyActive = "active"
	keyCanary = "canary"
	keyShadow = "shadow"
	keyPin    = "pin."
)

// depth is how many rollbacks are remembered.
const depth = 16

// ErrMoved says that somebody else changed a pointer since it was looked at.
var ErrMoved = errors.New("somebody else changed it meanwhile: look again")

// ErrUnreadable says that somebody else wrote a pointer, and not in our words.
var ErrUnreadable = errors.New("can't be read; sluice model promote, canary, shadow or pin replaces it")

var plainToken = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// pinKey is the key of a tenant's pin: readable where the tenant's name is one of NATS's tokens.
func pinKey(tenant string) string {
	if plainToken.MatchString(tenant) {
		return keyPin + tenant
	}
	return keyPin + "=" + hex.EncodeToString([]byte(tenant))
}

func tenantOf(key string) (string, error) {
	name := strings.TrimPrefix(key, keyPin)
	encoded, ok := strings.CutPrefix(name, "=")
	if !ok {
		return name, nil
	}
	raw, err := hex.DecodeString(encoded)
	return string(raw), err
}

// pointer reads one pointer; one that is not set is the zero value. An [ErrUnreadable] comes with the revision, so that
// it can be replaced.
func (r *Registry) pointer(ctx context.Context, key string) (Pointer, error) {
	entry, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Pointer{}, nil
	}
	if err != nil {
		return Pointer{}, fmt.Errorf("read pointer %s: %w", key, err)
	}
	return parsePointer(entry)
}

func parsePointer(entry jetstream.KeyValueEntry) (Pointer, error) {
	var p Pointer
	if entry.Operation() == jetstream.KeyValuePut {
		err := json.Unmarshal(entry.Value(), &p)
		if err == nil && p.At.IsZero() { // what the server, or a service, answers on whatever subject somebody names
			err = errors.New("it says not since when")
		}
		if err != nil {
			return Pointer{Revision: entry.Revision()}, fmt.Errorf("pointer %s %w: %w", entry.Key(), ErrUnreadable, err)
		}
	}
	p.Revision = entry.Revision()
	return p, nil
}

// set replaces a pointer that is still the one that was read, and returns the new revision.
func (r *Registry) set(ctx context.Context, key string, was, p Pointer) (uint64, error) {
	p.At = r.now()
	data, err := json.Marshal(p)
	if err != nil {
		return 0, fmt.Errorf("pointer %s: %w", key, err)
	}
	var revision uint64
	if was.Revision == 0 {
		revision, err = r.kv.Create(ctx, key, data)
	} else {
		revision, err = r.kv.Update(ctx, key, data, was.Revision)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, fmt.Errorf("pointer %s: %w", key, ErrMoved)
	}
	if err != nil {
		return 0, fmt.Errorf("set pointer %s: %w", key, err)
	}
	return revision, nil
}

// State reads every pointer.
func (r *Registry) State(ctx context.Context) (State, error) {
	keys, err := r.kv.ListKeys(ctx)
	if err != nil {
		return State{}, fmt.Errorf("list pointers: %w", err)
	}
	s := State{Pins: map[string]Pointer{}}
	for key := range keys.Keys() {
		p, err := r.pointer(ctx, key)
		switch {
		case errors.Is(err, ErrUnreadable):
			s.Unreadable = append(s.Unreadable, err)
		case err != nil:
			return s, err
		default:
			s.put(key, p)
		}
	}
	return s, nil
}

// put takes one pointer in; keys that this program does not know are passed over.
func (s *State) put(key string, p Pointer) {
	switch {
	case key == keyActive:
		s.Active = p
	case key == keyCanary:
		s.Canary = p
	case key == keyShadow:
		s.Shadow = p
	case strings.HasPrefix(key, keyPin):
		tenant, err := tenantOf(key)
		if err != nil {
			return
		}
		if s.Pins[tenant] = p; p.Version == "" {
			delete(s.Pins, tenant)
		}
	}
}

// History is what was active, newest first, as far as the bucket remembers.
func (r *Registry) History(ctx context.Context) ([]Pointer, error) {
	entries, err := r.kv.History(ctx, keyActive)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("history of the active router: %w", err)
	}
	var all []Pointer
	for i := len(entries) - 1; i >= 0; i-- {
		if p, err := parsePointer(entries[i]); err == nil {
			all = append(all, p)
		}
	}
	return all, nil
}
