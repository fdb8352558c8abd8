package postgres

import (
	"fmt"
	"os"
	"strings"
)

// maxLog is the size at which a start sets the server's log aside.
const maxLog = 10 << 20

// openLog opens the server's log for appending; one that has grown large is kept as ".1".
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("set the server's log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640) //nolint:gosec // for the operator's group
	if err != nil {
		return nil, fmt.Errorf("the server's log: %w", err)
	}
	return f, nil
}

// tailOf is what the log says since an offset, at most its last 2 KB.
func tailOf(path string, from int64) string {
	data, err := os.ReadFile(path)
	if err != nil || int64(len(data)) < from {
		return ""
	}
	data = data[from:]
	if len(data) > 2<<10 {
		data = data[len(data)-2<<10:]
	}
	return strings.TrimSpace(string(data))
}
