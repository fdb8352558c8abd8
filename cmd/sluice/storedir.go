package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"sluice/wholefile"
)

var errTaken = errors.New("taken by another process")

// lockDir takes the directory for this process; the lock ends with the file, or with the process.
func lockDir(dir string) (*os.File, error) {
	// The data directory is open to pass through: root's Postgres runs as another user.
	err := os.MkdirAll(filepath.Dir(dir), 0o755) //nolint:gosec // see above
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w; choose another with --data-dir or SLUICE_DATA_DIR", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w; choose another with --data-dir or SLUICE_DATA_DIR", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", dir, errTaken)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}

// serverFile says where the running embedded server of a store listens, for other processes and for
// people with the nats CLI.
type serverFile struct {
	URL string `json:"url"`
	PID int    `json:"pid"`
}

func serverFilePath(storeDir string) string { return filepath.Join(storeDir, "server.json") }

func writeServerFile(storeDir, url string) error {
	data, err := json.Marshal(serverFile{URL: url, PID: os.Getpid()})
	if err != nil {
		return fmt.Errorf("record the log's address: %w", err)
	}
	if err := wholefile.Write(serverFilePath(storeDir), data, 0o600); err != nil {
		return fmt.Errorf("record the log's address: %w", err)
	}
	return nil
}

func readServerFile(storeDir string) (string, error) {
	data, err := os.ReadFile(serverFilePath(storeDir))
	if err != nil {
		return "", fmt.Errorf("the log's address: %w", err)
	}
	var f serverFile
	if err := json.Unmarshal(data, &f); err != nil {
		return "", fmt.Errorf("the log's address: %w", err)
	}
	return f.URL, nil
}
