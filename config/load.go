package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// FileName is the file that is read from the working directory where no path is given.
const FileName = "sluice.yaml"

// Load makes the effective configuration: defaults, then the file, then the environment, then flags of
// the form "judge.model=gemini-2.5-pro" (values in YAML). An empty path means [FileName] if it is
// there. getenv is os.Getenv outside tests. The error, where the configuration itself is at fault, is
// [FaultsError] and names every fault; that a file is no YAML is the only one. A file that can't be read
// is an error of its own.
func Load(path string, getenv func(string) string, sets []string) (Config, error) {
	c := Default()
	var faults FaultsError
	places := map[string]string{}
	if err := c.loadFile(path, places, &faults); err != nil {
		return c, err
	}
	c.loadEnv(reflect.ValueOf(&c).Elem(), "", getenv, places, &faults)
	for _, s := range sets {
		c.loadFlag(s, places, &faults)
	}
	c.loadSecrets(getenv)
	c.validate(places, &faults)
	return c, faults.err()
}

// Validate checks a configuration that was put together in code; see [Load].
func (c Config) Validate() error {
	var faults FaultsError
	c.validate(nil, &faults)
	return faults.err()
}

func (c *Config) loadFile(path string, places map[string]string, faults *FaultsError) error {
	optional := path == ""
	if optional {
		path = FileName
	}
	data, err := os.ReadFile(path)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	return c.overlay(data, filepath.Base(path), places, faults)
}

// overlay lays a YAML document over c; file names it in faults.
func (c *Config) overlay(data []byte, file string, places map[string]string, faults *FaultsError) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		remedy := ""
		if strings.Contains(err.Error(), "cannot start any token") {
			remedy = "is there a tab? YAML is indented by blanks alone"
		}
		faults.add(file, "", "is not YAML: "+strings.TrimPrefix(err.Error(), "yaml: "), remedy)
		return faults.err()
	}
	if len(doc.Content) == 0 {
		return nil // nothing but comments
	}
	d := decoder{
		where:  func(n *yaml.Node) string { return fmt.Sprintf("%s:%d", file, n.Line) },
		faults: faults,
		set:    places,
	}
	d.decode(doc.Content[0], reflect.ValueOf(c).Elem(), "")
	c.refuseSecrets(places, faults)
	return nil
}

// refuseSecrets finds passwords in a file or a flag: they come from the environment alone.
func (c *Config) refuseSecrets(places map[string]string, faults *FaultsError) {
	if strings.HasPrefix(places["nats.url"], fromEnv) {
		return
	}
	for one := range strings.SplitSeq(c.NATS.URL, ",") {
		if len(passwordsIn(strings.TrimSpace(one))) > 0 {
			faults.add("nats.url", places["nats.url"], "holds a password or token", "put the whole URL into the environment variable NATS_URL")
			c.NATS.URL = ""
			return
		}
	}
}

// fromEnv begins the place of a key that the environment set.
const fromEnv = "environment "

// loadEnv sets the keys that have a variable of their own.
func (c *Config) loadEnv(v reflect.Value, path string, getenv func(string) string, places map[string]string, faults *FaultsError) {
	for f, value := range v.Fields() {
		key := f.Tag.Get("key")
		if key == "-" {
			continue
		}
		full := join(path, key)
		if f.Type.Kind() == reflect.Struct {
			c.loadEnv(value, full, getenv, places, faults)
			continue
		}
		name := f.Tag.Get("env")
		if name == "" || getenv(name) == "" {
			continue
		}
		places[full] = fromEnv + name
		if err := setScalar(value, getenv(name)); err != nil {
			faults.add(full, places[full], "is not "+typeName(f.Type), "")
		}
	}
}

// loadFlag lays one "key=value" over c.
func (c *Config) loadFlag(set string, places map[string]string, faults *FaultsError) {
	key, value, ok := strings.Cut(set, "=")
	switch {
	case !ok:
		faults.add(set, "--set", "has no value", "write --set key=value")
		return
	case key == "":
		faults.add(set, "--set", "names no key", "write --set key=value")
		return
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(value), &doc); err != nil || len(doc.Content) == 0 {
		doc.Content = []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}}
	}
	tree := doc.Content[0]
	names := strings.Split(key, ".")
	for i := len(names) - 1; i >= 0; i-- {
		tree = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: names[i]}, tree}}
	}
	d := decoder{where: func(*yaml.Node) string { return "--set" }, faults: faults, set: places}
	d.decode(tree, reflect.ValueOf(c).Elem(), "")
	c.refuseSecrets(places, faults)
}

// loadSecrets reads the secrets, which come from the environment alone.
func (c *Config) loadSecrets(getenv func(string) string) {
	c.Secrets = SecretSet{
		DatabaseURL: newSecret(getenv("DATABASE_URL")),
		ArmKey:      newSecret(getenv("SLUICE_ARM_KEY")),
		pgPassword:  newSecret(getenv("PGPASSWORD")),
		keys:        map[string]Secret{},
	}
	for _, name := range []string{"GEMINI_API_KEY", "OPENAI_API_KEY"} {
		c.Secrets.keys[name] = newSecret(getenv(name))
	}
	for _, m := range c.Models {
		if m.KeyEnv != "" {
			c.Secrets.keys[m.KeyEnv] = newSecret(getenv(m.KeyEnv))
		}
	}
	for _, h := range c.Monitor.Webhooks {
		for _, name := range []string{h.URLEnv, h.SecretEnv} {
			if name != "" {
				c.Secrets.keys[name] = newSecret(getenv(name))
			}
		}
	}
	if c.NATS.URL != "" {
		c.Secrets.NATSURL = newSecret(c.NATS.URL)
		c.NATS.URL = WithoutPassword(c.NATS.URL)
	}
}
