-- What an analyst reads first. Views that count people's money or models' marks go through the ledger: it
-- alone knows which model an arm was.

-- +goose Up
CREATE VIEW current_matrix AS
SELECT version, medium_grade, large_grade, policy, rationale, registered_at
FROM matrix_cells
WHERE version = (SELECT version FROM matrix_cells ORDER BY registered_at DESC, version LIMIT 1);
COMMENT ON VIEW current_matrix IS 'The nine cells of the oracle matrix that a label stage last started with.';
COMMENT ON COLUMN current_matrix.version IS 'A function of the nine policies.';
COMMENT ON COLUMN current_matrix.medium_grade IS 'What the judge found of the medium model''s answer.';
COMMENT ON COLUMN current_matrix.large_grade IS 'What the judge found of the large model''s answer.';
COMMENT ON COLUMN current_matrix.policy IS 'What a query with these two grades is.';
COMMENT ON COLUMN current_matrix.rationale IS 'Why.';
COMMENT ON COLUMN current_matrix.registered_at IS 'When a label stage last started with it.';

CREATE VIEW graded_answers AS
SELECT a.query_key, a.pair, a.arm, c.tier, c.provider, c.model, v.judge_version, v.grade, v.reason, v.basis,
       v.shortcut, a.text, a.said_at, v.given_at, c.latency_ms, c.total_tokens, c.cost_microusd, a.call_id
FROM answers a
JOIN calls c ON c.id = a.call_id
LEFT JOIN verdicts v ON v.query_key = a.query_key AND v.pair = a.pair AND v.arm = a.arm;
COMMENT ON VIEW graded_answers IS 'Every answer with the model that gave it and what each judge found: one row an answer and judge version, one row with NULLs where it is not judged yet.';
COMMENT ON COLUMN graded_answers.query_key IS 'The query.';
COMMENT ON COLUMN graded_answers.pair IS 'The pair of models.';
COMMENT ON COLUMN graded_answers.arm IS 'The blind name that the judge saw.';
COMMENT ON COLUMN graded_answers.tier IS 'medium or large.';
COMMENT ON COLUMN graded_answers.provider IS 'Whose interface was called.';
COMMENT ON COLUMN graded_answers.model IS 'Who answered.';
COMMENT ON COLUMN graded_answers.judge_version IS 'Who judged; NULL where nobody has.';
COMMENT ON COLUMN graded_answers.grade IS 'correct, incorrect or idk.';
COMMENT ON COLUMN graded_answers.reason IS 'The judge''s reason.';
COMMENT ON COLUMN graded_answers.basis IS 'reference or reference_free.';
COMMENT ON COLUMN graded_answers.shortcut IS 'True where an exact match spared the judge''s call.';
COMMENT ON COLUMN graded_answers.text IS 'The answer.';
COMMENT ON COLUMN graded_answers.said_at IS 'When it was stored.';
COMMENT ON COLUMN graded_answers.given_at IS 'When the verdict was stored.';
COMMENT ON COLUMN graded_answers.latency_ms IS 'How long the model took, in milliseconds.';
COMMENT ON COLUMN graded_answers.total_tokens IS 'Tokens of the answering call.';
COMMENT ON COLUMN graded_answers.cost_microusd IS 'Price of the answering call, in millionths of a US dollar.';
COMMENT ON COLUMN graded_answers.call_id IS 'The answering call.';

CREATE VIEW oracle_matrix AS
WITH grades (grade, place) AS (VALUES ('correct', 1), ('incorrect', 2), ('idk', 3)),
met AS (
    SELECT m.pair, m.judge_version, m.grade AS medium_grade, l.grade AS large_grade, count(*) AS queries
    FROM graded_answers m
    JOIN graded_answers l ON l.query_key = m.query_key AND l.pair = m.pair AND l.judge_version = m.judge_version
                         AND l.tier = 'large'
    WHERE m.tier = 'medium'
    GROUP BY 1, 2, 3, 4
)
SELECT p.pair, p.judge_version, medium.grade COLLATE "C" AS medium_grade, large.grade COLLATE "C" AS large_grade,
       coalesce(met.queries, 0) AS queries, c.policy, c.rationale
