package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

var aptServer = regexp.MustCompile(`postgresql-(\d+)\b`)

// fromAPT downloads Debian's packages, without installing them, by the package lists that the machine has.
func (s *search) fromAPT(ctx context.Context) (binaries, error) {
	for _, program := range []string{"apt-get", "apt-cache", "dpkg-deb", "dpkg-query"} {
		if _, err := exec.LookPath(program); err != nil {
			return binaries{}, errNotHere
		}
	}
	out, err := exec.CommandContext(ctx, "apt-cache", "depends", "postgresql").Output()
	server := aptServer.FindString(string(out))
	if err != nil || server == "" {
		return binaries{}, errors.New("apt knows no postgresql (has apt-get update been run?)")
	}
	packages, err := aptClosure(ctx, server)
	if err != nil {
		return binaries{}, err
	}
	s.opts.log("fetching Postgres with apt-get", "packages", strings.Join(packages, " "))
	return s.fetch(ctx, "apt-"+server, func(dir string) error {
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"download", "-q"}, packages...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get download: %w: %s", err, lastLine(out))
		}
		return unpackDebs(ctx, dir)
	})
}

func unpackDebs(ctx context.Context, dir string) error {
	debs, _ := filepath.Glob(filepath.Join(dir, "*.deb")) // the pattern is well-formed
	if len(debs) == 0 {
		return errors.New("apt-get download left no package")
	}
	for _, deb := range debs {
		if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", deb, dir).CombinedOutput(); err != nil {
			return fmt.Errorf("dpkg-deb -x %s: %w: %s", filepath.Base(deb), err, lastLine(out))
		}
		if err := os.Remove(deb); err != nil {
			return fmt.Errorf("tidy up after apt-get: %w", err)
		}
	}
	return nil
}

// aptClosure is the server's package and the libraries below it that are not installed. LLVM's is left
// out: it is large, and only the just-in-time compiler, which is off, would load it.
func aptClosure(ctx context.Context, server string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests",
		"--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", "--no-pre-depends", server).Output()
	if err != nil {
		return nil, fmt.Errorf("apt-cache depends %s: %w", server, err)
	}
	packages := []string{server}
	for line := range strings.Lines(string(out)) {
		name := strings.TrimSpace(line)
		if line != name+"\n" || !strings.HasPrefix(name, "lib") || strings.HasPrefix(name, "libllvm") ||
			strings.HasSuffix(name, "-perl") {
			continue // indented lines are edges, the others nodes
		}
		state, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${db:Status-Status}", name).Output()
		if err != nil || string(state) != "installed" {
			packages = append(packages, name)
		}
	}
	return packages, nil
}
