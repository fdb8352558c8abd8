package mapped_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sluice/mapped"
)

func allocated(t *testing.T) (path string, f *os.File, room []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "f")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if room, err = mapped.Allocate(f, 8192); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := mapped.Release(room); err != nil {
			t.Error(err)
		}
	})
	return path, f, room
}

func TestWhatIsCopiedIsInTheFile(t *testing.T) {
	path, f, room := allocated(t)
	if room == nil { // a file system that allocates nothing ahead: it is written to
		if _, err := f.WriteAt([]byte("text"), 5000); err != nil {
			t.Fatal(err)
		}
	} else if err := mapped.Copy(room[5000:], []byte("text")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) != 8192 || string(data[4999:5005]) != "\x00text\x00" {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestADiskThatFailsIsAnErrorAndNoCrash(t *testing.T) {
	_, f, room := allocated(t)
	if room == nil {
		return // nothing is written through memory here, so nothing can fault
	}
	if err := f.Truncate(0); err != nil { // as if its pages were lost
		t.Fatal(err)
	}
	if err := mapped.Copy(room, []byte("x")); !errors.Is(err, mapped.ErrFault) {
		t.Errorf("got %v", err)
	}
}
