-- The online ring's facts: what gateways decided, how good that was, what went out of its bounds. Written by the
-- monitor stage alone. decisions is cut by day, so that what is too old goes with its partition; the
-- monitor makes partitions ahead and drops them, in any number of copies (postgres/partitions.go).

-- +goose Up
CREATE TABLE decisions (
    id                text COLLATE "C" NOT NULL,
    decided_at        timestamptz NOT NULL,
    taken_at          timestamptz NOT NULL,
    query_key         text COLLATE "C" NOT NULL,
    query_id          text,
    query             text NOT NULL,
    tenant            text NOT NULL,
    tags              text[] NOT NULL,
    key_id            text,
    conversation      text,
    api               text NOT NULL,
    requested         text NOT NULL,
    policy            text COLLATE "C" NOT NULL,
    reasoning         text NOT NULL,
    reasoning_source  text NOT NULL,
    probabilities     jsonb NOT NULL,
    p_complex         double precision,
    entropy_bits      double precision,
    threshold         double precision NOT NULL,
    router_version    text COLLATE "C" NOT NULL,
    router_fault      text,
    canary            boolean NOT NULL,
    shadow_version    text COLLATE "C",
    shadow_policy     text COLLATE "C",
    shadow_fault      text,
    features          jsonb NOT NULL,
    model             text NOT NULL,
    tier              text,
    rule              text NOT NULL,
    rule_reason       text NOT NULL,
    rules_version     text COLLATE "C" NOT NULL,
    fallbacks         text[] NOT NULL,
    router_us         bigint NOT NULL,
    model_ms          bigint NOT NULL,
    first_token_ms    bigint NOT NULL,
    latency_ms        bigint NOT NULL,
    streamed          boolean NOT NULL,
    prompt_tokens     bigint NOT NULL,
    cached_tokens     bigint NOT NULL,
    output_tokens     bigint NOT NULL,
    thought_tokens    bigint NOT NULL,
    cost_microusd     bigint NOT NULL,
    cost_estimated    boolean NOT NULL,
    outcome           text NOT NULL,
    status            bigint NOT NULL,
    error             text,
    call_ids          text[] NOT NULL,
    answer            text,
    PRIMARY KEY (decided_at, id)
) PARTITION BY RANGE (decided_at);
CREATE INDEX decisions_id ON decisions (id);
CREATE INDEX decisions_taken_at ON decisions (taken_at);
CREATE INDEX decisions_query_key ON decisions (query_key);
CREATE INDEX decisions_tenant ON decisions (tenant, decided_at);

