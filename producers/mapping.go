package producers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The names of the published contract that a mapping can fill.
const (
	fieldQuery       = "query"
	fieldID          = "id"
	fieldGroundTruth = "ground_truth"
	fieldTags        = "tags"
	fieldTenant      = "tenant"
	fieldPriority    = "priority"
	fieldDeadline    = "deadline"
)

var contractFields = []string{
	fieldQuery, fieldID, fieldGroundTruth, fieldTags, fieldTenant, fieldPriority, fieldDeadline,
}

// Mapping says which field of a jsonl object is what. A path names a field, or leads to one through
// objects and lists by dots: "prompt", "meta.uid", "turns.0". The zero value maps every field to its
// own name in the published contract.
type Mapping struct {
	paths map[string][]string
}

// ParseMapping reads "query=prompt,id=uid,ground_truth=refs,tags=domain+level". Query must be mapped;
// what is not mapped is left empty. Several paths joined by "+" fill a list from all of them, which
// ground_truth and tags alone take. The empty string is the zero mapping. All faults are reported at
// once.
func ParseMapping(s string) (Mapping, error) {
	if strings.TrimSpace(s) == "" {
		return Mapping{}, nil
	}
	m := Mapping{paths: map[string][]string{}}
	var faults []error
	for part := range strings.SplitSeq(s, ",") {
		name, value, found := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		paths := strings.Split(value, "+")
		for i := range paths {
			paths[i] = strings.TrimSpace(paths[i])
		}
		switch {
		case !found || slices.Contains(paths, ""):
			faults = append(faults, fmt.Errorf("%q: want NAME=FIELD", part))
		case !slices.Contains(contractFields, name):
			faults = append(faults, fmt.Errorf("%q: want one of %s", name, strings.Join(contractFields, ", ")))
		case m.paths[name] != nil:
			faults = append(faults, fmt.Errorf("%q: mapped twice", name))
		case len(paths) > 1 && name != fieldGroundTruth && name != fieldTags:
			faults = append(faults, fmt.Errorf("%q: takes one field, not %d", name, len(paths)))
		default:
			m.paths[name] = paths
		}
	}
	if m.paths[fieldQuery] == nil && len(faults) == 0 {
		faults = append(faults, errors.New("query is not mapped: say which field holds the question, query=FIELD"))
	}
	if err := errors.Join(faults...); err != nil {
		return Mapping{}, fmt.Errorf("field mapping: %w", err)
	}
	return m, nil
}

// String is the mapping as [ParseMapping] reads it, its fields in the contract's order.
func (m Mapping) String() string {
	var parts []string
	for _, name := range contractFields {
		if paths := m.paths[name]; paths != nil {
			parts = append(parts, name+"="+strings.Join(paths, "+"))
		}
	}
	return strings.Join(parts, ",")
}

// of lists the paths of one field.
func (m Mapping) of(name string) []string {
	if m.paths == nil {
		return []string{name}
	}
	return m.paths[name]
}
