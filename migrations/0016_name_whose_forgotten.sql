-- Who is forgotten again, since a stage still held a message or the command was cut off, is looked for by the keys that
-- were forgotten then: tables and log may have nothing else left that names the tenant.

-- +goose Up
ALTER TABLE forgotten ADD COLUMN tenant_key text COLLATE "C";
CREATE INDEX forgotten_tenant_key ON forgotten (tenant_key) WHERE tenant_key IS NOT NULL;

COMMENT ON COLUMN forgotten.tenant_key IS 'The tenant that it was, as a hash; NULL where that was not noted.';

CREATE OR REPLACE FUNCTION oldest_writer() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 15';