COMMENT ON TABLE decisions IS 'One request that a gateway routed: what the router said, which rule chose the model, how the call ended, what it cost. Partitions of a day each (decisions_20261126); read the whole.';
COMMENT ON COLUMN decisions.id IS 'Minted by the gateway; the client has it from the header X-Sluice-Decision-Id.';
COMMENT ON COLUMN decisions.decided_at IS 'When the request came in. A part of the fact, so that (decided_at, id) is the same however often the fact is recorded.';
COMMENT ON COLUMN decisions.taken_at IS 'When the log stored the decision, which is when the request had ended. Rolling windows go by this.';
COMMENT ON COLUMN decisions.query_key IS 'Hash of tenant and id, or of tenant and normalised text.';
COMMENT ON COLUMN decisions.query_id IS 'The client''s own identifier of the query; NULL where it gave none.';
COMMENT ON COLUMN decisions.query IS 'The question, after scrubbing.';
COMMENT ON COLUMN decisions.tenant IS 'The customer; empty for the default tenant.';
COMMENT ON COLUMN decisions.tags IS 'The client''s own words for it.';
COMMENT ON COLUMN decisions.key_id IS 'The virtual API key that was used, by its name; NULL where none was.';
COMMENT ON COLUMN decisions.conversation IS 'The conversation that the request belongs to; NULL where the client named none.';
COMMENT ON COLUMN decisions.api IS 'The dialect of the client: openai.chat, openai.responses, gemini, nats, cli.';
COMMENT ON COLUMN decisions.requested IS 'The model that the client named: auto, or one that no router chose.';
COMMENT ON COLUMN decisions.policy IS 'What the router, or the static map, took the query for.';
COMMENT ON COLUMN decisions.reasoning IS 'Why, in words; empty where there are none.';
COMMENT ON COLUMN decisions.reasoning_source IS 'generated, template or none.';
COMMENT ON COLUMN decisions.probabilities IS 'The router''s calibrated probability of each policy; an empty object where no router decided.';
COMMENT ON COLUMN decisions.p_complex IS 'P(Complex_Query), the score that the threshold is held against; NULL where no router decided.';
COMMENT ON COLUMN decisions.entropy_bits IS 'Entropy of the probabilities in bits: 0 is certain; NULL where no router decided.';
COMMENT ON COLUMN decisions.threshold IS 'The cost-quality knob in force: a p_complex at or above it asks for the large model.';
COMMENT ON COLUMN decisions.router_version IS 'The router that decided; static where the static map did.';
COMMENT ON COLUMN decisions.router_fault IS 'Why the static map decided in the router''s place; NULL where it did not.';
COMMENT ON COLUMN decisions.canary IS 'True where a candidate router decided for its share of the traffic.';
COMMENT ON COLUMN decisions.shadow_version IS 'The candidate that was asked for the record only; NULL where none was.';
COMMENT ON COLUMN decisions.shadow_policy IS 'What it would have decided.';
COMMENT ON COLUMN decisions.shadow_fault IS 'Why it did not decide; NULL where it did.';
COMMENT ON COLUMN decisions.features IS 'Numbers of the query that rules and drift look at, by name.';
COMMENT ON COLUMN decisions.model IS 'The model that answered, or was asked last.';
COMMENT ON COLUMN decisions.tier IS 'medium or large; NULL for a model outside of the pair.';
COMMENT ON COLUMN decisions.rule IS 'The rule of the policy mapper that fired.';
COMMENT ON COLUMN decisions.rule_reason IS 'Why it fired.';
COMMENT ON COLUMN decisions.rules_version IS 'The rules in force.';
COMMENT ON COLUMN decisions.fallbacks IS 'The models that were asked before, in order.';
COMMENT ON COLUMN decisions.router_us IS 'What the router took, in microseconds.';
COMMENT ON COLUMN decisions.model_ms IS 'The models'' share of the request, in milliseconds.';
COMMENT ON COLUMN decisions.first_token_ms IS 'Time to the first token of a stream, in milliseconds; 0 for none.';
COMMENT ON COLUMN decisions.latency_ms IS 'What the whole request took, in milliseconds.';
COMMENT ON COLUMN decisions.streamed IS 'Whether the answer was streamed.';
COMMENT ON COLUMN decisions.prompt_tokens IS 'Input tokens of all attempts, cached ones included.';
COMMENT ON COLUMN decisions.cached_tokens IS 'The part of them that the provider had in its cache.';
COMMENT ON COLUMN decisions.output_tokens IS 'Tokens of the visible replies.';
COMMENT ON COLUMN decisions.thought_tokens IS 'Thinking tokens, billed as output.';
COMMENT ON COLUMN decisions.cost_microusd IS 'Millionths of a US dollar, all attempts together; the ledger (calls) has each.';
COMMENT ON COLUMN decisions.cost_estimated IS 'True where the provider never said what it used, so that a part of the cost is our own bound.';
COMMENT ON COLUMN decisions.outcome IS 'ok, rate_limited, refused, blocked, server_error, timeout, broken or canceled.';
COMMENT ON COLUMN decisions.status IS 'The HTTP status that the client saw; 0 where there was none.';
COMMENT ON COLUMN decisions.error IS 'What went wrong; NULL where nothing did.';
COMMENT ON COLUMN decisions.call_ids IS 'The lines of the ledger that belong to it.';
COMMENT ON COLUMN decisions.answer IS 'What the client got, redacted as configured; NULL where it is not kept.';

