package acceptance

import (
	"os"
	"testing"

	"sluice/internal/process"
)

// binaries are built once for all tests here.
var binaries process.Binaries

func TestMain(m *testing.M) {
	defer binaries.Remove()
	m.Run()
}

// openDir is a directory of the test's own that the user whom root's Postgres runs as may enter, which
// t.TempDir is not: a cluster in there would be kept elsewhere, and stay.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sluice-acceptance-") //nolint:usetesting // see above
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
