package config

import (
	"strings"
	"testing"
)

func TestAnUnsetSecretOfAWebhookIsAFaultOfWhoeverPosts(t *testing.T) {
	path := file(t, "monitor:\n  webhooks:\n    - {url_env: HOOK, secret_env: HOOK_SECRET}\n")
	c, err := Load(path, none, nil)
	if err != nil {
		t.Fatalf("every command wants the monitor's secrets: %v", err)
	}
	if err := c.UnsetWebhooks(); err == nil || !strings.Contains(err.Error(), "webhooks[0].url_env: the variable HOOK is") || !strings.Contains(err.Error(), "webhooks[0].secret_env: the variable HOOK_SECRET is") {
		t.Errorf("unset: %v", err)
	}
	if c, err = Load(path, env(map[string]string{"HOOK": "https://example.com/x", "HOOK_SECRET": "s"}), nil); err != nil || c.UnsetWebhooks() != nil {
		t.Errorf("set: %v, %v", err, c.UnsetWebhooks())
	}
	if _, err = Load(path, env(map[string]string{"HOOK": "ftp://x"}), nil); err == nil || !strings.Contains(err.Error(), "monitor.webhooks[0].url") {
		t.Errorf("no http: %v", err)
	}
}
