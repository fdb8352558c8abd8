package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"sluice/trainer/snapshot"
)

// PutSnapshot stores the examples of a job; storing them again changes nothing.
func (o *Objects) PutSnapshot(ctx context.Context, name string, file []byte) error {
	if _, err := o.digest(ctx, name); err == nil {
		return nil // the name is a function of the rows; another compressor may have written them
	}
	sum := sha256.Sum256(file)
	return o.Put(ctx, name, hex.EncodeToString(sum[:]), nil, uint64(len(file)), func(w io.Writer) error {
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

// ForgetIn deletes every snapshot that holds one of the queries, and says how many there were. A job whose
// snapshot is gone can't be done again; a model that it made stays.
func (o *Objects) ForgetIn(ctx context.Context, holds func(key string) bool) (deleted int, err error) {
	infos, err := o.store.List(ctx)
	if err != nil {
		return 0, ignoreEmpty(err)
	}
	for _, info := range infos {
		if !strings.HasPrefix(info.Name, snapshot.Prefix) {
			continue
		}
		found := false
		err := o.Read(ctx, info.Name, func(r io.Reader) error {
			found, err = snapshot.Holds(r, holds)
			return err
		})
		if err != nil {
			return deleted, fmt.Errorf("look for forgotten queries: %w", err)
		}
		if found {
			if err := o.Delete(ctx, info.Name); err != nil {
				return deleted, err
			}
			deleted++
		}
	}
	return deleted, nil
}