FROM (SELECT DISTINCT pair, judge_version FROM met) p
CROSS JOIN grades medium
CROSS JOIN grades large
LEFT JOIN met ON met.pair = p.pair AND met.judge_version = p.judge_version
             AND met.medium_grade = medium.grade AND met.large_grade = large.grade
LEFT JOIN current_matrix c ON c.medium_grade = medium.grade AND c.large_grade = large.grade
ORDER BY p.pair, p.judge_version, medium.place, large.place;
COMMENT ON VIEW oracle_matrix IS 'How often each pair of grades met: nine rows for every pair of models and judge version, empty cells included.';
COMMENT ON COLUMN oracle_matrix.pair IS 'The pair of models.';
COMMENT ON COLUMN oracle_matrix.judge_version IS 'Whose verdicts met.';
COMMENT ON COLUMN oracle_matrix.medium_grade IS 'What the judge found of the medium model''s answer.';
COMMENT ON COLUMN oracle_matrix.large_grade IS 'What the judge found of the large model''s answer.';
COMMENT ON COLUMN oracle_matrix.queries IS 'How many queries are in the cell.';
COMMENT ON COLUMN oracle_matrix.policy IS 'The cell''s policy in the current matrix; labels of an older one may differ.';
COMMENT ON COLUMN oracle_matrix.rationale IS 'Why the current matrix says so.';

CREATE VIEW current_labels AS
SELECT DISTINCT ON (query_key) id, query_key, split, pair, policy, basis, judge_version, label_version,
       matrix_version, drawn_at
FROM labels
ORDER BY query_key, drawn_at DESC, id;
COMMENT ON VIEW current_labels IS 'The newest label of every query: what a relabelling drew replaces what was drawn before.';
COMMENT ON COLUMN current_labels.id IS 'The label.';
COMMENT ON COLUMN current_labels.query_key IS 'The query.';
COMMENT ON COLUMN current_labels.split IS 'train or test.';
COMMENT ON COLUMN current_labels.pair IS 'The pair of models.';
COMMENT ON COLUMN current_labels.policy IS 'What a router should have chosen.';
COMMENT ON COLUMN current_labels.basis IS 'reference or reference_free.';
COMMENT ON COLUMN current_labels.judge_version IS 'Whose verdicts met.';
COMMENT ON COLUMN current_labels.label_version IS 'The version of the stage that drew it.';
COMMENT ON COLUMN current_labels.matrix_version IS 'The oracle matrix that it was drawn by.';
COMMENT ON COLUMN current_labels.drawn_at IS 'When it was stored.';

CREATE VIEW policy_distribution AS
SELECT coalesce(l.policy, p.name) AS policy, s.split,
       count(l.id) AS queries,
       round(count(l.id) / nullif(sum(count(l.id)) OVER (PARTITION BY s.split), 0), 4) AS share,
       p.tier
FROM (VALUES ('train' COLLATE "C"), ('test')) s (split)
CROSS JOIN (SELECT name FROM policies UNION SELECT policy FROM labels) n
LEFT JOIN policies p ON p.name = n.name
LEFT JOIN current_labels l ON l.policy = n.name AND l.split = s.split
GROUP BY s.split, coalesce(l.policy, p.name), n.name, p.tier
ORDER BY s.split DESC, n.name;
COMMENT ON VIEW policy_distribution IS 'How the current labels spread over the policies, by split; policies without a query included.';
COMMENT ON COLUMN policy_distribution.policy IS 'The policy.';
COMMENT ON COLUMN policy_distribution.split IS 'train or test.';
COMMENT ON COLUMN policy_distribution.queries IS 'Queries whose current label it is.';
COMMENT ON COLUMN policy_distribution.share IS 'Their share of the split''s labelled queries, 0 to 1; NULL where there are none.';
COMMENT ON COLUMN policy_distribution.tier IS 'The model that the static map sends it to; NULL for a policy that is not configured any more.';

