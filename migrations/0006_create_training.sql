-- Trainings and models. The two tables hold the facts of JOBS and TRAINING, one row a message; what became of
-- a run or of a model is a view of them, so that facts may come in any order and more than once.

-- +goose Up
CREATE INDEX examples_made_at ON examples USING brin (made_at);

CREATE TABLE training_jobs (
    id               text COLLATE "C" PRIMARY KEY,
    trigger          text NOT NULL,
    reason           text NOT NULL,
    snapshot         text NOT NULL,
    snapshot_digest  text COLLATE "C" NOT NULL,
    train_examples   bigint NOT NULL,
    test_examples    bigint NOT NULL,
    pair             text COLLATE "C" NOT NULL,
    medium           text NOT NULL,
    large            text NOT NULL,
    recipe           text NOT NULL,
    backend          text NOT NULL,
    seed             numeric(20) NOT NULL,
    asked_at         timestamptz NOT NULL
);
COMMENT ON TABLE training_jobs IS 'Every training that was asked for; training_runs says what became of it.';
COMMENT ON COLUMN training_jobs.id IS 'A function of snapshot, recipe, backend and seed.';
COMMENT ON COLUMN training_jobs.trigger IS 'count, per_policy, age, drift or hand.';
COMMENT ON COLUMN training_jobs.reason IS 'The trigger in words.';
COMMENT ON COLUMN training_jobs.snapshot IS 'The object that holds the examples.';
COMMENT ON COLUMN training_jobs.snapshot_digest IS 'The SHA-256, in hex, of the snapshot''s lines.';
COMMENT ON COLUMN training_jobs.train_examples IS 'How many it learns from; training_set names them.';
COMMENT ON COLUMN training_jobs.test_examples IS 'How many it is measured on.';
COMMENT ON COLUMN training_jobs.pair IS 'The pair of models that the labels are about.';
COMMENT ON COLUMN training_jobs.medium IS 'The medium model of the pair.';
COMMENT ON COLUMN training_jobs.large IS 'The large model of the pair.';
COMMENT ON COLUMN training_jobs.recipe IS 'default, or the base model that is tuned.';
COMMENT ON COLUMN training_jobs.backend IS 'What computes: go, xla:cuda.';
COMMENT ON COLUMN training_jobs.seed IS 'Seeds initial weights, order and dropout.';
COMMENT ON COLUMN training_jobs.asked_at IS 'When a trainer asked for it.';

CREATE TABLE training_events (
    job_id         text COLLATE "C" NOT NULL,
    attempt        bigint NOT NULL,
    sequence       bigint NOT NULL,
    kind           text NOT NULL,
    worker         text NOT NULL,
    stage          text,
    step           bigint NOT NULL,
    steps          bigint NOT NULL,
    loss           double precision,
    margin         double precision,
    model_version  text COLLATE "C",
    message        text NOT NULL,
    details        jsonb,
    happened_at    timestamptz NOT NULL,
    told_at        timestamptz NOT NULL,
    PRIMARY KEY (job_id, attempt, sequence)
);
CREATE INDEX training_events_model ON training_events (model_version) WHERE model_version IS NOT NULL;
COMMENT ON TABLE training_events IS 'How far each training got, and what was done with models by hand. It refers to no job by a foreign key: neither waits for the other.';
COMMENT ON COLUMN training_events.job_id IS 'The job; import-... or by-hand for models that no job made.';
COMMENT ON COLUMN training_events.attempt IS 'Counts the workers that took the job; 0 where no worker told it.';
COMMENT ON COLUMN training_events.sequence IS 'Counts the events of an attempt.';
COMMENT ON COLUMN training_events.kind IS 'queued, started, progress, checkpoint, stage_done, evaluated, registered, promoted, refused, failed, canceled or requeued.';
COMMENT ON COLUMN training_events.worker IS 'Who told it.';
COMMENT ON COLUMN training_events.stage IS 'router_base (SFT) or router_final (DPO); NULL outside of both.';
COMMENT ON COLUMN training_events.step IS 'Optimizer steps done in the stage.';
COMMENT ON COLUMN training_events.steps IS 'Steps that the stage has.';
COMMENT ON COLUMN training_events.loss IS 'Mean loss since the event before; 0 where none was told, NULL where it was no number.';
COMMENT ON COLUMN training_events.margin IS 'Mean margin of chosen over rejected, in the DPO stage.';
COMMENT ON COLUMN training_events.model_version IS 'The model that it is about; NULL before there is one.';
COMMENT ON COLUMN training_events.message IS 'The rest in words.';
COMMENT ON COLUMN training_events.details IS 'The manifest (registered), or what the candidates were worth on the test split (evaluated).';
COMMENT ON COLUMN training_events.happened_at IS 'When it happened, by the teller''s clock.';
COMMENT ON COLUMN training_events.told_at IS 'When the log stored it.';

CREATE VIEW training_runs AS
SELECT j.id AS job_id, coalesce(last.kind, 'asked') AS status, last.message, j.trigger, j.reason, j.recipe, j.backend,
       j.pair, j.medium, j.large, j.train_examples, j.test_examples, e.attempts, j.asked_at, e.started_at,
       CASE WHEN last.kind IN ('promoted', 'refused', 'failed', 'canceled') THEN last.happened_at END AS ended_at,
       model.model_version, coalesce(curve.points, '[]'::jsonb) AS loss_curve, results.details AS results
FROM training_jobs j
LEFT JOIN LATERAL (
    SELECT kind, message, happened_at FROM training_events x
    WHERE x.job_id = j.id AND (x.attempt > 0 OR x.kind IN ('queued', 'canceled'))
    ORDER BY attempt DESC, sequence DESC LIMIT 1) last ON true
