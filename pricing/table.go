package pricing

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ErrNoPrice is what every error about a missing price wraps.
var ErrNoPrice = errors.New("no price")

// Table is a price list. It is immutable and safe for use by many goroutines; the zero value has no
// prices. Use [Builtin] or [New].
type Table struct {
	models map[string][]edition
}

// edition is a model's prices from one day on, its tiers by context, the lowest first.
type edition struct {
	from    time.Time
	version string
	tiers   []Row
}

// Builtin is the table of published list prices that ships with the program.
func Builtin() Table {
	t, err := build(builtinRows)
	if err != nil {
		panic("pricing: built-in table: " + err.Error())
	}
	return t
}

// New is the built-in table with an operator's own rows: a row replaces the built-in one of the same
// model, day and tier, or adds to them; a row without a day replaces all of its model's. Every fault is
// reported at once.
func New(own ...Row) (Table, error) {
	type key struct {
		model, day string
		above      int64
	}
	timeless, given := map[string]bool{}, map[key]bool{}
	for _, r := range own {
		timeless[r.Model] = timeless[r.Model] || r.EffectiveFrom == ""
		given[key{r.Model, r.EffectiveFrom, r.AbovePromptTokens}] = true
	}
	rows := slices.Clone(own)
	for _, r := range builtinRows {
		if !timeless[r.Model] && !given[key{r.Model, r.EffectiveFrom, r.AbovePromptTokens}] {
			rows = append(rows, r)
		}
	}
	return build(rows)
}

// build sorts rows into editions and checks that each edition has a first tier and none twice.
func build(rows []Row) (Table, error) {
	var faults []error
	models := map[string][]edition{}
	for _, r := range rows {
		if f := r.faults(); len(f) > 0 {
			faults = append(faults, f...)
			continue
		}
		from, _ := r.date()
		eds := models[r.Model]
		i := slices.IndexFunc(eds, func(e edition) bool { return e.from.Equal(from) })
		if i < 0 {
			eds, i = append(eds, edition{from: from}), len(eds)
		}
		eds[i].tiers = append(eds[i].tiers, r)
		models[r.Model] = eds
	}
	for model, eds := range models {
		for i := range eds {
			e := &eds[i]
			slices.SortStableFunc(e.tiers, func(a, b Row) int { return cmp.Compare(a.AbovePromptTokens, b.AbovePromptTokens) })
			faults = append(faults, tierFaults(model, e.tiers)...)
			e.version = versionOf(e.tiers)
		}
		slices.SortFunc(eds, func(a, b edition) int { return a.from.Compare(b.from) })
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if err := errors.Join(faults...); err != nil {
		return Table{}, err
	}
	return Table{models: models}, nil
}

func tierFaults(model string, tiers []Row) []error {
	var faults []error
	if tiers[0].AbovePromptTokens != 0 {
		faults = append(faults, fmt.Errorf("price of %q from %q: no first tier (above_prompt_tokens 0)", model, tiers[0].EffectiveFrom))
	}
	for i := 1; i < len(tiers); i++ {
		if tiers[i].AbovePromptTokens == tiers[i-1].AbovePromptTokens {
			faults = append(faults, fmt.Errorf("price of %q from %q: the tier above %d tokens is given twice",
				model, tiers[i].EffectiveFrom, tiers[i].AbovePromptTokens))
		}
	}
	return faults
}

// versionOf names an edition: its day and a hash of its numbers, so that a price that was corrected
// without a new day still has a new version.
func versionOf(tiers []Row) string {
	var spelled strings.Builder
	for _, r := range tiers {
		fmt.Fprintf(&spelled, "%d:%d/%d/%d;", r.AbovePromptTokens, r.Prompt, r.cached(), r.Output)
	}
	sum := sha256.Sum256([]byte(spelled.String()))
	day := tiers[0].EffectiveFrom
	if day == "" {
		day = "always"
	}
	return day + "-" + hex.EncodeToString(sum[:4])
}

// Has says whether the table has any price of the model.
func (t Table) Has(model string) bool { return len(t.models[model]) > 0 }

// Validate names every model without a price at once; the error wraps [ErrNoPrice].
func (t Table) Validate(models ...string) error {
	var missing []string
	for _, m := range models {
		if !t.Has(m) && !slices.Contains(missing, m) {
			missing = append(missing, m)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%w for %s: add a row for each under the prices of the configuration", ErrNoPrice, strings.Join(missing, ", "))
}

// Models lists the models that have a price, sorted.
func (t Table) Models() []string { return slices.Sorted(maps.Keys(t.models)) }

// at finds the edition that holds at an instant.
func (t Table) at(model string, at time.Time) (edition, error) {
	eds := t.models[model]
	if len(eds) == 0 {
		return edition{}, fmt.Errorf("%w for %s: add a row for it under the prices of the configuration", ErrNoPrice, model)
	}
	for i := len(eds) - 1; i >= 0; i-- {
		if !eds[i].from.After(at) {
			return eds[i], nil
		}
	}
	return edition{}, fmt.Errorf("%w for %s on %s: its first price holds from %s", ErrNoPrice, model,
		at.UTC().Format(time.DateOnly), eds[0].from.Format(time.DateOnly))
}
