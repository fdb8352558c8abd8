package postgres_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
)

// inDatabase names the test's database in a statement about it.
func inDatabase(url string) string {
	_, path, _ := strings.Cut(url, "/test_")
	name, _, _ := strings.Cut(path, "?")
	return "ALTER DATABASE test_" + name
}

// roleWithoutRights makes a role that may read and write rows, and owns nothing, and gives a URL for sessions that
// have no more rights than it. Roles are the cluster's: it is named after the test's database.
func roleWithoutRights(t *testing.T, base string) string {
	t.Helper()
	c := conn(t, base, "")
	var role string
	if err := c.QueryRow(t.Context(), "SELECT 'app_' || current_database()").Scan(&role); err != nil {
		t.Fatal(err)
	}
	must(t, c, "CREATE ROLE "+role)
	must(t, c, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_, _ = c.Exec(ctx, "DROP OWNED BY "+role)
		_, _ = c.Exec(ctx, "DROP ROLE "+role)
	})
	return asRole(t, base, role)
}

func asRole(t *testing.T, base, role string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("options", "-c role="+role)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // as pgx reads it
	return u.String()
}

func TestWhatIsCommittedIsOnDiskWhateverTheServersDefault(t *testing.T) {
	base := pgtest.New(t)
	for set, want := range map[string]string{"off": "on", "on": "on", "remote_apply": "remote_apply"} {
		must(t, conn(t, base, ""), inDatabase(base)+" SET synchronous_commit = "+set)
		db, err := postgres.Connect(t.Context(), base, "test", 1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := db.Table(t.Context(), "SHOW synchronous_commit")
		if db.Close(); err != nil || got.Rows[0][0] != want {
			t.Errorf("a server with synchronous_commit %s: %v, %v; want %s", set, got.Rows, err, want)
		}
	}
}

func TestFactsAreRecordedWhateverTheServersDefaultIsolation(t *testing.T) {
	base := pgtest.New(t)
	must(t, conn(t, base, ""), inDatabase(base)+" SET default_transaction_isolation = 'serializable'")
	db := world.New(t, 9).Recorded(t, base)
	got, err := db.Table(t.Context(), "SELECT count(*) FROM examples")
	if err != nil || got.Rows[0][0] != int64(9) {
		t.Errorf("%v examples, %v; want 9", got.Rows, err)
	}
}

func TestARecorderNeedsNoMoreThanToReadAndWriteRows(t *testing.T) {
	base := pgtest.New(t)
	world.New(t, 9).Recorded(t, roleWithoutRights(t, base))
	if n := number(t, conn(t, base, ""), "SELECT count(*) FROM examples"); n != 9 {
		t.Errorf("%d examples, want 9", n)
	}
}

func TestAMonitorThatOwnsNoTablesIsToldWhatItNeeds(t *testing.T) {
	base := pgtest.New(t)
	o, err := postgres.OpenOnline(t.Context(), roleWithoutRights(t, base), postgres.OnlineOptions{Connections: 1, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if _, _, err = o.Keep(t.Context()); err == nil || !strings.Contains(err.Error(), "GRANT EXECUTE ON FUNCTION make_day_of_decisions") {
		t.Errorf("keep: %v", err)
	}
}

func TestASessionForARoleThatIsNotThereIsToldApart(t *testing.T) {
	base := pgtest.New(t)
	_, err := postgres.Connect(t.Context(), asRole(t, base, "nobody_of_that_name"), "test", 1)
	if !postgres.RoleRefused(err) {
		t.Errorf("refused by %v, which is not told apart", err)
	}
	if _, err = postgres.Connect(t.Context(), strings.Replace(base, "/test_", "/no_test_", 1), "test", 1); err == nil || postgres.RoleRefused(err) {
		t.Errorf("a database that is not there: %v", err)
	}
}
