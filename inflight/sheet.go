package inflight

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

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
type Purse struct {
	Stage, Name string
	// Payer is the process's own name in it. Where it is known the journal adds up what calls that ended did cost, so
	// that the purse learns of all of them, and of none twice.
	Payer string
}

// sumBytes is the room at the end of the first sheet's head for what the process's calls that ended did cost, in
// micro-dollars, little-endian.
const sumBytes = 8

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
		err = s.put(0, 0, head(p))
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

// head makes the head of a sheet: a body that all builds read, and behind it, in the manner of an end, the payer.
func head(p Purse) []byte {
	b := make([]byte, slotHead)
	for _, text := range []string{magic, p.Stage, p.Name} {
		b = appendText(b, text)
	}
	b = sealed(b, 0)
	if p.Payer == "" {
		return b
	}
	payer := sealed(appendText(make([]byte, slotHead), p.Payer), le.Uint32(b[4:]))
	return slices.Concat(b, payer)
}

// readHead reads the head of a sheet, and what the calls that ended did cost where that is written down.
func readHead(slot []byte) (p Purse, spent sluice.MicroUSD, err error) {
	b, err := body(slot, 0)
	if err != nil {
		return p, 0, err
	}
	r := reader{rest: b}
	if found := r.text(); found != magic {
		return p, 0, fmt.Errorf("it begins with %.40q, and not with %q", found, magic)
	}
	p.Stage, p.Name = r.text(), r.text()
	if r.bad {
		return p, 0, errTorn
	}
	if b, err := body(slot[slotHead+len(b):], le.Uint32(slot[4:])); err == nil && b != nil {
		r := reader{rest: b}
		p.Payer = r.text()
		spent = sluice.MicroUSD(le.Uint64(slot[slotBytes-sumBytes:]))
	}
	return p, spent, nil
}
