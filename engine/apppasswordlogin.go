package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/m2md/m2md/engine/oauth2"
)

// authenticateAppPassword finds the account of an app password. That the
// account must be declared is what makes deleting its block end its logins.
func (e *Engine) authenticateAppPassword(ctx context.Context, a *attempt, shown proof) (*identity, error) {
	record, err := e.findAppPassword(ctx, shown)
	if err != nil {
		a.tracePassword(shown, nil, nil, err)
		return nil, err
	}
	account, declared := e.accounts[record.Account]
	if !declared {
		a.tracePassword(shown, record, nil, nil)
		return nil, badClaims("the app password %s belongs to %s, which no service_account block declares", record.ID, record.Account)
	}
	now := e.deps.Now()
	err = account.permits(record, now, a.ClientIP, a.Provider)
	a.tracePassword(shown, record, account, err)
	if err != nil {
		return nil, badClaims("%s", err) // it was not guessed
	}
	e.deps.Uses.use(record.ID, LastUse{now, a.ClientIP, a.Provider})
	a.limit(record.Limits.Scopes)
	return &identity{subject: account.label, origin: account.origin(), account: account}, nil
}

// findAppPassword finds the record of the app password that is shown. Which of
// the two kinds it can be is told by its form, so that one that m2md made never
// costs a slow hash.
func (e *Engine) findAppPassword(ctx context.Context, shown proof) (*AppPassword, error) {
	if shown.username != "" && !looksMade(shown.password) {
		return e.findBrought(ctx, shown)
	}
	id, err := ParseAppPassword(shown.password)
	if err != nil {
		return nil, badProof("%s", err)
	}
	record, err := e.deps.AppPasswords.AppPassword(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, badProof("no app password has the ID %s", id)
	}
	if err != nil {
		return nil, fmt.Errorf("app password %s: %w", id, err)
	}
	if !record.Matches(shown.password) {
		return nil, badProof("the secret does not belong to the app password %s", id)
	}
	if shown.username != "" && shown.username != record.Account {
		return nil, badProof("the app password %s belongs to another account than the username says", id)
	}
	return &record, nil
}

// looksMade says whether a password has the form of those that m2md makes, be
// it mistyped.
func looksMade(password string) bool { return strings.HasPrefix(password, appPasswordPrefix) }

// findBrought finds the app password that was brought along. Whether there is
// such an account, and whether it has any, tells by no time: all that is shown
// in this form is hashed once, unless nobody at all brought one.
func (e *Engine) findBrought(ctx context.Context, shown proof) (*AppPassword, error) {
	if CheckBroughtForm(shown.password) != nil {
		return nil, badProof("not an app password that m2md makes, nor one that could be imported")
	}
	hasher := e.deps.Hasher
	key := hasher.keyOf(shown.username, shown.password)
	if record := e.recallBrought(ctx, key); record != nil {
		return record, nil
	}
	record, err := hasher.share(ctx, key, func(abandoned <-chan struct{}) (*AppPassword, error) {
		return e.matchBrought(context.WithoutCancel(ctx), key, shown, abandoned)
	})
	switch {
	case errors.Is(err, ErrBusy):
		return nil, refuse(oauth2.TemporarilyUnavailable, sayBusy, "%s", err)
	case err != nil:
		return nil, err
	case record != nil:
		return record, nil
	}
	if account, declared := e.accounts[shown.username]; declared {
		return nil, badProof("not an app password that m2md makes, nor one that was imported for service_account %s", account.label)
	}
	// The user name is not repeated: it may be a password in the wrong place.
	return nil, badProof("not an app password that m2md makes, and no service_account block declares the username")
}

// recallBrought returns the record that a password was found to be of lately,
// where that is as it was; nil otherwise.
func (e *Engine) recallBrought(ctx context.Context, key passwordKey) *AppPassword {
	now := e.deps.Now()
	known, found := e.deps.Hasher.recall(key, now)
	if !found {
		return nil
	}
	record, err := e.deps.AppPasswords.AppPassword(ctx, known.id)
	if err != nil || record.Brought != known.hash || !record.Active(now) {
		return nil
	}
	return &record
}

