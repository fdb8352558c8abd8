package registry

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/streams"
)

// ErrNotThere says that the object store has no such object.
var ErrNotThere = errors.New("is not in the object store")

// ErrCorrupt says that an object is not what was stored under its name: bytes are missing or other ones.
var ErrCorrupt = errors.New("is corrupt")

// Objects is the object store of artifacts: every object is written once and checked whenever it is read.
type Objects struct {
	store jetstream.ObjectStore
	js    jetstream.JetStream
}

// What the store is made of: the stream below it, the subjects of the objects' descriptions, and that of the parts of
// the object with an id.
const (
	objectStream = "OBJ_" + streams.ObjectStoreArtifacts
	descriptions = "$O." + streams.ObjectStoreArtifacts + ".M."
	parts        = "$O." + streams.ObjectStoreArtifacts + ".C."
)

// OpenObjects opens the store, which streams.Apply has made.
func OpenObjects(ctx context.Context, js jetstream.JetStream) (*Objects, error) {
	store, err := js.ObjectStore(ctx, streams.ObjectStoreArtifacts)
	if err != nil {
		return nil, fmt.Errorf("object store %s: %w; sluice streams apply makes it", streams.ObjectStoreArtifacts, err)
	}
	return &Objects{store, js}, nil
}

// keyDigest names the digest among an object's metadata, keyManifest the manifest.
const (
	keyDigest   = "sha256"
	keyManifest = "manifest"
)

// patience bounds one transfer: a minute, and a second a megabyte.
func patience(size uint64) time.Duration { return time.Minute + time.Duration(size>>20)*time.Second }

// Put stores an object under a digest that is known before; an object of the same digest stays as it is, and
// one of another digest is never replaced, unless it is corrupt.
func (o *Objects) Put(ctx context.Context, name, digest string, meta map[string]string, size uint64, write func(io.Writer) error) error {
	there, err := o.intact(ctx, name)
	if err != nil {
		return err
	}
	if !there {
		return o.put(ctx, name, digest, meta, size, write)
	}
	if was, err := o.digest(ctx, name); err != nil || was != digest {
		return cmp.Or(err, fmt.Errorf("store %s: it is there with digest %s, and this has %s: objects are never replaced", name, short(was), short(digest)))
	}
	return nil
}

// intact says whether an object is there, and all of it. If the log is away as an object has just been stored, its parts
// are taken back, and its description may stay.
func (o *Objects) intact(ctx context.Context, name string) (bool, error) {
	err := o.Read(ctx, name, func(io.Reader) error { return nil })
	if errors.Is(err, ErrNotThere) || errors.Is(err, ErrCorrupt) {
		return false, nil
	}
	return err == nil, err
}

// put stores an object whatever is there.
func (o *Objects) put(ctx context.Context, name, digest string, meta map[string]string, size uint64, write func(io.Writer) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience(size))
	defer cancel()
	all := map[string]string{keyDigest: digest}
	for k, v := range meta {
		all[k] = v
	}
	r, w := io.Pipe()
	sum := sha256.New()
	wrote := make(chan struct{})
	go func() { // joined below
		defer close(wrote)
		_ = w.CloseWithError(write(io.MultiWriter(w, sum)))
	}()
	_, err := o.store.Put(ctx, jetstream.ObjectMeta{Name: name, Metadata: all}, r)
	_ = r.CloseWithError(io.ErrClosedPipe)
	<-wrote
	if err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != digest {
		return errors.Join(fmt.Errorf("store %s: its content changed while it was read: run it again", name), o.store.Delete(ctx, name))
	}
	return nil
}

// digest is what an object was stored under.
func (o *Objects) digest(ctx context.Context, name string) (string, error) {
	info, err := o.store.GetInfo(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return "", fmt.Errorf("%s %w", name, ErrNotThere)
	}
	if err != nil {
		return "", fmt.Errorf("look for %s: %w", name, err)
	}
	return info.Metadata[keyDigest], nil
}

