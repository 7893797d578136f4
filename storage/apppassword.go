package storage

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
)

// appPassword is an app password as it is kept.
type appPassword struct {
	version
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Label     string    `json:"label,omitempty"`
	Hash      []byte    `json:"sha256"`
	CreatedAt time.Time `json:"created"`
	CreatedBy string    `json:"by,omitempty"`
	ExpiresAt time.Time `json:"expires,omitzero"`
	RevokedAt time.Time `json:"revoked,omitzero"`
}

// NormalAppPassword returns p as every storage gives it back, or an error that
// wraps ErrRecord where it can not be kept.
func NormalAppPassword(p engine.AppPassword) (engine.AppPassword, error) {
	err := errors.Join(
		checkKey("ID", p.ID), checkKey("account", p.Account),
		checkText("label", p.Label), checkText("creator", p.CreatedBy),
		checkTime("creation", p.CreatedAt), checkTime("expiry", p.ExpiresAt), checkTime("revocation", p.RevokedAt),
	)
	if err != nil {
		return engine.AppPassword{}, err
	}
	p.CreatedAt, p.ExpiresAt, p.RevokedAt = wall(p.CreatedAt), wall(p.ExpiresAt), wall(p.RevokedAt)
	return p, nil
}

// RevokedAppPassword returns p with its revocation, unless it has one already.
// changed says whether there is something to keep.
func RevokedAppPassword(p engine.AppPassword, at time.Time) (revoked engine.AppPassword, changed bool, err error) {
	if at.IsZero() {
		return p, false, fmt.Errorf("%w: its revocation has no time", ErrRecord)
	}
	if !p.RevokedAt.IsZero() {
		return p, false, nil
	}
	p.RevokedAt = at
	p, err = NormalAppPassword(p)
	return p, true, err
}

// CompareAppPasswords orders by account, then creation, then ID.
func CompareAppPasswords(a, b engine.AppPassword) int {
	return cmp.Or(strings.Compare(a.Account, b.Account), a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
}

// EncodeAppPassword gives the form in which a normal app password is kept.
func EncodeAppPassword(p engine.AppPassword) ([]byte, error) {
	return json.Marshal(appPassword{
		version: version{recordVersion},
		ID:      p.ID, Account: p.Account, Label: p.Label, Hash: p.Hash[:],
		CreatedAt: p.CreatedAt, CreatedBy: p.CreatedBy, ExpiresAt: p.ExpiresAt, RevokedAt: p.RevokedAt,
	})
}

// DecodeAppPassword reads what EncodeAppPassword wrote. It does not keep raw.
func DecodeAppPassword(raw []byte) (engine.AppPassword, error) {
	var r appPassword
	if err := decode(raw, &r, &r.version); err != nil {
		return engine.AppPassword{}, err
	}
	p := engine.AppPassword{
		ID: r.ID, Account: r.Account, Label: r.Label,
		CreatedAt: r.CreatedAt, CreatedBy: r.CreatedBy, ExpiresAt: r.ExpiresAt, RevokedAt: r.RevokedAt,
	}
	if len(r.Hash) != len(p.Hash) {
		return engine.AppPassword{}, fmt.Errorf("%w: its hash has %d bytes", ErrRecord, len(r.Hash))
	}
	copy(p.Hash[:], r.Hash)
	return NormalAppPassword(p)
}
