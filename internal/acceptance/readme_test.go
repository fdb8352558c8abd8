package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/process"
)

var shellBlock = regexp.MustCompile("(?s)```(?:sh|console|bash)\n(.*?)```")

// commands are the lines of a document's shell blocks that begin with the program's name.
func commands(t *testing.T, doc, program string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, doc))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, block := range shellBlock.FindAllStringSubmatch(string(data), -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
			if strings.HasPrefix(line, program+" ") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// shell runs a line in which sluice is this checkout's binary, followed by more arguments.
func shell(t *testing.T, dir, line string, more ...string) {
	t.Helper()
	script := `sluice() { "$BIN" "$@" ` + strings.Join(more, " ") + "; }\n" + line
	c := process.Start(t, process.Spec{
		Name: line, Path: "/bin/sh", Args: []string{"-c", script},
		Env: []string{"BIN=" + binaries.Sluice(t), "SLUICE_DATA_DIR=" + dir},
	})
	if err := c.Wait(t.Context()); err != nil {
		t.Errorf("%s: %v\n%s", line, err, c.Output())
	}
}

// Every command line that a document shows is one that the binary takes.
func TestDocumentsShowCommandsThatThereAre(t *testing.T) {
	t.Parallel()
	for doc, least := range map[string]int{"README.md": 15, "docs/publishing.md": 0, "docs/trainers.md": 15, "docs/results/README.md": 3} {
		lines := commands(t, doc, "sluice")
		if len(lines) < least {
			t.Errorf("%s shows %d command lines, want at least %d: is the test still reading it?", doc, len(lines), least)
		}
		for _, line := range lines {
			shell(t, t.TempDir(), line, "--help")
		}
	}
}

// The SQL that the README shows runs on the demo's tables.
func TestReadmeSQLRuns(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	demo(t, dir, "--limit", "20")
	shell(t, dir, "sluice migrate up")
	n := 0
	for _, line := range commands(t, "README.md", "sluice") {
		if strings.HasPrefix(line, "sluice sql ") {
			shell(t, dir, line)
			n++
		}
	}
	if n == 0 {
		t.Error("the README shows no SQL")
	}
}

// Every make target that a document shows is one of the Makefile.
func TestDocumentsShowTargetsThatThereAre(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := commands(t, "README.md", "make")
	if len(targets) < 2 {
		t.Errorf("the README shows %d make targets", len(targets))
	}
	for _, line := range targets {
		if target := strings.Fields(line)[1]; !strings.Contains(string(makefile), "\n"+target+":") {
			t.Errorf("%s: the Makefile has no such target", line)
		}
	}
}
