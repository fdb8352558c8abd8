package acceptance

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"sluice/internal/process"
)

const root = "../.."

// composeFile is as much of compose.yaml as is run here.
type composeFile struct {
	Services map[string]service  `yaml:"services"`
	Volumes  map[string]struct{} `yaml:"volumes"`
}

type service struct {
	Build       string            `yaml:"build"`
	Image       string            `yaml:"image"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Profiles    []string          `yaml:"profiles"`
	Volumes     []string          `yaml:"volumes"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Healthcheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

func loadCompose(t *testing.T) composeFile {
	t.Helper()
	data, err := os.ReadFile(root + "/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c composeFile
	if err := yaml.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// ours says whether the service runs this repository's binary.
func (s service) ours() bool { return s.Build == "." }

// Every stage is a service of its own, and every command line is one that the binary takes.
func TestComposeServicesAreCommandsOfTheBinary(t *testing.T) {
	t.Parallel()
	c := loadCompose(t)
	for _, stage := range stages {
		if got, want := strings.Join(c.Services[stage].Command, " "), "consume "+stage; got != want {
			t.Errorf("service %s runs %q, want %q", stage, got, want)
		}
	}
	sluice := binaries.Sluice(t)
	ours := 0
	for name, s := range c.Services {
		if !s.ours() {
			continue
		}
		ours++
		check := slices.Clone(s.Healthcheck.Test)
		if len(check) > 0 && check[0] == "CMD" && check[1] == "/sluice" {
			s.takes(t, sluice, name+"'s health check", check[2:])
		}
		s.takes(t, sluice, name, s.Command)
	}
	if ours < len(stages)+3 {
		t.Errorf("%d services run the binary: want the stages, streams, migrate and the emulator at least", ours)
	}
}

// takes asks the binary for the help of a command line: it parses the whole line first.
func (s service) takes(t *testing.T, sluice, name string, args []string) {
	t.Helper()
	c := process.Start(t, process.Spec{Name: name, Path: sluice, Args: append(slices.Clone(args), "--help")})
	if err := c.Wait(t.Context()); err != nil {
		t.Errorf("service %s: sluice %v: %v\n%s", name, args, err, c.Output())
	}
}

// What a service waits for is there, and can be waited for in that way.
func TestComposeDependenciesCanBeMet(t *testing.T) {
	t.Parallel()
	c := loadCompose(t)
	for name, s := range c.Services {
		for dep, d := range s.DependsOn {
			on, ok := c.Services[dep]
			switch {
			case !ok:
				t.Errorf("service %s waits for %s, which is not a service", name, dep)
			case d.Condition == "service_healthy" && len(on.Healthcheck.Test) == 0:
				t.Errorf("service %s waits for %s to be healthy, which has no health check", name, dep)
			case len(on.Profiles) > 0 && len(s.Profiles) == 0:
				t.Errorf("service %s waits for %s, which only a profile starts", name, dep)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if strings.HasPrefix(source, ".") {
				if _, err := os.Stat(root + "/" + source); err != nil {
					t.Errorf("service %s mounts %s: %v", name, source, err)
				}
			} else if _, ok := c.Volumes[source]; !ok {
				t.Errorf("service %s mounts volume %s; declared are %v", name, source, slices.Sorted(maps.Keys(c.Volumes)))
			}
		}
	}
	for _, stage := range stages {
		for _, dep := range []string{"nats", "postgres", "streams", "migrate"} {
			if _, ok := c.Services[stage].DependsOn[dep]; !ok {
				t.Errorf("service %s does not wait for %s", stage, dep)
			}
		}
	}
}

// stages are the ring's consumers in its order, and the online ring's.
var stages = []string{"intake", "answer", "judge", "label", "analysis", "record", "monitor", "training"}
