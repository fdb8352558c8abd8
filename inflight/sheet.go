package inflight

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sluice"
	"sluice/mapped"
)

const (
	suffix = ".calls"
	// magic begins the head of a sheet; another layout has another.
	magic = "sluice calls in flight 1"
	// sheetSlots are those of one file, its head included.
	sheetSlots = 512
)

// Purse names the shared purse that a process pays from, if any: see streams.OpenPurse.
type Purse struct{ Stage, Name string }

// sheet is one file of slots, which belongs to this process. The first slot is its head.
type sheet struct {
	path string
	file *os.File
	room []byte // the file in memory; nil where it is written to instead
}

// newSheet makes a sheet of free slots. A disk without room for it leaves nothing behind.
func newSheet(dir string, p Purse, allocate func(*os.File, int64) ([]byte, error)) (*sheet, error) {
	s, err := createSheet(dir)
	if err != nil {
		return nil, err
	}
	s.room, err = allocate(s.file, sheetSlots*slotBytes)
	if err == nil {
		err = s.put(0, 0, sealed(appendHead(make([]byte, slotHead), p), 0))
	}
	if err != nil {
		return nil, errors.Join(err, s.close(true))
	}
	return s, nil
}

// createSheet makes a file of its own name. Somebody who looks for what dead processes left may take it, and even
// remove it, before its maker can: then another is made.
func createSheet(dir string) (*sheet, error) {
	for try := 1; ; try++ {
		path := filepath.Join(dir, sluice.NewID()+suffix)
		f, err := claim(path, os.O_CREATE|os.O_EXCL)
		if err == nil {
			return &sheet{path: path, file: f}, nil
		}
		if !errors.Is(err, errHeld) && !errors.Is(err, os.ErrNotExist) || try == 3 {
			return nil, err
		}
	}
}

// put writes into a slot, from a byte of it on.
func (s *sheet) put(slot, from int32, b []byte) error {
	at := int(slot)*slotBytes + int(from)
	if s.room == nil {
		_, err := s.file.WriteAt(b, int64(at))
		return err
	}
	return mapped.Copy(s.room[at:at+len(b)], b)
}

// close gives the file to others, or removes it.
func (s *sheet) close(remove bool) error {
	errs := []error{mapped.Release(s.room)}
	s.room = nil
	if remove { // before the lock ends
		errs = append(errs, os.Remove(s.path))
	}
	return errors.Join(append(errs, s.file.Close())...)
}

// appendHead writes the body of a sheet's head.
func appendHead(b []byte, p Purse) []byte {
	for _, text := range []string{magic, p.Stage, p.Name} {
		b = appendText(b, text)
	}
	return b
}

// readHead reads the head of a sheet.
func readHead(slot []byte) (p Purse, err error) {
	b, err := body(slot, 0)
	if err != nil {
		return p, err
	}
	r := reader{rest: b}
	if found := r.text(); found != magic {
		return p, fmt.Errorf("it begins with %.40q, and not with %q", found, magic)
	}
	p.Stage, p.Name = r.text(), r.text()
	if r.bad {
		return p, errTorn
	}
	return p, nil
}
