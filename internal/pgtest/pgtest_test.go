package pgtest_test

import (
	"os"
	"testing"

	"sluice/internal/pgtest"
	"sluice/postgres"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestEveryTestHasADatabaseOfItsOwn(t *testing.T) {
	urls := map[string]bool{}
	for range 2 {
		url := pgtest.New(t)
		urls[url] = true
		db, err := postgres.Connect(t.Context(), url, "test", 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Table(t.Context(), `INSERT INTO policies (name, description, tier) VALUES ('only_here', '', 'medium')`); err != nil {
			t.Errorf("a second database is not as new: %v", err)
		}
		db.Close()
		state, err := postgres.MigrationStatus(t.Context(), url)
		if err != nil || len(state) == 0 || state[len(state)-1].AppliedAt.IsZero() {
			t.Errorf("not migrated: %v, %v", state, err)
		}
	}
	if len(urls) != 2 {
		t.Errorf("databases %v", urls)
	}
}

func TestADirectoryIsRemovedWithItsTest(t *testing.T) {
	var dir string
	t.Run("user", func(t *testing.T) {
		dir = pgtest.Dir(t)
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%v, %v", info, err)
		}
	})
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}
