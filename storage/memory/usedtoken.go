package memory

import (
	"context"
	"time"
)

// UseToken implements engine.UsedTokens.
func (s *Store) UseToken(ctx context.Context, token [32]byte, now, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	if kept, used := s.used[token]; used && now.Before(kept) {
		return false, nil
	}
	for other, kept := range s.used { // some of them, in no order: enough to keep up
		if now.Before(kept) {
			break
		}
		delete(s.used, other)
	}
	s.used[token] = until
	return true, nil
}
