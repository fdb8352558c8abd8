package sluice

// Label is the fact that two verdicts met in the oracle matrix. It carries the query and the policy,
// and no answer, verdict, reason or ground truth: whoever reads it learns nothing of what was said.
type Label struct {
	// ID is a function of query, pair and the three versions: see [LabelID].
	ID     string `json:"id"`
	Query  Query  `json:"query"`
	Pair   string `json:"pair"`
	Policy Policy `json:"policy"`
	// Basis is [Reference] only where both verdicts had a ground truth.
	Basis         Basis  `json:"basis"`
	JudgeVersion  string `json:"judge_version"`
	LabelVersion  string `json:"label_version"`
	MatrixVersion string `json:"matrix_version"`
}

// LabelID is the id of a label: the same inputs always meet in the same label (Invariant 2).
func LabelID(queryKey, pair, judgeVersion, labelVersion, matrixVersion string) string {
	return HashID("label", queryKey, pair, judgeVersion, labelVersion, matrixVersion)
}

// Analysis describes a query from its text alone.
type Analysis struct {
	// Domain is the field of knowledge: "geography", "mathematics", ...
	Domain string `json:"domain"`
	// Complexity is "low", "medium" or "high".
	Complexity string `json:"complexity"`
	// ReasoningSteps is how many steps lead from the question to an answer, at least 1.
	ReasoningSteps int `json:"reasoning_steps"`
	// Ambiguity is "none", "some" or "high".
	Ambiguity string `json:"ambiguity"`
	// KnowledgeRecency is "timeless", "historical", "recent" or "live".
	KnowledgeRecency string `json:"knowledge_recency"`
	// AnswerType is the kind of answer wanted: "person", "number", "date", "place", "yes_no", ...
	AnswerType string `json:"answer_type"`
	// Specificity is "broad", "narrow" or "obscure".
	Specificity string `json:"specificity"`
	// RequiresMath, RequiresCode are what they say.
	RequiresMath bool `json:"requires_math"`
	RequiresCode bool `json:"requires_code"`
	// Language is the BCP 47 tag of the question's language.
	Language string `json:"language"`
	// Summary says in one sentence what makes the query easy or hard.
	Summary string `json:"summary"`
}

// Analyzed is the fact that a query was described. It is bought once per query and analysis version,
// however often the query is labelled.
type Analyzed struct {
	QueryKey string `json:"query_key"`
	// QueryNumber is the query's [Query.Number].
	QueryNumber     int64    `json:"query_number,omitempty"`
	AnalysisVersion string   `json:"analysis_version"`
	Analysis        Analysis `json:"analysis"`
	CallID          string   `json:"call_id"`
}

// Example is what a router learns from: a query, its policy, its description.
type Example struct {
	// ID is the label's id: one example a label.
	ID              string   `json:"id"`
	Label           Label    `json:"label"`
	AnalysisVersion string   `json:"analysis_version"`
	Analysis        Analysis `json:"analysis"`
}
