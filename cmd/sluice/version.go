package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCmd shows what this binary was built from.
type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run(m *Main) error {
	_, err := fmt.Fprintln(m.Stdout, version())
	return err
}

// version reads what the Go toolchain recorded in the binary.
func version() string {
	revision, dirty := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision" && len(s.Value) >= 12:
				revision = s.Value[:12]
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = " with local changes"
			}
		}
	}
	return fmt.Sprintf("sluice, revision %s%s, %s %s/%s", revision, dirty, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