CREATE TABLE feedback (
    id           text COLLATE "C" NOT NULL,
    decision_id  text COLLATE "C" NOT NULL,
    tenant       text NOT NULL,
    source       text NOT NULL,
    thumb        text,
    score        double precision,
    good         double precision GENERATED ALWAYS AS (coalesce(score, CASE thumb WHEN 'up' THEN 1 WHEN 'down' THEN 0 END)) STORED,
    correction   text,
    comment      text,
    given_at     timestamptz NOT NULL,
    stored_at    timestamptz NOT NULL,
    PRIMARY KEY (decision_id, id)
);
CREATE INDEX feedback_given_at ON feedback (given_at);

COMMENT ON TABLE feedback IS 'What clients, and judges of sampled queries, say of the answer to a decision. No foreign key: it may come before its decision, and stays when the decision''s day is dropped.';
COMMENT ON COLUMN feedback.id IS 'Minted by whoever gives it; a judge''s is a function of decision and judge version.';
COMMENT ON COLUMN feedback.decision_id IS 'The decision.';
COMMENT ON COLUMN feedback.tenant IS 'The customer; empty for the default tenant.';
COMMENT ON COLUMN feedback.source IS 'client, or judge for a sampled query that the offline ring judged.';
COMMENT ON COLUMN feedback.thumb IS 'up, down or NULL.';
COMMENT ON COLUMN feedback.score IS 'From 0 (useless) to 1 (perfect); NULL where none was given.';
COMMENT ON COLUMN feedback.good IS 'score, or else the thumb as 1 or 0: what accuracy is the mean of. NULL where it has neither.';
COMMENT ON COLUMN feedback.correction IS 'The answer that should have been given; NULL where nobody said.';
COMMENT ON COLUMN feedback.comment IS 'Free text.';
COMMENT ON COLUMN feedback.given_at IS 'When it was given.';
COMMENT ON COLUMN feedback.stored_at IS 'When the log stored it.';