CREATE VIEW cost_by_model AS
SELECT stage, provider, model,
       count(*) AS calls,
       count(*) FILTER (WHERE outcome = 'ok') AS ok_calls,
       sum(prompt_tokens)::bigint AS prompt_tokens,
       sum(cached_tokens)::bigint AS cached_tokens,
       sum(output_tokens)::bigint AS output_tokens,
       sum(thought_tokens)::bigint AS thought_tokens,
       sum(total_tokens)::bigint AS total_tokens,
       sum(cost_microusd)::bigint AS cost_microusd,
       round(sum(cost_microusd) / 1000000, 6) AS cost_usd,
       count(*) FILTER (WHERE cost_estimated) AS estimated_calls
FROM calls
GROUP BY stage, provider, model
ORDER BY stage, provider, model;
COMMENT ON VIEW cost_by_model IS 'The ledger by stage and model: calls, tokens by kind, money.';
COMMENT ON COLUMN cost_by_model.stage IS 'Who asked.';
COMMENT ON COLUMN cost_by_model.provider IS 'Whose interface was called.';
COMMENT ON COLUMN cost_by_model.model IS 'The model.';
COMMENT ON COLUMN cost_by_model.calls IS 'All calls, failed ones included.';
COMMENT ON COLUMN cost_by_model.ok_calls IS 'Calls that brought a reply.';
COMMENT ON COLUMN cost_by_model.prompt_tokens IS 'Input tokens, cached ones included.';
COMMENT ON COLUMN cost_by_model.cached_tokens IS 'Input tokens from the provider''s cache.';
COMMENT ON COLUMN cost_by_model.output_tokens IS 'Tokens of the replies.';
COMMENT ON COLUMN cost_by_model.thought_tokens IS 'Thinking tokens.';
COMMENT ON COLUMN cost_by_model.total_tokens IS 'Input, output and thinking tokens.';
COMMENT ON COLUMN cost_by_model.cost_microusd IS 'Millionths of a US dollar.';
COMMENT ON COLUMN cost_by_model.cost_usd IS 'US dollars.';
COMMENT ON COLUMN cost_by_model.estimated_calls IS 'Calls whose cost is our own bound, since the provider never said what it used.';

CREATE VIEW answers_by_model AS
SELECT pair, tier, provider, model, judge_version,
       count(*) AS answers,
       count(*) FILTER (WHERE grade = 'correct') AS correct,
       count(*) FILTER (WHERE grade = 'incorrect') AS incorrect,
       count(*) FILTER (WHERE grade = 'idk') AS idk,
       round(count(*) FILTER (WHERE grade = 'correct')::numeric / nullif(count(grade), 0), 4) AS accuracy,
       round(avg(latency_ms)) AS mean_latency_ms,
       sum(cost_microusd)::bigint AS cost_microusd,
       round(sum(cost_microusd) / nullif(count(*) FILTER (WHERE grade = 'correct'), 0)) AS microusd_per_correct
FROM graded_answers
GROUP BY pair, tier, provider, model, judge_version
ORDER BY pair, tier, provider, model, judge_version;
COMMENT ON VIEW answers_by_model IS 'Marks and prices of every model, by pair and judge version; a row with a NULL judge counts answers that nobody has judged.';
COMMENT ON COLUMN answers_by_model.pair IS 'The pair of models.';
COMMENT ON COLUMN answers_by_model.tier IS 'medium or large.';
COMMENT ON COLUMN answers_by_model.provider IS 'Whose interface was called.';
COMMENT ON COLUMN answers_by_model.model IS 'Who answered.';
COMMENT ON COLUMN answers_by_model.judge_version IS 'Who judged.';
COMMENT ON COLUMN answers_by_model.answers IS 'Answers stored.';
COMMENT ON COLUMN answers_by_model.correct IS 'Answers judged correct.';
COMMENT ON COLUMN answers_by_model.incorrect IS 'Answers judged incorrect.';
COMMENT ON COLUMN answers_by_model.idk IS 'Answers that did not commit themselves.';
COMMENT ON COLUMN answers_by_model.accuracy IS 'Share of judged answers that are correct, 0 to 1.';
COMMENT ON COLUMN answers_by_model.mean_latency_ms IS 'Mean time of the answering call, in milliseconds.';
COMMENT ON COLUMN answers_by_model.cost_microusd IS 'Price of the answering calls, in millionths of a US dollar.';
COMMENT ON COLUMN answers_by_model.microusd_per_correct IS 'What one correct answer cost.';

