-- Feedback of one tenant's key on a decision about another's request counts for nothing: an id of a decision is no
-- secret of its tenant, since clients show it. A key without a tenant is the operator's, and speaks of everybody's.

-- +goose Up
CREATE OR REPLACE VIEW policy_accuracy AS
WITH latest AS (
    SELECT DISTINCT ON (f.decision_id, f.source) f.decision_id, f.source, f.good, d.policy
    FROM feedback f
    JOIN decisions d ON d.id = f.decision_id AND (f.source <> 'client' OR f.tenant IN (d.tenant, ''))
    WHERE f.good IS NOT NULL
    ORDER BY f.decision_id, f.source, f.given_at DESC, f.id
), told AS (
    SELECT f.source, f.policy, f.good
    FROM latest f
    LEFT JOIN samples s ON s.decision_id = f.decision_id
    WHERE f.source <> 'judge' OR s.chosen_by = 'evenly'
)
SELECT source, coalesce(policy, 'all' COLLATE "C") AS policy, count(*) AS decisions, round(avg(good)::numeric, 4) AS accuracy
FROM told
GROUP BY GROUPING SETS ((source, policy), (source))
ORDER BY source, GROUPING(policy), policy;
COMMENT ON VIEW policy_accuracy IS 'How good the answers were, by policy and over all, as clients say and as judges say. The last word of each counts; a client speaks of its own tenant''s decisions, one without a tenant of all. A judge''s words count where the query was drawn evenly, since the others were chosen for being hard.';
