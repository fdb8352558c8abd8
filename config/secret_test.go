package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var secretEnv = map[string]string{
	"GEMINI_API_KEY": "AIza-marker-gemini",
	"OPENAI_API_KEY": "sk-marker-openai",
	"DATABASE_URL":   "postgres://ann:marker%40pg@db.example:5432/oracle",
	"NATS_URL":       "nats://bob:marker-nats@n1:4222,nats://marker-token@n2:4222",
	"SLUICE_ARM_KEY": "marker-arm-key-0123456789",
	"PGPASSWORD":     "marker-pgpassword",
}

func loadSecret(t *testing.T) Config {
	t.Helper()
	c, err := Load("", env(secretEnv), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNoRenderingOfAConfigShowsASecret(t *testing.T) {
	c := loadSecret(t)
	var printed strings.Builder
	if err := Print(&printed, c); err != nil {
		t.Fatal(err)
	}
	js, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	ym, err := yaml.Marshal(struct{ K Secret }{c.Secrets.Key("GEMINI_API_KEY")})
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&logged, nil), slog.NewTextHandler(&logged, nil)} {
		slog.New(h).Info("start", "config", c, "url", c.Secrets.DatabaseURL, "secrets", c.Secrets)
	}
	renderings := []string{
		printed.String(), string(js), string(ym), logged.String(),
		fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%q %x %d", c.Secrets.ArmKey, c.Secrets.ArmKey, c.Secrets.ArmKey),
		fmt.Errorf("start: %v", c.Secrets).Error(),
	}
	for i, r := range renderings {
		if strings.Contains(r, "marker") || strings.Contains(r, "6d61726b6572") {
			t.Errorf("rendering %d shows a secret:\n%s", i, r)
		}
	}
	if c.Secrets.DatabaseURL.Reveal() != secretEnv["DATABASE_URL"] || c.Secrets.NATSURL.Reveal() != secretEnv["NATS_URL"] {
		t.Error("Reveal does not give the value")
	}
}

func TestRedactTakesSecretsOutOfForeignText(t *testing.T) {
	c := loadSecret(t)
	for name, text := range map[string]string{
		"a key in an error":        `Get "http://h/?key=AIza-marker-gemini": refused`,
		"a decoded password":       "password authentication failed: marker@pg",
		"an encoded one":           "cannot parse postgres://ann:marker%40pg@db.example",
		"a token":                  "dial nats://marker-token@n2:4222",
		"PGPASSWORD":               "env marker-pgpassword",
		"an arm key":               "arm marker-arm-key-0123456789",
		"an error in a NATS's URL": `parse "nats://bob:marker-nats@n1:4222": invalid`,
	} {
		if got := c.Secrets.Redact(text); strings.Contains(got, "marker") || !strings.Contains(got, redacted) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAKeywordConnectionStringHidesItsPassword(t *testing.T) {
	for _, dsn := range []string{"host=db password=marker1 user=u", "host=db password='marker1' user=u", "postgres://u@h/db?password=marker1"} {
		c, err := Load("", env(map[string]string{"DATABASE_URL": dsn}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Secrets.Redact("failed with marker1"); strings.Contains(got, "marker1") {
			t.Errorf("%s: %q", dsn, got)
		}
	}
}

func TestAPasswordInAFileOrFlagIsRefusedAndNotShown(t *testing.T) {
	for name, load := range map[string]func() (Config, error){
		"file": func() (Config, error) { return Load(file(t, "nats: {url: 'nats://u:marker@h'}"), none, nil) },
		"flag": func() (Config, error) { return Load("", none, []string{"nats.url=nats://u:marker@h"}) },
	} {
		c, err := load()
		if err == nil || !strings.Contains(err.Error(), "NATS_URL") {
			t.Errorf("%s: got %v, want a fault that names NATS_URL", name, err)
		}
		if strings.Contains(fmt.Sprint(err, c), "marker") {
			t.Errorf("%s: shows the password: %v %v", name, err, c)
		}
	}
}
