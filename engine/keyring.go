package engine

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Bounds of the times of a rotation.
const (
	// longestLead is how long a key is published at most before it signs.
	longestLead = time.Hour
	// longestCaching is how long others may keep a key set at most.
	longestCaching = 5 * time.Minute
	// keyMargin is how long a key verifies beyond the end of its last token.
	keyMargin = time.Minute
)

// rotation says how the kept keys of one name follow each other. It is what a
// signing_key block says.
type rotation struct {
	name      string
	algorithm string        // of a key that is made
	every     time.Duration // 0: a key signs until somebody asks for another
}

// lead is how long the next key is published before it signs.
func (r rotation) lead() time.Duration {
	if r.every == 0 {
		return longestLead
	}
	return min(longestLead, r.every/2)
}

// caching is how long others may keep a key set: whole seconds, at least one.
func (r rotation) caching() time.Duration {
	return max(min(longestCaching, r.lead()/2).Truncate(time.Second), time.Second)
}

// due is when the key after one is to be made. It may never be.
func (r rotation) due(current *StoredKey) (at time.Time, ever bool) {
	switch {
	case current.Algorithm != r.algorithm:
		return time.Time{}, true
	case r.every == 0:
		return time.Time{}, false
	default:
		return current.ActivatesAt.Add(r.every - r.lead()), true
	}
}

// keyUser is a provider that signs with kept keys.
type keyUser struct {
	provider string
	name     string        // of the keys
	longest  time.Duration // of its tokens
}

// KeyEvent is what can happen to a kept signing key.
type KeyEvent string

// The events of a key's life, in their order.
const (
	KeyPublished KeyEvent = "published" // it is there, and will sign
	KeySigns     KeyEvent = "signs"     // it signs from now on, for the first time
	KeyRetired   KeyEvent = "retired"   // its last token has expired, and it is gone
	KeyDropped   KeyEvent = "dropped"   // it is gone, and has never signed
)

// KeyChange is one thing that a generation changed of the kept keys.
type KeyChange struct {
	Event     KeyEvent
	Name      string // of the signing_key block; "" for the key without any block
	ID        string
	Algorithm string
	Rotated   bool      // it is not the first of its name
	At        time.Time // of KeyPublished: when it is to sign
}

// keyPlan is what storage holds of signing keys, on its way to what it should
// hold at one moment. Nothing is kept before somebody keeps changed and removed.
type keyPlan struct {
	now     time.Time
	keys    []*StoredKey // in the order in which they sign
	fresh   func(name, algorithm string, activates time.Time) (StoredKey, error)
	known   func(*StoredKey) bool // nobody can have an older key set any more
	changed map[string]bool       // IDs
	removed []string              // IDs
	changes []KeyChange
}

// newKeyPlan begins with what storage holds. It takes the keys over.
func newKeyPlan(stored []StoredKey, now time.Time) *keyPlan {
	p := &keyPlan{now: now, changed: map[string]bool{}}
	for i := range stored {
		p.keys = append(p.keys, &stored[i])
	}
	p.sort()
	return p
}