CREATE VIEW judge_agreement AS
SELECT a.judge_version AS judge_1, b.judge_version AS judge_2, a.shortcut AS shortcut_1, b.shortcut AS shortcut_2,
       count(*) AS answers,
       count(*) FILTER (WHERE a.grade = b.grade) AS agreed,
       round(count(*) FILTER (WHERE a.grade = b.grade)::numeric / count(*), 4) AS agreement,
       count(*) FILTER (WHERE a.grade = 'correct' AND b.grade <> 'correct') AS only_judge_1_correct,
       count(*) FILTER (WHERE a.grade <> 'correct' AND b.grade = 'correct') AS only_judge_2_correct
FROM verdicts a
JOIN verdicts b ON b.query_key = a.query_key AND b.pair = a.pair AND b.arm = a.arm
               AND b.judge_version > a.judge_version
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4;
COMMENT ON VIEW judge_agreement IS 'How often two judge versions found the same of the same answer, apart for verdicts that an exact match spared the model: those rows compare the short cut with a model.';
COMMENT ON COLUMN judge_agreement.judge_1 IS 'One judge version.';
COMMENT ON COLUMN judge_agreement.judge_2 IS 'The other one.';
COMMENT ON COLUMN judge_agreement.shortcut_1 IS 'Whether the first verdict was an exact match.';
COMMENT ON COLUMN judge_agreement.shortcut_2 IS 'Whether the second verdict was an exact match.';
COMMENT ON COLUMN judge_agreement.answers IS 'Answers that both judged.';
COMMENT ON COLUMN judge_agreement.agreed IS 'Answers that both gave the same grade.';
COMMENT ON COLUMN judge_agreement.agreement IS 'Their share, 0 to 1.';
COMMENT ON COLUMN judge_agreement.only_judge_1_correct IS 'Answers that the first alone found correct.';
COMMENT ON COLUMN judge_agreement.only_judge_2_correct IS 'Answers that the second alone found correct.';

CREATE VIEW pipeline_lag AS
WITH steps (place, stage, seconds) AS (
    SELECT 1, 'intake', extract(epoch FROM accepted_at - asked_at) FROM queries
    UNION ALL
    SELECT 2, 'answer', extract(epoch FROM a.said_at - q.accepted_at) FROM answers a JOIN queries q ON q.key = a.query_key
    UNION ALL
    SELECT 3, 'judge', extract(epoch FROM v.given_at - a.said_at)
    FROM (SELECT query_key, pair, arm, min(given_at) AS given_at FROM verdicts GROUP BY 1, 2, 3) v
    JOIN answers a ON a.query_key = v.query_key AND a.pair = v.pair AND a.arm = v.arm
    UNION ALL
    SELECT 4, 'label', extract(epoch FROM l.drawn_at - v.given_at)
    FROM labels l
    JOIN (SELECT query_key, judge_version, pair, max(given_at) AS given_at FROM verdicts GROUP BY 1, 2, 3) v
      ON v.query_key = l.query_key AND v.judge_version = l.judge_version AND v.pair = l.pair
    UNION ALL
    SELECT 5, 'analysis', extract(epoch FROM e.made_at - l.drawn_at)
    FROM examples e JOIN labels l ON l.query_key = e.query_key AND l.id = e.id
    UNION ALL
    SELECT 6, 'whole', extract(epoch FROM e.made_at - q.asked_at)
    FROM (SELECT query_key, min(made_at) AS made_at FROM examples GROUP BY 1) e JOIN queries q ON q.key = e.query_key
), waiting (stage, queries) AS (
    SELECT 'answer', count(*) FROM queries q WHERE (SELECT count(*) FROM answers a WHERE a.query_key = q.key) < 2
    UNION ALL
    SELECT 'judge', count(*) FROM answers a WHERE NOT EXISTS (
        SELECT FROM verdicts v WHERE v.query_key = a.query_key AND v.pair = a.pair AND v.arm = a.arm)
    UNION ALL
    SELECT 'label', count(*) FROM (
        SELECT query_key, judge_version, pair FROM verdicts GROUP BY 1, 2, 3 HAVING count(*) = 2) v
    WHERE NOT EXISTS (SELECT FROM labels l
        WHERE l.query_key = v.query_key AND l.judge_version = v.judge_version AND l.pair = v.pair)
    UNION ALL
    SELECT 'analysis', count(*) FROM labels l WHERE NOT EXISTS (
        SELECT FROM examples e WHERE e.query_key = l.query_key AND e.id = l.id)
    UNION ALL
    SELECT 'whole', count(*) FROM queries q WHERE NOT EXISTS (SELECT FROM examples e WHERE e.query_key = q.key)
)
SELECT n.stage, count(s.seconds) AS facts,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY s.seconds))::numeric, 3) AS p50_seconds,
       round((percentile_cont(0.95) WITHIN GROUP (ORDER BY s.seconds))::numeric, 3) AS p95_seconds,
       w.queries AS waiting
