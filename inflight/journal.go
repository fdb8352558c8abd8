package inflight

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"sluice"
	"sluice/mapped"
)

// Options describe a journal. Dir is required; any number of processes share one.
type Options struct {
	Dir string
	// Purse is what this process pays its calls from together with others, if anything.
	Purse Purse
	// Log hears, once, that a call could not be written down; nil: nobody does.
	Log *slog.Logger

	allocate func(*os.File, int64) ([]byte, error) // mapped.Allocate outside of tests
}

// Journal is what one process has in flight. It is safe for concurrent use and owns no goroutine. A nil
// *Journal keeps nothing.
type Journal struct {
	o Options

	mu     sync.Mutex
	sheets []*sheet
	free   []place
	open   map[string]entry // by the call's id
	buf    []byte           // a slot while it is made
	missed int
	closed bool
	spent  sluice.MicroUSD // by calls that ended; added up for a purse alone
}

// place is a slot of a sheet.
type place struct{ sheet, slot int32 }

// entry is a line that is written down.
type entry struct {
	place
	// end is where the body ends in the slot, sum the body's CRC.
	end int32
	sum uint32
}

// Open makes the first file of a journal. Its owner calls Close.
func Open(o Options) (*Journal, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.allocate == nil {
		o.allocate = mapped.Allocate
	}
	j := &Journal{o: o, open: map[string]entry{}, buf: make([]byte, 0, slotBytes)}
	err := os.MkdirAll(o.Dir, 0o700)
	if err == nil {
		err = j.grow()
	}
	if err != nil {
		return nil, fmt.Errorf("calls in flight: %w", err)
	}
	return j, nil
}

// Begin writes a line down whose call is about to be made. Its cost is the most that the call can cost. Where the
// disk has no room for another file, or a text of the line is absurdly long, the line is not written down and
// the call is made all the same. The line is not kept.
func (j *Journal) Begin(line *sluice.Call) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.begin(line); err != nil {
		if j.missed++; j.missed == 1 {
			j.o.Log.Warn("a call in flight can't be written down: it will be missing in the ledger if this process is killed",
				"call", line.ID, "error", err)
		}
	}
}

func (j *Journal) begin(line *sluice.Call) error {
	if j.closed {
		return os.ErrClosed
	}
	j.buf = appendLine(j.buf[:slotHead], line)
	if len(j.buf) > slotBytes {
		return fmt.Errorf("its line has %d bytes, a slot %d", len(j.buf), slotBytes)
	}
	if len(j.free) == 0 {
		if err := j.grow(); err != nil {
			return err
		}
	}
	at := j.free[len(j.free)-1]
	if err := j.sheets[at.sheet].put(at.slot, 0, sealed(j.buf, 0)); err != nil {
		return err
	}
	j.free = j.free[:len(j.free)-1]
	j.open[line.ID] = entry{at, int32(len(j.buf)), le.Uint32(j.buf[4:])}
	return nil
}

// End writes down what became of a call that has ended: from then on its line is known, and what the log does not take
// of it before this process ends is adopted as it is. A line that did not begin here changes nothing, and one that has
// no room left keeps the most that its call could cost. The line is not kept.
func (j *Journal) End(line *sluice.Call) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	j.pay(line.Cost)
	e, ok := j.open[line.ID]
	if !ok {
		return
	}
	j.buf = appendEnd(j.buf[:slotHead], line, slotBytes-int(e.end)-slotHead)
	if int(e.end)+len(j.buf) <= slotBytes {
		_ = j.sheets[e.sheet].put(e.slot, e.end, sealed(j.buf, e.sum)) // where the disk fails, as without room
	}
}

// pay adds up what calls did cost, for a purse. j.mu is held.
func (j *Journal) pay(cost sluice.MicroUSD) {
	if j.o.Purse.Payer == "" {
		return
	}
	j.spent += cost
	var b [sumBytes]byte
	le.PutUint64(b[:], uint64(j.spent))
	_ = j.sheets[0].put(0, slotBytes-sumBytes, b[:]) // where the disk fails, as far as the purse was told
}

// nothing is the head of a free slot.
var nothing [slotHead]byte

// Stored says that the log holds the line of a call, which from then on speaks for itself. An id that did not begin
// here changes nothing.
func (j *Journal) Stored(id string) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	e, ok := j.open[id]
	if !ok || j.closed {
		return
	}
	if j.sheets[e.sheet].put(e.slot, 0, nothing[:]) != nil {
		return // it stays, and changes nothing when it is adopted
	}
	delete(j.open, id)
	j.free = append(j.free, e.place)
}

// grow adds a sheet. j.mu is held, or j is known to nobody yet.
func (j *Journal) grow() error {
	s, err := newSheet(j.o.Dir, j.o.Purse, j.o.allocate)
	if err != nil {
		return err
	}
	n := int32(len(j.sheets))
	j.sheets = append(j.sheets, s)
	for slot := int32(sheetSlots - 1); slot > 0; slot-- { // the head is none; the first is taken first
		j.free = append(j.free, place{n, slot})
	}
	return nil
}

// Stats are a journal's figures.
type Stats struct {
	// Open counts the calls that are in flight, their lines' way to the log included; Missed those that could not
	// be written down.
	Open, Missed int
}

// Stats reads the figures.
func (j *Journal) Stats() Stats {
	if j == nil {
		return Stats{}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return Stats{Open: len(j.open), Missed: j.missed}
}

// Close removes the journal, but for files that hold calls whose lines never reached the log: those are left to
// the next process of the directory. What begins afterwards is not written down.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	left := map[int32]bool{}
	for _, at := range j.open {
		left[at.sheet] = true
	}
	left[0] = left[0] || len(left) > 0 && j.o.Purse.Payer != "" // it has the sum
	var errs []error
	for n, s := range j.sheets {
		errs = append(errs, s.close(!left[int32(n)]))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("calls in flight: %w", err)
	}
	return nil
}
