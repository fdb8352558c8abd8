package spool

// roomy is what counts as room for an intent, in bytes: a long question.
const roomy = 64 << 10

// Room says whether an intent would find room now, and makes some where there is none yet; [ErrFull] where the
// disk has none: until it does, requests had better go elsewhere.
func (s *Spool) Room() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.segments[len(s.segments)-1]; s.closed || g.written+roomy+headroom+frameHead <= g.size {
		return nil
	}
	_, err := s.rotate(0)
	return err
}
