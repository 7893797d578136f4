package engine

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// KeyOrder is what an operator asks of the kept signing keys. Exactly one of
// Rotate and Drop is set.
type KeyOrder struct {
	// Rotate has the next key of a name published, and signing as soon as every
	// verifier can know it.
	Rotate bool
	Name   string
	AtOnce bool   // it signs now, known or not
	Drop   string // the ID of a key that is to count no more
}

// ErrNoSuchKey is wrapped where storage keeps no key that is meant. One that the
// files bring along is not kept.
var ErrNoSuchKey = fmt.Errorf("no such signing key is kept: %w", ErrNotFound)

// OrderKeys changes the kept keys as an operator asks, durably, and tells of the
// key that was meant: the one that signs next, or the one that was dropped. What
// serves has to be compiled again for it to be seen. serving is what serves, by
// whose configuration a key is made; nil where nothing does.
func OrderKeys(ctx context.Context, store SigningKeyStore, random io.Reader, now time.Time, serving *Engine, order KeyOrder) (KeyInfo, error) {
	stored, err := store.SigningKeys(ctx)
	if err != nil {
		return KeyInfo{}, err
	}
	plan := newKeyPlan(cloneKeys(stored), now)
	plan.fresh = func(name, algorithm string, activates time.Time) (StoredKey, error) {
		key, _, err := newStoredKey(random, name, algorithm, now, activates)
		return key, err
	}
	var meant *StoredKey
	if order.Rotate {
		meant, err = plan.rotate(serving.rotationOf(order.Name), order.AtOnce)
	} else {
		meant, err = plan.drop(order.Drop)
	}
	if err != nil {
		return KeyInfo{}, err
	}
	if err := store.ChangeSigningKeys(ctx, plan.put(), plan.removed); err != nil {
		return KeyInfo{}, err
	}
	switch {
	case order.Drop != "":
		return meant.describe(KeyGone), nil
	case meant == plan.current(meant.Name):
		return meant.describe(KeySigning), nil
	default:
		return meant.describe(KeyNext), nil
	}
}

// rotationOf is how the configuration wants the keys of a name; without one,
// they follow each other only when asked to, and keep their algorithm.
func (e *Engine) rotationOf(name string) rotation {
	if e != nil {
		if r, found := e.keys.rules[name]; found {
			return r
		}
	}
	return rotation{name: name}
}

// rotate has the next key of a name sign as soon as it may, making it where it
// is not there.
func (p *keyPlan) rotate(r rotation, atOnce bool) (*StoredKey, error) {
	live := p.live(r.name)
	if len(live) == 0 {
		return nil, ErrNoSuchKey
	}
	if r.algorithm == "" {
		r.algorithm = live[len(live)-1].Algorithm
	}
	if len(live) == 1 {
		if err := p.add(r, p.now.Add(r.lead())); err != nil {
			return nil, fmt.Errorf("making a signing key: %w", err)
		}
		live = p.live(r.name)
	}
	next := live[len(live)-1]
	if atOnce {
		next.ActivatesAt = p.now
		p.supersede(func(k *StoredKey) bool { return k != next && slices.Contains(live, k) })
	} else if at := next.CreatedAt.Add(r.lead()); next.ActivatesAt.After(at) {
		next.ActivatesAt = at
	}
	p.changed[next.ID] = true
	return next, nil
}

// drop removes a key, whatever it does.
func (p *keyPlan) drop(id string) (*StoredKey, error) {
	i := slices.IndexFunc(p.keys, func(k *StoredKey) bool { return k.ID == id })
	if i < 0 {
		return nil, ErrNoSuchKey
	}
	dropped := p.keys[i]
	p.remove(KeyDropped, func(k *StoredKey) bool { return k == dropped })
	return dropped, nil
}
