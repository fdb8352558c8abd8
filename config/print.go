package config

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// commentWidth is where comments of the printed file wrap.
const commentWidth = 96

// Print writes c as a sluice.yaml that documents every key and loads back to c. Secrets are named and
// never shown: a file holds none.
func Print(w io.Writer, c Config) error {
	p := printer{documented: map[reflect.Type]bool{}}
	root := p.section(reflect.ValueOf(c))
	for _, key := range root.Content {
		if key.HeadComment != "" {
			key.HeadComment = "\n" + key.HeadComment // a blank line between sections
		}
	}
	doc := yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{root}}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	if err := enc.Close(); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	if _, err := io.WriteString(w, header(c.Secrets)+trimLines(out.String())); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	return nil
}

// header says what a file can't hold.
func header(s SecretSet) string {
	state := func(sec Secret) string {
		if sec.Set() {
			return "set"
		}
		return "not set"
	}
	lines := []string{
		"sluice.yaml. Precedence: flags (--set key=value), environment, this file, defaults.",
		"Secrets are never in here; they come from the environment alone:",
		"  GEMINI_API_KEY, OPENAI_API_KEY   keys of the providers (" + state(s.Key("GEMINI_API_KEY")) + ", " + state(s.Key("OPENAI_API_KEY")) + ")",
		"  DATABASE_URL                     whose Postgres (" + state(s.DatabaseURL) + "; without it a private cluster in data_dir)",
		"  SLUICE_ARM_KEY                   assigns models to arms, at least 16 bytes (" + state(s.ArmKey) + "; without it one is drawn and kept in the log)",
	}
	return "# " + strings.Join(lines, "\n# ") + "\n\n"
}

// printer documents the keys of each type of section once: where they stand for the first time.
type printer struct{ documented map[reflect.Type]bool }

func (p printer) section(v reflect.Value) *yaml.Node {
	first := !p.documented[v.Type()]
	p.documented[v.Type()] = true
	n := &yaml.Node{Kind: yaml.MappingNode}
	for f, value := range v.Fields() {
		key := f.Tag.Get("key")
		if key == "-" {
			continue
		}
		name := &yaml.Node{Kind: yaml.ScalarNode, Value: key}
		if first {
			name.HeadComment = comment(f)
			if ex := example(value); ex != "" {
				name.HeadComment += "\n" + ex
			}
		}
		n.Content = append(n.Content, name, p.node(value))
	}
	return n
}

func (p printer) node(v reflect.Value) *yaml.Node {
	switch {
	case v.Kind() == reflect.Struct:
		return p.section(v)
	case v.Kind() == reflect.Slice:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			list.Content = append(list.Content, p.node(v.Index(i)))
		}
		if v.Len() == 0 || v.Type().Elem().Kind() == reflect.String {
			list.Style = yaml.FlowStyle
		}
		return list
	case v.Type() == durationType:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: formatDuration(time.Duration(v.Int()))}
	case v.Kind() == reflect.String:
		n := &yaml.Node{}
		n.SetString(v.String())
		if v.String() == "" {
			n.Style = yaml.DoubleQuotedStyle
		}
		return n
	case v.Kind() == reflect.Float64:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.FormatFloat(v.Float(), 'f', -1, 64)}
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(v.Interface())}
	}
}

// comment is a key's documentation: meaning, type, variable.
func comment(f reflect.StructField) string {
	text := f.Tag.Get("doc")
	if k := f.Type.Kind(); k != reflect.Struct {
		text += " [" + typeName(f.Type)
		if env := f.Tag.Get("env"); env != "" {
			text += "; environment " + env
		}
		text += "]"
	}
	return wrap(text, "# ")
}

// example documents the keys of an empty list's entries.
func example(v reflect.Value) string {
	if v.Kind() != reflect.Slice || v.Len() > 0 || v.Type().Elem().Kind() != reflect.Struct {
		return ""
	}
	var b strings.Builder
	b.WriteString("# An entry:")
	exampleKeys(&b, v.Type().Elem(), "  - ")
	return b.String()
}

// exampleKeys documents the keys of a section, those of its sections indented below them; lead stands
// before the first.
func exampleKeys(b *strings.Builder, t reflect.Type, lead string) {
	for f := range t.Fields() {
		b.WriteString("\n#" + lead + f.Tag.Get("key") + ": ")
		b.WriteString("# " + f.Tag.Get("doc") + " [" + typeName(f.Type) + "]")
		lead = strings.Repeat(" ", len(lead))
		if f.Type.Kind() == reflect.Struct {
			exampleKeys(b, f.Type, lead+"  ")
		}
	}
}

// trimLines takes the blanks off every line's end, where the encoder leaves some under comments.
func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimLeft(strings.Join(lines, "\n"), "\n")
}

func wrap(text, prefix string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > commentWidth {
			lines = append(lines, prefix+line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, prefix+line), "\n")
}
