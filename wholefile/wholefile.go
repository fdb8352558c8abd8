// Package wholefile writes files that are there whole or not at all. A path and what is to stand in it enter; what
// leaves, also after a kill or a loss of power, is the file as it was before or as it was meant, never a part of one.
// It makes no directories, and two writers of one path do not mix: the last one's file stays.
package wholefile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Unfinished begins the names of files that are being written, each beside the one that it will be. A writer that is
// killed leaves one behind.
const Unfinished = ".writing-"

// Write is [os.WriteFile] for a file that must be whole.
func Write(path string, data []byte, perm fs.FileMode) error {
	return By(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// By writes a file with what the function writes. A new file has perm, less the umask; one that is replaced keeps its
// permissions. Where the function or the disk fails, what was there stays and nothing is left beside it.
func By(path string, perm fs.FileMode, write func(io.Writer) error) error {
	before, err := os.Stat(path)
	if err == nil && !before.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", path)
	}
	if err == nil {
		perm = before.Mode().Perm()
	}
	name := filepath.Join(filepath.Dir(path), Unfinished+rand.Text())
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	if before != nil {
		err = f.Chmod(perm) // the umask was the first writer's affair
	}
	err = errors.Join(err, write(f), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(name, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}
