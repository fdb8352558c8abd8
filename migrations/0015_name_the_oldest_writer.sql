-- A newer release migrates while copies of older ones are at work, and one of those may be started again. Whether what
-- it writes still fits the tables is for the last migration to say (docs/adr/0031): every migration from here on says
-- it anew. Releases whose last migration is an earlier one than this can't ask, and refuse by themselves.

-- +goose Up
CREATE FUNCTION oldest_writer() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 15';
GRANT EXECUTE ON FUNCTION oldest_writer() TO PUBLIC;
COMMENT ON FUNCTION oldest_writer() IS 'The last migration of the oldest release that may still write to these tables; older ones refuse to start.';