LEFT JOIN LATERAL (
    SELECT max(attempt) AS attempts, min(happened_at) FILTER (WHERE kind = 'started') AS started_at
    FROM training_events x WHERE x.job_id = j.id) e ON true
LEFT JOIN LATERAL (
    SELECT model_version FROM training_events x WHERE x.job_id = j.id AND x.kind = 'registered'
    ORDER BY attempt DESC, sequence DESC LIMIT 1) model ON true
LEFT JOIN LATERAL (
    SELECT details FROM training_events x WHERE x.job_id = j.id AND x.kind = 'evaluated'
    ORDER BY attempt DESC, sequence DESC LIMIT 1) results ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('stage', stage, 'step', step, 'loss', loss, 'margin', margin) ORDER BY stage, step) AS points
    FROM (SELECT DISTINCT ON (stage, step) stage, step, loss, margin FROM training_events x
          WHERE x.job_id = j.id AND x.kind = 'progress' AND x.stage IS NOT NULL
          ORDER BY stage, step, attempt DESC, sequence DESC) points) curve ON true;
COMMENT ON VIEW training_runs IS 'One row a training: what asked for it, how far it is, its loss curve, the model that it made and what that was worth.';
COMMENT ON COLUMN training_runs.job_id IS 'The job.';
COMMENT ON COLUMN training_runs.status IS 'The last event''s kind. promoted, refused, failed and canceled are ends; refused means that the model is kept and does not decide.';
COMMENT ON COLUMN training_runs.message IS 'The last event in words: for a refusal, the gate''s reason.';
COMMENT ON COLUMN training_runs.trigger IS 'count, per_policy, age, drift or hand.';
COMMENT ON COLUMN training_runs.reason IS 'The trigger in words.';
COMMENT ON COLUMN training_runs.recipe IS 'default, or the base model that is tuned.';
COMMENT ON COLUMN training_runs.backend IS 'What computes.';
COMMENT ON COLUMN training_runs.pair IS 'The pair of models that the labels are about.';
COMMENT ON COLUMN training_runs.medium IS 'The medium model of the pair.';
COMMENT ON COLUMN training_runs.large IS 'The large model of the pair.';
COMMENT ON COLUMN training_runs.train_examples IS 'How many examples it learns from.';
COMMENT ON COLUMN training_runs.test_examples IS 'How many it is measured on.';
COMMENT ON COLUMN training_runs.attempts IS 'Workers that took it; above 1 where one died.';
COMMENT ON COLUMN training_runs.asked_at IS 'When a trainer asked for it.';
COMMENT ON COLUMN training_runs.started_at IS 'When the first worker began; NULL where none has.';
COMMENT ON COLUMN training_runs.ended_at IS 'When it was over; NULL while it is not.';
COMMENT ON COLUMN training_runs.model_version IS 'The model that it made; NULL where it made none.';
COMMENT ON COLUMN training_runs.loss_curve IS 'A list of {stage, step, loss, margin}; a step that was done again after a crash counts once.';
COMMENT ON COLUMN training_runs.results IS 'What the candidates were worth on the test split; NULL before the evaluation.';

CREATE VIEW models AS
WITH registered AS (
    SELECT DISTINCT ON (model_version) model_version AS version, job_id, details AS manifest, happened_at
    FROM training_events WHERE kind = 'registered' AND model_version IS NOT NULL
    ORDER BY model_version, happened_at, attempt, sequence
), active AS (
    SELECT model_version AS version FROM training_events WHERE kind = 'promoted'
    ORDER BY happened_at DESC, attempt, sequence DESC LIMIT 1
)
SELECT r.version, r.manifest ->> 'kind' AS kind, r.job_id, r.manifest ->> 'pair' AS pair, r.manifest,
       coalesce(r.manifest -> 'metrics', '{}'::jsonb) AS metrics,
       CASE WHEN r.version = (SELECT version FROM active) THEN 'promoted'
            WHEN f.kind = 'promoted' THEN 'retired'
            WHEN f.kind = 'refused' THEN 'refused'
            ELSE 'registered' END AS status,
       f.message AS reason, r.happened_at AS created_at
FROM registered r
LEFT JOIN LATERAL (
    SELECT kind, message FROM training_events x
    WHERE x.model_version = r.version AND x.kind IN ('promoted', 'refused')
    ORDER BY happened_at DESC, attempt, sequence DESC LIMIT 1) f ON true;
COMMENT ON VIEW models IS 'Every registered router. The log''s bucket "routers" is what decides; this is what was told of it.';
COMMENT ON COLUMN models.version IS 'A function of its content.';
COMMENT ON COLUMN models.kind IS 'gemma, logistic, knn, kmeans.';
COMMENT ON COLUMN models.job_id IS 'The training that made it, or its import.';
COMMENT ON COLUMN models.pair IS 'The pair of models that it chooses between.';
COMMENT ON COLUMN models.manifest IS 'Its manifest.';
COMMENT ON COLUMN models.metrics IS 'What was measured of it, by name.';
COMMENT ON COLUMN models.status IS 'promoted: it decides. retired: it did. refused: the gate kept it from deciding. registered: none of these yet.';
COMMENT ON COLUMN models.reason IS 'Why it was promoted or refused; NULL where it was neither.';
COMMENT ON COLUMN models.created_at IS 'When it was registered.';

-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'analyst') THEN
        GRANT SELECT ON training_jobs, training_events, training_runs, models TO analyst;
    END IF;
END
$$;
-- +goose StatementEnd