CREATE TABLE forgotten_decisions (
    decision_id   text COLLATE "C" PRIMARY KEY,
    forgotten_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE forgotten_decisions IS 'Decisions about queries that were erased on request: the monitor drops feedback on them that arrives late.';
COMMENT ON COLUMN forgotten_decisions.decision_id IS 'The id that the decision had.';
COMMENT ON COLUMN forgotten_decisions.forgotten_at IS 'When it was erased.';

CREATE TABLE alerts (
    id         text COLLATE "C" PRIMARY KEY,
    rule       text COLLATE "C" NOT NULL,
    subject    text NOT NULL,
    severity   text NOT NULL,
    message    text NOT NULL,
    value      double precision NOT NULL,
    bound      double precision NOT NULL,
    cleared    boolean NOT NULL,
    raised_at  timestamptz NOT NULL,
    stored_at  timestamptz NOT NULL
);
CREATE INDEX alerts_rule ON alerts (rule, subject, stored_at);

COMMENT ON TABLE alerts IS 'What went out of its bounds, and what came back: a row each. Never pruned: the number of a rule''s rows makes the id of its next one.';
COMMENT ON COLUMN alerts.id IS 'A function of rule, subject and episode, so that several monitors raise one.';
COMMENT ON COLUMN alerts.rule IS 'What is watched: error_rate, latency_p99, router_faults, budget_burn, drift, calibration.';
COMMENT ON COLUMN alerts.subject IS 'Whose value it is: a model, a budget, a feature; empty for all.';
COMMENT ON COLUMN alerts.severity IS 'warning or critical.';
COMMENT ON COLUMN alerts.message IS 'In words.';
COMMENT ON COLUMN alerts.value IS 'What was measured.';
COMMENT ON COLUMN alerts.bound IS 'The limit that it was held against.';
COMMENT ON COLUMN alerts.cleared IS 'True where the value came back within its bounds.';
COMMENT ON COLUMN alerts.raised_at IS 'When it was found.';
COMMENT ON COLUMN alerts.stored_at IS 'When the log stored it.';

CREATE TABLE samples (
    query_key           text COLLATE "C" PRIMARY KEY,
    decision_id         text COLLATE "C" NOT NULL,
    decided_at          timestamptz NOT NULL,
    tenant              text NOT NULL,
    chosen_by           text NOT NULL CHECK (chosen_by IN ('evenly', 'uncertainty')),
    estimated_microusd  bigint NOT NULL,
    chosen_at           timestamptz NOT NULL,
    asked_at            timestamptz
);
CREATE INDEX samples_decision_id ON samples (decision_id);
CREATE INDEX samples_chosen_at ON samples (chosen_at);
CREATE INDEX samples_unasked ON samples (chosen_at) WHERE asked_at IS NULL;

COMMENT ON TABLE samples IS 'Online queries that were chosen to be labelled by the offline ring, one a query however often it is asked.';
COMMENT ON COLUMN samples.query_key IS 'The key that the query has in the offline ring.';
COMMENT ON COLUMN samples.decision_id IS 'The decision that it was chosen from.';
COMMENT ON COLUMN samples.decided_at IS 'That decision''s time: with its id, its key in decisions.';
COMMENT ON COLUMN samples.tenant IS 'The customer.';
COMMENT ON COLUMN samples.chosen_by IS 'evenly: drawn by lot, so that means over these hold for all traffic. uncertainty: since the router hesitated, which teaches most and is no fair sample.';
COMMENT ON COLUMN samples.estimated_microusd IS 'What labelling it was expected to cost: counted against the day''s labelling budget.';
COMMENT ON COLUMN samples.chosen_at IS 'When it was chosen.';
COMMENT ON COLUMN samples.asked_at IS 'When it was published to the offline ring; NULL while that is still to be done.';

CREATE TABLE budgets (
    name           text COLLATE "C" PRIMARY KEY,
    scope          text NOT NULL CHECK (scope IN ('global', 'tenant', 'key', 'model')),
    subject        text NOT NULL,
    period         text NOT NULL CHECK (period IN ('hour', 'day', 'month')),
    cap_microusd   bigint NOT NULL,
    registered_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE budgets IS 'The budgets of the configuration, as a monitor last started with them. What gateways enforce is in the log''s bucket of that name; this is for watching.';
COMMENT ON COLUMN budgets.name IS 'What alerts and metrics call it.';
COMMENT ON COLUMN budgets.scope IS 'global, tenant, key or model.';
COMMENT ON COLUMN budgets.subject IS 'Which tenant, key or model; * gives each its own; empty for global.';
COMMENT ON COLUMN budgets.period IS 'hour, day or month, by UTC.';
COMMENT ON COLUMN budgets.cap_microusd IS 'What may be spent in one period, in millionths of a US dollar.';
COMMENT ON COLUMN budgets.registered_at IS 'When a configuration last had it.';

CREATE TABLE spend_hours (
    hour_at        timestamptz NOT NULL,
    tenant         text COLLATE "C" NOT NULL,
    key_id         text COLLATE "C" NOT NULL,
    model          text COLLATE "C" NOT NULL,
    decisions      bigint NOT NULL,
    cost_microusd  bigint NOT NULL,
    PRIMARY KEY (hour_at, tenant, key_id, model)
);
COMMENT ON TABLE spend_hours IS 'What decisions cost, hour by hour (UTC): written in the transaction that writes the decisions, so that a month''s spend is a sum of few rows. It outlives the decisions'' retention.';
COMMENT ON COLUMN spend_hours.hour_at IS 'The hour in which the requests came in.';
COMMENT ON COLUMN spend_hours.tenant IS 'The customer; empty for the default tenant, and for tenants that were forgotten.';
COMMENT ON COLUMN spend_hours.key_id IS 'The virtual API key; empty where none was used.';
COMMENT ON COLUMN spend_hours.model IS 'The model that answered, or was asked last.';
COMMENT ON COLUMN spend_hours.decisions IS 'Requests.';
COMMENT ON COLUMN spend_hours.cost_microusd IS 'Millionths of a US dollar, all attempts together.';

CREATE VIEW routing_distribution AS
SELECT date_trunc('day', decided_at, 'UTC') AS day_at, policy, count(*) AS decisions,
       round(count(*) / sum(count(*)) OVER (PARTITION BY date_trunc('day', decided_at, 'UTC')), 4) AS share,
       round(avg(p_complex)::numeric, 4) AS mean_p_complex,
       count(*) FILTER (WHERE router_fault IS NOT NULL) AS router_faults
FROM decisions
WHERE requested = 'auto'
GROUP BY 1, 2
ORDER BY 1, 2;
COMMENT ON VIEW routing_distribution IS 'How the requests that asked for auto spread over the policies, day by day (UTC).';
COMMENT ON COLUMN routing_distribution.day_at IS 'The day.';
COMMENT ON COLUMN routing_distribution.policy IS 'The policy.';
COMMENT ON COLUMN routing_distribution.decisions IS 'Requests.';
COMMENT ON COLUMN routing_distribution.share IS 'Their share of the day, 0 to 1.';
COMMENT ON COLUMN routing_distribution.mean_p_complex IS 'The mean of the router''s P(Complex_Query); NULL where no router decided.';
COMMENT ON COLUMN routing_distribution.router_faults IS 'How often the static map decided instead of the router.';

CREATE VIEW model_usage AS
SELECT date_trunc('day', decided_at, 'UTC') AS day_at, model, tier, count(*) AS decisions,
       round(count(*) / sum(count(*)) OVER (PARTITION BY date_trunc('day', decided_at, 'UTC')), 4) AS share,
       sum(prompt_tokens + output_tokens + thought_tokens)::bigint AS total_tokens,
       sum(cost_microusd)::bigint AS cost_microusd, round(sum(cost_microusd) / 1000000, 6) AS cost_usd,
       count(*) FILTER (WHERE outcome <> 'ok') AS not_ok
FROM decisions
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;
COMMENT ON VIEW model_usage IS 'Which models answered, day by day (UTC).';
COMMENT ON COLUMN model_usage.day_at IS 'The day.';
COMMENT ON COLUMN model_usage.model IS 'The model that answered, or was asked last.';
COMMENT ON COLUMN model_usage.tier IS 'medium or large; NULL outside of the pair.';
COMMENT ON COLUMN model_usage.decisions IS 'Requests.';
COMMENT ON COLUMN model_usage.share IS 'Their share of the day, 0 to 1.';
COMMENT ON COLUMN model_usage.total_tokens IS 'Prompt, output and thought tokens together, fallbacks included.';
COMMENT ON COLUMN model_usage.cost_microusd IS 'Millionths of a US dollar, fallbacks included.';
COMMENT ON COLUMN model_usage.cost_usd IS 'The same in dollars.';
COMMENT ON COLUMN model_usage.not_ok IS 'Requests that did not end well.';

CREATE VIEW decision_latency AS
SELECT date_trunc('hour', d.decided_at, 'UTC') AS hour_at, m.what, count(*) AS decisions,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY m.ms))::numeric, 3) AS p50_ms,
       round((percentile_cont(0.95) WITHIN GROUP (ORDER BY m.ms))::numeric, 3) AS p95_ms,
       round((percentile_cont(0.99) WITHIN GROUP (ORDER BY m.ms))::numeric, 3) AS p99_ms
