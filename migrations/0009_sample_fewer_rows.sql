-- The fact tables are described to the planner by 3,000 rows each in place of 30,000 (docs/adr/0025). They grow all
-- the time, so that autovacuum describes them again and again, and what the larger sample cost was most of what a
-- query cost more in a full database than in an empty one. One thing a small sample gets wrong, and a large one too:
-- how many rows of a table belong to one query. It is known, and said here.

-- +goose Up
-- +goose StatementBegin
DO $$
DECLARE
    called record;
BEGIN
    FOR called IN
        SELECT c.oid::regclass AS at, string_agg(format('ALTER COLUMN %I SET STATISTICS 10', a.attname), ', ' ORDER BY a.attnum) AS columns
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
          AND c.relname IN ('queries', 'calls', 'answers', 'verdicts', 'labels', 'analyses', 'examples')
        GROUP BY c.oid
    LOOP
        EXECUTE format('ALTER TABLE %s %s', called.at, called.columns);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Two answers and two verdicts a query, five calls. As shares of the table's rows, they hold for any size.
ALTER TABLE answers ALTER COLUMN query_key SET (n_distinct = -0.5);
ALTER TABLE verdicts ALTER COLUMN query_key SET (n_distinct = -0.5);
ALTER TABLE calls ALTER COLUMN query_key SET (n_distinct = -0.2);
