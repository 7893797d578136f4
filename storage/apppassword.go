package storage

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
)

// appPassword is an app password as it is kept. Version 1 ends with RevokedAt.
type appPassword struct {
	version
	ID        string         `json:"id"`
	Account   string         `json:"account"`
	Label     string         `json:"label,omitempty"`
	Hash      []byte         `json:"sha256,omitempty"`
	CreatedAt time.Time      `json:"created"`
	CreatedBy string         `json:"by,omitempty"`
	ExpiresAt time.Time      `json:"expires,omitzero"`
	RevokedAt time.Time      `json:"revoked,omitzero"`
	Brought   string         `json:"argon2id,omitempty"`
	CIDRs     []netip.Prefix `json:"cidrs,omitempty"`
	Providers []string       `json:"providers,omitempty"`
	Scopes    []string       `json:"scopes,omitempty"`
	RetiredAt time.Time      `json:"retired,omitzero"`
	Successor string         `json:"successor,omitempty"`
}

// appPasswordVersion is the newest that this m2md reads. It is written only
// where version 1 would say less: an m2md that knows no limits must not read a
// record that has some.
const appPasswordVersion = 2

// maxLimits bounds how many networks, providers or scopes an app password may
// be limited to.
const maxLimits = 64

// NormalAppPassword returns p as every storage gives it back, sharing nothing
// with p, or an error that wraps ErrRecord where it can not be kept.
func NormalAppPassword(p engine.AppPassword) (engine.AppPassword, error) {
	err := errors.Join(
		checkKey("ID", p.ID), checkKey("account", p.Account),
		checkText("label", p.Label), checkText("creator", p.CreatedBy), checkText("successor", p.Successor),
		checkTime("creation", p.CreatedAt), checkTime("expiry", p.ExpiresAt), checkTime("revocation", p.RevokedAt), checkTime("rotation", p.RetiredAt),
		checkLimits(p.Limits),
	)
	if err != nil {
		return engine.AppPassword{}, err
	}
	p.CreatedAt, p.ExpiresAt, p.RevokedAt, p.RetiredAt = wall(p.CreatedAt), wall(p.ExpiresAt), wall(p.RevokedAt), wall(p.RetiredAt)
	p.Limits = engine.AppPasswordLimits{CIDRs: some(p.Limits.CIDRs), Providers: some(p.Limits.Providers), Scopes: some(p.Limits.Scopes)}
	return p, nil
}

// some is a copy, and nil where there is nothing.
func some[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

func checkLimits(l engine.AppPasswordLimits) (err error) {
	if len(l.CIDRs) > maxLimits || len(l.Providers) > maxLimits || len(l.Scopes) > maxLimits {
		err = fmt.Errorf("%w: it is limited to more than %d networks, providers or scopes", ErrRecord, maxLimits)
	}
	for _, network := range l.CIDRs {
		if !network.IsValid() {
			err = errors.Join(err, fmt.Errorf("%w: a network that it is limited to is none", ErrRecord))
		}
	}
	for _, name := range slices.Concat(l.Providers, l.Scopes) {
		err = errors.Join(err, checkKey("limit", name))
	}
	return err
}

// CheckReplacement says whether one app password may be kept in the place of
// another: what orders them never changes.
func CheckReplacement(before, after engine.AppPassword) error {
	if before.ID != after.ID || before.Account != after.Account || !before.CreatedAt.Equal(after.CreatedAt) {
		return fmt.Errorf("%w: its ID, account or creation has changed", ErrRecord)
	}
	return nil
}

// CompareAppPasswords orders by account, then creation, then ID.
func CompareAppPasswords(a, b engine.AppPassword) int {
	return cmp.Or(strings.Compare(a.Account, b.Account), a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
}

// CompareExpiries orders those that expire by their expiry, then ID.
func CompareExpiries(a, b engine.AppPassword) int {
	return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), strings.Compare(a.ID, b.ID))
}

