package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func named(t *testing.T, dir string, draw string) string {
	t.Helper()
	name, err := replicaName(dir, func() string { return draw })
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAGatewaysNameGoesWhereItsSpoolGoes(t *testing.T) {
	root := t.TempDir()
	dir, moved := filepath.Join(root, "0"), filepath.Join(root, "7")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name := named(t, dir, "FIRSTDRAW")
	if again := named(t, dir, "OTHERDRAW"); again != name {
		t.Errorf("named %s, and %s after a restart", name, again)
	}
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if got := named(t, moved, "OTHERDRAW"); got != name {
		t.Errorf("named %s, and %s after it was moved", name, got)
	}
}

// What a lost spool's gateway had leased it may have spent: who comes after must not take it back as unspent.
func TestAGatewayWhoseSpoolIsLostHasAnotherName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "0")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name := named(t, dir, "FIRSTDRAW")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := named(t, dir, "OTHERDRAW"); got == name {
		t.Errorf("it is named %s again", got)
	}
}

func TestASpoolOfAnEarlierVersionKeepsTheNameOfItsHostAndPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "0")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "0000000000000001.spool"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if name := named(t, dir, "FIRSTDRAW"); strings.Contains(name, "firstdra") || name != named(t, dir, "OTHERDRAW") {
		t.Errorf("named %s", name)
	}
}

func TestANameThatIsNoneIsToldOf(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, replicaFile), []byte("a.b\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := replicaName(dir, func() string { return "FIRSTDRAW" }); err == nil || !strings.Contains(err.Error(), replicaFile) {
		t.Errorf("error %v", err)
	}
}
