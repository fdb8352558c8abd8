package postgres

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// wantedOfNPM leaves out what a server does not need: headers, static libraries, the build system.
func wantedOfNPM(name string) bool {
	return strings.HasPrefix(name, "package/native/") && !strings.Contains(name, "/pgxs/") &&
		!strings.HasPrefix(name, "package/native/include/") && !strings.HasSuffix(name, ".a")
}

// unpackArchive writes the wanted files of a gzipped tar below dir. A name that points out of dir is an
// error.
func unpackArchive(archive, dir string, wanted func(name string) bool) error {
	f, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	zipped, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
	}
	root, err := os.OpenRoot(dir) // no name leads out of it
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer func() { _ = root.Close() }() // nothing is written through it
	for entries := tar.NewReader(zipped); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
		}
		if header.Typeflag != tar.TypeReg || !wanted(header.Name) {
			continue
		}
		if err := writeFile(root, header.Name, entries, header.FileInfo().Mode()); err != nil {
			return fmt.Errorf("unpack %s of %s: %w", header.Name, filepath.Base(archive), err)
		}
	}
}

func writeFile(root *os.Root, name string, from io.Reader, mode os.FileMode) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	perm := os.FileMode(0o644)
	if mode&0o111 != 0 {
		perm = 0o755
	}
	to, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// recreateLinks makes the symbolic links that an npm archive can't hold; the package lists them.
func recreateLinks(pkg string) error {
	data, err := os.ReadFile(filepath.Join(pkg, "native", "pg-symlinks.json"))
	if err != nil {
		return fmt.Errorf("the package's list of links: %w", err)
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(data, &links); err != nil {
		return fmt.Errorf("the package's list of links: %w", err)
	}
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("the package's list of links: %q -> %q points out of it", l.Target, l.Source)
		}
		from, err := filepath.Rel(filepath.Dir(l.Target), l.Source)
		if err != nil {
			return fmt.Errorf("the package's list of links: %w", err)
		}
		if err := os.Symlink(from, filepath.Join(pkg, l.Target)); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("recreate a link of the package: %w", err)
		}
	}
	return nil
}