FROM (VALUES (1, 'intake'), (2, 'answer'), (3, 'judge'), (4, 'label'), (5, 'analysis'), (6, 'whole')) n (place, stage)
LEFT JOIN steps s ON s.place = n.place
LEFT JOIN waiting w ON w.stage = n.stage
GROUP BY n.place, n.stage, w.queries
ORDER BY n.place;
COMMENT ON VIEW pipeline_lag IS 'How long each stage takes from the fact that it reads to the fact that it writes, by the log''s own clock, and how much is waiting for it now. An answer counts with its first verdict, a query with its first example: judging or labelling again is no lag. The last row is the whole way.';
COMMENT ON COLUMN pipeline_lag.stage IS 'intake, answer, judge, label, analysis, or whole for the way from asked to example.';
COMMENT ON COLUMN pipeline_lag.facts IS 'Facts that the stage wrote.';
COMMENT ON COLUMN pipeline_lag.p50_seconds IS 'Half of them took at most this long; NULL where there are none.';
COMMENT ON COLUMN pipeline_lag.p95_seconds IS 'Nineteen of twenty took at most this long.';
COMMENT ON COLUMN pipeline_lag.waiting IS 'What the stage has still to do: queries without both answers, answers without a verdict, pairs of verdicts without a label, labels without an example. NULL for the entrance, whose input is in the log alone.';

CREATE VIEW labelled_examples AS
SELECT DISTINCT ON (e.query_key)
       e.id AS example_id, e.query_key, q.text, l.policy, e.split, l.basis, q.source, q.tenant, q.tags, q.content_hash,
       q.word_count, a.domain, a.complexity, a.reasoning_steps, a.ambiguity, a.knowledge_recency, a.answer_type,
       a.specificity, a.requires_math, a.requires_code, a.language, a.summary, e.analysis_version, l.pair,
       l.judge_version, l.label_version, l.matrix_version, l.drawn_at, e.made_at
FROM examples e
JOIN labels l ON l.query_key = e.query_key AND l.id = e.id
JOIN queries q ON q.key = e.query_key
LEFT JOIN analyses a ON a.query_key = e.query_key AND a.analysis_version = e.analysis_version
ORDER BY e.query_key, l.drawn_at DESC, e.id;
COMMENT ON VIEW labelled_examples IS 'The newest example of every query with everything that belongs to it, both splits. Training reads examples_train.';

CREATE VIEW examples_train AS
SELECT e.*
FROM labelled_examples e
WHERE e.split = 'train' AND e.basis = 'reference'
  AND NOT EXISTS (SELECT FROM queries t WHERE t.split = 'test' AND t.content_hash = e.content_hash);
COMMENT ON VIEW examples_train IS 'What training may see: train rows alone, judged by a ground truth, one current label a query, and no wording that is also in the test split (Invariant 4).';

CREATE VIEW examples_test AS
SELECT e.* FROM labelled_examples e WHERE e.split = 'test';
COMMENT ON VIEW examples_test IS 'What evaluation measures on: the test split, one current label a query.';

