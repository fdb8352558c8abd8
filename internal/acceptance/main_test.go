package acceptance

import (
	"testing"

	"sluice/internal/process"
)

// binaries are built once for all tests here.
var binaries process.Binaries

func TestMain(m *testing.M) {
	defer binaries.Remove()
	m.Run()
}
