package main

import (
	"encoding"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// checkedElsewhere are numbers whose commands look at them themselves (Validate), or whose types do.
var checkedElsewhere = map[string]bool{"ask --threshold": true, "model canary --share": true}

func TestANumberThatIsOutOfItsFlagsRangeIsAWrongCommandLine(t *testing.T) {
	var c cli
	parser, err := kong.New(&c, kong.ExplicitGroups(groups))
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, leaf := range parser.Model.Leaves(false) {
		command := strings.TrimPrefix(leaf.FullPath(), parser.Model.Name+" ")
		for _, f := range leaf.Flags {
			kind := f.Target.Type()
			if kind.Kind() == reflect.Pointer {
				kind = kind.Elem()
			}
			switch kind.Kind() {
			case reflect.Int, reflect.Int64, reflect.Float64:
			default:
				continue
			}
			name := command + " --" + f.Name
			if _, own := reflect.New(kind).Interface().(encoding.TextUnmarshaler); own || checkedElsewhere[name] {
				continue
			}
			if f.Tag.Get("min") == "" {
				t.Errorf("%s takes any number: say which do, by a tag min", name)
				continue
			}
			value := "-1"
			if kind.String() == "time.Duration" {
				value = "-1s"
			}
			args := append(strings.Fields(command), "--"+f.Name+"="+value)
			for _, other := range leaf.Flags {
				if other.Required {
					args = append(args, "--"+other.Name+"=1h")
				}
			}
			for _, p := range leaf.Positional {
				if !p.Required {
					continue
				}
				word := "x"
				for first := range p.EnumMap() {
					word = first
				}
				args = append(args, word)
			}
			m := &Main{Stdout: &output{}, Stderr: &output{}, Getenv: func(string) string { return "" }}
			err := m.ParseFlags(args)
			var usage *usageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), "--"+f.Name+": want at least") || m.report(err) != statusUsage {
				t.Errorf("%v: %v", args, err)
			}
			checked++
		}
	}
	if checked < 20 {
		t.Errorf("%d flags were looked at", checked)
	}
}

func TestANumberAboveItsFlagsRangeIsAWrongCommandLine(t *testing.T) {
	m := &Main{Stdout: &output{}, Stderr: &output{}, Getenv: func(string) string { return "" }}
	if err := m.ParseFlags([]string{"up", "--nats-port", "70000"}); err == nil || m.report(err) != statusUsage || err.Error() != "--nats-port: want at most 65535, got 70000 (see sluice up --help)" {
		t.Errorf("error %v", err)
	}
	if err := m.ParseFlags([]string{"up", "--nats-port", "0"}); err != nil {
		t.Error(err)
	}
}

// A port that nothing will listen on is not passed over.
func TestThePortOfNoEmbeddedServerIsAWrongCommandLine(t *testing.T) {
	p := newProgram(t)
	p.env["NATS_URL"] = "nats://127.0.0.1:1"
	if _, errs, status := p.run("up", "--upstream", "emulator", "--nats-port", "4222"); status != statusUsage || !strings.Contains(errs, "leave one of them out") {
		t.Errorf("status %d: %s", status, errs)
	}
}
