package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sluice"
	"sluice/wholefile"
)

// replicaFile holds, in the directory of a spool, the name under which its gateways lease budgets.
const replicaFile = "replica"

// replicaName names the gateway of a spool's directory, and is kept in there: the name, and with it what the last
// gateway had leased, goes where the spool goes. A directory that is new has a new name, whatever host and path it has:
// what was leased by a spool that is lost may have been spent, and is nobody's to take back.
func replicaName(dir string, draw func() string) (string, error) {
	path := filepath.Join(dir, replicaFile)
	data, err := os.ReadFile(path)
	if err == nil {
		if name := strings.TrimSpace(string(data)); name != "" && name == plainName(name) {
			return name, nil
		}
		return "", fmt.Errorf("%s holds no name of letters, digits and -; if it can't be mended, remove it: what this gateway leased of budgets counts as spent then, until its period ends", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the name of this gateway: %w", err)
	}
	name, err := newReplicaName(dir, draw)
	if err != nil {
		return "", err
	}
	return name, wholefile.Write(path, []byte(name+"\n"), 0o666)
}

// newReplicaName is the name of a directory that has none. One that holds a spool was named after host and path by
// versions that kept no file.
func newReplicaName(dir string, draw func() string) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	used, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	if err != nil {
		return "", err
	}
	last := sluice.HashID(abs)[:8]
	if len(used) == 0 {
		last = strings.ToLower(draw())[:8]
	}
	return fmt.Sprintf("%.40s-%s-%s", plainName(host), filepath.Base(dir), last), nil
}

// plainName is a text with everything but letters, digits and - replaced.
func plainName(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, text)
}
