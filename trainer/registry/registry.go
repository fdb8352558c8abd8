package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// Teller stores facts about models. Package trainer/board has one.
type Teller interface {
	Tell(ctx context.Context, events ...sluice.TrainingEvent) error
}

// Registry is the artifacts and the pointers to them. It is safe for concurrent use.
type Registry struct {
	objects *Objects
	kv      jetstream.KeyValue
	tell    Teller
	now     func() time.Time
}

// Open opens the object store and the bucket, which streams.Apply has made.
func Open(ctx context.Context, js jetstream.JetStream, tell Teller, now func() time.Time) (*Registry, error) {
	objects, err := OpenObjects(ctx, js)
	if err != nil {
		return nil, err
	}
	kv, err := js.KeyValue(ctx, streams.BucketRouters)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w; sluice streams apply makes it", streams.BucketRouters, err)
	}
	return &Registry{objects: objects, kv: kv, tell: tell, now: now}, nil
}

// Objects is the store that the registry's artifacts are in, and the snapshots.
func (r *Registry) Objects() *Objects { return r.objects }

// Model is a registered artifact as its manifest describes it.
type Model struct {
	Version   string          `json:"version"`
	Kind      string          `json:"kind"`
	JobID     string          `json:"job_id,omitempty"`
	Pair      string          `json:"pair,omitempty"`
	Medium    string          `json:"medium,omitempty"`
	Large     string          `json:"large,omitempty"`
	CreatedAt time.Time       `json:"created_at"`
	Metrics   json.RawMessage `json:"metrics,omitempty"`
	// Files are the SHA-256 digests of the artifact's files, by name.
	Files map[string]string `json:"files,omitempty"`
	// Digest is the SHA-256 of the packed directory, Bytes its size, Manifest the whole manifest.
	Digest   string          `json:"digest,omitempty"`
	Bytes    uint64          `json:"bytes,omitempty"`
	Manifest json.RawMessage `json:"manifest,omitempty"`
}

// manifestFile is what makes a directory an artifact.
const manifestFile = "manifest.json"

// Prefixes of the objects' names.
const (
	prefixRouters = "routers/"
	prefixBases   = "bases/"
)

var versionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Inspect reads the manifest of an artifact's directory.
func Inspect(dir string) (Model, error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return Model{}, fmt.Errorf("%s is no artifact: %w", dir, err)
	}
	m, err := modelOf(data)
	if err != nil {
		return Model{}, fmt.Errorf("%s of %s: %w", manifestFile, dir, err)
	}
	return m, nil
}

func modelOf(manifest []byte) (Model, error) {
	var m Model
	if err := json.Unmarshal(manifest, &m); err != nil {
		return m, err
	}
	if !versionForm.MatchString(m.Version) || m.Version == static {
		return m, fmt.Errorf("version %q: want letters, digits, dots, dashes; at most 64; not %q", m.Version, static)
	}
	if m.Kind == "" {
		return m, errors.New("no kind")
	}
	m.Manifest = manifest
	return m, nil
}

// Add registers the artifact of a directory: stores it and tells it. Adding it again changes nothing.
func (r *Registry) Add(ctx context.Context, dir string, source Source) (Model, error) {
	m, err := Inspect(dir)
	if err != nil {
		return m, err
	}
	if m, err = r.keep(ctx, m, dir); err != nil {
		return m, err
	}
	e := source.event("registered", 1, m.Version)
	e.Message, e.Details = fmt.Sprintf("%s, %d bytes, digest %s", m.Kind, m.Bytes, short(m.Digest)), string(m.Manifest)
	if e.JobID == "" {
		e.JobID = "import-" + sluice.HashID("import", m.Version)[:12]
	}
	e.At = r.now()
	return m, r.tell.Tell(ctx, e)
}

