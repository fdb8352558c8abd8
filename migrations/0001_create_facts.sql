-- One table a kind of fact. Every row is written by the record stage from one message of the log, whose
-- primary key is the row's: recording a fact again changes nothing. Identifiers compare by bytes
-- (COLLATE "C"), whatever the database's own collation.

-- +goose Up
CREATE TABLE queries (
    key             text COLLATE "C" PRIMARY KEY,
    id              text,
    text            text NOT NULL,
    content_hash    text COLLATE "C" NOT NULL,
    source          text NOT NULL,
    tenant          text NOT NULL DEFAULT '',
    tags            text[] NOT NULL DEFAULT '{}',
    priority        bigint NOT NULL DEFAULT 0,
    deadline_at     timestamptz,
    asked_at        timestamptz NOT NULL,
    accepted_at     timestamptz NOT NULL,
    split           text COLLATE "C" NOT NULL CHECK (split IN ('train', 'test')),
    ground_truth    text[] NOT NULL DEFAULT '{}',
    scrubbed_count  bigint NOT NULL DEFAULT 0,
    char_count      integer NOT NULL GENERATED ALWAYS AS (char_length(text)) STORED,
    word_count      integer NOT NULL GENERATED ALWAYS AS (cardinality(string_to_array(btrim(text), ' '))) STORED,
    has_reference   boolean NOT NULL GENERATED ALWAYS AS (cardinality(ground_truth) > 0) STORED,
    UNIQUE (key, split)
);
CREATE INDEX queries_accepted_at ON queries USING brin (accepted_at);
CREATE INDEX queries_tenant ON queries (tenant) WHERE tenant <> '';
CREATE INDEX queries_test_content ON queries (content_hash) WHERE split = 'test';

COMMENT ON TABLE queries IS 'Questions that passed the ring''s entrance, one a key.';
COMMENT ON COLUMN queries.key IS 'Hash of tenant and id, or of tenant and normalised text where upstream gave no id.';
COMMENT ON COLUMN queries.id IS 'Upstream''s own identifier; NULL where it gave none.';
COMMENT ON COLUMN queries.text IS 'The question, after scrubbing.';
COMMENT ON COLUMN queries.content_hash IS 'Identifies the question''s wording whoever asked it: equal for every tenant and id.';
COMMENT ON COLUMN queries.source IS 'Who published it: the end of the subject that it came in on.';
COMMENT ON COLUMN queries.tenant IS 'The customer it belongs to; empty for the default tenant.';
COMMENT ON COLUMN queries.tags IS 'Upstream''s own words for it.';
COMMENT ON COLUMN queries.priority IS '0 is normal; above 0 is answered before every normal one.';
COMMENT ON COLUMN queries.deadline_at IS 'After this instant nobody wants the answer; NULL where there is no such instant.';
COMMENT ON COLUMN queries.asked_at IS 'When the log stored what upstream published.';
COMMENT ON COLUMN queries.accepted_at IS 'When the log stored it as accepted by the entrance.';
COMMENT ON COLUMN queries.split IS 'train: training may see it. test: only evaluation may. A function of wording and seed.';
COMMENT ON COLUMN queries.ground_truth IS 'The answers that upstream accepts; empty means that judges have no reference.';
COMMENT ON COLUMN queries.scrubbed_count IS 'How many pieces of personal data were masked in text.';
COMMENT ON COLUMN queries.char_count IS 'Characters of text.';
COMMENT ON COLUMN queries.word_count IS 'Words of text, taken apart at blanks.';
COMMENT ON COLUMN queries.has_reference IS 'Whether upstream gave a ground truth.';

CREATE TABLE calls (
    id               text COLLATE "C" PRIMARY KEY,
    stage            text NOT NULL,
    query_key        text COLLATE "C",
    tenant           text NOT NULL DEFAULT '',
    pair             text COLLATE "C",
    arm              text COLLATE "C",
    tier             text,
    provider         text NOT NULL,
    model            text NOT NULL,
    attempt          bigint NOT NULL,
    started_at       timestamptz NOT NULL,
    latency_ms       bigint NOT NULL,
    prompt_tokens    bigint NOT NULL,
    cached_tokens    bigint NOT NULL,
    output_tokens    bigint NOT NULL,
    thought_tokens   bigint NOT NULL,
    total_tokens     bigint NOT NULL GENERATED ALWAYS AS (prompt_tokens + output_tokens + thought_tokens) STORED,
    cost_microusd    bigint NOT NULL,
    price_version    text NOT NULL,
    cost_estimated   boolean NOT NULL,
    outcome          text NOT NULL,
    error            text,
    billed_at        timestamptz NOT NULL
);
CREATE INDEX calls_started_at ON calls USING brin (started_at);