FROM decisions d
CROSS JOIN LATERAL (VALUES ('router', d.router_us / 1000.0::double precision), ('model', d.model_ms::double precision),
                           ('total', d.latency_ms::double precision)) m (what, ms)
WHERE m.what <> 'router' OR d.requested = 'auto'
GROUP BY 1, 2
ORDER BY 1, array_position(ARRAY['router', 'model', 'total'], m.what);
COMMENT ON VIEW decision_latency IS 'Percentiles of what router, model and the whole request took, hour by hour (UTC). Exact: from every row.';
COMMENT ON COLUMN decision_latency.hour_at IS 'The hour.';
COMMENT ON COLUMN decision_latency.what IS 'router, model or total.';
COMMENT ON COLUMN decision_latency.decisions IS 'Requests; for router those that asked for auto.';
COMMENT ON COLUMN decision_latency.p50_ms IS 'Half of them took at most this long.';
COMMENT ON COLUMN decision_latency.p95_ms IS 'Nineteen of twenty.';
COMMENT ON COLUMN decision_latency.p99_ms IS 'Ninety-nine of a hundred.';

CREATE VIEW cost_by_tenant AS
SELECT tenant, date_trunc('day', decided_at, 'UTC') AS day_at, count(*) AS decisions,
       sum(cost_microusd)::bigint AS cost_microusd, round(sum(cost_microusd) / 1000000, 6) AS cost_usd,
       sum(cost_microusd) FILTER (WHERE cost_estimated)::bigint AS estimated_microusd
