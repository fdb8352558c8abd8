-- Whoever ends a job that no worker has in hand, because it was canceled or its workers were killed too often, takes
-- it for that under the next attempt's number. That is no worker's attempt.

-- +goose Up
CREATE OR REPLACE VIEW training_runs AS
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
    SELECT coalesce(max(attempt) FILTER (WHERE kind IN ('requeued', 'started')), 0) AS attempts,
           min(happened_at) FILTER (WHERE kind = 'started') AS started_at
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
COMMENT ON COLUMN training_runs.attempts IS 'Workers that began it: 0 where none has, above 1 where one was killed or gave it back.';
