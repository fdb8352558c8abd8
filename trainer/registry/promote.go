package registry

import (
	"context"
	"errors"
	"fmt"

	"sluice"
)

// Source is the attempt of a training job that a model comes from; the zero value is a person.
type Source struct {
	JobID   string
	Attempt int
	// Sequence numbers the next event of the attempt; Worker is who tells it.
	Sequence int
	Worker   string
}

// event is a fact about a model. What no attempt numbers is numbered by fallback, of attempt 0.
func (s Source) event(kind string, fallback int, version string) sluice.TrainingEvent {
	sequence := s.Sequence
	if sequence == 0 {
		sequence = fallback
	}
	return sluice.TrainingEvent{JobID: s.JobID, Attempt: s.Attempt, Sequence: sequence, Worker: s.Worker, Kind: kind, ModelVersion: version}
}

// Promote makes a version the active one. over is the version that it was found better than ("" for the
// static map): if another one is active by now nothing happens, and the error is an [ErrMoved].
func (r *Registry) Promote(ctx context.Context, version, over, reason string, source Source) error {
	m, err := r.Get(ctx, version)
	if err != nil {
		return err
	}
	was, err := r.pointer(ctx, keyActive)
	if err != nil && (source.Attempt > 0 || !errors.Is(err, ErrUnreadable)) { // only a person replaces what can't be read
		return err
	}
	if was.Version != over {
		return fmt.Errorf("promote %s over %s, but %s is active: %w", version, orStatic(over), orStatic(was.Version), ErrMoved)
	}
	p := Pointer{Ref: Ref{version, m.Digest}, Before: was.Before, Reason: reason}
	switch {
	case was.Ref == p.Ref && source.Attempt == 0:
		return nil
	case was.Version != version:
		before := append([]Ref{was.Ref}, was.Before...)
		p.Before = before[:min(depth, len(before))]
	} // else a training could not open what is active, and has made it once more
	if source.Attempt > 0 {
		p.JobID = source.JobID
	}
	return r.activate(ctx, was, p, m.JobID, source)
}

// Promotion is how a model became the active one, and whether it still is.
type Promotion struct {
	Pointer
	Active bool
}

// PromotionOf is that of a job's model, if there was one: by the job itself, or by hand.
func (r *Registry) PromotionOf(ctx context.Context, jobID string) (promoted Promotion, yes bool, err error) {
	active, err := r.pointer(ctx, keyActive)
	if err != nil && !errors.Is(err, ErrUnreadable) {
		return Promotion{}, false, err
	}
	all, err := r.History(ctx)
	if err != nil {
		return Promotion{}, false, err
	}
	others := map[string]bool{"": true}
	for _, p := range all {
		if p.JobID == jobID {
			return Promotion{p, p.Revision == active.Revision}, true, nil
		}
		if p.JobID != "" || others[p.Version] {
			continue
		}
		m, err := r.Get(ctx, p.Version)
		switch {
		case err == nil && m.JobID == jobID:
			return Promotion{p, p.Revision == active.Revision}, true, nil
		case err != nil && !errors.Is(err, ErrNotThere) && !errors.Is(err, ErrCorrupt):
			return Promotion{}, false, err
		}
		others[p.Version] = true
	}
	return Promotion{}, false, nil
}

// activate sets the active pointer and tells it. Neither what is active nor what was so stays a candidate: a canary that
// did would go on deciding for its share once a rollback took the version back. What was active is one where whoever
// promoted it was killed right then, or somebody made it one at that moment.
func (r *Registry) activate(ctx context.Context, was, p Pointer, jobID string, source Source) error {
	revision, err := r.set(ctx, keyActive, was, p)
	if err != nil {
		return err
	}
	if source.JobID == "" {
		source.JobID = jobID
	}
	if source.JobID == "" {
		source.JobID = "by-hand"
	}
	e := source.event("promoted", int(revision)+1, p.Version)
	e.Message, e.At = p.Reason, r.now()
	if e.ModelVersion == "" {
		e.ModelVersion = static
	}
	err = r.tell.Tell(ctx, e)
	for _, version := range []string{p.Version, was.Version} {
		err = errors.Join(err, r.drop(ctx, keyCanary, version), r.drop(ctx, keyShadow, version))
	}
	return err
}