FROM decisions
GROUP BY 1, 2
ORDER BY 1, 2;
COMMENT ON VIEW cost_by_tenant IS 'What each tenant''s requests cost, day by day (UTC).';
COMMENT ON COLUMN cost_by_tenant.tenant IS 'The customer; empty for the default tenant.';
COMMENT ON COLUMN cost_by_tenant.day_at IS 'The day.';
COMMENT ON COLUMN cost_by_tenant.decisions IS 'Requests.';
COMMENT ON COLUMN cost_by_tenant.cost_microusd IS 'Millionths of a US dollar.';
COMMENT ON COLUMN cost_by_tenant.cost_usd IS 'The same in dollars.';
COMMENT ON COLUMN cost_by_tenant.estimated_microusd IS 'The part that is our own bound, since the provider never said; NULL for none.';

CREATE VIEW spend_against_budget AS
SELECT b.name, b.scope, coalesce(s.subject, b.subject) AS subject, b.period, p.began_at, b.cap_microusd,
       coalesce(s.spent_microusd, 0) AS spent_microusd,
       round(coalesce(s.spent_microusd, 0) / nullif(b.cap_microusd, 0)::numeric, 4) AS share
FROM budgets b
CROSS JOIN LATERAL (SELECT date_trunc(b.period, now(), 'UTC') AS began_at) p
LEFT JOIN LATERAL (
    SELECT w.whose AS subject, sum(w.cost_microusd)::bigint AS spent_microusd
    FROM (SELECT CASE b.scope WHEN 'tenant' THEN h.tenant WHEN 'key' THEN h.key_id WHEN 'model' THEN h.model ELSE '' END AS whose,
                 h.cost_microusd
          FROM spend_hours h
          WHERE h.hour_at >= p.began_at) w
    WHERE b.scope = 'global' OR w.whose = b.subject OR (b.subject = '*' AND (b.scope <> 'key' OR w.whose <> ''))
    GROUP BY 1) s ON true
ORDER BY 1, 3;
COMMENT ON VIEW spend_against_budget IS 'What the decisions of the running period cost, against each budget''s cap. A fallback''s cost counts for the model that answered; what gateways enforce counts each attempt for its own.';
COMMENT ON COLUMN spend_against_budget.name IS 'The budget.';
COMMENT ON COLUMN spend_against_budget.scope IS 'global, tenant, key or model.';
COMMENT ON COLUMN spend_against_budget.subject IS 'Which one; empty for global.';
COMMENT ON COLUMN spend_against_budget.period IS 'hour, day or month.';
COMMENT ON COLUMN spend_against_budget.began_at IS 'When the running period began (UTC).';
COMMENT ON COLUMN spend_against_budget.cap_microusd IS 'What may be spent in one period.';
COMMENT ON COLUMN spend_against_budget.spent_microusd IS 'What its decisions cost so far.';
COMMENT ON COLUMN spend_against_budget.share IS 'The part of the cap that is spent: 1 is all.';

