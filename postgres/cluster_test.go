package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/internal/pgtest"
	"sluice/postgres"
)

// start starts a cluster and stops it with the test.
func start(t *testing.T, o postgres.Options) *postgres.Cluster {
	t.Helper()
	c, err := postgres.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return c
}

// ask runs a query of one value.
func ask(t *testing.T, databaseURL, sql string) any {
	t.Helper()
	db, err := postgres.Connect(t.Context(), databaseURL, "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Table(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows.Rows) == 0 {
		return nil
	}
	return rows.Rows[0][0]
}

func running(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// gone waits for a process to end.
func gone(t *testing.T, pid int) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for running(pid) {
		select {
		case <-look.C:
		case <-deadline.C:
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func TestASecondStartReusesTheCluster(t *testing.T) {
	dir := pgtest.Dir(t)
	c := start(t, postgres.Options{Dir: dir})
	ask(t, c.URL(""), "CREATE TABLE kept AS SELECT 42 AS n")
	pid := c.PID()
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if running(pid) {
		t.Error("the server runs after Stop")
	}
	log, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	if err != nil || !strings.Contains(string(log), "database system is shut down") {
		t.Errorf("no clean shutdown in the log: %v", err)
	}
	again := start(t, postgres.Options{Dir: dir})
	if got := ask(t, again.URL(""), "SELECT n FROM kept"); got != int32(42) {
		t.Errorf("the second start found %v", got)
	}
	if again.URL("") != c.URL("") {
		t.Errorf("the URL changed from %s to %s", c.URL(""), again.URL(""))
	}
	if got := ask(t, again.URL(""), "SHOW listen_addresses"); got != "" {
		t.Errorf("it listens on %q", got)
	}
}

func TestTheLastUserStopsTheServer(t *testing.T) {
	dir := pgtest.Made(t)
	first := start(t, postgres.Options{Dir: dir, Fast: true})
	second := start(t, postgres.Options{Dir: dir, Fast: true})
	if first.PID() != second.PID() {
		t.Fatalf("two servers: %d and %d", first.PID(), second.PID())
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, second.URL(""), "SELECT 1"); got != int32(1) {
		t.Errorf("after the first user left: %v", got)
	}
	pid := second.PID()
	if err := second.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if running(pid) {
		t.Error("the server runs after the last user left")
	}
}

// A program that is told to stop while Postgres is still starting leaves none behind.
func TestAStartThatIsCutOffLeavesNoServer(t *testing.T) {
	dir := pgtest.Made(t)
	pidFile := filepath.Join(dir, "data", "postmaster.pid")
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		pid := make(chan int, 1)
		go func() {
			defer cancel()
			look := time.NewTicker(time.Millisecond)
			defer look.Stop()
			for ctx.Err() == nil {
				var found int
				if data, err := os.ReadFile(pidFile); err == nil {
					if _, err := fmt.Sscan(string(data), &found); err == nil {
						pid <- found
						return
					}
				}
				<-look.C
			}
		}()
		c, err := postgres.Start(ctx, postgres.Options{Dir: dir, Fast: true})
		cancel()
		if err == nil { // it was quicker than we
			if err := c.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if n := <-pid; running(n) {
			t.Errorf("process %d runs behind a start that was cut off", n)
		}
		return
	}
	t.Fatal("no start was cut off")
}

func TestAServerEndsWithTheProcessThatStartedItHoweverThatDies(t *testing.T) {
	for _, fast := range []bool{false, true} {
		dir := pgtest.Made(t)
		parent, pid := child(t, dir, fast)
		if err := parent.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = parent.Wait() // killed
		// It may still be shutting down: the start waits for that.
		c := start(t, postgres.Options{Dir: dir, Fast: true})
		if got := ask(t, c.URL(""), "SELECT 1"); got != int32(1) {
			t.Errorf("the next start answers %v", got)
		}
		gone(t, pid)
		log, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
		if err != nil || !fast && !strings.Contains(string(log), "database system is shut down") {
			t.Errorf("it was no clean shutdown: %v\n%s", err, log)
		}
		if err := c.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestAUserGoesOnWhenTheProcessThatStartedTheServerIsKilled(t *testing.T) {
	dir := pgtest.Made(t)
	parent, pid := child(t, dir, false)
	c := start(t, postgres.Options{Dir: dir, Fast: true})
	if c.PID() != pid {
		t.Errorf("started %d beside %d", c.PID(), pid)
	}
	db, err := postgres.Connect(t.Context(), c.URL(""), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	revived(t, c, db, pid)
}

func TestAUserThatIsKilledHurtsNoOther(t *testing.T) {
	dir := pgtest.Made(t)
	c := start(t, postgres.Options{Dir: dir, Fast: true})
	other, pid := child(t, dir, true)
	if pid != c.PID() {
		t.Errorf("the other process started %d beside %d", pid, c.PID())
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait() // killed
	if got := ask(t, c.URL(""), "SELECT 1"); got != int32(1) || c.PID() != pid {
		t.Errorf("after the other process died: %v", got)
	}
}

func TestAStalePIDFileIsNoObstacle(t *testing.T) {
	dir := pgtest.Made(t)
	first := start(t, postgres.Options{Dir: dir, Fast: true})
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, pid := range map[string]int{"a process that is gone": 1 << 22, "another program": os.Getpid()} {
		stale := fmt.Sprintf("%d\n%s\n1\n5432\n%s\n\n1 1\nready   \n", pid, filepath.Join(dir, "data"), filepath.Join(dir, "socket"))
		if err := os.WriteFile(filepath.Join(dir, "data", "postmaster.pid"), []byte(stale), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := postgres.Start(t.Context(), postgres.Options{Dir: dir, Fast: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := ask(t, c.URL(""), "SELECT 1"); got != int32(1) {
			t.Errorf("%s: %v", name, got)
		}
		if err := c.Stop(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// A server that was killed with whoever started it stays in the list of processes until somebody waits for it.
func TestTheLockOfAKilledServerThatNobodyHasWaitedForIsNoObstacle(t *testing.T) {
	dir := pgtest.Made(t)
	c := start(t, postgres.Options{Dir: dir, Fast: true})
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(c.Dir(), "socket")
	info, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	owner, _ := info.Sys().(*syscall.Stat_t)
	dead := exec.Command("sleep", "600")
	if os.Getuid() == 0 {
		dead.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	if err := dead.Start(); err != nil {
		t.Fatal(err)
	}
	if err := dead.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	lock := filepath.Join(socket, ".s.PGSQL.5432.lock")
	if err := os.WriteFile(lock, fmt.Appendf(nil, "%d\n%s\n0\n5432\n%s\n", dead.Process.Pid, c.Dir(), socket), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(lock, int(owner.Uid), int(owner.Gid)); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // joined below
		defer close(done)
		look := time.NewTicker(10 * time.Millisecond)
		defer look.Stop()
		for refused := false; !refused && t.Context().Err() == nil; <-look.C {
			log, _ := os.ReadFile(filepath.Join(c.Dir(), "postgres.log"))
			refused = strings.Contains(string(log), "already exists")
		}
		_ = dead.Wait()
	}()
	again, err := postgres.Start(t.Context(), postgres.Options{Dir: dir, Fast: true})
	<-done
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAKilledServerIsStartedAgain(t *testing.T) {
	c := start(t, postgres.Options{Dir: pgtest.Made(t), Fast: true})
	db, err := postgres.Connect(t.Context(), c.URL(""), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	before := c.PID()
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	revived(t, c, db, before)
}

// revived waits until the cluster has another server than before and answers.
func revived(t *testing.T, c *postgres.Cluster, db *postgres.DB, before int) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	answers := func() bool { _, err := db.Table(t.Context(), "SELECT"); return err == nil }
	for c.PID() == before || !answers() {
		select {
		case <-look.C:
		case <-deadline.C:
			t.Fatal("it is not back")
		}
	}
}

func TestAnInterruptedInitdbIsNoObstacle(t *testing.T) {
	dir := pgtest.Dir(t)
	if err := os.MkdirAll(filepath.Join(dir, "data.part", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := start(t, postgres.Options{Dir: dir, Fast: true})
	if got := ask(t, c.URL(""), "SELECT 1"); got != int32(1) {
		t.Errorf("it answers %v", got)
	}
}

func TestADirectoryThatTheServerCannotEnterIsReplacedByOneThatItCan(t *testing.T) {
	closed := filepath.Join(pgtest.Dir(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "postgres")
	c := start(t, postgres.Options{Dir: dir, Fast: true})
	if got := ask(t, c.URL(""), "SELECT 1"); got != int32(1) {
		t.Errorf("it answers %v", got)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if c.Dir() != dir {
		defer func() { _ = os.RemoveAll(c.Dir()) }()
	}
	note, err := os.ReadFile(filepath.Join(dir, "MOVED.txt"))
	if os.Geteuid() != 0 {
		if c.Dir() != dir || err == nil {
			t.Errorf("moved to %s though we are the server's user", c.Dir())
		}
		return
	}
	if c.Dir() == dir || err != nil || !strings.Contains(string(note), c.Dir()) {
		t.Errorf("in %s, and the note says %q (%v)", c.Dir(), note, err)
	}
	// Once the directory is gone, the next cluster that moves takes its place.
	if err := os.RemoveAll(closed); err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(pgtest.Dir(t), "closed")
	if err := os.Mkdir(next, 0o700); err != nil {
		t.Fatal(err)
	}
	other := start(t, postgres.Options{Dir: filepath.Join(next, "postgres"), Fast: true})
	if _, err := os.Stat(c.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left behind: %v", c.Dir(), err)
	}
	if err := other.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	_ = os.RemoveAll(other.Dir())
}

func TestALongPathKeepsItsSocketElsewhere(t *testing.T) {
	c := start(t, postgres.Options{Dir: filepath.Join(pgtest.Dir(t), strings.Repeat("a long name with blanks, ", 6)), Fast: true})
	if got := ask(t, c.URL(""), "SELECT 1"); got != int32(1) {
		t.Errorf("it answers %v", got)
	}
	u, err := url.Parse(c.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	socket := u.Query().Get("host")
	if len(socket) > 86 {
		t.Errorf("the socket's directory is %s", socket)
	}
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's directory: %v, %v", info, err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(socket) })
}

func TestAGivenServerIsNeitherStartedNorStopped(t *testing.T) {
	own := start(t, postgres.Options{Dir: pgtest.Made(t), Fast: true})
	c, err := postgres.Start(t.Context(), postgres.Options{DatabaseURL: own.URL("")})
	if err != nil {
		t.Fatal(err)
	}
	if c.Private() || c.URL("") != own.URL("") {
		t.Errorf("private %v, URL %s", c.Private(), c.URL(""))
	}
	if err := c.CreateDatabase(t.Context(), "another"); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateDatabase(t.Context(), "another"); err != nil {
		t.Errorf("creating it twice: %v", err)
	}
	if got := ask(t, c.URL("another"), "SELECT current_database()::text"); got != "another" {
		t.Errorf("connected to %v", got)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, own.URL(""), "SELECT 1"); got != int32(1) {
		t.Errorf("after Stop: %v", got)
	}
}

func TestErrorsSayWhatToDoAndHoldNoSecret(t *testing.T) {
	unknown := pgtest.Dir(t)
	if err := os.Mkdir(filepath.Join(unknown, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(unknown, "data", "PG_VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o    postgres.Options
		want []string
	}{
		"nothing given":      {postgres.Options{}, []string{"neither", "directory"}},
		"no programs":        {postgres.Options{Dir: pgtest.Dir(t), BinDir: pgtest.Dir(t)}, []string{"SLUICE_PG_BIN", "no initdb"}},
		"an unknown version": {postgres.Options{Dir: unknown, Offline: true, CacheDir: pgtest.Dir(t)}, []string{"Postgres 99", "DATABASE_URL", "apt-get install"}},
		"no server there":    {postgres.Options{DatabaseURL: "postgres://me:hunter2@127.0.0.1:1/x"}, []string{"DATABASE_URL: failed to connect to `user=me database=x`: 127.0.0.1:1", "refused; does the server run there"}},
		"no URL":             {postgres.Options{DatabaseURL: "postgres://me:hunter2@%%%"}, []string{"DATABASE_URL", "not a valid URL"}},
	} {
		_, err := postgres.Start(t.Context(), c.o)
		if err == nil {
			t.Errorf("%s: started", name)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", name, err, w)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error holds the password: %v", name, err)
		}
	}
}