// ErrFirst says that nothing was active before what is active.
var ErrFirst = errors.New("nothing was active before it")

// Rollback makes the version active that was so before the active one, and says which it is; "" means that
// the static map decides again. over is the version that has to go ("" for the static map): if another one is
// active by now nothing happens, and the error is an [ErrMoved].
func (r *Registry) Rollback(ctx context.Context, over, reason string) (to string, err error) {
	was, err := r.pointer(ctx, keyActive)
	if err != nil {
		return "", err
	}
	if was.Version != over {
		return "", fmt.Errorf("roll back from %s, but %s is active: %w", orStatic(over), orStatic(was.Version), ErrMoved)
	}
	if len(was.Before) == 0 {
		return "", fmt.Errorf("roll back from %s: %w", orStatic(over), ErrFirst)
	}
	p := Pointer{Ref: was.Before[0], Before: was.Before[1:], Reason: reason}
	jobID := ""
	if p.Version != "" {
		m, err := r.Get(ctx, p.Version)
		if err != nil {
			return "", fmt.Errorf("roll back from %s: %w", orStatic(over), err)
		}
		jobID = m.JobID
	}
	return p.Version, r.activate(ctx, was, p, jobID, Source{})
}

// Pin lets a version decide every request of a tenant, whatever is active.
func (r *Registry) Pin(ctx context.Context, tenant, version string) error {
	return r.point(ctx, pinKey(tenant), version, 0)
}

// Unpin ends a tenant's pin; one that is not there is no error.
func (r *Registry) Unpin(ctx context.Context, tenant string) error {
	return r.point(ctx, pinKey(tenant), "", 0)
}

// Canary lets a version decide a share of the requests; the empty version ends it. The active one is an [ErrActive].
func (r *Registry) Canary(ctx context.Context, version string, share float64) error {
	if version != "" && (share <= 0 || share > 1) {
		return fmt.Errorf("canary share %v: want above 0 and at most 1", share)
	}
	return r.candidate(ctx, keyCanary, version, share)
}

// DropCanary ends a version's canary; where another one is the canary by now, or none, it does nothing.
func (r *Registry) DropCanary(ctx context.Context, version string) error {
	return r.drop(ctx, keyCanary, version)
}

// drop ends what a version is, if it is that.
func (r *Registry) drop(ctx context.Context, key, version string) error {
	was, err := r.pointer(ctx, key)
	if errors.Is(err, ErrUnreadable) {
		return nil // nobody's
	}
	if err != nil || was.Version != version || version == "" {
		return err
	}
	_, err = r.set(ctx, key, was, Pointer{})
	if errors.Is(err, ErrMoved) {
		return nil // somebody else decided in the meantime
	}
	return err
}

// Shadow lets a version be asked about every request without being heard; the empty version ends it. The active one is
// an [ErrActive].
func (r *Registry) Shadow(ctx context.Context, version string) error {
	return r.candidate(ctx, keyShadow, version, 0)
}

// ErrActive says that a version decides already, so that there is nothing to learn of it beside itself.
var ErrActive = errors.New("it is the active router, and would be compared with itself")

// candidate sets a pointer to what is tried beside the active version.
func (r *Registry) candidate(ctx context.Context, key, version string, share float64) error {
	active, err := r.pointer(ctx, keyActive)
	if err != nil && version != "" {
		return err
	}
	if version != "" && version == active.Version {
		return fmt.Errorf("%s as %s: %w", version, key, ErrActive)
	}
	return r.point(ctx, key, version, share)
}

// point sets a pointer other than the active one.
func (r *Registry) point(ctx context.Context, key, version string, share float64) error {
	was, err := r.pointer(ctx, key)
	unreadable := errors.Is(err, ErrUnreadable)
	if err != nil && !unreadable {
		return err
	}
	p := Pointer{}
	if version != "" {
		m, err := r.Get(ctx, version)
		if err != nil {
			return err
		}
		p.Ref, p.Share = Ref{version, m.Digest}, share
	} else if was.Version == "" && !unreadable {
		return nil
	}
	_, err = r.set(ctx, key, was, p)
	return err
}

func orStatic(version string) string {
	if version == "" {
		return "the static map"
	}
	return version
}
