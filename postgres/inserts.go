package postgres

import (
	"fmt"
	"slices"
	"strings"
)

// column is one column of an insert: its name, the type of its array parameter, and the expression over
// the array's element u where that is not the element itself.
type column struct {
	name, element, expr string
	// null stores an empty text as NULL.
	null bool
}

func plain(element string, names ...string) []column {
	columns := make([]column, len(names))
	for i, n := range names {
		columns[i] = column{name: n, element: element, expr: "u." + n}
	}
	return columns
}

// orNull stores an empty text as NULL.
func orNull(names ...string) []column {
	columns := make([]column, len(names))
	for i, n := range names {
		columns[i] = column{name: n, element: "text", expr: "nullif(u." + n + ", '')", null: true}
	}
	return columns
}

func join(parts ...[]column) []column {
	var all []column
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// statement writes a batch of rows of one table, given one array a column.
type statement struct {
	// copy fails where a row is there. Looking before every row whether it is there costs half as much as writing it, and
	// it hardly ever is.
	copy string
	// inserts, one after the other, pass over rows that are there (Invariant 2), and over those of forgotten queries.
	inserts []string
	// columns are in the order of the arrays; sorted are those that make the order of the rows, guard the
	// one that names a query, or -1 where a forgotten query takes its rows along.
	columns []column
	sorted  []int
	guard   int
}

// insert spells a statement. Rows go in the order of their key, and tables in the order of [Recorder.copy], so
// that two recorders never wait for each other in a circle.
func insert(table, order, where string, columns []column) statement {
	s := statement{columns: columns, guard: -1}
	for _, c := range columns {
		if strings.Contains(where+c.expr, "forgotten") && s.guard < 0 {
			s.guard = slices.IndexFunc(columns, func(c column) bool { return c.name == "query_key" || table == "queries" && c.name == "key" })
		}
	}
	for key := range strings.SplitSeq(order, ", ") {
		s.sorted = append(s.sorted, slices.IndexFunc(columns, func(c column) bool { return "u."+c.name == key }))
	}
	s.copy = fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", table, names(columns))
	s.inserts = []string{from(columns, table, columns, where, order) + " ON CONFLICT DO NOTHING"}
	return s
}

// from inserts what is given of columns into stored ones.
func from(given []column, table string, stored []column, where, order string) string {
	exprs, params := make([]string, len(stored)), make([]string, len(given))
	for i, c := range stored {
		exprs[i] = c.expr
	}
	for i, c := range given {
		params[i] = fmt.Sprintf("$%d::%s[]", i+1, c.element)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM unnest(%s) AS u (%s) %s ORDER BY %s",
		table, names(stored), strings.Join(exprs, ", "), strings.Join(params, ", "), names(given), where, order)
}

func names(columns []column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.name
	}
	return strings.Join(list, ", ")
}

// numbered is [insert] for queries, whose first column is their number: none is passed over for its number. One that is
// unknown, or taken by another query (the log was made anew), leaves the query to a second statement, which has the table
// give it one of its own.
func numbered(order, where string, columns []column) statement {
	s := insert("queries", order, where, columns)
	const (
		free   = " AND u.number > 0 AND NOT EXISTS (SELECT FROM queries q WHERE q.number = u.number AND q.key <> u.key)"
		absent = " AND NOT EXISTS (SELECT FROM queries q WHERE q.key = u.key)"
		stay   = " ON CONFLICT (key) DO NOTHING"
	)
	s.inserts = []string{
		from(columns, "queries", columns, where+free, order) + stay,
		from(columns, "queries", columns[1:], where+absent, order) + stay,
	}
	return s
}

const (
	notForgotten = "WHERE NOT EXISTS (SELECT FROM forgotten f WHERE f.query_key = u.%s)"
	// unlessForgotten keeps the money of a forgotten query's call, and nothing that points at who asked.
	unlessForgotten = "CASE WHEN EXISTS (SELECT FROM forgotten f WHERE f.query_key = u.query_key) THEN %s ELSE %s END"
)

// The statements, by kind of fact. An array of arrays would be flattened by unnest: tags and accepted
// answers travel as literals.
var (
	insertQueries = numbered("u.number, u.key", fmt.Sprintf(notForgotten, "key"), join(
		plain("bigint", "number"), plain("text", "key"), orNull("id"), plain("text", "text", "content_hash", "source", "tenant", "split"),
		[]column{
			{name: "tags", element: "text", expr: "u.tags::text[]"},
			{name: "ground_truth", element: "text", expr: "u.ground_truth::text[]"},
		},
		plain("bigint", "priority", "scrubbed_count"), plain("timestamptz", "deadline_at", "asked_at", "accepted_at")))

	insertCalls = insert("calls", "u.id", "", join(
		plain("text", "id", "stage"),
		[]column{
			{name: "query_key", element: "text", expr: fmt.Sprintf(unlessForgotten, "NULL", "nullif(u.query_key, '')"), null: true},
			{name: "tenant", element: "text", expr: fmt.Sprintf(unlessForgotten, "''", "u.tenant")},
		},
		orNull("pair", "arm", "tier"), plain("text", "provider", "model", "price_version", "outcome"), orNull("error"),
		plain("bigint", "attempt", "latency_ms", "prompt_tokens", "cached_tokens", "output_tokens", "thought_tokens", "cost_microusd"),
		plain("boolean", "cost_estimated"), plain("timestamptz", "started_at", "billed_at")))

	insertDeaths = insert("dead_letters", "u.id", fmt.Sprintf(notForgotten, "query_key"), join(
		plain("text", "id", "stage", "durable", "reason", "class", "error", "stream", "subject", "message_id", "content_type"),
		orNull("query_key", "retry_id"), plain("bigint", "attempts", "deliveries", "sequence"), plain("bytea", "raw"),
		plain("boolean", "raw_elsewhere"), plain("timestamptz", "stored_at", "died_at")))

	insertAnswers = insert("answers", "u.query_number, u.pair, u.arm", "", join(
		plain("bigint", "query_number"), plain("text", "query_key", "pair", "arm", "text", "call_id"), plain("timestamptz", "said_at")))

	insertVerdicts = insert("verdicts", "u.query_number, u.judge_version, u.pair, u.arm", "", join(
		plain("bigint", "query_number"), plain("text", "query_key", "judge_version", "pair", "arm", "grade", "reason", "basis"), orNull("call_id"),
		plain("boolean", "shortcut"), plain("timestamptz", "given_at")))

	insertLabels = insert("labels", "u.query_number, u.id", "", join(
		plain("bigint", "query_number"), plain("text", "id", "query_key", "split", "pair", "policy", "basis", "judge_version", "label_version", "matrix_version"),
		plain("timestamptz", "drawn_at")))

	insertAnalyses = insert("analyses", "u.query_number, u.analysis_version", "", join(
		plain("bigint", "query_number"), plain("text", "query_key", "analysis_version", "domain", "complexity", "ambiguity", "knowledge_recency", "answer_type",
			"specificity", "language", "summary"), orNull("call_id"), plain("bigint", "reasoning_steps"),
		plain("boolean", "requires_math", "requires_code"), plain("timestamptz", "made_at")))

	insertExamples = insert("examples", "u.query_number, u.id", "", join(
		plain("bigint", "query_number"), plain("text", "id", "query_key", "split", "analysis_version"), plain("timestamptz", "made_at")))
)
