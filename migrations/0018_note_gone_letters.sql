-- A dead letter is open while the log's DEAD stream holds it. No fact says that one left: it is replayed, dropped or
-- forgotten, or grows older than the stream keeps it. So copies of the record stage compare (docs/adr/0027).

-- +goose Up
ALTER TABLE dead_letters ADD COLUMN gone_at timestamptz;

-- The view's guess at which are made good holds for what is there until a copy of the record stage has compared.
UPDATE dead_letters d SET gone_at = now() WHERE NOT EXISTS (SELECT FROM dead_letters_open o WHERE o.id = d.id);

CREATE INDEX dead_letters_not_gone ON dead_letters (id) WHERE gone_at IS NULL;

CREATE OR REPLACE VIEW dead_letters_open AS
SELECT id, stage, durable, reason, class, error, attempts, deliveries, stream, subject, sequence, message_id, content_type,
       query_key, raw, raw_elsewhere, retry_id, stored_at, died_at
FROM dead_letters
WHERE gone_at IS NULL;

COMMENT ON TABLE dead_letters IS 'Every message that a stage could not handle, replayed and dropped ones included: a history. Those that the log still holds are in dead_letters_open.';
COMMENT ON COLUMN dead_letters.gone_at IS 'When it was found gone from the log: replayed, dropped, or older than the log keeps it; NULL while it is there.';
COMMENT ON VIEW dead_letters_open IS 'Dead letters that the log still holds, to be replayed or dropped: those of sluice dead list, but for what can''t be read. A running record stage compares every few seconds.';

CREATE OR REPLACE FUNCTION oldest_writer() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 17';
