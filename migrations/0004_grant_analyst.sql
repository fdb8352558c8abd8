-- A role for people who read. It can't log in: GRANT analyst TO whom it may concern, or SET ROLE analyst.
-- A database owner who may not create roles gets a notice, and can have the role made and granted later.

-- +goose Up
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'analyst') THEN
        BEGIN
            CREATE ROLE analyst NOLOGIN;
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role analyst was not created: % may not create roles', current_user;
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- a migration of another database in this cluster was faster
        END;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'analyst') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO analyst', current_schema());
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO analyst', current_schema());
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO analyst', current_schema());
    END IF;
END
$$;
-- +goose StatementEnd
