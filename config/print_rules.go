package config

import (
	"fmt"
	"io"
	"reflect"

	"go.yaml.in/yaml/v3"

	"sluice/routing/rules"
)

// PrintRules writes a chain as a section of sluice.yaml that loads back to it, without a preset and without
// the keys that say nothing.
func PrintRules(w io.Writer, chain []rules.Rule) error {
	p := printer{documented: map[reflect.Type]bool{}}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, r := range chain {
		entry := p.section(reflect.ValueOf(r))
		prune(entry)
		list.Content = append(list.Content, entry)
	}
	if len(chain) == 0 {
		list.Style = yaml.FlowStyle
	}
	text := func(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }
	section := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{text("preset"), text(rules.PresetNone), text("rules"), list}}
	root := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{text("routing"), section}}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("print rules: %w", err)
	}
	return enc.Close()
}

// prune takes out what is zero, and all comments.
func prune(n *yaml.Node) {
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		key.HeadComment = ""
		if value.Kind == yaml.MappingNode {
			prune(value)
		}
		if !saysNothing(value) {
			kept = append(kept, key, value)
		}
	}
	n.Content = kept
}

func saysNothing(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode {
		return len(n.Content) == 0
	}
	switch n.Value {
	case "":
		return true
	case "0", "0s", "false":
		return n.ShortTag() != "!!str" || n.Tag == ""
	}
	return false
}
