package sluice

import "fmt"

// Grade is what a judge finds of one answer.
type Grade string

// The three grades. [IDK] is an answer that does not commit itself ("I don't know").
const (
	Correct   Grade = "correct"
	Incorrect Grade = "incorrect"
	IDK       Grade = "idk"
)

// Grades lists all grades in the order of the oracle matrix's rows and columns.
func Grades() []Grade { return []Grade{Correct, Incorrect, IDK} }

// ParseGrade reads a grade; it accepts exactly the three constants.
func ParseGrade(s string) (Grade, error) {
	switch g := Grade(s); g {
	case Correct, Incorrect, IDK:
		return g, nil
	}
	return "", fmt.Errorf("grade %q: want correct, incorrect or idk", s)
}

// Basis says what a judge had to go by.
type Basis string

// The two bases. Reference-free examples stay out of training unless configured.
const (
	Reference     Basis = "reference"
	ReferenceFree Basis = "reference_free"
)

// Verdict is the fact that a judge graded one answer, alone and blind. It carries neither the answer
// nor the ground truth.
type Verdict struct {
	Query Query  `json:"query"`
	Pair  string `json:"pair"`
	Arm   Arm    `json:"arm"`
	Grade Grade  `json:"grade"`
	// Reason is the judge's own short reason.
	Reason string `json:"reason"`
	Basis  Basis  `json:"basis"`
	// JudgeVersion names rubric and model together; verdicts of different versions never meet.
	JudgeVersion string `json:"judge_version"`
	// Shortcut is true where an exact match with the ground truth spared the model call.
	Shortcut bool `json:"shortcut,omitempty"`
	// CallID names the [Call] that bought the verdict; empty with Shortcut.
	CallID string `json:"call_id,omitempty"`
}
