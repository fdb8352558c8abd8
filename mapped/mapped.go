// Package mapped writes files through memory: what is copied there is the operating system's, as if it had been
// written, and survives the process; without a system call for each write. Nothing is forced to the disk.
package mapped

import (
	"errors"
	"runtime/debug"
)

// ErrFault says that the disk could not take a page, though it was allocated.
var ErrFault = errors.New("the disk failed under a file that is written through memory")

// Copy copies into the memory of a file, which a failing disk makes an error and not a crash.
func Copy(room, data []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			err = ErrFault
		}
	}()
	copy(room, data)
	return nil
}
