package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// AppPasswordSummary tells of all app passwords at a time.
type AppPasswordSummary struct {
	At time.Time
	// Counts are how many there are in each state. Of more than ten thousand,
	// some may count as active or orphaned though they have expired: what max_age
	// alone keeps out, and what was orphaned before.
	Counts map[AppPasswordState]int
	// Orphaned are accounts that have app passwords and no block, in order;
	// MoreOrphaned says that there are others.
	Orphaned     []string
	MoreOrphaned bool
	// Ending are those of the active ones that end by themselves, be it by
	// max_age, the soonest first; of very many, the first hundred. MoreEnding is
	// how many others there are.
	Ending     []JudgedAppPassword
	MoreEnding int
}

// EndsSoon is how long before its end an app password in use is warned of.
const EndsSoon = 14 * 24 * time.Hour

// EndingSoon are those of Ending that end soon and are used, so that somebody
// should rotate them.
func (s AppPasswordSummary) EndingSoon() []JudgedAppPassword {
	var soon []JudgedAppPassword
	for _, one := range s.Ending {
		if !one.EndsAt.After(s.At.Add(EndsSoon)) && one.inUse(s.At) {
			soon = append(soon, one)
		}
	}
	return soon
}

// Accounts are the labels of the declared accounts, in order.
func (e *Engine) Accounts() []string { return keysOf(e.accounts) }

// Bounds of what a summary reads, whatever there is.
const (
	summaryEnding   = 100    // app passwords that it lists
	summaryAccounts = 100    // orphaned accounts that it names
	summaryReads    = 10_000 // records that it reads where there are no more, and else
	summaryFewReads = 200    // as each may take another page of the file into memory
)

// Summarize tells of all app passwords under a generation. It reads counts that
// the store keeps, and never all records. uses may be nil.
func (e *Engine) Summarize(ctx context.Context, store interface {
	AppPasswordStore
	AppPasswordFigures
}, uses *AppPasswordUses, now time.Time) (AppPasswordSummary, error) {
	s := summarizer{ctx: ctx, engine: e, store: store, figures: store, uses: uses, now: now}
	s.At, s.Counts = now, map[AppPasswordState]int{StateActive: 0, StateExpired: 0, StateRevoked: 0, StateOrphaned: 0}
	for _, step := range []func() error{s.count, s.orphans, s.outlived, s.ending} {
		if err := step(); err != nil {
			return AppPasswordSummary{}, err
		}
	}
	for state, n := range s.Counts { // what is read one after the other can differ
		s.Counts[state] = max(0, n)
	}
	return s.AppPasswordSummary, nil
}

// summarizer is one run of Summarize.
type summarizer struct {
	AppPasswordSummary
	ctx     context.Context
	engine  *Engine
	store   AppPasswordStore
	figures AppPasswordFigures
	uses    *AppPasswordUses
	now     time.Time
	later   int // how many active ones expire by their own expiry
	reads   int // how many records may be read for one purpose
	unnamed bool
}

// count counts as if all that has expired were of declared accounts.
func (s *summarizer) count() error {
	total, err := s.figures.CountAppPasswords(s.ctx, "")
	if err != nil {
		return err
	}
	expired, later, err := s.figures.CountExpiries(s.ctx, s.now)
	if err != nil {
		return err
	}
	s.later, s.reads = later, summaryReads
	if total.Kept+total.Revoked > summaryReads {
		s.reads = summaryFewReads
	}
	s.Counts[StateExpired], s.Counts[StateRevoked] = expired, total.Revoked
	var declared AppPasswordCount
	for label := range s.engine.accounts {
		n, err := s.figures.CountAppPasswords(s.ctx, label)
		if err != nil {
			return err
		}
		declared.Kept, declared.Revoked = declared.Kept+n.Kept, declared.Revoked+n.Revoked
	}
	s.MoreOrphaned = total != declared
	s.Counts[StateOrphaned] = max(0, total.Kept-declared.Kept)
	s.Counts[StateActive] = declared.Kept - expired
	return nil
}

