package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// OpenLetters lists the recorded dead letters that are not noted as gone from the log.
func (r *Recorder) OpenLetters(ctx context.Context) ([]string, error) {
	rows, err := r.pool.Query(ctx, "SELECT id FROM dead_letters WHERE gone_at IS NULL")
	if err != nil {
		return nil, fmt.Errorf("list open dead letters: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list open dead letters: %w", err)
	}
	return ids, nil
}

// NoteLetters notes that dead letters are gone from the log, and that others are in it after all. What is not recorded, or
// noted so already, stays as it is. A row that somebody else has in hand is passed over, so that nobody waits in a circle:
// it is for the next time.
func (r *Recorder) NoteLetters(ctx context.Context, gone, there []string) error {
	_, err := r.pool.Exec(ctx, `UPDATE dead_letters d SET gone_at = CASE WHEN x.gone THEN now() END
		FROM (SELECT d.id, u.gone
		      FROM (SELECT id, true FROM unnest($1::text[]) g (id) UNION ALL SELECT id, false FROM unnest($2::text[]) t (id)) u (id, gone)
		      JOIN dead_letters d ON d.id = u.id AND (d.gone_at IS NULL) = u.gone
		      FOR UPDATE OF d SKIP LOCKED) x
		WHERE d.id = x.id`, gone, there)
	if err != nil {
		return fmt.Errorf("note which dead letters are gone: %w", err)
	}
	return nil
}
