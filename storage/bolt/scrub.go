package bolt

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// Scrub implements storage.Store. bbolt leaves what was replaced or removed in
// pages that it will use again some time; these are overwritten with zeros.
// They are the very pages that its next write may take, so the file stays as
// whole as that write would leave it, wherever this is interrupted.
func (s *Store) Scrub(ctx context.Context) error {
	err := s.update(ctx, func(tx *bbolt.Tx) error { // which waits for no reader: there is none
		size := s.db.Info().PageSize
		zeros := make([]byte, size)
		for id := range int(tx.Size() / int64(size)) {
			page, err := tx.Page(id)
			if err != nil {
				return err
			}
			if page == nil || page.Type != "free" {
				continue
			}
			if _, err := s.file.WriteAt(zeros, int64(id)*int64(size)); err != nil {
				return err
			}
		}
		return errors.Join(s.file.Sync(), errUnchanged)
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return fmt.Errorf("scrubbing storage %s: %w", s.path, err)
	}
	return nil
}