-- The three views share their columns, and so their words.
-- +goose StatementBegin
DO $$
DECLARE
    viewed text;
    described text[];
BEGIN
    FOREACH viewed IN ARRAY ARRAY['labelled_examples', 'examples_train', 'examples_test'] LOOP
        FOREACH described SLICE 1 IN ARRAY ARRAY[
            ['example_id', 'The example, which is also its label''s id.'],
            ['query_key', 'The query.'],
            ['text', 'The question.'],
            ['policy', 'What a router should choose.'],
            ['split', 'train or test.'],
            ['basis', 'reference where both verdicts had a ground truth, else reference_free.'],
            ['source', 'Who published the query.'],
            ['tenant', 'The customer it belongs to.'],
            ['tags', 'Upstream''s own words for it.'],
            ['content_hash', 'Identifies the wording.'],
            ['word_count', 'Words of the question.'],
            ['domain', 'Field of knowledge.'],
            ['complexity', 'low, medium or high.'],
            ['reasoning_steps', 'Steps from the question to an answer.'],
            ['ambiguity', 'none, some or high.'],
            ['knowledge_recency', 'timeless, historical, recent or live.'],
            ['answer_type', 'The kind of answer wanted.'],
            ['specificity', 'broad, narrow or obscure.'],
            ['requires_math', 'Whether an answer needs calculation.'],
            ['requires_code', 'Whether an answer needs programming.'],
            ['language', 'BCP 47 tag of the question''s language.'],
            ['summary', 'What makes the query easy or hard.'],
            ['analysis_version', 'The prompt and model that described it.'],
            ['pair', 'The pair of models.'],
            ['judge_version', 'Whose verdicts met.'],
            ['label_version', 'The version of the stage that drew the label.'],
            ['matrix_version', 'The oracle matrix that it was drawn by.'],
            ['drawn_at', 'When the label was stored.'],
            ['made_at', 'When the example was stored.']
        ] LOOP
            EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', viewed, described[1], described[2]);
        END LOOP;
    END LOOP;
END
$$;
-- +goose StatementEnd

CREATE VIEW dead_letters_open AS
SELECT d.*
FROM dead_letters d
WHERE NOT EXISTS (SELECT FROM examples e WHERE e.query_key = d.query_key)
  AND NOT EXISTS (SELECT FROM dead_letters later
                  WHERE later.stage = d.stage AND later.stream = d.stream AND later.subject = d.subject
                    AND later.sequence = d.sequence AND (later.died_at, later.id) > (d.died_at, d.id));
COMMENT ON VIEW dead_letters_open IS 'Dead letters that nothing made good: the last death of each message whose query, if it names one, has no example.';
-- +goose StatementBegin
DO $$
DECLARE
    described record;
BEGIN
    FOR described IN
        SELECT a.attname, col_description(a.attrelid, a.attnum) AS words
        FROM pg_attribute a
        WHERE a.attrelid = 'dead_letters'::regclass AND a.attnum > 0 AND NOT a.attisdropped
    LOOP
        EXECUTE format('COMMENT ON COLUMN dead_letters_open.%I IS %L', described.attname, described.words);
    END LOOP;
END
$$;
-- +goose StatementEnd

CREATE VIEW stuck_queries AS
SELECT q.key AS query_key, q.text, q.source, q.tenant, q.accepted_at,
       round(extract(epoch FROM now() - q.accepted_at)) AS waiting_seconds,
       p.answers, p.verdicts, p.labels,
       CASE WHEN p.answers < 2 THEN 'answer'
            WHEN p.verdicts < 2 THEN 'judge'
            WHEN p.labels = 0 THEN 'label'
            ELSE 'analysis' END AS waits_for,
       d.stage AS died_in, d.reason AS died_of
FROM queries q
CROSS JOIN LATERAL (
    SELECT (SELECT count(*) FROM answers a WHERE a.query_key = q.key) AS answers,
           (SELECT count(*) FROM verdicts v WHERE v.query_key = q.key) AS verdicts,
           (SELECT count(*) FROM labels l WHERE l.query_key = q.key) AS labels) p
