package main

import (
	"io"

	"sluice/wholefile"
)

// stdout is what a command line calls standard output where a file may stand.
const stdout = "-"

// writeTo writes a file in one step, or to standard output.
func (m *Main) writeTo(path string, write func(io.Writer) error) error {
	if path == stdout {
		return write(m.Stdout)
	}
	return wholefile.By(path, 0o666, write)
}