COMMENT ON TABLE calls IS 'The ledger: every call of a model by every stage, failed ones included. It refers to no query by a foreign key: money that was spent stays, whatever becomes of the query.';
COMMENT ON COLUMN calls.id IS 'Minted before the call.';
COMMENT ON COLUMN calls.stage IS 'Who asked: answer, judge, analysis or gateway.';
COMMENT ON COLUMN calls.query_key IS 'The query that it was about; NULL where there is none, or where it was forgotten. Not indexed, for the ledger is written far more often than it is read by query: from a query, go by the call_id of its answers and verdicts.';
COMMENT ON COLUMN calls.tenant IS 'The customer that pays; empty for the default tenant.';
COMMENT ON COLUMN calls.pair IS 'The pair of models that the call is for; NULL outside a pair.';
COMMENT ON COLUMN calls.arm IS 'The blind name (a or b) of the model in its pair; NULL outside a pair.';
COMMENT ON COLUMN calls.tier IS 'medium or large; NULL for calls of judge and analysis.';
COMMENT ON COLUMN calls.provider IS 'Whose interface was called: gemini, openai.';
COMMENT ON COLUMN calls.model IS 'The provider''s name for the model.';
COMMENT ON COLUMN calls.attempt IS 'Counts from 1 within one request of a stage.';
COMMENT ON COLUMN calls.started_at IS 'When the call began.';
COMMENT ON COLUMN calls.latency_ms IS 'How long it took, in milliseconds.';
COMMENT ON COLUMN calls.prompt_tokens IS 'All input tokens, cached ones included.';
COMMENT ON COLUMN calls.cached_tokens IS 'The input tokens that the provider had in its cache; a part of prompt_tokens.';
COMMENT ON COLUMN calls.output_tokens IS 'Tokens of the visible reply.';
COMMENT ON COLUMN calls.thought_tokens IS 'Thinking tokens, billed as output.';
COMMENT ON COLUMN calls.total_tokens IS 'Prompt, output and thought tokens together.';
COMMENT ON COLUMN calls.cost_microusd IS 'Millionths of a US dollar, by the price list of price_version at started_at.';
COMMENT ON COLUMN calls.price_version IS 'The price list that was used.';
COMMENT ON COLUMN calls.cost_estimated IS 'True where the provider never said what it used, so that the cost is our own bound.';
COMMENT ON COLUMN calls.outcome IS 'ok, rate_limited, refused, blocked, server_error, timeout, broken or canceled.';
COMMENT ON COLUMN calls.error IS 'What went wrong; NULL where nothing did.';
COMMENT ON COLUMN calls.billed_at IS 'When the log stored the line.';

CREATE TABLE answers (
    query_key   text COLLATE "C" NOT NULL REFERENCES queries (key) ON DELETE CASCADE,
    pair        text COLLATE "C" NOT NULL,
    arm         text COLLATE "C" NOT NULL CHECK (arm IN ('a', 'b')),
    text        text NOT NULL,
    call_id     text COLLATE "C" NOT NULL,
    said_at     timestamptz NOT NULL,
    char_count  integer NOT NULL GENERATED ALWAYS AS (char_length(text)) STORED,
    PRIMARY KEY (query_key, pair, arm)
);
COMMENT ON TABLE answers IS 'What the two models of a pair said. Which model an arm is stands in the ledger alone: join calls on call_id, or use graded_answers.';
COMMENT ON COLUMN answers.query_key IS 'The query that was answered.';
COMMENT ON COLUMN answers.pair IS 'The two models and the answering prompt, as one identifier.';
COMMENT ON COLUMN answers.arm IS 'The blind name of the model for this query: a or b, drawn by a secret key.';
COMMENT ON COLUMN answers.text IS 'The answer.';
COMMENT ON COLUMN answers.call_id IS 'The call that bought it. No foreign key: ledger and answers arrive independently; see ledger_gaps.';
COMMENT ON COLUMN answers.said_at IS 'When the log stored it.';
COMMENT ON COLUMN answers.char_count IS 'Characters of text.';

