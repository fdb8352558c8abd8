-- The functions that check references run with their owner's rights. They looked names up in the tables' schema too,
-- where a function or an operator of somebody else's that fits a call better than Postgres's own would have been run
-- in its place. They look names up in pg_catalog alone; what is of the tables' schema is named with it.

-- +goose Up
-- +goose StatementBegin
DO $migrate$
DECLARE
    home text := pg_catalog.quote_ident(pg_catalog.current_schema());
    path text := pg_catalog.current_setting('search_path');
    unchanged text;
BEGIN
    SET LOCAL search_path = pg_catalog, pg_temp; -- this block runs with the owner's rights as well

    FOREACH unchanged IN ARRAY ARRAY['lock_references(boolean)', 'report_orphan(name, name, name, text)', 'refuse_other_reference()'] LOOP
        EXECUTE format('ALTER FUNCTION %s.%s SET search_path = pg_catalog, pg_temp', home, unchanged);
    END LOOP;

    EXECUTE replace($make$
CREATE OR REPLACE FUNCTION {home}.check_query() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
DECLARE
    missing text;
BEGIN
    PERFORM {home}.lock_references(false);
    SELECT f.query_key INTO missing FROM fresh f
    WHERE (SELECT q.key FROM {home}.queries q WHERE q.key = f.query_key) IS NULL LIMIT 1;
    IF FOUND THEN
        PERFORM {home}.report_orphan(TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_NAME, format('Query %L is not in table "queries".', missing));
    END IF;
    RETURN NULL;
END
$body$ $make$, '{home}', home);

    EXECUTE replace($make$
CREATE OR REPLACE FUNCTION {home}.check_query_split() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
DECLARE
    missing record;
BEGIN
    PERFORM {home}.lock_references(false);
    SELECT f.query_key, f.split INTO missing FROM fresh f
    WHERE (SELECT q.split FROM {home}.queries q WHERE q.key = f.query_key) IS DISTINCT FROM f.split LIMIT 1;
    IF FOUND THEN
        PERFORM {home}.report_orphan(TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_NAME,
            format('Query %L of split %L is not in table "queries".', missing.query_key, missing.split));
    END IF;
    RETURN NULL;
END
$body$ $make$, '{home}', home);

    EXECUTE replace($make$
CREATE OR REPLACE FUNCTION {home}.check_label() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
DECLARE
    missing record;
BEGIN
    PERFORM {home}.lock_references(false);
    SELECT f.query_key, f.id, f.split INTO missing FROM fresh f
    WHERE (SELECT l.split FROM {home}.labels l WHERE l.query_key = f.query_key AND l.id = f.id) IS DISTINCT FROM f.split LIMIT 1;
    IF FOUND THEN
        PERFORM {home}.report_orphan(TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_NAME,
            format('Label %L of query %L and split %L is not in table "labels".', missing.id, missing.query_key, missing.split));
    END IF;
    RETURN NULL;
END
$body$ $make$, '{home}', home);

    EXECUTE replace($make$
CREATE OR REPLACE FUNCTION {home}.lock_children() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    PERFORM {home}.lock_references(true);
    RETURN NULL;
END
$body$ $make$, '{home}', home);

    EXECUTE replace($make$
CREATE OR REPLACE FUNCTION {home}.delete_children_of_queries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
BEGIN
    DELETE FROM {home}.answers c USING gone g WHERE c.query_key = g.key;
    DELETE FROM {home}.verdicts c USING gone g WHERE c.query_key = g.key;
    DELETE FROM {home}.labels c USING gone g WHERE c.query_key = g.key;
    DELETE FROM {home}.analyses c USING gone g WHERE c.query_key = g.key;
    RETURN NULL;
END
$body$ $make$, '{home}', home);

    EXECUTE replace($make$
CREATE OR REPLACE FUNCTION {home}.delete_children_of_labels() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
BEGIN
    DELETE FROM {home}.examples c USING gone g WHERE c.query_key = g.query_key AND c.id = g.id;
    RETURN NULL;
END
$body$ $make$, '{home}', home);

    EXECUTE replace($make$
CREATE OR REPLACE FUNCTION {home}.refuse_truncation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF EXISTS (SELECT FROM {home}.examples) OR TG_TABLE_NAME = 'queries' AND (EXISTS (SELECT FROM {home}.answers)
        OR EXISTS (SELECT FROM {home}.verdicts) OR EXISTS (SELECT FROM {home}.labels) OR EXISTS (SELECT FROM {home}.analyses)) THEN
        RAISE EXCEPTION 'truncation of table "%" leaves orphans', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
                  HINT = 'Name the tables that refer to it in the same TRUNCATE.';
    END IF;
    RETURN NULL;
END
$body$ $make$, '{home}', home);

    PERFORM set_config('search_path', path, true);
END
$migrate$;
-- +goose StatementEnd
