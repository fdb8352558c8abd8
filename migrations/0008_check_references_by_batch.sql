-- References between the fact tables are checked once a statement: a foreign key asks and locks row by row, which
-- was a third of what a row costs (docs/adr/0021). What foreign keys promised stays: no orphan, the query's own
-- split on labels and examples, children that go with their parent, whoever writes and whoever deletes beside him.
-- One foreign key is left: training_set, which is written once a training, refers to examples.

-- +goose Up
ALTER TABLE answers DROP CONSTRAINT answers_query_key_fkey;
ALTER TABLE verdicts DROP CONSTRAINT verdicts_query_key_fkey;
ALTER TABLE analyses DROP CONSTRAINT analyses_query_key_fkey;
ALTER TABLE labels DROP CONSTRAINT labels_query_key_split_fkey;
ALTER TABLE examples DROP CONSTRAINT examples_query_key_id_split_fkey;

-- Indexes that only foreign keys asked for. A label's id is a hash of its query's key among others, so that it is
-- unique beside the key.
ALTER TABLE queries DROP CONSTRAINT queries_key_split_key;
ALTER TABLE labels DROP CONSTRAINT labels_pkey, DROP CONSTRAINT labels_query_key_id_split_key, ADD PRIMARY KEY (query_key, id);

-- Children share a lock, whoever deletes parents has it alone: neither sees the tables while the other is half
-- done. What is checked or deleted under it is looked up after it was granted, which holds at READ COMMITTED
-- alone: above it a transaction goes on to see the tables as they were before.
-- +goose StatementBegin
CREATE FUNCTION lock_references(alone boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'facts are written and deleted at READ COMMITTED, not at %', upper(current_setting('transaction_isolation'))
            USING ERRCODE = 'invalid_transaction_state', HINT = 'BEGIN ISOLATION LEVEL READ COMMITTED';
    END IF;
    IF alone THEN
        PERFORM pg_advisory_xact_lock(hashtext('sluice references'));
    ELSE
        PERFORM pg_advisory_xact_lock_shared(hashtext('sluice references'));
    END IF;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION lock_references(boolean) IS 'Until the transaction''s end: writers of children share it, a deleter of parents has it alone.';

-- +goose StatementBegin
CREATE FUNCTION report_orphan(schema_name name, table_name name, constraint_name name, missing text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'insert on table "%" violates reference "%"', table_name, constraint_name
        USING ERRCODE = 'foreign_key_violation', DETAIL = missing,
              SCHEMA = schema_name, TABLE = table_name, CONSTRAINT = constraint_name;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION report_orphan(name, name, name, text) IS 'Fails as a foreign key does, with SQLSTATE 23503; missing names one parent that is not there.';

-- The three checks. A subquery for one value is looked up row by row in its index, whatever statistics say: no
-- plan of theirs reads a whole table.
-- +goose StatementBegin
CREATE FUNCTION check_query() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    missing text;
BEGIN
    PERFORM lock_references(false);
    SELECT f.query_key INTO missing FROM fresh f
    WHERE (SELECT q.key FROM queries q WHERE q.key = f.query_key) IS NULL LIMIT 1;
    IF FOUND THEN
        PERFORM report_orphan(TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_NAME, format('Query %L is not in table "queries".', missing));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION check_query_split() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    missing record;
BEGIN
    PERFORM lock_references(false);
    SELECT f.query_key, f.split INTO missing FROM fresh f
    WHERE (SELECT q.split FROM queries q WHERE q.key = f.query_key) IS DISTINCT FROM f.split LIMIT 1;
    IF FOUND THEN
        PERFORM report_orphan(TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_NAME,
            format('Query %L of split %L is not in table "queries".', missing.query_key, missing.split));
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION check_label() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    missing record;
BEGIN
    PERFORM lock_references(false);
    SELECT f.query_key, f.id, f.split INTO missing FROM fresh f
    WHERE (SELECT l.split FROM labels l WHERE l.query_key = f.query_key AND l.id = f.id) IS DISTINCT FROM f.split LIMIT 1;
    IF FOUND THEN
        PERFORM report_orphan(TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_NAME,
            format('Label %L of query %L and split %L is not in table "labels".', missing.id, missing.query_key, missing.split));
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION check_query() IS 'Refuses rows whose query_key is no queries.key.';
COMMENT ON FUNCTION check_query_split() IS 'Refuses rows whose query_key and split are not those of one row of queries.';
COMMENT ON FUNCTION check_label() IS 'Refuses rows whose query_key, id and split are not those of one row of labels.';

CREATE TRIGGER answers_query_key_fkey AFTER INSERT ON answers
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION check_query();
CREATE TRIGGER verdicts_query_key_fkey AFTER INSERT ON verdicts
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION check_query();
CREATE TRIGGER analyses_query_key_fkey AFTER INSERT ON analyses
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION check_query();
CREATE TRIGGER labels_query_key_split_fkey AFTER INSERT ON labels
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION check_query_split();
CREATE TRIGGER examples_query_key_id_split_fkey AFTER INSERT ON examples
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION check_label();

-- A fact never changes what it is about: no update can make an orphan.
-- +goose StatementBegin
CREATE FUNCTION refuse_other_reference() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'update on table "%" violates "%": keys, and what refers to them, never change', TG_TABLE_NAME, TG_NAME
        USING ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
              HINT = 'Delete the row and insert another one.';
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION refuse_other_reference() IS 'Refuses an update of a key, of a split, or of what refers to them.';

CREATE TRIGGER queries_fkeys_stay AFTER UPDATE ON queries FOR EACH ROW
    WHEN ((OLD.key, OLD.split) IS DISTINCT FROM (NEW.key, NEW.split)) EXECUTE FUNCTION refuse_other_reference();
CREATE TRIGGER answers_fkey_stays AFTER UPDATE ON answers FOR EACH ROW
    WHEN (OLD.query_key IS DISTINCT FROM NEW.query_key) EXECUTE FUNCTION refuse_other_reference();
CREATE TRIGGER verdicts_fkey_stays AFTER UPDATE ON verdicts FOR EACH ROW
    WHEN (OLD.query_key IS DISTINCT FROM NEW.query_key) EXECUTE FUNCTION refuse_other_reference();
CREATE TRIGGER analyses_fkey_stays AFTER UPDATE ON analyses FOR EACH ROW
    WHEN (OLD.query_key IS DISTINCT FROM NEW.query_key) EXECUTE FUNCTION refuse_other_reference();
CREATE TRIGGER labels_fkeys_stay AFTER UPDATE ON labels FOR EACH ROW
    WHEN ((OLD.query_key, OLD.id, OLD.split) IS DISTINCT FROM (NEW.query_key, NEW.id, NEW.split)) EXECUTE FUNCTION refuse_other_reference();
CREATE TRIGGER examples_fkey_stays AFTER UPDATE ON examples FOR EACH ROW
    WHEN ((OLD.query_key, OLD.id, OLD.split) IS DISTINCT FROM (NEW.query_key, NEW.id, NEW.split)) EXECUTE FUNCTION refuse_other_reference();

-- Children go with their parent.
-- +goose StatementBegin
CREATE FUNCTION lock_children() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM lock_references(true);
    RETURN NULL;
END
$$;

CREATE FUNCTION delete_children_of_queries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM answers c USING gone g WHERE c.query_key = g.key;
    DELETE FROM verdicts c USING gone g WHERE c.query_key = g.key;
    DELETE FROM labels c USING gone g WHERE c.query_key = g.key;
    DELETE FROM analyses c USING gone g WHERE c.query_key = g.key;
    RETURN NULL;
END
$$;

CREATE FUNCTION delete_children_of_labels() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM examples c USING gone g WHERE c.query_key = g.query_key AND c.id = g.id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION lock_children() IS 'Before parents are deleted: waits for writers of children, and lets no other begin until the transaction ends.';
COMMENT ON FUNCTION delete_children_of_queries() IS 'Deletes what refers to deleted queries.';
COMMENT ON FUNCTION delete_children_of_labels() IS 'Deletes what refers to deleted labels.';

CREATE TRIGGER queries_lock BEFORE DELETE ON queries FOR EACH STATEMENT EXECUTE FUNCTION lock_children();
CREATE TRIGGER labels_lock BEFORE DELETE ON labels FOR EACH STATEMENT EXECUTE FUNCTION lock_children();
CREATE TRIGGER queries_cascade AFTER DELETE ON queries
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION delete_children_of_queries();
CREATE TRIGGER labels_cascade AFTER DELETE ON labels
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION delete_children_of_labels();

-- TRUNCATE has no rows to cascade to: it must name the children too.
-- +goose StatementBegin
CREATE FUNCTION refuse_truncation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM examples) OR TG_TABLE_NAME = 'queries' AND (EXISTS (SELECT FROM answers)
        OR EXISTS (SELECT FROM verdicts) OR EXISTS (SELECT FROM labels) OR EXISTS (SELECT FROM analyses)) THEN
        RAISE EXCEPTION 'truncation of table "%" leaves orphans', TG_TABLE_NAME
            USING ERRCODE = 'foreign_key_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME,
                  HINT = 'Name the tables that refer to it in the same TRUNCATE.';
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION refuse_truncation() IS 'Refuses to empty queries or labels while a table that refers to them holds rows.';

CREATE TRIGGER queries_truncate AFTER TRUNCATE ON queries FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();
CREATE TRIGGER labels_truncate AFTER TRUNCATE ON labels FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncation();

-- The functions find the tables beside them, in whatever schema, run with their owner's rights as a foreign key
-- does, and are nobody's to call. Each trigger is described by what it calls.
-- +goose StatementBegin
DO $$
DECLARE
    called record;
BEGIN
    FOR called IN
        SELECT p.oid::regprocedure AS signature FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace
          AND p.proname IN ('lock_references', 'report_orphan', 'check_query', 'check_query_split', 'check_label',
              'refuse_other_reference', 'lock_children', 'delete_children_of_queries', 'delete_children_of_labels', 'refuse_truncation')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', called.signature);
        EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp', called.signature, current_schema());
    END LOOP;
    FOR called IN
        SELECT p.oid::regprocedure AS signature FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace
          AND p.proname IN ('check_query', 'check_query_split', 'check_label', 'delete_children_of_queries', 'delete_children_of_labels')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET enable_seqscan = off', called.signature);
        EXECUTE format('ALTER FUNCTION %s SET enable_hashjoin = off', called.signature);
        EXECUTE format('ALTER FUNCTION %s SET enable_mergejoin = off', called.signature);
    END LOOP;
    FOR called IN
        SELECT t.tgname, t.tgrelid::regclass AS at, obj_description(t.tgfoid, 'pg_proc') AS words
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
    LOOP
        EXECUTE format('COMMENT ON TRIGGER %I ON %s IS %L', called.tgname, called.at, called.words);
    END LOOP;
END
$$;
-- +goose StatementEnd

COMMENT ON COLUMN answers.query_key IS 'The query that was answered: queries.key, by trigger answers_query_key_fkey.';
COMMENT ON COLUMN verdicts.query_key IS 'The query whose answer was judged: queries.key, by trigger verdicts_query_key_fkey.';
COMMENT ON COLUMN analyses.query_key IS 'The query that is described: queries.key, by trigger analyses_query_key_fkey.';
COMMENT ON COLUMN labels.query_key IS 'The query that is labelled: queries.key, by trigger labels_query_key_split_fkey.';
COMMENT ON COLUMN labels.split IS 'The query''s split: queries.split, by trigger labels_query_key_split_fkey.';
COMMENT ON COLUMN labels.policy IS 'The cell''s policy: policies.name. No foreign key: every label would lock one of three rows of policies.';
COMMENT ON COLUMN examples.id IS 'The label''s id: labels.id, by trigger examples_query_key_id_split_fkey. One example a label.';
COMMENT ON COLUMN examples.query_key IS 'The query: queries.key, by way of labels.query_key.';
COMMENT ON COLUMN examples.split IS 'The query''s split: queries.split, by way of labels.split.';
