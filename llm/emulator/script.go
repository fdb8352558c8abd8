package emulator

import (
	"fmt"
	"sync"
)

// scripts are faults that were said in advance, by model.
type scripts struct {
	mu     sync.Mutex
	faults map[string][]Fault
}

// Script has the model's next requests go wrong in these ways, one each and in this order, after those
// scripted before; an empty fault is a request that goes well. Requests without a script left have their
// faults drawn as ever. The model "" is every one that has no script of its own.
func (s *Server) Script(model string, faults ...Fault) error {
	for _, f := range faults {
		if f != "" && !known(f) {
			return fmt.Errorf("emulator: there is no fault %q", f)
		}
	}
	s.scripts.mu.Lock()
	defer s.scripts.mu.Unlock()
	if s.scripts.faults == nil {
		s.scripts.faults = map[string][]Fault{}
	}
	s.scripts.faults[model] = append(s.scripts.faults[model], faults...)
	return nil
}

func known(f Fault) bool {
	for _, r := range (Faults{}).rates() {
		if r.name == f {
			return true
		}
	}
	return false
}

// fault is that of the n-th request: the script's, or a drawn one.
func (s *Server) fault(model string, n uint64, shares Faults) Fault {
	s.scripts.mu.Lock()
	defer s.scripts.mu.Unlock()
	for _, m := range []string{model, ""} {
		if script := s.scripts.faults[m]; len(script) > 0 {
			s.scripts.faults[m] = script[1:]
			return script[0]
		}
	}
	return shares.of(s.cfg.Seed, n)
}
