-- A day of decisions is a table that the monitor makes and drops while it runs, which only the owner of decisions may
-- do. Two functions lend just that to who may write decisions, so that the monitor needs no owner's rights.

-- +goose Up
-- They look nothing up in a schema that others can write to: the tables' own is named where it is meant.
-- +goose StatementBegin
DO $migrate$
DECLARE
    home text := quote_ident(current_schema());
    called text;
    who regrole;
BEGIN
    EXECUTE format($make$
CREATE FUNCTION %s.make_day_of_decisions(day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    home text := %L;
    part text := 'decisions_' || to_char(day::timestamp, 'YYYYMMDD');
    first text := to_char(day::timestamp, 'YYYY-MM-DD');
    next text := to_char(day::timestamp + interval '1 day', 'YYYY-MM-DD');
BEGIN
    IF (day BETWEEN '2000-01-01' AND '9999-12-30') IS NOT TRUE THEN
        RAISE EXCEPTION 'no day of decisions: %%', day USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('sluice decisions partitions'));
    IF EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = home::regnamespace AND c.relname = part) THEN
        RETURN;
    END IF;
    EXECUTE 'CREATE TABLE ' || home || '.' || part || ' (LIKE ' || home || '.decisions INCLUDING ALL)';
    EXECUTE 'COMMENT ON TABLE ' || home || '.' || part || ' IS ''The decisions of ' || first || ' (UTC); read the table decisions.''';
    EXECUTE 'ALTER TABLE ' || home || '.decisions ATTACH PARTITION ' || home || '.' || part
        || ' FOR VALUES FROM (''' || first || ' 00:00:00+00'') TO (''' || next || ' 00:00:00+00'')';
END
$body$ $make$, home, home);

    EXECUTE format($make$
CREATE FUNCTION %s.drop_day_of_decisions(day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $body$
DECLARE
    home text := %L;
    part text := 'decisions_' || to_char(day::timestamp, 'YYYYMMDD');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('sluice decisions partitions'));
    IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = (home || '.decisions')::regclass AND c.relnamespace = home::regnamespace AND c.relname = part)
    THEN
        EXECUTE 'DROP TABLE ' || home || '.' || part;
    END IF;
END
$body$ $make$, home, home);

    FOREACH called IN ARRAY ARRAY[home || '.make_day_of_decisions(date)', home || '.drop_day_of_decisions(date)'] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO %s', called,
            (SELECT c.relowner::regrole FROM pg_class c WHERE c.oid = (home || '.decisions')::regclass));
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', called);
        FOR who IN SELECT DISTINCT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.oid = (home || '.decisions')::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> 0
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', called, who);
        END LOOP;
    END LOOP;
END
$migrate$;
-- +goose StatementEnd
COMMENT ON FUNCTION make_day_of_decisions(date) IS 'Makes the partition of a day (UTC) where there is none. A table of its own that is then attached: that takes no lock that readers and writers of the other days feel.';
COMMENT ON FUNCTION drop_day_of_decisions(date) IS 'Drops the partition of a day (UTC), if there is one; gives up after two seconds of waiting for who reads it.';
