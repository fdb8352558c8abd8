package producers

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"sluice/plaintext"
)

// source is an open file, decompressed and without its byte order mark.
type source struct {
	*bufio.Reader
	file *os.File
}

// open opens a file for reading. A pipe is refused: a data
// set is read more than once, and a pipe would be empty from the second time on.
func open(path string) (*source, error) {
	switch info, err := os.Stat(path); { // before it is opened, which would wait for a pipe's writer
	case err != nil:
		return nil, fmt.Errorf("open data set: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("open data set %s: it is a directory; name a file", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("open data set %s: it is a pipe or a device, and a data set is read more than once; save it as a file first", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open data set: %w", err)
	}
	text, err := plaintext.Reader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open data set %s: %w", path, err), f.Close())
	}
	return &source{Reader: text, file: f}, nil
}

// Close closes the file.
func (s *source) Close() error { return s.file.Close() }

// HashFile is the SHA-256 of the file's bytes in hex: what a checkpoint knows a data set by.
func HashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("hash data set: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash data set %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
