package config

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with a configuration.
type Fault struct {
	// Key is the dotted path of the key: "judge.model", "models[1].timeout".
	Key string
	// Where says who set it: "sluice.yaml:12", "environment NATS_URL", "--set"; empty for a default.
	Where string
	// Problem is what is wrong, Remedy what to do.
	Problem, Remedy string
}

func (f Fault) String() string {
	s := f.Key
	if f.Where != "" {
		s += " (" + f.Where + ")"
	}
	s += ": " + f.Problem
	if f.Remedy != "" {
		s += "; " + f.Remedy
	}
	return s
}

// FaultsError is every fault of a configuration at once.
type FaultsError []Fault

// Error lists the faults, one a line.
func (fs FaultsError) Error() string {
	lines := make([]string, 0, len(fs)+1)
	if len(fs) == 1 {
		lines = append(lines, "the configuration has a fault:")
	} else {
		lines = append(lines, fmt.Sprintf("the configuration has %d faults:", len(fs)))
	}
	for _, f := range fs {
		lines = append(lines, "  "+f.String())
	}
	return strings.Join(lines, "\n")
}

func (fs *FaultsError) add(key, where, problem, remedy string) {
	*fs = append(*fs, Fault{Key: key, Where: where, Problem: problem, Remedy: remedy})
}

// err is nil where there is no fault.
func (fs FaultsError) err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}
