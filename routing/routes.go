package routing

import (
	"encoding/xml"
	"strings"

	"sluice"
)

// RoutesXML describes policies for a model's prompt: the in-context form, in which a policy can be reworded
// or added without training. Text is escaped, blanks at the ends are dropped.
func RoutesXML(specs []sluice.PolicySpec) string {
	var b strings.Builder
	b.WriteString("<routes>\n")
	for _, s := range specs {
		b.WriteString("  <route>\n    <name>")
		escape(&b, string(s.Name))
		b.WriteString("</name>\n    <description>")
		escape(&b, s.Description)
		b.WriteString("</description>\n  </route>\n")
	}
	b.WriteString("</routes>")
	return b.String()
}

func escape(b *strings.Builder, s string) {
	_ = xml.EscapeText(b, []byte(strings.TrimSpace(s))) // a strings.Builder takes everything
}

// gist is the shortest telling part of a description: what stands behind a colon, up to four words and to
// the first comma or semicolon.
func gist(description string) string {
	text := strings.TrimSpace(description)
	if _, after, ok := strings.Cut(text, ":"); ok && strings.TrimSpace(after) != "" {
		text = strings.TrimSpace(after)
	}
	if i := strings.IndexAny(text, ",;."); i > 0 {
		text = text[:i]
	}
	words := strings.Fields(text)
	return strings.ToLower(strings.Join(words[:min(4, len(words))], " "))
}
