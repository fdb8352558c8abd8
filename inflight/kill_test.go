package inflight

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// childDir names the directory to a copy of this test binary that is to be killed.
const childDir = "INFLIGHT_TEST_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		m.Run()
		return
	}
	j, err := Open(Options{Dir: dir})
	if err != nil {
		panic(err)
	}
	for i := range 100 {
		j.Begin(call(fmt.Sprint(i)))
	}
	for i := range 90 {
		j.Stored(fmt.Sprint(i))
	}
	if _, err := os.Stdout.WriteString("ready\n"); err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or the test has died
}

func TestAJournalSurvivesSIGKILL(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	var l ledger
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got != (Adopted{}) {
		t.Errorf("it lives: %+v", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if got := adopt(t, Adoption{Dir: dir, Publisher: &l}); got.Calls != 10 || got.Torn != 0 || len(files(t, dir)) != 0 {
		t.Errorf("%+v", got)
	}
}