// EncodeAppPassword gives the form in which a normal app password is kept.
func EncodeAppPassword(p engine.AppPassword) ([]byte, error) {
	r := appPassword{
		version: version{1},
		ID:      p.ID, Account: p.Account, Label: p.Label,
		CreatedAt: p.CreatedAt, CreatedBy: p.CreatedBy, ExpiresAt: p.ExpiresAt, RevokedAt: p.RevokedAt,
		Brought: p.Brought.PHC(), CIDRs: p.Limits.CIDRs, Providers: p.Limits.Providers, Scopes: p.Limits.Scopes,
		RetiredAt: p.RetiredAt, Successor: p.Successor,
	}
	if r.Brought == "" {
		r.Hash = p.Hash[:]
	}
	if r.Brought != "" || r.CIDRs != nil || r.Providers != nil || r.Scopes != nil || r.Successor != "" || !r.RetiredAt.IsZero() {
		r.Version = appPasswordVersion
	}
	return json.Marshal(r)
}

// DecodeAppPassword reads what EncodeAppPassword wrote. It does not keep raw.
func DecodeAppPassword(raw []byte) (engine.AppPassword, error) {
	var r appPassword
	if err := decodeUpTo(appPasswordVersion, raw, &r, &r.version); err != nil {
		return engine.AppPassword{}, err
	}
	p := engine.AppPassword{
		ID: r.ID, Account: r.Account, Label: r.Label,
		CreatedAt: r.CreatedAt, CreatedBy: r.CreatedBy, ExpiresAt: r.ExpiresAt, RevokedAt: r.RevokedAt,
		Limits:    engine.AppPasswordLimits{CIDRs: r.CIDRs, Providers: r.Providers, Scopes: r.Scopes},
		RetiredAt: r.RetiredAt, Successor: r.Successor,
	}
	if err := r.decodeHash(&p); err != nil {
		return engine.AppPassword{}, err
	}
	return NormalAppPassword(p)
}

// decodeHash wants one of the two hashes, whole.
func (r *appPassword) decodeHash(p *engine.AppPassword) (err error) {
	if r.Brought == "" {
		if len(r.Hash) != len(p.Hash) {
			return fmt.Errorf("%w: its hash has %d bytes", ErrRecord, len(r.Hash))
		}
		copy(p.Hash[:], r.Hash)
		return nil
	}
	if p.Brought, err = engine.ParsePasswordHash(r.Brought); err != nil || r.Hash != nil {
		return fmt.Errorf("%w: its hash is %w", ErrRecord, engine.ErrPasswordHash)
	}
	return nil
}

// lastUse is the last use of an app password as it is kept, under its ID.
type lastUse struct {
	version
	At       time.Time  `json:"at"`
	From     netip.Addr `json:"from,omitzero"`
	Provider string     `json:"provider,omitempty"`
}

// NormalLastUse returns u as every storage gives it back, or an error that
// wraps ErrRecord where it can not be kept.
func NormalLastUse(u engine.LastUse) (engine.LastUse, error) {
	err := errors.Join(checkTime("use", u.At), checkText("provider", u.Provider))
	if u.At.IsZero() {
		err = errors.Join(err, fmt.Errorf("%w: its use has no time", ErrRecord))
	}
	if err != nil {
		return engine.LastUse{}, err
	}
	u.At = wall(u.At)
	return u, nil
}

// EncodeLastUse gives the form in which a normal use is kept.
func EncodeLastUse(u engine.LastUse) ([]byte, error) {
	return json.Marshal(lastUse{version{recordVersion}, u.At, u.From, u.Provider})
}

// DecodeLastUse reads what EncodeLastUse wrote. It does not keep raw.
func DecodeLastUse(raw []byte) (engine.LastUse, error) {
	var r lastUse
	if err := decode(raw, &r, &r.version); err != nil {
		return engine.LastUse{}, err
	}
	return NormalLastUse(engine.LastUse{At: r.At, From: r.From, Provider: r.Provider})
}