// sort puts the keys into the order in which they sign: that of their making,
// which does not depend on a clock.
func (p *keyPlan) sort() {
	slices.SortFunc(p.keys, func(a, b *StoredKey) int {
		return cmp.Or(cmp.Compare(a.Serial, b.Serial), a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
	})
}

// live are the keys of a name that are not superseded: the one that signs, and
// those that will.
func (p *keyPlan) live(name string) (live []*StoredKey) {
	for _, k := range p.keys {
		if k.Name == name && k.SupersededAt.IsZero() {
			live = append(live, k)
		}
	}
	return live
}

// current is the key of a name that signs, or nil.
func (p *keyPlan) current(name string) *StoredKey {
	if live := p.live(name); len(live) > 0 {
		return live[0]
	}
	return nil
}

func (p *keyPlan) tell(event KeyEvent, k *StoredKey) {
	p.changes = append(p.changes, KeyChange{event, k.Name, k.ID, k.Algorithm, k.Serial > 0, k.ActivatesAt})
}

// add makes a key.
func (p *keyPlan) add(r rotation, activates time.Time) error {
	made, err := p.fresh(r.name, r.algorithm, activates)
	if err != nil {
		return err
	}
	for _, k := range p.keys {
		if k.Name == r.name {
			made.Serial = max(made.Serial, k.Serial+1)
		}
	}
	p.keys = append(p.keys, &made)
	p.changed[made.ID] = true
	p.tell(KeyPublished, &made)
	return nil
}

// remove takes keys out.
func (p *keyPlan) remove(event KeyEvent, which func(*StoredKey) bool) {
	p.keys = slices.DeleteFunc(p.keys, func(k *StoredKey) bool {
		if !which(k) {
			return false
		}
		p.removed = append(p.removed, k.ID)
		delete(p.changed, k.ID)
		p.tell(event, k)
		return true
	})
}

// ensure makes a key where there is none of that name.
func (p *keyPlan) ensure(r rotation) error {
	if p.current(r.name) != nil {
		return nil
	}
	return p.add(r, p.now)
}

// advance does what is due for the keys of a name: the next one signs, or is made.
func (p *keyPlan) advance(r rotation) error {
	p.abandon(r)
	p.promote(r.name)
	live := p.live(r.name)
	if len(live) != 1 { // none, or the next one is there
		return p.ensure(r)
	}
	if at, ever := r.due(live[0]); !ever || p.now.Before(at) {
		return nil
	}
	activates := p.now.Add(r.lead())
	if planned := live[0].ActivatesAt.Add(r.every); live[0].Algorithm == r.algorithm && planned.After(activates) {
		activates = planned
	}
	return p.add(r, activates)
}

// abandon gives up keys that were to sign with an algorithm that is not asked
// for any more.
func (p *keyPlan) abandon(r rotation) {
	signing := p.current(r.name)
	unwanted := func(k *StoredKey) bool {
		return k.Name == r.name && k.SupersededAt.IsZero() && k != signing && k.Algorithm != r.algorithm
	}
	p.remove(KeyDropped, func(k *StoredKey) bool { return unwanted(k) && len(k.Uses) == 0 })
	p.supersede(unwanted) // an earlier m2md may have signed with these
}

// promote has the newest key sign whose time has come.
func (p *keyPlan) promote(name string) {
	live := p.live(name)
	for i, next := range slices.Backward(live) {
		if i > 0 && !p.now.Before(next.ActivatesAt) && (p.known == nil || p.known(next)) {
			p.supersede(func(k *StoredKey) bool { return slices.Contains(live[:i], k) })
			return
		}
	}
}

// supersede ends the signing of keys.
func (p *keyPlan) supersede(which func(*StoredKey) bool) {
	for _, k := range p.keys {
		if which(k) {
			k.SupersededAt = p.now
			p.changed[k.ID] = true
		}
	}
}

// sign records whom the keys sign for from now on, before they do.
func (p *keyPlan) sign(users []keyUser) {
	for _, user := range users {
		if k := p.current(user.name); k != nil {
			p.use(k, user)
		}
	}
}

func (p *keyPlan) use(k *StoredKey, user keyUser) {
	i := slices.IndexFunc(k.Uses, func(u KeyUse) bool { return u.Provider == user.provider })
	if len(k.Uses) == 0 {
		p.tell(KeySigns, k)
	}
	if i < 0 {
		i, k.Uses = len(k.Uses), append(k.Uses, KeyUse{Provider: user.provider})
	} else if k.Uses[i].Until.IsZero() && k.Uses[i].Longest >= user.longest {
		return
	}
	k.Uses[i].Longest, k.Uses[i].Until = max(k.Uses[i].Longest, user.longest), time.Time{}
	p.changed[k.ID] = true
}

// retire records which keys sign for whom no more, and removes those that
// nobody needs: superseded, and their last token expired.
func (p *keyPlan) retire(users []keyUser) {
	signing := map[string]*StoredKey{}
	for _, user := range users {
		signing[user.provider] = p.current(user.name)
	}
	for _, k := range p.keys {
		for i := range k.Uses {
			if use := &k.Uses[i]; use.Until.IsZero() && signing[use.Provider] != k {
				use.Until = p.now.Add(use.Longest + keyMargin)
				p.changed[k.ID] = true
			}
		}
		before := len(k.Uses)
		k.Uses = slices.DeleteFunc(k.Uses, func(u KeyUse) bool { return !u.needed(p.now) })
		if len(k.Uses) != before {
			p.changed[k.ID] = true
		}
	}
	p.remove(KeyRetired, func(k *StoredKey) bool { return !k.SupersededAt.IsZero() && len(k.Uses) == 0 })
}

// needed says whether tokens may still be valid.
func (u KeyUse) needed(now time.Time) bool { return u.Until.IsZero() || now.Before(u.Until) }

// usedBy are the keys whose tokens a provider may still see, the newest first.
// name is that of the keys that it signs with.
func (p *keyPlan) usedBy(provider, name string) (used []*StoredKey) {
	for _, k := range slices.Backward(p.keys) {
		if slices.ContainsFunc(k.Uses, func(u KeyUse) bool {
			return u.needed(p.now) && (u.Provider == provider || u.Provider == "" && k.Name == name)
		}) {
			used = append(used, k)
		}
	}
	return used
}

// next is the first moment after now at which keys change, but for those that
// wait to sign; the zero value: none.
func (p *keyPlan) next(rotations []rotation) time.Time {
	var moments []time.Time
	for _, r := range rotations {
		if live := p.live(r.name); len(live) == 1 {
			if at, ever := r.due(live[0]); ever {
				moments = append(moments, at)
			}
		}
	}
	for _, k := range p.keys {
		for _, use := range k.Uses {
			moments = append(moments, use.Until)
		}
	}
	return earliest(moments)
}

// earliest is the first of moments; zero values are none.
func earliest(moments []time.Time) (first time.Time) {
	for _, at := range moments {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// put are the keys that are to be kept.
func (p *keyPlan) put() (put []StoredKey) {
	for _, k := range p.keys {
		if p.changed[k.ID] {
			put = append(put, *k)
		}
	}
	return put
}
