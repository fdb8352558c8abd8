package wholefile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/wholefile"
)

// holds fails unless the directory has just this one file, with these words and permissions.
func holds(t *testing.T, path, words string, perm fs.FileMode) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("the directory holds %v (%v)", entries, err)
	}
	data, err := os.ReadFile(path)
	if err != nil || string(data) != words {
		t.Errorf("the file holds %q (%v), not %q", data, err, words)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != perm {
		t.Errorf("permissions %v (%v), not %v", info.Mode(), err, perm)
	}
}

func TestAFileIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := wholefile.Write(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "first", 0o600)
}

func TestAReplacedFileKeepsItsPermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, perm := range []fs.FileMode{0o666, 0o400} { // one that the umask would take from, and one that can't be written to
		err := errors.Join(wholefile.Write(path, []byte("first"), 0o600), os.Chmod(path, perm))
		if err := errors.Join(err, wholefile.Write(path, []byte("second"), 0o640)); err != nil {
			t.Fatal(err)
		}
		holds(t, path, "second", perm)
	}
}

func TestUntilAllIsWrittenTheFileIsAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := wholefile.Write(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	halfway := errors.New("half way")
	err := wholefile.By(path, 0o600, func(w io.Writer) error {
		if _, err := io.WriteString(w, "sec"); err != nil {
			t.Error(err)
		}
		if data, err := os.ReadFile(path); string(data) != "first" {
			t.Errorf("half way the file holds %q (%v)", data, err)
		}
		return halfway
	})
	if !errors.Is(err, halfway) {
		t.Errorf("the error is %v", err)
	}
	holds(t, path, "first", 0o600)
}

func TestAFileThatFailsIsNotThere(t *testing.T) {
	dir := t.TempDir()
	err := wholefile.By(filepath.Join(dir, "f"), 0o600, func(io.Writer) error { return io.ErrShortWrite })
	if left, _ := os.ReadDir(dir); !errors.Is(err, io.ErrShortWrite) || len(left) > 0 {
		t.Errorf("left %v, error %v", left, err)
	}
}

// TestWhatAKilledWriterLeavesIsKnownByItsName: whoever reads a whole directory leaves those files out.
func TestWhatAKilledWriterLeavesIsKnownByItsName(t *testing.T) {
	dir := t.TempDir()
	err := wholefile.By(filepath.Join(dir, "f"), 0o600, func(io.Writer) error {
		entries, err := os.ReadDir(dir)
		if len(entries) != 1 || !strings.HasPrefix(entries[0].Name(), wholefile.Unfinished) {
			t.Errorf("half way the directory holds %v", entries)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestADirectoryIsNotMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nowhere")
	if err := wholefile.Write(filepath.Join(dir, "f"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory was made (%v)", err)
	}
}

// TestWhatIsNoFileStaysWhatItIs: root would otherwise put a file in the place of /dev/null.
func TestWhatIsNoFileStaysWhatItIs(t *testing.T) {
	for _, path := range []string{t.TempDir(), os.DevNull} {
		if err := wholefile.Write(path, nil, 0o600); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s: the error is %v", path, err)
		}
	}
}