CREATE TABLE verdicts (
    query_key      text COLLATE "C" NOT NULL REFERENCES queries (key) ON DELETE CASCADE,
    judge_version  text COLLATE "C" NOT NULL,
    pair           text COLLATE "C" NOT NULL,
    arm            text COLLATE "C" NOT NULL CHECK (arm IN ('a', 'b')),
    grade          text COLLATE "C" NOT NULL CHECK (grade IN ('correct', 'incorrect', 'idk')),
    reason         text NOT NULL,
    basis          text COLLATE "C" NOT NULL CHECK (basis IN ('reference', 'reference_free')),
    shortcut       boolean NOT NULL,
    call_id        text COLLATE "C",
    given_at       timestamptz NOT NULL,
    PRIMARY KEY (query_key, judge_version, pair, arm)
);
COMMENT ON TABLE verdicts IS 'What a blind judge found of one answer. It refers to the query and not to the answer, so that neither waits for the other; see ledger_gaps.';
COMMENT ON COLUMN verdicts.query_key IS 'The query whose answer was judged.';
COMMENT ON COLUMN verdicts.judge_version IS 'Rubric and judging model together; verdicts of different versions never meet.';
COMMENT ON COLUMN verdicts.pair IS 'The pair that the answer belongs to.';
COMMENT ON COLUMN verdicts.arm IS 'The blind name of the model that gave the answer.';
COMMENT ON COLUMN verdicts.grade IS 'correct, incorrect, or idk for an answer that does not commit itself.';
COMMENT ON COLUMN verdicts.reason IS 'The judge''s own short reason.';
COMMENT ON COLUMN verdicts.basis IS 'reference where there was a ground truth to judge by, else reference_free.';
COMMENT ON COLUMN verdicts.shortcut IS 'True where an exact match with the ground truth spared the call.';
COMMENT ON COLUMN verdicts.call_id IS 'The call that bought it; NULL with shortcut.';
COMMENT ON COLUMN verdicts.given_at IS 'When the log stored it.';

CREATE TABLE labels (
    id              text COLLATE "C" PRIMARY KEY,
    query_key       text COLLATE "C" NOT NULL,
    split           text COLLATE "C" NOT NULL,
    pair            text COLLATE "C" NOT NULL,
    policy          text COLLATE "C" NOT NULL,
    basis           text COLLATE "C" NOT NULL CHECK (basis IN ('reference', 'reference_free')),
    judge_version   text COLLATE "C" NOT NULL,
    label_version   text COLLATE "C" NOT NULL,
    matrix_version  text COLLATE "C" NOT NULL,
    drawn_at        timestamptz NOT NULL,
    FOREIGN KEY (query_key, split) REFERENCES queries (key, split) ON DELETE CASCADE,
    UNIQUE (query_key, id, split)
);
COMMENT ON TABLE labels IS 'Where two verdicts met in the oracle matrix: the policy that a router should have chosen. One for every combination of query, pair and versions; current_labels has one a query.';
COMMENT ON COLUMN labels.id IS 'Hash of query, pair and the three versions.';
COMMENT ON COLUMN labels.query_key IS 'The query that is labelled.';
COMMENT ON COLUMN labels.split IS 'The query''s split; the foreign key sees to it that it is the same.';
COMMENT ON COLUMN labels.pair IS 'The pair whose answers were judged.';
COMMENT ON COLUMN labels.policy IS 'The cell''s policy. No foreign key: every label would lock one of three rows of policies.';
COMMENT ON COLUMN labels.basis IS 'reference only where both verdicts had a ground truth.';
COMMENT ON COLUMN labels.judge_version IS 'Whose verdicts met.';
COMMENT ON COLUMN labels.label_version IS 'The version of the stage that drew it.';
COMMENT ON COLUMN labels.matrix_version IS 'The oracle matrix that it was drawn by; see matrix_cells.';
COMMENT ON COLUMN labels.drawn_at IS 'When the log stored it.';

CREATE TABLE analyses (
    query_key          text COLLATE "C" NOT NULL REFERENCES queries (key) ON DELETE CASCADE,
    analysis_version   text COLLATE "C" NOT NULL,
    domain             text NOT NULL,
    complexity         text NOT NULL,
    reasoning_steps    bigint NOT NULL,
    ambiguity          text NOT NULL,
    knowledge_recency  text NOT NULL,
    answer_type        text NOT NULL,
    specificity        text NOT NULL,
    requires_math      boolean NOT NULL,
    requires_code      boolean NOT NULL,
    language           text NOT NULL,
    summary            text NOT NULL,
    call_id            text COLLATE "C",
    made_at            timestamptz NOT NULL,
    PRIMARY KEY (query_key, analysis_version)
);
COMMENT ON TABLE analyses IS 'What a query is like, from its text alone: nobody who wrote a row here knew an answer or a verdict.';
COMMENT ON COLUMN analyses.query_key IS 'The query that is described.';
COMMENT ON COLUMN analyses.analysis_version IS 'The prompt and model that described it.';
COMMENT ON COLUMN analyses.domain IS 'Field of knowledge: geography, mathematics, ...';
COMMENT ON COLUMN analyses.complexity IS 'low, medium or high.';
COMMENT ON COLUMN analyses.reasoning_steps IS 'Steps from the question to an answer, at least 1.';
COMMENT ON COLUMN analyses.ambiguity IS 'none, some or high.';
COMMENT ON COLUMN analyses.knowledge_recency IS 'timeless, historical, recent or live.';
COMMENT ON COLUMN analyses.answer_type IS 'The kind of answer wanted: person, number, date, place, yes_no, ...';
COMMENT ON COLUMN analyses.specificity IS 'broad, narrow or obscure.';
COMMENT ON COLUMN analyses.requires_math IS 'Whether an answer needs calculation.';
COMMENT ON COLUMN analyses.requires_code IS 'Whether an answer needs programming.';
COMMENT ON COLUMN analyses.language IS 'BCP 47 tag of the question''s language.';
COMMENT ON COLUMN analyses.summary IS 'One sentence on what makes the query easy or hard.';
COMMENT ON COLUMN analyses.call_id IS 'The call that bought it.';
COMMENT ON COLUMN analyses.made_at IS 'When the log stored it.';

