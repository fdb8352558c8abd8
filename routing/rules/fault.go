package rules

import "strings"

// Fault is one thing that is wrong with a [Spec].
type Fault struct {
	// Key is the path of the key within the section: "rules[2].when.expr".
	Key string
	// Problem is what is wrong, Remedy what to do.
	Problem, Remedy string
}

func (f Fault) String() string {
	if f.Remedy == "" {
		return f.Key + ": " + f.Problem
	}
	return f.Key + ": " + f.Problem + "; " + f.Remedy
}

// FaultsError is everything that is wrong.
type FaultsError []Fault

// Error lists the faults, one a line.
func (fs FaultsError) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

func (fs FaultsError) err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// checker collects the faults of one rule.
type checker struct {
	at     string // "rules[2]"
	faults *FaultsError
}

func (k checker) want(ok bool, key, problem, remedy string) {
	if !ok {
		*k.faults = append(*k.faults, Fault{Key: k.at + "." + key, Problem: problem, Remedy: remedy})
	}
}
