package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DefaultDatabase is the database of a private cluster that everything lives in, and superuser the role
// that owns it.
const (
	DefaultDatabase = "sluice"
	superuser       = "sluice"
)

// startTimeout bounds a start, recovery after a crash included.
const startTimeout = 2 * time.Minute

// Cluster is a Postgres server that is there: the operator's own, or a private one in a directory.
//
// Any number of processes may use one private cluster at once. The first one starts the server, the others
// attach to it, and the last one to call [Cluster.Stop] stops it. On Linux the server also stops, cleanly,
// with the process that started it, even one that is killed: nothing is left behind. Whoever else uses
// it then starts it again at once, as any user does whenever the server dies; clients see broken
// connections for about a second. Elsewhere a server that was left behind is attached to like any other.
type Cluster struct {
	opts   Options
	given  string // the operator's URL; empty for a private cluster
	layout layout
	bin    binaries

	users  *os.File // holds the shared lock
	cancel context.CancelFunc
	kept   chan struct{} // closed when the keeper's goroutine has ended

	mu     sync.Mutex
	server server // what runs now; the keeper replaces it

	stop    sync.Once
	stopErr error
}

// Start finds or starts Postgres and returns when it takes connections. A private cluster has
// [DefaultDatabase], empty on the first start.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.DatabaseURL != "" {
		return given(ctx, o)
	}
	l, err := newLayout(o)
	if err != nil {
		return nil, err
	}
	if l.moved != "" {
		o.log(l.moved)
	}
	ctx, done := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no running Postgres within %s", startTimeout))
	defer done()
	c := &Cluster{opts: o, layout: l, kept: make(chan struct{})}
	unlock, err := lockFile(ctx, l.file("lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if c.users, err = openShared(l.file("users")); err != nil {
		return nil, err
	}
	if c.server, err = c.usable(ctx); err != nil {
		return nil, errors.Join(err, c.letGo(context.WithoutCancel(ctx)))
	}
	// Stop ends the keeper: it outlives the context of the start.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	go c.keep(life) // owned by c: Stop waits for it
	return c, nil
}

// usable brings up a server that lets us in. One whose starter was killed a moment ago may still look ready:
// then another one is started.
func (c *Cluster) usable(ctx context.Context) (server, error) {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for tries := 1; ; tries++ {
		s, err := c.ensure(ctx, true)
		if err != nil {
			return server{}, err
		}
		if err = c.CreateDatabase(ctx, DefaultDatabase); err == nil {
			return s, nil
		}
		if tries == 50 || !goingDown(err) {
			return server{}, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return server{}, fmt.Errorf("%w (%w)", context.Cause(ctx), err)
		}
	}
}

// given checks that the operator's server answers.
func given(ctx context.Context, o Options) (*Cluster, error) {
	cfg, err := pgx.ParseConfig(o.DatabaseURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", redact(err))
	}
	cfg.ConnectTimeout = 10 * time.Second
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w; does the server run there, and are user, password and database right?", redact(err))
	}
	return &Cluster{opts: o, given: o.DatabaseURL}, conn.Close(ctx)
}

// redact keeps what pgx says of a URL, which never holds the password.
func redact(err error) error {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		return errors.New("not a valid URL of Postgres (postgres://user@host:5432/database)")
	}
	var failed *pgconn.ConnectError
	if errors.As(err, &failed) {
		return onceError{err}
	}
	return err
}

// onceError is an error in one line that says nothing twice: pgx tries a server with and without TLS, and reports both.
type onceError struct{ error }

// Error joins the lines that differ.
func (e onceError) Error() string {
	var lines []string
	for line := range strings.Lines(e.error.Error()) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Replace(strings.Join(lines, "; "), ":; ", ": ", 1)
}

// Unwrap is the error itself.
func (e onceError) Unwrap() error { return e.error }

// URL is where the database is: over the socket for a private cluster. An empty name means
// [DefaultDatabase], or the one that the operator's URL names. It stays valid across restarts.
func (c *Cluster) URL(database string) string {
	if c.given != "" {
		return withDatabase(c.given, database)
	}
	if database == "" {
		database = DefaultDatabase
	}
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database}
	u.RawQuery = url.Values{"host": {c.layout.socket}, "port": {socketPort}}.Encode()
	return u.String()
}

// withDatabase puts another database into a URL; an empty name, or a "key=value" string, leaves it as it is.
func withDatabase(given, database string) string {
	u, err := url.Parse(given)
	if database == "" || err != nil || u.Scheme == "" {
		return given
	}
	u.Path = "/" + database
	return u.String()
}

// Private says whether the server is ours to start and stop.
func (c *Cluster) Private() bool { return c.given == "" }

// Describe says in one line where the data is, for people; it holds no password.
func (c *Cluster) Describe() string {
	if c.given != "" {
		cfg, err := pgx.ParseConfig(c.given)
		if err != nil {
			return "the server of DATABASE_URL"
		}
		return fmt.Sprintf("database %s on %s:%d (DATABASE_URL)", cfg.Database, cfg.Host, cfg.Port)
	}
	return fmt.Sprintf("private cluster in %s", c.layout.dir)
}

// PID is the private server's process at this moment, for tests that kill it; 0 for the operator's server.
func (c *Cluster) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server.pid
}

// Stop ends the use of the cluster. The last user's Stop shuts the server down and waits for it: open
// transactions are rolled back, everything committed is on disk. Stopping twice is stopping once.
func (c *Cluster) Stop(ctx context.Context) error {
	c.stop.Do(func() {
		if c.given == "" {
			c.stopErr = c.leave(ctx)
		}
	})
	return c.stopErr
}

func (c *Cluster) leave(ctx context.Context) error {
	c.cancel()
	<-c.kept
	unlock, err := lockFile(ctx, c.layout.file("lock"))
	if err != nil {
		return errors.Join(fmt.Errorf("stop Postgres: %w", err), c.users.Close())
	}
	defer unlock()
	return c.letGo(ctx)
}

// letGo is the end of one user, and of the server with the last. The caller holds "lock".
func (c *Cluster) letGo(ctx context.Context) error {
	defer func() { _ = c.users.Close() }() // before the other lock: whoever is next must not find us still there
	if !lastUser(c.users) {
		c.opts.debug("Postgres goes on: another process uses it", "dir", c.layout.dir)
		return nil
	}
	return c.shutdown(ctx)
}
