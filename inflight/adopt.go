package inflight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sluice"
	"sluice/streams"
)

// Killed is what the lines of calls say whose process was killed.
const Killed = "the process was killed while the model was asked; settled at the most that the call can cost"

// Publisher stores messages and waits until the log has confirmed them; streams.Publisher is one.
type Publisher interface {
	Publish(ctx context.Context, msgs []streams.Message) ([]streams.Ack, error)
}

// Adoption takes over what dead processes of a directory left. Dir and Publisher are required.
type Adoption struct {
	Dir       string
	Publisher Publisher
	// May says whose lines this process may publish, by stage; nil: everybody's. Those of others stay.
	May func(stage string) bool
	// Pay takes what calls did cost, or may have, out of the purse that their process paid from; nil: nobody pays. A
	// payer's sum is at least cost then, whatever was paid before. The payer is that process for what its calls that
	// ended did cost in all, and one of the calls for those that had not ended: a line is missing once.
	Pay func(ctx context.Context, p Purse, payer string, cost sluice.MicroUSD) error
}

// Adopted says what was found.
type Adopted struct {
	// Calls are in the ledger now. Missing of them had no line before, and cost Cost; Bounds of those had not ended, and
	// stand at the most that they can cost.
	Calls, Missing, Bounds int
	Cost                   sluice.MicroUSD
	// Torn counts slots that can't be read. A process that dies while it writes one down has not made the call yet;
	// after a loss of power nobody knows.
	Torn int
	// Left counts calls that could not be published, or not by this process: they stay.
	Left int
}

// Run publishes the lines that dead processes could not, and removes their files: of calls that had ended as they were,
// of those in flight at the most that they can cost. What can't be published stays for the next run, which changes
// nothing that an earlier one did. Files of living processes are not touched. Its error is about files or the log, and
// harms nobody.
func (a Adoption) Run(ctx context.Context) (Adopted, error) {
	var sum Adopted
	entries, err := os.ReadDir(a.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return sum, fmt.Errorf("calls in flight: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		if err := a.adopt(ctx, filepath.Join(a.Dir, e.Name()), &sum); err != nil {
			errs = append(errs, fmt.Errorf("calls in flight: %s: %w", e.Name(), err))
		}
	}
	return sum, errors.Join(errs...)
}

// adopt takes over one file, if its process is dead.
func (a Adoption) adopt(ctx context.Context, path string, sum *Adopted) (err error) {
	f, err := claim(path, 0)
	if errors.Is(err, errHeld) || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	found := orphans{path: path, file: f}
	if err := found.read(data); err != nil {
		return err
	}
	sum.Torn += found.torn
	return a.publish(ctx, &found, sum)
}

// publish stores the lines of a file that are this process's to store, and has the purse learn what they cost.
func (a Adoption) publish(ctx context.Context, o *orphans, sum *Adopted) error {
	var ours []orphan
	var facts []streams.Message
	for _, l := range o.lines {
		if !a.may(l.line.Stage) {
			continue
		}
		fact, err := streams.BilledFact(l.line)
		if err != nil {
			return err
		}
		ours, facts = append(ours, l), append(facts, fact)
	}
	var acks []streams.Ack
	var failed error
	if len(facts) > 0 {
		acks, failed = a.Publisher.Publish(ctx, facts)
	}
	got := o.clear(ours, acks, sum)
	sum.Calls, sum.Left = sum.Calls+got.stored, sum.Left+len(o.lines)-got.stored
	failed = errors.Join(failed, a.pay(ctx, o.purse, got.payer, got.owed))
	unpaid := a.pay(ctx, o.purse, o.purse.Payer, o.spent)
	if unpaid == nil && got.stored == len(o.lines) && (o.spent == 0 || a.may(o.purse.Stage)) {
		failed = errors.Join(failed, os.Remove(o.path)) // before the lock ends
	}
	return errors.Join(failed, unpaid)
}

// may says whether this process may write for a stage.
func (a Adoption) may(stage string) bool { return a.May == nil || a.May(stage) }

// pay pays from a purse, if there is one that is this process's to pay from, and something to pay.
func (a Adoption) pay(ctx context.Context, p Purse, payer string, cost sluice.MicroUSD) error {
	if cost == 0 || p.Name == "" || a.Pay == nil || !a.may(p.Stage) {
		return nil
	}
	return a.Pay(ctx, p, payer, cost)
}

// cleared is what became of a file's lines: how many are stored, and what the purse does not know of those that no
// process had stored before, payer one of them.
type cleared struct {
	stored int
	owed   sluice.MicroUSD
	payer  string
}

// clear frees the slots of lines that are stored, and counts them.
func (o *orphans) clear(ours []orphan, acks []streams.Ack, sum *Adopted) (c cleared) {
	for i, ack := range acks {
		if ack.Stream == "" {
			continue
		}
		c.stored++
		if l := ours[i]; ack.New {
			sum.Missing++
			sum.Cost += l.line.Cost
			if !l.ended {
				sum.Bounds++
			}
			if !l.ended || o.purse.Payer == "" {
				c.owed, c.payer = c.owed+l.line.Cost, l.line.ID
			}
		}
		// A slot that can't be cleared is published again, which changes nothing (Invariant 2).
		_, _ = o.file.WriteAt(nothing[:], ours[i].at)
	}
	return c
}

// orphans is what a dead process's file holds.
type orphans struct {
	path  string
	file  *os.File
	purse Purse
	spent sluice.MicroUSD // by its process's calls that ended
	lines []orphan
	torn  int
}

// orphan is one line, whether its call had ended, and where its slot begins.
type orphan struct {
	line  sluice.Call
	ended bool
	at    int64
}

// read reads a file. One whose process died before it was made has no head, and holds nothing.
func (o *orphans) read(data []byte) (err error) {
	if len(data) < slotBytes || le.Uint32(data) == 0 {
		return nil
	}
	if o.purse, o.spent, err = readHead(data[:slotBytes]); err != nil {
		return fmt.Errorf("it can't be read, and stays: %w", err)
	}
	for at := slotBytes; at+slotBytes <= len(data); at += slotBytes {
		line, ended, err := readSlot(data[at : at+slotBytes])
		switch {
		case err != nil:
			o.torn++
			continue
		case line.ID == "":
			continue
		case !ended:
			line.CostEstimated, line.Outcome, line.Error = true, sluice.OutcomeBroken, Killed
		}
		o.lines = append(o.lines, orphan{line, ended, int64(at)})
	}
	return nil
}
