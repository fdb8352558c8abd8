package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/wholefile"
)

// Seal digests every file of a directory into the manifest, derives the version from them, and writes the
// manifest last: a directory with a manifest is whole. It returns the manifest as it was written. The same
// files, policies, prompt and calibration always get the same version.
func Seal(dir string, m Manifest) (Manifest, error) {
	files, err := digests(dir)
	if err != nil {
		return Manifest{}, fmt.Errorf("seal artifact: %w", err)
	}
	if len(files) == 0 {
		return Manifest{}, fmt.Errorf("seal artifact: %s is empty", dir)
	}
	m.Files = files
	identity, err := json.Marshal([]any{m.Kind, m.Policies, m.PromptVersion, m.Calibration, m.Shares, m.Files})
	if err != nil {
		return Manifest{}, fmt.Errorf("seal artifact: %w", err)
	}
	sum := sha256.Sum256(identity)
	m.Version = string(m.Kind) + "-" + hex.EncodeToString(sum[:6])
	return m, WriteManifest(dir, m)
}

// digests lists every regular file below dir but the manifest, by its slash-separated path.
func digests(dir string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || name == ManifestFile || strings.HasPrefix(d.Name(), wholefile.Unfinished) {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is no regular file", name)
		}
		out[filepath.ToSlash(name)], err = digest(path)
		return err
	})
	return out, err
}

func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// Verify checks every file of an artifact against the manifest: one that is missing, altered or not of the
// artifact is an error that names it.
func (m Manifest) Verify(dir string) error {
	found, err := digests(dir)
	if err != nil {
		return fmt.Errorf("artifact %s: %w", m.Version, err)
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		switch got, ok := found[name]; {
		case !ok:
			faults = append(faults, fmt.Errorf("artifact %s: %s is missing", m.Version, name))
		case got != m.Files[name]:
			faults = append(faults, fmt.Errorf("artifact %s: %s is corrupt: its SHA-256 is %s, the manifest says %s", m.Version, name, got, m.Files[name]))
		}
		delete(found, name)
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		faults = append(faults, fmt.Errorf("artifact %s: %s is not of the manifest", m.Version, name))
	}
	return errors.Join(faults...)
}
