package spool

import (
	"errors"
	"os"
	"slices"
	"sync"
)

// commit shares forces to the disk among all who wait. The zero value is ready to use.
type commit struct {
	mu     sync.Mutex
	cond   *sync.Cond
	forced uint64 // frames that are on the disk
	busy   bool
	// lost are the frames that a force which failed with err was to bring there: another one may find nothing left
	// to do.
	lost uint64
	err  error
}

// wait returns once the frame is on the disk, or was to be and failed. Whoever finds nobody forcing forces for all;
// force tells how many frames that was for.
func (c *commit) wait(frame uint64, force func() (uint64, error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cond == nil {
		c.cond = sync.NewCond(&c.mu)
	}
	for c.forced < frame && c.lost < frame {
		if c.busy {
			c.cond.Wait()
			continue
		}
		c.busy = true
		c.mu.Unlock()
		n, err := force()
		c.mu.Lock()
		c.busy = false
		if err == nil {
			c.forced = max(c.forced, n)
		} else {
			c.lost, c.err = n, err
		}
		c.cond.Broadcast()
	}
	if frame <= c.lost {
		return c.err
	}
	return nil
}

// force brings everything that was written onto the disk.
func (s *Spool) force() (uint64, error) {
	s.mu.Lock()
	frames, moments, names := s.frames, s.forcing(), s.renamed
	full := s.dirty
	files := append(slices.Clip(full), s.segments[len(s.segments)-1])
	s.dirty, s.renamed = nil, false
	s.mu.Unlock()
	var errs []error
	for _, g := range files {
		if err := s.o.sync(g.file); !errors.Is(err, os.ErrClosed) { // closed: all of it is published
			errs = append(errs, err)
		}
	}
	if names {
		errs = append(errs, syncDir(s.o.Dir))
	}
	if err := errors.Join(errs...); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dirty, s.renamed = append(full, s.dirty...), s.renamed || names
		s.unforced(moments)
		return frames, errors.Join(ErrFull, err)
	}
	return frames, nil
}
