//go:build xla

package learn

// Registers "xla". It needs cgo and a PJRT plugin; set GOMLX_NO_AUTO_INSTALL=1 in production so that a
// missing plugin is an error rather than a download. Not run by the project's own tests: no GPU there.
import _ "github.com/gomlx/go-xla/compute/xla"
