package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/pgtest"
	"sluice/postgres"
)

// envChild makes this test binary a process that starts the cluster in that directory, says the server's
// process id, and waits for its end.
const (
	envChild = "SLUICE_TEST_CLUSTER_DIR"
	envFast  = "SLUICE_TEST_CLUSTER_FAST"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(envChild)
	if dir == "" {
		pgtest.Main(m)
		return
	}
	c, err := postgres.Start(context.Background(), postgres.Options{Dir: dir, Fast: os.Getenv(envFast) != ""})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Fprintln(os.Stdout, c.PID())
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n') // a line, or the parent's death
	if err := c.Stop(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// child runs [TestMain] as another process and returns it with the id of its server.
func child(t *testing.T, dir string, fast bool) (*exec.Cmd, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envChild+"="+dir)
	if fast {
		cmd.Env = append(cmd.Env, envFast+"=1")
	}
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // kept open until the child ends
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child said nothing: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return cmd, pid
}