CREATE VIEW judged_decisions AS
SELECT s.decision_id, s.decided_at, s.query_key, s.chosen_by, d.policy, d.tier, d.model, d.p_complex, d.router_version,
       l.policy AS label, d.policy = l.policy AS agrees, l.basis, l.judge_version, l.drawn_at
FROM samples s
JOIN decisions d ON d.decided_at = s.decided_at AND d.id = s.decision_id
JOIN current_labels l ON l.query_key = s.query_key;
COMMENT ON VIEW judged_decisions IS 'Sampled decisions whose query the offline ring has labelled: what the router said, beside what it should have.';
COMMENT ON COLUMN judged_decisions.decision_id IS 'The decision.';
COMMENT ON COLUMN judged_decisions.decided_at IS 'Its time.';
COMMENT ON COLUMN judged_decisions.query_key IS 'The query''s key in the offline ring.';
COMMENT ON COLUMN judged_decisions.chosen_by IS 'evenly or uncertainty; only means over evenly hold for all traffic.';
COMMENT ON COLUMN judged_decisions.policy IS 'What was decided.';
COMMENT ON COLUMN judged_decisions.tier IS 'The tier of the model that answered.';
COMMENT ON COLUMN judged_decisions.model IS 'The model that answered.';
COMMENT ON COLUMN judged_decisions.p_complex IS 'The router''s P(Complex_Query); NULL where no router decided.';
COMMENT ON COLUMN judged_decisions.router_version IS 'The router.';
COMMENT ON COLUMN judged_decisions.label IS 'The policy by the oracle matrix.';
COMMENT ON COLUMN judged_decisions.agrees IS 'Whether both are the same.';
COMMENT ON COLUMN judged_decisions.basis IS 'reference or reference_free: online queries come without a ground truth.';
COMMENT ON COLUMN judged_decisions.judge_version IS 'Whose verdicts the label is made of.';
COMMENT ON COLUMN judged_decisions.drawn_at IS 'When the label was stored.';

CREATE VIEW policy_accuracy AS
WITH latest AS (
    SELECT DISTINCT ON (decision_id, source) decision_id, source, good
    FROM feedback
    WHERE good IS NOT NULL
    ORDER BY decision_id, source, given_at DESC, id
), told AS (
    SELECT f.source, d.policy, f.good
    FROM latest f
    JOIN decisions d ON d.id = f.decision_id
    LEFT JOIN samples s ON s.decision_id = f.decision_id
    WHERE f.source <> 'judge' OR s.chosen_by = 'evenly'
)
SELECT source, coalesce(policy, 'all' COLLATE "C") AS policy, count(*) AS decisions, round(avg(good)::numeric, 4) AS accuracy
FROM told
GROUP BY GROUPING SETS ((source, policy), (source))
ORDER BY source, GROUPING(policy), policy;
COMMENT ON VIEW policy_accuracy IS 'How good the answers were, by policy and over all, as clients say and as judges say. The last word of each counts. A judge''s words count where the query was drawn evenly, since the others were chosen for being hard.';
COMMENT ON COLUMN policy_accuracy.source IS 'client or judge.';
COMMENT ON COLUMN policy_accuracy.policy IS 'What was decided; all for every policy together.';
COMMENT ON COLUMN policy_accuracy.decisions IS 'Decisions that were spoken of.';
COMMENT ON COLUMN policy_accuracy.accuracy IS 'The mean of their score, 0 to 1; a thumb is 1 or 0.';

