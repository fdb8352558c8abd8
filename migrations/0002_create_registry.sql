-- What is configuration or bookkeeping, and not a fact of the log.

-- +goose Up
CREATE TABLE policies (
    name           text COLLATE "C" PRIMARY KEY,
    description    text NOT NULL,
    tier           text NOT NULL CHECK (tier IN ('medium', 'large')),
    registered_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE policies IS 'The kinds of query that a router tells apart, as the configuration last had them.';
COMMENT ON COLUMN policies.name IS 'What labels and decisions call it.';
COMMENT ON COLUMN policies.description IS 'What the router reads of it.';
COMMENT ON COLUMN policies.tier IS 'The model that the static map sends it to.';
COMMENT ON COLUMN policies.registered_at IS 'When a configuration last had it.';

CREATE TABLE matrix_cells (
    version        text COLLATE "C" NOT NULL,
    medium_grade   text COLLATE "C" NOT NULL CHECK (medium_grade IN ('correct', 'incorrect', 'idk')),
    large_grade    text COLLATE "C" NOT NULL CHECK (large_grade IN ('correct', 'incorrect', 'idk')),
    policy         text COLLATE "C" NOT NULL REFERENCES policies (name),
    rationale      text NOT NULL,
    registered_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (version, medium_grade, large_grade)
);
COMMENT ON TABLE matrix_cells IS 'Every oracle matrix that labels were drawn by, nine cells each.';
COMMENT ON COLUMN matrix_cells.version IS 'A function of the nine policies; labels record it.';
COMMENT ON COLUMN matrix_cells.medium_grade IS 'What the judge found of the medium model''s answer.';
COMMENT ON COLUMN matrix_cells.large_grade IS 'What the judge found of the large model''s answer.';
COMMENT ON COLUMN matrix_cells.policy IS 'What a query with these two grades is.';
COMMENT ON COLUMN matrix_cells.rationale IS 'Why.';
COMMENT ON COLUMN matrix_cells.registered_at IS 'When a label stage last started with it; the newest is the current one.';

CREATE TABLE training_set (
    run          text COLLATE "C" NOT NULL,
    query_key    text COLLATE "C" NOT NULL,
    example_id   text COLLATE "C" NOT NULL,
    split        text COLLATE "C" NOT NULL DEFAULT 'train' CHECK (split = 'train'),
    admitted_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run, query_key),
    FOREIGN KEY (query_key, example_id, split) REFERENCES examples (query_key, id, split) ON DELETE CASCADE
);
COMMENT ON TABLE training_set IS 'The examples that a training run was given, one a query. The check and the foreign key together are the wall: a row of the test split can''t be named here (Invariant 4).';
COMMENT ON COLUMN training_set.run IS 'The training run.';
COMMENT ON COLUMN training_set.query_key IS 'The query.';
COMMENT ON COLUMN training_set.example_id IS 'The example of it that was used.';
COMMENT ON COLUMN training_set.split IS 'Always train; a part of the foreign key, which makes it the query''s own split.';
COMMENT ON COLUMN training_set.admitted_at IS 'When the run took it.';

CREATE TABLE forgotten (
    query_key     text COLLATE "C" PRIMARY KEY,
    forgotten_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE forgotten IS 'Queries that were erased on request, by their key (a hash) and nothing else: the recorder drops facts about them that arrive late.';
COMMENT ON COLUMN forgotten.query_key IS 'The key that the query had.';
COMMENT ON COLUMN forgotten.forgotten_at IS 'When it was erased.';
