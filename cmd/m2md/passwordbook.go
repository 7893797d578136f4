package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/storage"
)

// keepUsesEvery is how often the last uses of app passwords are written.
const keepUsesEvery = 10 * time.Second

// passwordBook is what a daemon keeps of app passwords beside their records:
// when they were last used, and how they are all together.
type passwordBook struct {
	store  storage.Store
	live   *engine.Live
	log    *slog.Logger
	uses   *engine.AppPasswordUses
	hasher *engine.PasswordHasher

	mu      sync.Mutex // guards what follows
	last    engine.AppPasswordSummary
	of      *engine.Engine // under which last was made
	took    time.Duration
	revived []serve.RevivedAccount
	failing bool // the last write of uses failed
	errors  uint64
}

func openPasswordBook(store storage.Store, live *engine.Live, log *slog.Logger) (*passwordBook, error) {
	hasher, err := engine.NewPasswordHasher(engine.PasswordHasherOptions{Random: rand.Reader})
	return &passwordBook{store: store, live: live, log: log, uses: engine.NewAppPasswordUses(), hasher: hasher}, err
}

// Close writes the uses that are not written yet. Requests are over by then.
func (b *passwordBook) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := b.uses.Keep(ctx, b.store); err != nil {
		lost, _ := b.uses.Pending()
		b.log.Error("the last uses of app passwords could not be written and are lost", "app_passwords", lost, "err", err)
	}
}

// tend writes uses now and then, and reminds of what expires, until stop is
// called, which waits for both.
func (b *passwordBook) tend(every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.keepUses(ctx, every) })
	running.Go(func() { b.remind(ctx) })
	return func() { cancel(); running.Wait() }
}

func (b *passwordBook) keepUses(ctx context.Context, every time.Duration) {
	again := time.NewTicker(every)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-b.uses.Many():
		}
		// Not under ctx: a write under way is finished.
		b.kept(b.uses.Keep(context.Background(), b.store))
	}
}

// kept tells how a write of uses ended, where that is news.
func (b *passwordBook) kept(err error) {
	b.mu.Lock()
	before := b.failing
	if b.failing = err != nil; b.failing {
		b.errors++
	}
	b.mu.Unlock()
	switch {
	case err != nil && !before:
		b.log.Error("writing the last uses of app passwords failed; it is tried again", "err", err)
	case err == nil && before:
		b.log.Info("the last uses of app passwords are written again")
	}
}

// atMost is which share of the time may go into summaries that nobody forces.
const atMost = 100

// summary tells of all app passwords: as they are now, or, where that would take
// much of the time, as they were a moment ago under the same generation.
func (b *passwordBook) summary(fresh bool) (engine.AppPasswordSummary, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	live, began := b.live.Load(), time.Now()
	if !fresh && b.of == live && began.Sub(b.last.At) < atMost*b.took {
		return b.last, nil
	}
	summary, err := live.Summarize(context.Background(), b.store, b.uses, began)
	if err != nil {
		return engine.AppPasswordSummary{}, fmt.Errorf("counting app passwords: %w", err)
	}
	b.last, b.of, b.took = summary, live, time.Since(began)
	return summary, nil
}

