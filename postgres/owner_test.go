package postgres_test

import (
	"errors"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice"
	"sluice/internal/decided"
	"sluice/internal/pgtest"
	"sluice/internal/pgtest/world"
	"sluice/postgres"
)

// granted finds a document's blocks of SQL.
var granted = regexp.MustCompile("(?ms)^```sql\n(.+?)\n```$")

// twoUsers is a server that is made ready as docs/security.md says, and the URLs of its two users.
func twoUsers(t *testing.T) (super, owner, app string) {
	t.Helper()
	c := start(t, postgres.Options{Dir: pgtest.Made(t), Fast: true})
	ask(t, c.URL(""), "ALTER ROLE analyst RENAME TO another") // of the cluster that it is a copy of
	ask(t, c.URL(""), "CREATE DATABASE given")
	super = c.URL("given")
	as := func(user string) string {
		u, err := url.Parse(super)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.User(user)
		return u.String()
	}
	owner, app = as("sluice_owner"), as("sluice_app")
	doc, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := granted.FindAllStringSubmatch(string(doc), -1)
	if len(blocks) < 2 || !strings.Contains(blocks[0][1], "CREATE ROLE sluice_owner") || !strings.Contains(blocks[1][1], "ALTER DEFAULT PRIVILEGES") {
		t.Fatalf("docs/security.md does not begin with what makes both users: %q", blocks)
	}
	must(t, conn(t, super, ""), blocks[0][1])
	must(t, conn(t, owner, ""), blocks[1][1])
	if _, err := postgres.Migrate(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	return super, owner, app
}

func TestAMonitorOwnsNothingAndKeepsItsDays(t *testing.T) {
	super, _, app := twoUsers(t)
	o, db := openOnline(t, app, 3*24*time.Hour, at(noon))
	if got := one(t, db, "SELECT current_user || (SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user)"); got != "sluice_appfalse" {
		t.Fatalf("connected as %v", got)
	}
	if made, _, err := o.Keep(t.Context()); err != nil || made != 4 {
		t.Errorf("made %d days ahead, want 4: %v", made, err)
	}
	yesterday := decided.New(1, noon.Add(-24*time.Hour), time.Second).Facts(5)
	if fresh := record(t, o, &sluice.OnlineFacts{Decisions: yesterday}); len(fresh) != 5 {
		t.Errorf("%d of 5 decisions were written", len(fresh))
	}
	later, _ := openOnline(t, app, 24*time.Hour, at(noon.Add(48*time.Hour)))
	if _, dropped, err := later.Keep(t.Context()); err != nil || dropped != 2 {
		t.Errorf("dropped %d days, want 2: %v", dropped, err)
	}
	if n := one(t, db, "SELECT count(*) FROM decisions"); n != int64(0) {
		t.Errorf("%v rows outlived their day", n)
	}
	if n := ask(t, super, `SELECT count(*) FROM pg_class WHERE relowner = 'sluice_app'::regrole`); n != int64(0) {
		t.Errorf("it owns %v tables", n)
	}
	world.New(t, 9).Recorded(t, app)
}

func TestWhatIsLentOfTheOwnersRightsIsDaysOfDecisionsAlone(t *testing.T) {
	super, owner, app := twoUsers(t)
	c := conn(t, app, "")
	for _, sql := range []string{
		"CREATE TABLE decisions_20261120 (n int)", "DROP TABLE decisions", "ALTER TABLE decisions ADD COLUMN n int",
		"SELECT make_day_of_decisions('infinity')", "SELECT make_day_of_decisions(NULL)", "SELECT make_day_of_decisions('1999-12-31')",
		"SET ROLE analyst; SELECT drop_day_of_decisions('2026-11-20')",
	} {
		if _, err := c.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: it was done", sql)
		}
	}
	must(t, c, "RESET ROLE")
	// A table of the owner's that is only called like a day stays.
	must(t, conn(t, owner, ""), "CREATE TABLE decisions_20261120 (n int)")
	must(t, c, "SELECT drop_day_of_decisions('2026-11-20')")
	// Nor does anything of the caller's run with the owner's rights, or stand in the way.
	must(t, conn(t, super, ""), "GRANT CREATE ON SCHEMA public TO sluice_app; GRANT TEMPORARY ON DATABASE given TO sluice_app")
	must(t, c, "CREATE FUNCTION public.to_char(date, text) RETURNS text LANGUAGE sql AS $$ SELECT 'taken' $$")
	must(t, c, "CREATE TEMPORARY TABLE decisions (n int); CREATE TEMPORARY TABLE decisions_20261121 (n int)")
	must(t, c, "SET search_path = pg_temp, public; SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Tokyo'")
	must(t, c, "SELECT public.make_day_of_decisions('2026-11-21')")
	if got := ask(t, super, `SELECT pg_get_expr(relpartbound, oid) || relowner::regrole FROM pg_class WHERE oid = 'decisions_20261121'::regclass`); got !=
		"FOR VALUES FROM ('2026-11-21 00:00:00+00') TO ('2026-11-22 00:00:00+00')sluice_owner" {
		t.Errorf("it made %v", got)
	}
	must(t, c, "SELECT public.drop_day_of_decisions('2026-11-21')")
	if n := ask(t, super, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename ~ '^decisions_'`); n != int64(1) {
		t.Errorf("%v tables called like days are left, want the one that is none", n)
	}
}

// Who may make functions where the tables are makes those that fit the calls of ours better than Postgres's own do.
func TestNoFunctionOfAnotherRoleRunsWithTheOwnersRights(t *testing.T) {
	super, owner, app := twoUsers(t)
	must(t, conn(t, super, ""), "GRANT CREATE ON SCHEMA public TO sluice_app")
	must(t, conn(t, owner, ""), "GRANT TRUNCATE ON queries TO sluice_app")
	c := conn(t, app, "")
	must(t, c, "CREATE SEQUENCE public.ran; GRANT ALL ON SEQUENCE public.ran TO PUBLIC") // a step of it is not rolled back
	for _, f := range []string{
		"pg_advisory_xact_lock(int) RETURNS text", "pg_advisory_xact_lock_shared(int) RETURNS text", "hashtext(varchar) RETURNS int",
		"format(a text, b text, c bigint) RETURNS text", "format(a text, b text, c bigint, d text) RETURNS text",
		"format(a text, b text, c text, d bigint, e text) RETURNS text",
		"upper(varchar) RETURNS text", "current_setting(varchar) RETURNS text",
	} {
		must(t, c, "CREATE FUNCTION public."+f+` LANGUAGE plpgsql AS $$ BEGIN
			IF current_user = 'sluice_owner' THEN PERFORM nextval('public.ran'); END IF;
			RETURN NULL;
		END $$`)
	}
	world.New(t, 9).Recorded(t, app)
	for _, refused := range []string{
		"INSERT INTO analyses SELECT (jsonb_populate_record(a, '{\"query_number\": 0}')).* FROM analyses a LIMIT 1",
		"INSERT INTO labels SELECT (jsonb_populate_record(l, '{\"query_number\": 0}')).* FROM labels l LIMIT 1",
		"INSERT INTO examples SELECT (jsonb_populate_record(e, '{\"id\": \"nobody\"}')).* FROM examples e LIMIT 1",
		"UPDATE queries SET key = 'nobody' WHERE key = (SELECT min(key) FROM queries)", "TRUNCATE queries",
	} {
		_, err := c.Exec(t.Context(), refused)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "23503" {
			t.Errorf("%s: %v", refused, err)
		}
	}
	must(t, c, "DELETE FROM labels WHERE query_key = (SELECT min(key) FROM queries)")
	must(t, c, "DELETE FROM queries")
	if n := number(t, c, "SELECT (SELECT count(*) FROM answers) + (SELECT count(*) FROM examples)"); n != 0 {
		t.Errorf("%d children were left", n)
	}
	if ran := ask(t, super, "SELECT is_called FROM ran"); ran != false {
		t.Error("a function of sluice_app's ran with the rights of sluice_owner")
	}
}
