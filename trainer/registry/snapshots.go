package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
	"sluice/trainer/snapshot"
)

// PutSnapshot stores the examples of a job; storing them again changes nothing.
func (o *Objects) PutSnapshot(ctx context.Context, name string, file []byte) error {
	if there, err := o.intact(ctx, name); there || err != nil {
		return err // the name is a function of the rows; another compressor may have written them
	}
	sum := sha256.Sum256(file)
	return o.put(ctx, name, hex.EncodeToString(sum[:]), nil, uint64(len(file)), func(w io.Writer) error {
		_, err := w.Write(file)
		return err
	})
}

// Snapshot reads the examples of a job and checks that they are those that it names.
func (o *Objects) Snapshot(ctx context.Context, name, digest string) (s *snapshot.Snapshot, err error) {
	err = o.Read(ctx, name, func(r io.Reader) error {
		s, err = snapshot.Decode(r, digest)
		return err
	})
	return s, err
}

// Erased names the snapshots that forgetting has deleted. A job whose snapshot is gone can't be done again; a model
// that it made stays.
type Erased struct {
	// Held held one of the queries; Unreadable could not be read, so that nobody can say that they held none.
	Held, Unreadable []string
}

// ForgetIn deletes every snapshot that holds one of the queries, or that can't be read: no worker takes such a one, and
// whose words are in it nobody can say. What it deletes it overwrites on the disk. One that can't be had for now is an error, after all others.
func (o *Objects) ForgetIn(ctx context.Context, now time.Time, holds func(key string) bool) (Erased, error) {
	var e Erased
	infos, _, err := o.list(ctx)
	if err != nil {
		return e, err
	}
	var faults []error
	for _, info := range infos {
		if !strings.HasPrefix(info.Name, snapshot.Prefix) {
			continue
		}
		found := false
		err := o.Read(ctx, info.Name, func(r io.Reader) error {
			found, err = snapshot.Holds(r, holds)
			return err
		})
		switch {
		case errors.Is(err, ErrNotThere): // somebody else deleted it
		case errors.Is(err, ErrCorrupt):
			e.Unreadable, err = append(e.Unreadable, info.Name), o.erase(ctx, info)
		case err == nil && found:
			e.Held, err = append(e.Held, info.Name), o.erase(ctx, info)
		}
		if err != nil && !errors.Is(err, ErrNotThere) {
			faults = append(faults, fmt.Errorf("look for forgotten queries: %w", err))
		}
	}
	return e, errors.Join(append(faults, o.sweep(ctx, now, infos))...)
}

// erase overwrites an object's parts, then deletes it: whoever is killed in between leaves one that can't be read, and
// is erased by the next.
func (o *Objects) erase(ctx context.Context, info *jetstream.ObjectInfo) error {
	s, err := o.js.Stream(ctx, objectStream)
	if err == nil {
		err = o.eraseParts(ctx, s, parts+info.NUID)
	}
	if err != nil {
		return fmt.Errorf("erase %s: %w", info.Name, err)
	}
	return o.Delete(ctx, info.Name)
}

func (o *Objects) eraseParts(ctx context.Context, s jetstream.Stream, subject string) error {
	for m, err := range streams.Scan(ctx, o.js, objectStream, streams.Window{Filter: subject}) {
		if err == nil {
			err = streams.Erase(ctx, s, m.Sequence)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// upload is how long the parts of an object may be in the log before its description.
const upload = time.Hour

// sweep deletes parts that no object has: who was killed while it stored an object left them.
func (o *Objects) sweep(ctx context.Context, now time.Time, infos []*jetstream.ObjectInfo) error {
	fail := func(err error) error { return fmt.Errorf("look for parts of no object: %w", err) }
	s, err := o.js.Stream(ctx, objectStream)
	if err != nil {
		return fail(err)
	}
	state, err := s.Info(ctx, jetstream.WithSubjectFilter(parts+"*"))
	if err != nil {
		return fail(err)
	}
	for _, info := range infos {
		delete(state.State.Subjects, parts+info.NUID)
	}
	for subject := range state.State.Subjects {
		last, err := s.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && now.Sub(last.Time) < upload {
			continue
		}
		if err == nil {
			err = o.eraseParts(ctx, s, subject)
		}
		if err != nil {
			return fail(err)
		}
	}
	return nil
}
