package producers

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// source is an open file, decompressed and without its byte order mark.
type source struct {
	*bufio.Reader
	file *os.File
	gz   *gzip.Reader
}

// open opens a file for reading. Gzip is told by the first bytes, whatever the name says. A pipe is refused: a data
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
	s := &source{Reader: bufio.NewReaderSize(f, 64<<10), file: f}
	if magic, _ := s.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		if s.gz, err = gzip.NewReader(s.Reader); err != nil {
			return nil, errors.Join(fmt.Errorf("open data set %s: gzip: %w", path, err), f.Close())
		}
		s.Reader = bufio.NewReaderSize(s.gz, 64<<10)
	}
	if err := skipBOM(s.Reader); err != nil {
		return nil, errors.Join(fmt.Errorf("open data set %s: %w", path, err), s.Close())
	}
	return s, nil
}

// Close closes the file.
func (s *source) Close() error {
	var err error
	if s.gz != nil {
		err = s.gz.Close()
	}
	return errors.Join(err, s.file.Close())
}

// skipBOM passes over a UTF-8 byte order mark and refuses the two of UTF-16.
func skipBOM(r *bufio.Reader) error {
	head, _ := r.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err := r.Discard(3)
		return err
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return errors.New("the file is UTF-16; convert it to UTF-8 first")
	}
	return nil
}

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