// remind warns, now and then once a day, of app passwords that end soon and are
// used. It returns when ctx ends.
func (b *passwordBook) remind(ctx context.Context) {
	again := time.NewTicker(remindEvery)
	defer again.Stop()
	for {
		summary, err := b.summary(false)
		if err != nil {
			b.log.Error("looking for app passwords that expire failed", "err", err)
		}
		for _, one := range summary.EndingSoon() {
			b.log.Warn("an app password expires, and is used", "app_password", one.ID, "account", one.Account, "expires", when(one.EndsAt),
				"left", daysLeft(one.EndsAt, summary.At), "last_used", when(one.LastUse.At), "last_used_from", one.LastUse.From.String())
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// swapped tells whose app passwords another generation lets in again, and whose
// it lets in no more.
func (b *passwordBook) swapped(before, after *engine.Engine) {
	var revived []serve.RevivedAccount
	if before != nil { // nobody knows what an earlier process served
		revived = b.declaredOnlyIn(after, before)
		for _, one := range revived {
			b.log.Warn("app passwords let in again, as their account is declared again", "account", one.Account, "app_passwords", one.AppPasswords)
		}
		for _, one := range b.declaredOnlyIn(before, after) {
			b.log.Warn("app passwords let nobody in any more, as no file declares their account", "account", one.Account, "app_passwords", one.AppPasswords)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.revived = revived
}

// declaredOnlyIn are accounts with app passwords that one generation declares
// and another does not.
func (b *passwordBook) declaredOnlyIn(one, other *engine.Engine) (accounts []serve.RevivedAccount) {
	for _, label := range one.Accounts() {
		if _, both := other.Account(label); both {
			continue
		}
		n, err := b.store.CountAppPasswords(context.Background(), label)
		if err != nil {
			b.log.Error("counting app passwords failed", "err", err)
			return accounts
		}
		if n.Kept > 0 {
			accounts = append(accounts, serve.RevivedAccount{Account: label, AppPasswords: n.Kept})
		}
	}
	return accounts
}

// tellStatus adds to a status what there is to tell of app passwords.
func (b *passwordBook) tellStatus(status *serve.Status) {
	summary, err := b.summary(true)
	if err != nil {
		b.log.Error("telling the status failed", "err", err)
		status.AppPasswords.Error = err.Error()
		return
	}
	status.Orphaned = summary.Orphaned
	told := &status.AppPasswords
	told.Active, told.Expired = summary.Counts[engine.StateActive], summary.Counts[engine.StateExpired]
	told.Revoked, told.Orphaned = summary.Counts[engine.StateRevoked], summary.Counts[engine.StateOrphaned]
	told.MoreOrphaned = summary.MoreOrphaned
	for _, one := range summary.EndingSoon() {
		told.EndingSoon = append(told.EndingSoon, serve.TellAppPassword(one))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	told.Revived = b.revived
}

// shownEnding bounds how many app passwords that end soon status shows one by one.
const shownEnding = 20

// writePasswordStatus tells people of app passwords, by lines of a name and a text.
func writePasswordStatus(line func(name, form string, args ...any), s serve.Status) {
	p := s.AppPasswords
	if p.Error != "" {
		line("app passwords", "UNKNOWN: %s", p.Error)
		return
	}
	counts := fmt.Sprintf("active %d, expired %d, revoked %d", p.Active, p.Expired, p.Revoked)
	if p.Orphaned > 0 {
		counts += fmt.Sprintf(", orphaned %d", p.Orphaned)
	}
	line("app passwords", "%s", counts)
	for i, one := range p.EndingSoon {
		if i == shownEnding {
			line("expiring", "and %d others, which `m2md app-password list --expiring 14d` shows", len(p.EndingSoon)-i)
			break
		}
		line("expiring", "%s", endingLine(one))
	}
	if len(s.Orphaned) > 0 {
		names := strings.Join(s.Orphaned, ", ")
		if p.MoreOrphaned {
			names += " and others"
		}
		line("orphaned", "%s: app passwords without a service_account block, which are inert", names)
	}
	for _, one := range p.Revived {
		line("revived", "%s: app passwords that let in again (%d), as the account is declared again", one.Account, one.AppPasswords)
	}
}

// endingLine is an app password that ends soon and is used.
func endingLine(p serve.AppPassword) string {
	line := fmt.Sprintf("%s of %s, on %s, and used %s", p.ID, p.Account, when(p.ExpiresAt), when(p.LastUsedAt))
	if p.LastUsedFrom.IsValid() {
		line += " from " + p.LastUsedFrom.String()
	}
	return line
}
