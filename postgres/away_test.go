package postgres_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/postgres"
)

func TestAServerThatIsAwayIsToldFromOneThatRefuses(t *testing.T) {
	_, err := postgres.Connect(t.Context(), "postgres:///sluice?host="+t.TempDir(), "test", 1)
	if err == nil || !postgres.Away(err) {
		t.Errorf("no socket: %v", err)
	}
	for code, want := range map[string]bool{"57P01": true, "57P03": true, "28P01": false, "3D000": false} {
		if err := fmt.Errorf("migrate: %w", &pgconn.PgError{Code: code}); postgres.Away(err) != want {
			t.Errorf("%s: want %t", code, want)
		}
	}
	if postgres.Away(errors.New("no such thing")) || postgres.Away(nil) {
		t.Error("anything is away")
	}
}