CREATE VIEW fallbacks AS
SELECT date_trunc('day', decided_at, 'UTC') AS day_at, fallbacks[1] AS first_asked, model AS answered_by, outcome,
       count(*) AS decisions, round(avg(cardinality(fallbacks)), 2) AS mean_fallbacks, sum(cost_microusd)::bigint AS cost_microusd
FROM decisions
WHERE cardinality(fallbacks) > 0
GROUP BY 1, 2, 3, 4
ORDER BY 1, 5 DESC, 2, 3, 4;
COMMENT ON VIEW fallbacks IS 'Requests that one model failed and another one was asked, day by day (UTC).';
COMMENT ON COLUMN fallbacks.day_at IS 'The day.';
COMMENT ON COLUMN fallbacks.first_asked IS 'The model that was chosen.';
COMMENT ON COLUMN fallbacks.answered_by IS 'The model that was asked last.';
COMMENT ON COLUMN fallbacks.outcome IS 'How that ended.';
COMMENT ON COLUMN fallbacks.decisions IS 'Requests.';
COMMENT ON COLUMN fallbacks.mean_fallbacks IS 'How many models failed before, on average.';
COMMENT ON COLUMN fallbacks.cost_microusd IS 'What they cost, all attempts together.';

CREATE VIEW router_versions_in_use AS
SELECT router_version, canary, count(*) AS decisions, round(count(*) / sum(count(*)) OVER (), 4) AS share,
       count(*) FILTER (WHERE router_fault IS NOT NULL) AS faults,
       round((percentile_cont(0.5) WITHIN GROUP (ORDER BY router_us))::numeric) AS p50_us,
       min(decided_at) AS first_at, max(decided_at) AS last_at
FROM decisions
WHERE requested = 'auto' AND decided_at >= (SELECT max(decided_at) FROM decisions) - interval '1 day'
GROUP BY router_version, canary
ORDER BY decisions DESC, router_version, canary;
COMMENT ON VIEW router_versions_in_use IS 'Which routers decided in the 24 hours up to the newest decision.';
COMMENT ON COLUMN router_versions_in_use.router_version IS 'The router; static for the static map.';
COMMENT ON COLUMN router_versions_in_use.canary IS 'Whether it decided as a canary.';
COMMENT ON COLUMN router_versions_in_use.decisions IS 'Requests.';
COMMENT ON COLUMN router_versions_in_use.share IS 'Their share, 0 to 1.';
COMMENT ON COLUMN router_versions_in_use.faults IS 'How often the static map decided since the router could not.';
COMMENT ON COLUMN router_versions_in_use.p50_us IS 'Half of its decisions took at most this many microseconds.';
COMMENT ON COLUMN router_versions_in_use.first_at IS 'The first request.';
COMMENT ON COLUMN router_versions_in_use.last_at IS 'The last one.';

CREATE VIEW alerts_open AS
SELECT a.rule, a.subject, a.severity, a.message, a.value, a.bound, a.raised_at
FROM (SELECT DISTINCT ON (rule, subject) * FROM alerts ORDER BY rule, subject, stored_at DESC, cleared DESC) a
WHERE NOT a.cleared
ORDER BY a.raised_at, a.rule, a.subject;
COMMENT ON VIEW alerts_open IS 'What is out of its bounds now.';
COMMENT ON COLUMN alerts_open.rule IS 'What is watched.';
COMMENT ON COLUMN alerts_open.subject IS 'Whose value it is; empty for all.';
COMMENT ON COLUMN alerts_open.severity IS 'warning or critical.';
COMMENT ON COLUMN alerts_open.message IS 'In words.';
COMMENT ON COLUMN alerts_open.value IS 'What was measured.';
COMMENT ON COLUMN alerts_open.bound IS 'The limit that it was held against.';
COMMENT ON COLUMN alerts_open.raised_at IS 'Since when.';

-- The role of 0004 reads these too; its default privileges hold for tables of the role that made them alone.
-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'analyst') THEN
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO analyst', current_schema());
    END IF;
END
$$;
-- +goose StatementEnd
