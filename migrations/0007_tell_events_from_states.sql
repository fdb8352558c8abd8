-- +goose Up
-- What happened once (a canary that was dropped, rules that were refused, a budget that warned) has no value to
-- come back within bounds, so that nobody would ever clear it: it is in alerts, and open at no time.
CREATE OR REPLACE VIEW alerts_open AS
SELECT a.rule, a.subject, a.severity, a.message, a.value, a.bound, a.raised_at
FROM (SELECT DISTINCT ON (rule, subject) * FROM alerts ORDER BY rule, subject, stored_at DESC, cleared DESC) a
WHERE NOT a.cleared AND a.value > a.bound
ORDER BY a.raised_at, a.rule, a.subject;
COMMENT ON VIEW alerts_open IS 'What is out of its bounds now. What happened once is in alerts alone.';
COMMENT ON COLUMN alerts.rule IS 'What is watched: error_rate, latency_p99, router_faults, budget_burn, drift, calibration; or what happened: budget_warning, rules_refused, canary_rollback.';