// Read hands the object's bytes to read, and fails with [ErrCorrupt] unless all of them came and are those
// that were stored. What read made of them is to be thrown away then.
func (o *Objects) Read(ctx context.Context, name string, read func(io.Reader) error) error {
	info, err := o.store.GetInfo(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("%s %w", name, ErrNotThere)
	}
	if err != nil {
		return fmt.Errorf("look for %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience(info.Size))
	defer cancel()
	object, err := o.store.Get(impatient{ctx}, name) //nolint:contextcheck // it is ctx, with a deadline that moves
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	defer func() { _ = object.Close() }()
	sum := sha256.New()
	chunks := io.TeeReader(whole{object}, sum)
	if err = read(chunks); err == nil {
		_, err = io.Copy(io.Discard, chunks)
	}
	switch want := info.Metadata[keyDigest]; {
	case err != nil && ctx.Err() != nil: // whatever the reader makes of it
		return fmt.Errorf("read %s: %w", name, errors.Join(context.Cause(ctx), err))
	case errors.Is(err, errSilent) && o.gone(ctx, info.NUID):
		return fmt.Errorf("%s %w: none of its %d parts is there", name, ErrCorrupt, info.Chunks)
	case errors.Is(err, errSilent):
		return fmt.Errorf("read %s: %w", name, err)
	case errors.As(err, new(*fs.PathError)): // where it was to go, such as a full disk
		return fmt.Errorf("read %s: %w", name, err)
	case errors.Is(err, jetstream.ErrDigestMismatch):
		return fmt.Errorf("%s %w: its digest is another one", name, ErrCorrupt)
	case err != nil:
		return fmt.Errorf("%s %w: %w", name, ErrCorrupt, err)
	case hex.EncodeToString(sum.Sum(nil)) != want:
		return fmt.Errorf("%s %w: its digest is not %s", name, ErrCorrupt, short(want))
	}
	return nil
}

// gone says that the log has no part of an object: one that has lost some is found out by its digest. The stream's
// leader is asked, since a replica may not have them yet.
func (o *Objects) gone(ctx context.Context, nuid string) bool {
	s, err := o.js.Stream(ctx, objectStream)
	if err != nil {
		return false
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(parts+nuid))
	return err == nil && len(info.State.Subjects) == 0
}

// list is every object that is there, and the names of those whose description can't be read: nobody can reach what it
// was of.
func (o *Objects) list(ctx context.Context) (all []*jetstream.ObjectInfo, unread []string, err error) {
	for m, err := range streams.Scan(ctx, o.js, objectStream, streams.Window{Filter: descriptions + ">"}) {
		if err != nil {
			return nil, nil, fmt.Errorf("list objects: %w", err)
		}
		info := new(jetstream.ObjectInfo)
		if err := json.Unmarshal(m.Data, info); err != nil {
			coded := strings.TrimPrefix(m.Subject, descriptions)
			name, err := base64.URLEncoding.DecodeString(coded)
			if err != nil {
				name = []byte(coded)
			}
			unread = append(unread, string(name))
		} else if !info.Deleted {
			all = append(all, info)
		}
	}
	return all, unread, nil
}

// stall is how long the server may be silent in the middle of an object.
const stall = 5 * time.Second

var errSilent = errors.New("no byte for " + stall.String() + ": the server is away, or slow")

// impatient is a context by which a reader of the object store waits for no chunk longer than stall: the
// reader asks for the deadline anew whenever it waits, and else waits for a missing chunk to its end.
type impatient struct{ context.Context }

func (i impatient) Deadline() (time.Time, bool) { return time.Now().Add(stall), true }

// whole fails where a reader of the object store has waited in vain, which that reports as its pipe's deadline, or as
// nothing read.
type whole struct{ r io.Reader }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n == 0 && err == nil && len(p) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		return n, errSilent
	}
	return n, err
}

// Delete removes an object; one that is not there is no error.
func (o *Objects) Delete(ctx context.Context, name string) error {
	if err := o.store.Delete(ctx, name); err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// fetch brings a packed directory to dir: as it is there, if its digest is right, else from the store. A
// directory appears whole or not at all.
func (o *Objects) fetch(ctx context.Context, name, digest, dir string) error {
	if got, err := digestOf(dir); err == nil && got == digest {
		return nil
	}
	stored, err := o.digest(ctx, name)
	if err != nil {
		return err
	}
	if stored != digest {
		return fmt.Errorf("%s %w: it has digest %s instead of %s", name, ErrCorrupt, short(stored), short(digest))
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // models are no secret
		return fmt.Errorf("fetch %s: %w", name, err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-")
	if err != nil {
		return fmt.Errorf("fetch %s: %w", name, err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	if err := o.Read(ctx, name, func(r io.Reader) error { return unpack(r, tmp) }); err != nil {
		return err
	}
	if err = os.Rename(tmp, dir); err != nil { // something is there
		if got, wrong := digestOf(dir); wrong == nil && got == digest {
			return nil // another process was faster, and may be opening it
		}
		err = errors.Join(os.RemoveAll(dir), os.Rename(tmp, dir))
	}
	if err != nil {
		return fmt.Errorf("fetch %s: %w", name, err)
	}
	return nil
}

func short(digest string) string { return digest[:min(12, len(digest))] }
