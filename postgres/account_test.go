package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestABarrierIsTheFirstDirectoryThatTheServerMayNotEnter(t *testing.T) {
	root, err := os.MkdirTemp("/tmp", "sluice-barrier-") //nolint:usetesting // TempDir is itself closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(root) }()
	closed, open := filepath.Join(root, "closed"), filepath.Join(root, "open")
	for dir, mode := range map[string]os.FileMode{closed: 0o700, open: 0o755} {
		if err := os.MkdirAll(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	stranger := account{uid: 54321, gid: 54321, name: "stranger", drop: true}
	if got := stranger.barrier(filepath.Join(open, "not", "there", "yet")); got != "" {
		t.Errorf("%s is a barrier", got)
	}
	if got := stranger.barrier(filepath.Join(closed, "postgres")); got != closed {
		t.Errorf("the barrier is %q, want %s", got, closed)
	}
	if place, why := stranger.place(filepath.Join(closed, "postgres"), "/var/lib/x"); !strings.HasPrefix(place, "/tmp/") || !strings.Contains(why, closed) {
		t.Errorf("moved to %s: %s", place, why)
	}
	if place, why := (account{}).place("/root/x", "/var/lib/x"); place != "/root/x" || why != "" {
		t.Errorf("our own directory moved to %s: %s", place, why)
	}
	if place, _ := stranger.place("/proc/1/root/x", "/var/lib/x"); place != "/proc/1/root/x" && !strings.HasPrefix(place, "/var/lib/x/x-") {
		t.Errorf("moved to %s", place)
	}
}

func TestTextsAreCleanedAndArraysQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "": "", "a\x00b": "a\uFFFDb", "\xff": "\uFFFD", "é\u2028": "é\u2028",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := literal([]string{`a"b`, `c\d`, "", "e,{f}"}), `{"a\"b","c\\d","","e,{f}"}`; got != want {
		t.Errorf("literal: %s, want %s", got, want)
	}
}
