-- What tells a question's wording decides, as its split does, what is learnt from: an update of it could put a train
-- row behind a wording of the test split, or bring one out (Invariant 4).

-- +goose Up
CREATE OR REPLACE TRIGGER queries_fkeys_stay AFTER UPDATE ON queries FOR EACH ROW
    WHEN ((OLD.key, OLD.split, OLD.content_hash) IS DISTINCT FROM (NEW.key, NEW.split, NEW.content_hash))
    EXECUTE FUNCTION refuse_other_reference();

COMMENT ON FUNCTION refuse_other_reference() IS 'Refuses an update of a key, of a split, of a wording''s hash, or of what refers to them.';
COMMENT ON TRIGGER queries_fkeys_stay ON queries IS 'Refuses an update of a key, of a split, of a wording''s hash, or of what refers to them.';
COMMENT ON COLUMN queries.content_hash IS 'Identifies the question''s wording whoever asked it: equal for every tenant and id. It never changes.';
COMMENT ON VIEW labelled_examples IS 'The newest example of every query with everything that belongs to it, both splits. Training reads examples_train; where training.reference_free is set, also the train rows that it leaves out for their basis alone.';
COMMENT ON VIEW examples_train IS 'What training may see: train rows alone, judged by a ground truth, one current label a query, and no wording that is also in the test split (Invariant 4). Where training.reference_free is set, trainings and exports take rows that were judged without one too.';
