package evaluation_test

import (
	"fmt"
	"math"
	"testing"

	"sluice/evaluation"
)

func TestWhatIsRoundedToZeroHasNoMinus(t *testing.T) {
	for _, c := range []struct {
		form  string
		value float64
		want  string
	}{
		{"%+.4f", -0.00001, "+0.0000"},
		{"%+.4f", math.Copysign(0, -1), "+0.0000"},
		{"%+.4f", -0.00006, "-0.0001"},
		{"%+.4f", 0.5, "+0.5000"},
		{"%.3f", -0.0004, "0.000"},
		{"%.3f", -10, "-10.000"},
		{"%.1f%%", -0.04, "0.0%"},
		{"%7.2f|", -0.001, "   0.00|"},
		{"%.3g", math.Copysign(0, -1), "0"},
	} {
		if got := fmt.Sprintf(c.form, evaluation.Shown(c.value)); got != c.want {
			t.Errorf("%s of %g is %q, want %q", c.form, c.value, got, c.want)
		}
	}
}