LEFT JOIN LATERAL (
    SELECT stage, reason FROM dead_letters d WHERE d.query_key = q.key ORDER BY died_at DESC, id LIMIT 1) d ON true
WHERE NOT EXISTS (SELECT FROM examples e WHERE e.query_key = q.key)
ORDER BY q.accepted_at, q.key;
COMMENT ON VIEW stuck_queries IS 'Accepted queries without an example, oldest first: what they wait for, and whether a message of theirs is among the dead letters.';
COMMENT ON COLUMN stuck_queries.query_key IS 'The query.';
COMMENT ON COLUMN stuck_queries.text IS 'The question.';
COMMENT ON COLUMN stuck_queries.source IS 'Who published it.';
COMMENT ON COLUMN stuck_queries.tenant IS 'The customer it belongs to.';
COMMENT ON COLUMN stuck_queries.accepted_at IS 'When it passed the entrance.';
COMMENT ON COLUMN stuck_queries.waiting_seconds IS 'How long ago that is.';
COMMENT ON COLUMN stuck_queries.answers IS 'Answers so far.';
COMMENT ON COLUMN stuck_queries.verdicts IS 'Verdicts so far.';
COMMENT ON COLUMN stuck_queries.labels IS 'Labels so far.';
COMMENT ON COLUMN stuck_queries.waits_for IS 'The stage that has to act next.';
COMMENT ON COLUMN stuck_queries.died_in IS 'Where a message of the query died last; NULL if none did.';
COMMENT ON COLUMN stuck_queries.died_of IS 'Why.';

CREATE VIEW ledger_gaps AS
SELECT 'answer_without_call' AS kind, a.query_key, a.pair, a.arm, a.call_id, a.said_at AS at, 0::bigint AS cost_microusd
FROM answers a WHERE NOT EXISTS (SELECT FROM calls c WHERE c.id = a.call_id)
UNION ALL
SELECT 'verdict_without_call', v.query_key, v.pair, v.arm, v.call_id, v.given_at, 0
FROM verdicts v WHERE NOT v.shortcut AND NOT EXISTS (SELECT FROM calls c WHERE c.id = v.call_id)
UNION ALL
SELECT 'verdict_without_answer', v.query_key, v.pair, v.arm, v.call_id, v.given_at, 0
FROM verdicts v WHERE NOT EXISTS (
    SELECT FROM answers a WHERE a.query_key = v.query_key AND a.pair = v.pair AND a.arm = v.arm)
UNION ALL
SELECT 'bought_again', c.query_key, c.pair, c.arm, c.id, c.started_at, c.cost_microusd
FROM calls c
WHERE c.stage = 'answer' AND c.outcome = 'ok' AND c.query_key IS NOT NULL
  AND NOT EXISTS (SELECT FROM answers a WHERE a.query_key = c.query_key AND a.call_id = c.id)
UNION ALL
SELECT 'bought_again', c.query_key, c.pair, c.arm, c.id, c.started_at, c.cost_microusd
FROM calls c
WHERE c.stage = 'judge' AND c.outcome = 'ok' AND c.query_key IS NOT NULL
  AND NOT EXISTS (SELECT FROM verdicts v WHERE v.query_key = c.query_key AND v.call_id = c.id);
COMMENT ON VIEW ledger_gaps IS 'Where ledger and facts do not match. On a ring at rest the first three kinds are empty; bought_again lists replies that were paid for and never used, since a worker died between buying and storing, or since the reply could not be read.';
COMMENT ON COLUMN ledger_gaps.kind IS 'answer_without_call, verdict_without_call, verdict_without_answer or bought_again.';
COMMENT ON COLUMN ledger_gaps.query_key IS 'The query.';
COMMENT ON COLUMN ledger_gaps.pair IS 'The pair of models.';
COMMENT ON COLUMN ledger_gaps.arm IS 'The blind name of the model.';
COMMENT ON COLUMN ledger_gaps.call_id IS 'The call.';
COMMENT ON COLUMN ledger_gaps.at IS 'When it happened.';
COMMENT ON COLUMN ledger_gaps.cost_microusd IS 'What a call without use cost, in millionths of a US dollar.';
