package engine

import (
	"slices"
	"time"

	"github.com/m2md/m2md/engine/jwks"
)

// settledKeys are what a generation knows of signing keys beside what its
// providers need.
type settledKeys struct {
	failure error
	changes []KeyChange
	next    time.Time
	waiting []waitingKey
	infos   []KeyInfo
	rules   map[string]rotation
}

// waitingKey is a key that is published and will sign.
type waitingKey struct {
	id    string
	at    time.Time
	users []string // labels of the providers that it will sign for
}

// settle takes over what was decided.
func (s *settledKeys) settle(c *compiler, plan *keyPlan) {
	s.changes, s.rules = plan.changes, map[string]rotation{}
	for _, r := range c.rotations() {
		s.rules[r.name] = r
		for _, k := range plan.live(r.name)[1:] {
			s.waiting = append(s.waiting, waitingKey{k.ID, k.ActivatesAt, c.usersOf(r.name)})
		}
	}
	s.next = plan.next(c.rotations())
	for _, name := range keysOf(c.rings) {
		s.infos = append(s.infos, c.rings[name].infos(c)...)
	}
	for _, info := range DescribeKeys(plan.stored(), plan.now) {
		if r := c.rings[info.Name]; info.State == KeySigning && (r == nil || r.brought != nil) {
			info.State = KeyUnused
		}
		if one := c.decoded[info.ID]; one != nil {
			info.Public = one.public
		}
		s.infos = append(s.infos, info)
	}
}

// KeyFailure is why the signing keys could not be changed as they should have
// been: storage failed. Those that were there go on as they are, and the
// generation is sound. It is nil where all is well.
func (e *Engine) KeyFailure() error { return e.keys.failure }

// KeyChanges are what the generation changed of the kept keys, in the order in
// which it happened. The slice must not be changed.
func (e *Engine) KeyChanges() []KeyChange { return e.keys.changes }

// NextKeyChange is when the keys of the generation, once it was adopted, have to
// change: the same configuration is to be compiled again then. The zero value:
// never.
func (e *Engine) NextKeyChange() time.Time {
	moments := []time.Time{e.keys.next}
	for _, k := range e.keys.waiting {
		at := k.at
		if known := e.deps.Published.knownFrom(k.id, k.users); known.After(at) {
			at = known
		}
		moments = append(moments, at)
	}
	return earliest(moments)
}

// Keys tells of all signing keys: of those that the files bring along, and of
// those that storage keeps, whether or not a file declares them. The slice must
// not be changed.
func (e *Engine) Keys() []KeyInfo { return e.keys.infos }

// ProviderKeys are the keys that a provider publishes, by its label; the one
// that signs is first. The slice must not be changed.
func (e *Engine) ProviderKeys(label string) ([]jwks.Key, bool) {
	p, found := e.providers[label]
	if !found {
		return nil, false
	}
	return p.published, true
}

// KeyState is what a signing key does.
type KeyState string

// The states of keys.
const (
	KeyNext      KeyState = "next"      // published, and will sign
	KeySigning   KeyState = "signing"   // signs
	KeyRetiring  KeyState = "retiring"  // signs no more; its tokens are valid
	KeyAlsoThere KeyState = "published" // by also_publish_file
	KeyUnused    KeyState = "unused"    // kept, and no file declares its name
	KeyGone      KeyState = "dropped"   // is no more
)

// KeyInfo is what may be told of a signing key: nothing of it is private. Times
// are zero where they are not known, or have not come.
type KeyInfo struct {
	Name         string // of the signing_key block; "" for the key without any block
	ID           string // its kid, RFC 7638
	Algorithm    string // JWS; "" for any that fits the key
	Kept         bool   // by storage; the files bring the others along
	State        KeyState
	PublishedAt  time.Time
	SignsFrom    time.Time // of KeyNext: not before
	SupersededAt time.Time
	EndsAt       time.Time // then its last token has expired, and it is gone
	Providers    []string  // whom it signs for, or has signed for
	Public       jwks.Key  // the zero value where it could not be read
}

// infos tells of the keys of a block that the files bring along.
func (r *ring) infos(c *compiler) (infos []KeyInfo) {
	if r.brought != nil {
		var users []string
		for _, label := range keysOf(c.engine.providers) {
			if c.engine.providers[label].ring == r {
				users = append(users, label)
			}
		}
		public := r.brought.public
		infos = append(infos, KeyInfo{Name: r.name, ID: public.ID, Algorithm: public.Algorithm, State: KeySigning, Providers: users, Public: public})
	}
	for _, public := range r.also {
		infos = append(infos, KeyInfo{Name: r.name, ID: public.ID, Algorithm: public.Algorithm, State: KeyAlsoThere, Public: public})
	}
	return infos
}

// stored are the keys of the plan, in their order.
func (p *keyPlan) stored() []StoredKey {
	all := make([]StoredKey, len(p.keys))
	for i, k := range p.keys {
		all[i] = *k
	}
	return all
}

// DescribeKeys tells of stored keys, whose private parts it does not touch, in
// the order of their names; of one name, the one that signs is first.
func DescribeKeys(stored []StoredKey, now time.Time) (infos []KeyInfo) {
	plan := newKeyPlan(cloneKeys(stored), now)
	byName := map[string][]*StoredKey{}
	for _, k := range plan.keys {
		byName[k.Name] = append(byName[k.Name], k)
	}
	for _, name := range keysOf(byName) {
		live := plan.live(name)
		for i, k := range live {
			state := KeySigning
			if i > 0 {
				state = KeyNext
			}
			infos = append(infos, k.describe(state))
		}
		for _, k := range slices.Backward(byName[name]) {
			if !k.SupersededAt.IsZero() {
				infos = append(infos, k.describe(KeyRetiring))
			}
		}
	}
	return infos
}

func (k *StoredKey) describe(state KeyState) KeyInfo {
	info := KeyInfo{
		Name: k.Name, ID: k.ID, Algorithm: k.Algorithm, Kept: true, State: state,
		PublishedAt: k.CreatedAt, SignsFrom: k.ActivatesAt, SupersededAt: k.SupersededAt,
	}
	for _, use := range k.Uses {
		if use.Provider != "" {
			info.Providers = append(info.Providers, use.Provider)
		}
		if state == KeyRetiring && use.Until.After(info.EndsAt) {
			info.EndsAt = use.Until
		}
	}
	return info
}