CREATE TABLE examples (
    id                text COLLATE "C" NOT NULL,
    query_key         text COLLATE "C" NOT NULL,
    split             text COLLATE "C" NOT NULL,
    analysis_version  text COLLATE "C" NOT NULL,
    made_at           timestamptz NOT NULL,
    PRIMARY KEY (query_key, id, split),
    FOREIGN KEY (query_key, id, split) REFERENCES labels (query_key, id, split) ON DELETE CASCADE
);
COMMENT ON TABLE examples IS 'What a router may learn from: a label and a description of its query. Read examples_train or examples_test, which join everything.';
COMMENT ON COLUMN examples.id IS 'The label''s id: one example a label. Unique by the foreign key to labels.';
COMMENT ON COLUMN examples.query_key IS 'The query.';
COMMENT ON COLUMN examples.split IS 'The query''s split; the chain of foreign keys sees to it that it is the same.';
COMMENT ON COLUMN examples.analysis_version IS 'Which description of the query belongs to it; see analyses.';
COMMENT ON COLUMN examples.made_at IS 'When the log stored it.';

CREATE TABLE dead_letters (
    id            text COLLATE "C" PRIMARY KEY,
    stage         text NOT NULL,
    durable       text NOT NULL,
    reason        text NOT NULL,
    class         text NOT NULL,
    error         text NOT NULL,
    attempts      bigint NOT NULL,
    deliveries    bigint NOT NULL,
    stream        text NOT NULL,
    subject       text NOT NULL,
    sequence      bigint NOT NULL,
    message_id    text NOT NULL,
    content_type  text NOT NULL,
    query_key     text COLLATE "C",
    raw           bytea NOT NULL,
    raw_elsewhere boolean NOT NULL,
    retry_id      text,
    stored_at     timestamptz NOT NULL,
    died_at       timestamptz NOT NULL
);
CREATE INDEX dead_letters_query_key ON dead_letters (query_key) WHERE query_key IS NOT NULL;
COMMENT ON TABLE dead_letters IS 'Every message that a stage could not handle, replayed ones included: a history. What is still to be replayed is what the log''s DEAD stream holds; see also dead_letters_open.';
COMMENT ON COLUMN dead_letters.id IS 'A function of the message, the stage and the hand-over.';
COMMENT ON COLUMN dead_letters.stage IS 'Where it died.';
COMMENT ON COLUMN dead_letters.durable IS 'The durable consumer that it died in.';
COMMENT ON COLUMN dead_letters.reason IS 'Why, as a token: undecodable, empty_query, expired, exhausted, ...';
COMMENT ON COLUMN dead_letters.class IS 'terminal, exhausted or poison.';
COMMENT ON COLUMN dead_letters.error IS 'The last error''s text.';
COMMENT ON COLUMN dead_letters.attempts IS 'Failures that were spent on it.';
COMMENT ON COLUMN dead_letters.deliveries IS 'How often the server handed it out.';
COMMENT ON COLUMN dead_letters.stream IS 'The stream that it was read from.';
COMMENT ON COLUMN dead_letters.subject IS 'Its subject there.';
COMMENT ON COLUMN dead_letters.sequence IS 'Its sequence there.';
COMMENT ON COLUMN dead_letters.message_id IS 'Its message id.';
COMMENT ON COLUMN dead_letters.content_type IS 'What raw is said to be.';
COMMENT ON COLUMN dead_letters.query_key IS 'The query that its subject names; NULL for what died at the entrance.';
COMMENT ON COLUMN dead_letters.raw IS 'The bytes as they came, fit for Postgres or not.';
COMMENT ON COLUMN dead_letters.raw_elsewhere IS 'True where the bytes were too many to be kept: they are in the stream at the sequence.';
COMMENT ON COLUMN dead_letters.retry_id IS 'The hand-over that died, where it had been replayed before; else NULL.';
COMMENT ON COLUMN dead_letters.stored_at IS 'When the log stored the message.';
COMMENT ON COLUMN dead_letters.died_at IS 'When the stage gave it up.';