// orphans finds accounts that no file declares, where there are any, and what of
// theirs has expired: that was counted as orphaned, too.
func (s *summarizer) orphans() error {
	if !s.MoreOrphaned {
		return nil
	}
	reads, after := 0, ""
	for {
		names, err := s.figures.AppPasswordAccounts(s.ctx, after, summaryReads)
		if err != nil {
			return err
		}
		for _, name := range names {
			if _, declared := s.engine.accounts[name]; declared {
				continue
			}
			if len(s.Orphaned) == summaryAccounts && reads >= s.reads {
				return nil
			}
			if err := s.orphan(name, &reads); err != nil {
				return err
			}
		}
		if len(names) < summaryReads {
			s.MoreOrphaned = s.unnamed
			return nil
		}
		after = names[len(names)-1]
	}
}

func (s *summarizer) orphan(account string, reads *int) error {
	if len(s.Orphaned) < summaryAccounts {
		s.Orphaned = append(s.Orphaned, account)
	} else {
		s.unnamed = true
	}
	return s.visit(account, reads, func(entry AppPasswordEntry) {
		switch state, end := s.engine.Judge(entry, s.now); {
		case state == StateExpired:
			s.Counts[StateOrphaned]--
			s.Counts[StateActive]++
		case state == StateOrphaned && !end.IsZero():
			s.later--
		}
	})
}

// visit calls f for the app passwords of an account, as far as they may be read.
func (s *summarizer) visit(account string, reads *int, f func(AppPasswordEntry)) error {
	if *reads >= s.reads {
		return nil
	}
	portion, err := s.store.ListAppPasswords(s.ctx, AppPasswordQuery{Account: account, Limit: s.reads - *reads})
	*reads += len(portion)
	for _, entry := range portion {
		f(entry)
	}
	return err
}

// outlived finds what max_age alone keeps out, and what it will: no count can
// tell, as it depends on the files.
func (s *summarizer) outlived() error {
	reads := 0
	for label, account := range s.engine.accounts {
		if account.rules.MaxAge == 0 {
			continue
		}
		if err := s.visit(label, &reads, s.aged); err != nil {
			return err
		}
	}
	return nil
}

// aged sorts an app password of an account with max_age.
func (s *summarizer) aged(entry AppPasswordEntry) {
	if entry.Damaged || !entry.Active(s.now) {
		return
	}
	switch state, end := s.engine.Judge(entry, s.now); {
	case state == StateExpired:
		s.Counts[StateActive]--
		s.Counts[StateExpired]++
		if !entry.ExpiresAt.IsZero() {
			s.later--
		}
	case state == StateActive:
		if entry.ExpiresAt.IsZero() {
			s.later++
		}
		if !end.Equal(entry.ExpiresAt) { // or it is found among those that expire
			s.end(entry, end)
		}
	}
}

// ending finds those that end soonest.
func (s *summarizer) ending() error {
	after := AppPassword{ExpiresAt: s.now}
	for reads := 0; reads < s.reads; {
		portion, err := s.figures.ExpiringAppPasswords(s.ctx, after, summaryEnding)
		if err != nil {
			return err
		}
		found := 0
		for _, entry := range portion {
			after = entry.AppPassword
			if state, end := s.engine.Judge(entry, s.now); state == StateActive && end.Equal(entry.ExpiresAt) {
				s.end(entry, end)
				found++
			}
		}
		if reads += len(portion); len(portion) < summaryEnding || found >= summaryEnding {
			break
		}
	}
	slices.SortFunc(s.Ending, func(a, b JudgedAppPassword) int {
		return cmp.Or(a.EndsAt.Compare(b.EndsAt), strings.Compare(a.ID, b.ID))
	})
	s.Ending = slices.Clip(s.Ending[:min(len(s.Ending), summaryEnding)])
	s.MoreEnding = max(0, s.later-len(s.Ending))
	return nil
}

func (s *summarizer) end(entry AppPasswordEntry, at time.Time) {
	if s.uses != nil {
		entry.LastUse = s.uses.lastUse(entry.ID, entry.LastUse)
	}
	s.Ending = append(s.Ending, JudgedAppPassword{AppPasswordEntry: entry, State: StateActive, EndsAt: at})
}
