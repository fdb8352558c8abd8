package evaluation

import (
	"fmt"
	"strings"
)

// Shown is a number as people read it: what is rounded to zero has no minus. The verbs of floats hold for it.
type Shown float64

// Format writes it.
func (v Shown) Format(s fmt.State, verb rune) {
	form := fmt.FormatString(s, verb)
	text := fmt.Sprintf(form, float64(v))
	if strings.Contains(text, "-") && strings.Trim(text, " -0.") == "" {
		text = fmt.Sprintf(form, 0.0)
	}
	fmt.Fprint(s, text)
}