// keep stores an artifact unless it is there: a training that was repeated after a crash makes the same
// version, with another date in its manifest.
func (r *Registry) keep(ctx context.Context, m Model, dir string) (Model, error) {
	there, err := r.Get(ctx, m.Version)
	if err != nil && !errors.Is(err, ErrNotThere) {
		return m, err
	}
	object := prefixRouters + m.Version + ".tar"
	if err == nil && len(m.Files) > 0 && maps.Equal(m.Files, there.Files) {
		if intact, err := r.objects.intact(ctx, object); intact || err != nil {
			return there, err
		}
	}
	m.Digest, m.Bytes, err = r.putDir(ctx, object, dir, string(m.Manifest))
	return m, err
}

// putDir stores a packed directory.
func (r *Registry) putDir(ctx context.Context, name, dir, manifest string) (digest string, size uint64, err error) {
	if digest, err = digestOf(dir); err != nil {
		return "", 0, err
	}
	if size, err = sizeOf(dir); err != nil {
		return "", 0, err
	}
	meta := map[string]string{}
	if manifest != "" {
		meta[keyManifest] = manifest
	}
	return digest, size, r.objects.Put(ctx, name, digest, meta, size, func(w io.Writer) error { return pack(w, dir) })
}

func sizeOf(dir string) (size uint64, err error) {
	err = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			size += uint64(info.Size())
		}
		return err
	})
	return size, err
}

// AddBase stores a directory of pretrained weights under a name that a recipe may ask for.
func (r *Registry) AddBase(ctx context.Context, name, dir string) error {
	if !versionForm.MatchString(name) {
		return fmt.Errorf("base model %q: want letters, digits, dots, dashes; at most 64", name)
	}
	_, _, err := r.putDir(ctx, prefixBases+name+".tar", dir, "")
	return err
}

// FetchBase brings a base model to dir.
func (r *Registry) FetchBase(ctx context.Context, name, dir string) error {
	object := prefixBases + name + ".tar"
	digest, err := r.objects.digest(ctx, object)
	if err != nil {
		return fmt.Errorf("base model %s: %w; sluice model import DIR stores one", name, err)
	}
	return r.objects.fetch(ctx, object, digest, dir)
}

// Fetch brings an artifact to dir, whole or not at all.
func (r *Registry) Fetch(ctx context.Context, ref Ref, dir string) error {
	return r.objects.fetch(ctx, prefixRouters+ref.Version+".tar", ref.Digest, dir)
}

// Get is one registered model.
func (r *Registry) Get(ctx context.Context, version string) (Model, error) {
	info, err := r.objects.store.GetInfo(ctx, prefixRouters+version+".tar")
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return Model{}, fmt.Errorf("model %s %w; sluice model list shows what is", version, ErrNotThere)
	}
	if err != nil {
		return Model{}, fmt.Errorf("model %s: %w", version, err)
	}
	return stored(info)
}

// corrupt is the kind of a model whose manifest, or whose object, can't be read: it is listed, and none that serves.
const corrupt = "corrupt"

// List is every registered model, newest first.
func (r *Registry) List(ctx context.Context) ([]Model, error) {
	infos, unread, err := r.objects.list(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range unread {
		infos = append(infos, &jetstream.ObjectInfo{ObjectMeta: jetstream.ObjectMeta{Name: name}})
	}
	var models []Model
	for _, info := range infos {
		if !strings.HasPrefix(info.Name, prefixRouters) {
			continue
		}
		m, err := stored(info)
		if err != nil {
			m.Kind, m.Version = corrupt, strings.TrimSuffix(strings.TrimPrefix(info.Name, prefixRouters), ".tar")
		}
		models = append(models, m)
	}
	slices.SortFunc(models, func(a, b Model) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.Version, b.Version)
	})
	return models, nil
}

func stored(info *jetstream.ObjectInfo) (Model, error) {
	m, err := modelOf([]byte(info.Metadata[keyManifest]))
	if err != nil {
		return m, fmt.Errorf("object %s: %w", info.Name, err)
	}
	m.Digest, m.Bytes = info.Metadata[keyDigest], info.Size
	return m, nil
}