// matchBrought hashes the password and compares it with those of the account.
func (e *Engine) matchBrought(ctx context.Context, key passwordKey, shown proof, abandoned <-chan struct{}) (*AppPassword, error) {
	now := e.deps.Now()
	candidates, anybody, err := e.deps.AppPasswords.BroughtAppPasswords(ctx, shown.username, now)
	if err != nil {
		return nil, fmt.Errorf("app passwords that were brought along: %w", err)
	}
	if !anybody {
		return nil, nil
	}
	if _, declared := e.accounts[shown.username]; !declared {
		candidates = nil
	}
	found, err := e.deps.Hasher.match(candidates, shown.password, abandoned)
	if found != nil {
		e.deps.Hasher.remember(key, *found, now)
	}
	return found, err
}

// proof is what HTTP Basic shows at a door. Any user name will do beside an app
// password that m2md made: many clients cannot leave it empty, and the app
// password says whose it is. One that was brought along needs its account.
func (c Credential) proof() proof {
	password := strings.TrimSpace(c.Password)
	if looksMade(password) {
		return proof{password: password}
	}
	return proof{username: c.Username, password: password}
}

// Bounds of a password that is brought along: characters, and bytes.
const (
	minBrought      = 12
	maxBroughtBytes = 1024
)

// CheckBroughtForm says what keeps a text from being a password that is brought
// along, whether or not it would be a good one. Its error quotes nothing.
func CheckBroughtForm(password string) error {
	switch {
	case len(password) > maxBroughtBytes:
		return fmt.Errorf("it is longer than %d bytes", maxBroughtBytes)
	case !utf8.ValidString(password):
		return errors.New("it is not UTF-8")
	case utf8.RuneCountInString(password) < minBrought:
		return fmt.Errorf("it is shorter than %d characters", minBrought)
	case looksMade(password):
		return errors.New("it begins like those that m2md makes, which are checked otherwise")
	case strings.ContainsFunc(password, isControl):
		return errors.New("it holds a control character, such as a line break")
	case strings.TrimSpace(password) != password:
		return errors.New("it begins or ends with white space, which m2md trims from what clients send")
	}
	return nil
}

// permits refuses an app password that is past its time, or shown where it does
// not count, by its own record or by the rules of its account.
func (a *account) permits(p *AppPassword, now time.Time, from netip.Addr, provider string) error {
	switch {
	case !p.RevokedAt.IsZero():
		return fmt.Errorf("the app password %s was revoked at %s", p.ID, p.RevokedAt.UTC().Format(time.RFC3339))
	case !p.Active(now):
		return fmt.Errorf("the app password %s expired at %s", p.ID, p.ExpiresAt.UTC().Format(time.RFC3339))
	case a.rules.outlived(*p, now):
		return fmt.Errorf("the app password %s is older than the max_age of service_account %s", p.ID, a.label)
	case !liesIn(from, a.rules.AllowedCIDRs):
		return fmt.Errorf("the app password %s is shown from %s, which lies in none of the allowed_cidrs of service_account %s", p.ID, addressText(from), a.label)
	case !liesIn(from, p.Limits.CIDRs):
		return fmt.Errorf("the app password %s is shown from %s, which lies in none of the networks that it is limited to", p.ID, addressText(from))
	case len(p.Limits.Providers) > 0 && !slices.Contains(p.Limits.Providers, provider):
		return fmt.Errorf("the app password %s is limited to other providers", p.ID)
	}
	return nil
}

// liesIn says whether an address lies in some network; any does where there are
// none. An address that is not known lies in none.
func liesIn(addr netip.Addr, networks []netip.Prefix) bool {
	return len(networks) == 0 || slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// addressText is an address for a reason.
func addressText(addr netip.Addr) string {
	if !addr.IsValid() {
		return "an unknown address"
	}
	return addr.String()
}

// limit has an app password limit what may be granted, whatever part its owner
// has in the request.
func (a *attempt) limit(scopes []string) {
	switch {
	case len(scopes) == 0:
	case a.only == nil:
		a.only = scopes
	default:
		a.only = common(a.only, scopes)
	}
}

// allowed drops the scopes that the app passwords that were shown are not for.
func (a *attempt) allowed(scopes []string) []string {
	if a.only == nil {
		return scopes
	}
	return common(scopes, a.only)
}

// common are the members of a list that another has, too; never nil.
func common(list, other []string) []string {
	both := []string{}
	for _, one := range list {
		if slices.Contains(other, one) {
			both = append(both, one)
		}
	}
	return both
}

// sayBusy is what a client reads where too many passwords are being hashed.
const sayBusy = "Too many passwords are being checked at the moment."
