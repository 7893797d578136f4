package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// maxBroughtActive is how many app passwords that were brought along an account
// may have at a time. Each check of one compares with all of them.
const maxBroughtActive = 3

// Import keeps a password that was brought along, under a slow hash, as its
// entropy is not known. It works with the account's name only.
//
// All those of an account have one salt, so that one hash answers for all of
// them: a guess costs as much as for one, and the time that a check takes does
// not tell how many there are. That two of them are equal is refused.
func (m AppPasswords) Import(ctx context.Context, ask AppPasswordAsk, password string) (AppPassword, error) {
	if err := m.admissible(&ask); err != nil {
		return AppPassword{}, err
	}
	if err := CheckBrought(ask.Account, password); err != nil {
		return AppPassword{}, fmt.Errorf("%w: the password cannot be imported: %w", ErrForbidden, err)
	}
	for { // until nobody else imports the account's first at the same time
		kept, err := m.importOnce(ctx, ask, password)
		if !errors.Is(err, errOtherSalt) {
			return kept, err
		}
	}
}

// errOtherSalt is returned where the salt of an account is another by now.
var errOtherSalt = errors.New("another import was quicker")

func (m AppPasswords) importOnce(ctx context.Context, ask AppPasswordAsk, password string) (AppPassword, error) {
	now := m.Now()
	hash, err := m.hashBrought(ctx, ask.Account, password, now)
	if err != nil {
		return AppPassword{}, err
	}
	id, err := randomText(m.Random, idLength)
	if err != nil {
		return AppPassword{}, fmt.Errorf("making an ID: %w", err)
	}
	record := AppPassword{ID: id, Account: ask.Account, Brought: hash, CreatedAt: now}
	m.describe(&record, ask)
	err = m.Store.ChangeAppPasswords(ctx, func(tx AppPasswordTx) error {
		if err := m.room(tx, []AppPasswordAsk{ask}, now); err != nil {
			return err
		}
		if err := besideBrought(tx, record, now); err != nil {
			return err
		}
		return tx.Create(record)
	})
	if err != nil {
		return AppPassword{}, err
	}
	return record, nil
}

// hashBrought hashes a password with the salt that its account has already, and
// a new one where it has none. This is done outside of any transaction.
func (m AppPasswords) hashBrought(ctx context.Context, account, password string, now time.Time) (PasswordHash, error) {
	others, _, err := m.Store.BroughtAppPasswords(ctx, account, now)
	if err != nil {
		return PasswordHash{}, err
	}
	way := PasswordHash{Cost: m.Hasher.opts.Cost}
	if salt, found := saltOf(others, way.Cost); found {
		way.Salt = salt
	} else if way.Salt, err = newSalt(m.Random); err != nil {
		return PasswordHash{}, fmt.Errorf("making a salt: %w", err)
	}
	return m.Hasher.compute(ctx, way, password)
}

// saltOf is the salt of app passwords that cost what a new one does.
func saltOf(others []AppPassword, cost HashCost) (salt [16]byte, found bool) {
	for _, other := range others {
		if other.Brought.Cost == cost {
			return other.Brought.Salt, true
		}
	}
	return salt, false
}

// compute hashes a password in its turn.
func (h *PasswordHasher) compute(ctx context.Context, way PasswordHash, password string) (PasswordHash, error) {
	if err := h.enter(ctx.Done()); err != nil {
		return PasswordHash{}, err
	}
	defer h.exit()
	return way.Cost.hash(password, way.Salt), nil
}

// besideBrought says whether another one has room beside those of an account.
func besideBrought(tx AppPasswordTx, record AppPassword, now time.Time) error {
	others, err := tx.Brought(record.Account, now)
	if err != nil {
		return err
	}
	if len(others) >= maxBroughtActive {
		return fmt.Errorf("%w: service_account %q has %d imported app passwords already; revoke one first", ErrForbidden, record.Account, len(others))
	}
	if salt, found := saltOf(others, record.Brought.Cost); found && salt != record.Brought.Salt {
		return errOtherSalt
	}
	for _, other := range others {
		if other.Brought.equal(record.Brought) {
			return fmt.Errorf("%w: the password is imported already, as %s", ErrForbidden, other.ID)
		}
	}
	return nil
}

// CheckBrought says why a password of an account cannot be brought along: it
// has not the form, or it is easily guessed. Its error quotes nothing.
func CheckBrought(account, password string) error {
	if err := CheckBroughtForm(password); err != nil {
		return err
	}
	const enough = 8
	if effort(strings.ToLower(password), strings.ToLower(account)) < enough {
		return errors.New("it is easily guessed: too much of it is the account's name, common words, repetitions or sequences; let m2md make one")
	}
	return nil
}

// commonWords are what passwords are made of that are guessed first.
var commonWords = []string{
	"password", "passwort", "passwd", "secret", "geheim", "changeme", "letmein", "welcome", "admin", "administrator",
	"root", "test", "default", "login", "token", "service", "account", "prometheus", "grafana", "docker", "qwertz", "qwerty", "asdf", "iloveyou", "monkey", "dragon", "master", "hello",
}

// effort counts the characters of a password that a guess does not get for
// nothing: a common word or the account's name is one, and so is a run such as
// aaaa, 1234 or dcba.
func effort(password, account string) int {
	for _, word := range append([]string{account}, commonWords...) {
		if len(word) > 2 {
			password = strings.ReplaceAll(password, word, "\x00")
		}
	}
	distinct := map[rune]bool{}
	count, before := 0, rune(-2)
	for _, c := range password {
		step := c - before
		if step < -1 || step > 1 || !unicode.IsLetter(c) && !unicode.IsDigit(c) && step != 0 {
			count++
		}
		distinct[c], before = true, c
	}
	return min(count, 2*len(distinct)) // abababababab
}
