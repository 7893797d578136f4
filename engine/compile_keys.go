package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine/jwks"
)

// ring is what one signing_key block declares, compiled: a key that is brought
// along, or keys that storage keeps and that follow each other.
type ring struct {
	rotation
	at      Range
	unknown bool       // its value is absent and allowed to be: fit to be validated, never to sign
	brought *signer    // nil: kept
	also    []jwks.Key // published and verified by, too
}

// signingKeys compiles the signing_key blocks. Without any block there is one
// kept key, under the name "".
func (c *compiler) signingKeys() {
	seen := map[string]Decl{}
	for _, k := range c.spec.SigningKeys {
		if c.unique(seen, k.Decl, "the signing key") {
			c.rings[k.Label] = c.ring(k)
		}
	}
	if len(c.spec.SigningKeys) == 0 {
		c.rings[""] = &ring{rotation: rotation{algorithm: DefaultAlgorithm}, at: c.spec.Server.At}
	}
}

func (c *compiler) ring(k SigningKey) *ring {
	r := &ring{rotation: rotation{name: k.Label, algorithm: k.Algorithm, every: k.RotateEvery}, at: k.At}
	r.also = c.alsoPublished(k)
	if k.isBrought() { // an empty file must not make another key sign
		c.broughtKey(k, r)
		return r
	}
	if r.algorithm == "" {
		r.algorithm = DefaultAlgorithm
	}
	if k.Has("password") || k.Has("password_file") {
		c.fault(firstOf(k.Decl, "password", "password_file"), "the password opens nothing", "It is that of a PKCS #12 file. Name the file with private_key_file, or remove the password.")
	}
	if r.every > 0 && r.every < time.Hour {
		c.tell(Warning, k.AttrAt("rotate_every"), "the signing key rotates very often",
			"Verifiers must fetch the keys every %s, and each key that rotated stays published until its last token has expired. Let it be an hour at least.", r.caching()).ID = "CFG010"
	}
	return r
}

// isBrought says whether the files bring the key along.
func (k SigningKey) isBrought() bool { return k.Has("private_key") || k.Has("private_key_file") }

// broughtKey takes a key that the files bring along.
func (c *compiler) broughtKey(k SigningKey, r *ring) {
	if k.Has("rotate_every") {
		c.fault(k.AttrAt("rotate_every"), "a key that is brought along does not rotate by itself",
			"m2md rotates the keys that it makes. Remove rotate_every, and rotate by replacing the file; also_publish_file keeps the tokens of the one before valid. Or remove the key, so that m2md makes one.")
	}
	for _, name := range []string{"private_key", "private_key_file", "password", "password_file", "algorithm"} {
		r.unknown = r.unknown || k.Unknown[name]
	}
	if r.unknown {
		return
	}
	at := firstOf(k.Decl, "private_key", "private_key_file")
	private, named, err := readPrivateKey([]byte(k.PrivateKey.Content), strings.TrimRight(string(k.Password.Content), "\r\n"))
	if err != nil {
		c.fault(at, "the private key cannot be read", "A private key as PEM (PKCS #8, PKCS #1 or SEC 1, not encrypted), as a JWK, or as a PKCS #12 file with its password is needed: %s.", err)
		return
	}
	for _, algorithm := range []string{named, algorithmFor(private)} {
		if r.algorithm == "" {
			r.algorithm = algorithm
		}
	}
	if r.brought, err = newSigner(r.algorithm, private); err != nil {
		c.fault(at, "the private key does not fit", "For the algorithm %s: %s.", r.algorithm, withoutQuotes(err.Error()))
	}
}

// alsoPublished reads the public keys that are published beside a block's own.
func (c *compiler) alsoPublished(k SigningKey) []jwks.Key {
	given := k.Has("also_publish") || k.Has("also_publish_file")
	if !given || k.Unknown["also_publish"] || k.Unknown["also_publish_file"] {
		return nil
	}
	keys, err := readPublicKeys([]byte(k.AlsoPublish.Content))
	if err != nil {
		c.fault(firstOf(k.Decl, "also_publish", "also_publish_file"), "the keys to publish cannot be read",
			"Public keys, certificates or private keys as PEM are needed, or a JSON Web Key Set as of `m2md keys export`: %s.", err)
	}
	return keys
}

// ringOf finds what a provider signs with; nil where there is a fault.
func (c *compiler) ringOf(p Provider) *ring {
	switch {
	case p.SigningKey != nil:
		found := c.rings[p.SigningKey.Label]
		if found == nil {
			c.undeclared(*p.SigningKey, keysOf(c.rings))
		}
		return found
	case len(c.spec.SigningKeys) > 1 && !p.Unknown["signing_key"]:
		c.fault(p.At, fmt.Sprintf("provider %q does not say which key signs", p.Label), "There are %d signing_key blocks. Add, for instance, signing_key = signing_key.%s.",
			len(c.spec.SigningKeys), c.spec.SigningKeys[0].Label)
		return nil
	case len(c.spec.SigningKeys) == 0:
		return c.rings[""]
	default:
		return c.rings[c.spec.SigningKeys[0].Label]
	}
}

// mostKeys is how many keys of one block may be published at once.
const mostKeys = 100

// checkPile refuses a rotation so frequent that the keys whose tokens are still
// valid would fill the set.
func (c *compiler) checkPile(p Provider, r *ring, lifetime Lifetime) {
	if r.every == 0 || r.brought != nil {
		return
	}
	if n := (time.Duration(lifetime) + keyMargin + r.lead()) / r.every; n > mostKeys {
		c.fault(p.AttrAt("access_token_ttl"), "too many signing keys would be published at once",
			"Tokens of %s with a key every %s make %d of them, and %d is the most. Let the tokens live shorter, or the keys longer.", time.Duration(lifetime), r.every, n, mostKeys)
	}
}

// settleKeys decides, for a configuration without faults, which keys sign and
// which are published, keeps that in storage, and only then gives them to the
// providers: nothing is left of a configuration that is refused, and no token is
// signed with a key that a crash would lose.
//
// A storage that fails does not stop what served before: then the keys that it
// has go on as they are, and the generation says so (KeyFailure).
func (c *compiler) settleKeys(ctx context.Context) {
	if c.found.Err() != nil {
		return
	}
	stored, err := c.deps.SigningKeys.SigningKeys(ctx)
	if err != nil {
		c.fault(c.spec.Server.At, "the signing keys cannot be read", "Storage says: %s.", err)
		return
	}
	if !c.decodeKeys(stored) {
		return
	}
	plan, err := c.planKeys(stored, (*keyPlan).advance)
	if err != nil {
		c.fault(c.spec.Server.At, "a signing key cannot be made", "Making it: %s.", err)
		return
	}
	plan.retire(c.keyUsers())
	if err := c.keepKeys(ctx, plan); err != nil {
		if plan = c.leastPlan(stored); plan == nil {
			c.fault(c.spec.Server.At, "a signing key cannot be kept", "Storage says: %s.", err)
			return
		}
		c.engine.keys.failure = err
	}
	c.bindKeys(plan)
}

// planKeys does with the keys of each block what step does, and finds out who
// signs with them then.
func (c *compiler) planKeys(stored []StoredKey, step func(*keyPlan, rotation) error) (*keyPlan, error) {
	plan := newKeyPlan(cloneKeys(stored), c.deps.Now())
	plan.fresh = func(name, algorithm string, activates time.Time) (StoredKey, error) {
		key, one, err := newStoredKey(c.deps.Random, name, algorithm, plan.now, activates)
		c.decoded[key.ID] = one
		return key, err
	}
	plan.known = func(k *StoredKey) bool { return !plan.now.Before(c.deps.Published.knownFrom(k.ID, c.usersOf(k.Name))) }
	for _, r := range c.rotations() {
		if err := step(plan, r); err != nil {
			return nil, err
		}
	}
	plan.sign(c.keyUsers())
	return plan, nil
}

// leastPlan leaves the keys as storage has them. It is nil where something would
// have to be kept nevertheless: a key where there is none, or whom a key signs
// for, which must be known before it does.
func (c *compiler) leastPlan(stored []StoredKey) *keyPlan {
	nothing := func(*keyPlan, rotation) error { return nil }
	plan, _ := c.planKeys(stored, nothing)
	if len(plan.changed) > 0 || slices.ContainsFunc(c.rotations(), func(r rotation) bool { return plan.current(r.name) == nil }) {
		return nil
	}
	return plan
}

// cloneKeys copies what a plan changes.
func cloneKeys(keys []StoredKey) []StoredKey {
	keys = slices.Clone(keys)
	for i := range keys {
		keys[i].Uses = slices.Clone(keys[i].Uses)
	}
	return keys
}

// rotations are those of the blocks whose keys storage keeps.
func (c *compiler) rotations() (all []rotation) {
	for _, name := range keysOf(c.rings) {
		if r := c.rings[name]; r.brought == nil && !r.unknown {
			all = append(all, r.rotation)
		}
	}
	return all
}

// keyUsers are the providers that sign with kept keys, by label.
func (c *compiler) keyUsers() (users []keyUser) {
	for _, label := range keysOf(c.engine.providers) {
		if p := c.engine.providers[label]; p.ring.brought == nil && !p.ring.unknown {
			users = append(users, keyUser{label, p.ring.name, time.Duration(p.lifetime)})
		}
	}
	return users
}

// usersOf are the labels of the providers that sign with the kept keys of a name.
func (c *compiler) usersOf(name string) (labels []string) {
	for _, user := range c.keyUsers() {
		if user.name == name {
			labels = append(labels, user.provider)
		}
	}
	return labels
}

// decodeKeys decodes the stored keys, and tells of those that are needed and
// damaged: no other must take their place unasked.
func (c *compiler) decodeKeys(stored []StoredKey) bool {
	fine := true
	for _, k := range stored {
		one, err := k.signer()
		c.decoded[k.ID] = one
		if err == nil {
			continue
		}
		delete(c.decoded, k.ID)
		if r := c.rings[k.Name]; r != nil {
			c.fault(r.at, fmt.Sprintf("a stored key of %q cannot be used", k.Name), "Key %s: %s.", k.ID, err)
			fine = false
		}
	}
	return fine
}

// keepKeys stores what a plan changed.
func (c *compiler) keepKeys(ctx context.Context, plan *keyPlan) error {
	put := plan.put()
	if len(put) == 0 && len(plan.removed) == 0 {
		return nil
	}
	return c.deps.SigningKeys.ChangeSigningKeys(ctx, put, plan.removed)
}

// bindKeys gives the providers the keys by which they sign and verify.
func (c *compiler) bindKeys(plan *keyPlan) {
	c.engine.keys.settle(c, plan)
	var global announced // of the providers that share an issuer
	for _, declared := range c.spec.Providers {
		p := c.engine.providers[declared.Label]
		keys := c.keysOf(p, plan)
		if len(keys) == 0 { // its value is absent and allowed to be
			continue
		}
		p.published, p.verifies = keys, make(map[string]jwks.Key, len(keys))
		for _, key := range keys {
			p.verifies[key.ID] = key
		}
		own := announced{p.mode, p.issuer, signingAlgorithms(p, plan), declared.Scopes, keys, p.caching}
		p.metadata = own.metadata(c.base)
		if p.mode == issuerGlobal {
			global = global.with(own)
		}
	}
	if global.issuer != "" {
		c.engine.global = global.metadata(c.base)
	}
	for _, r := range c.rotations() {
		if current := plan.current(r.name); current.Algorithm != r.algorithm {
			c.tell(Note, c.rings[r.name].at, fmt.Sprintf("signing_key %q still signs with %s", r.name, current.Algorithm),
				"The key for %s is published, and signs once every verifier can know it; `m2md keys list` says when.", r.algorithm)
		}
	}
}

// signingAlgorithms are those of the tokens of a provider, now and as soon as the
// next key signs.
func signingAlgorithms(p *provider, plan *keyPlan) []string {
	all := []string{p.signer.public.Algorithm}
	if p.ring.brought == nil {
		for _, k := range plan.live(p.ring.name) {
			all = union(all, []string{k.Algorithm})
		}
	}
	return all
}

// keysOf sets who signs for a provider, and returns all keys that it publishes
// and takes tokens of, each once and the signing one first.
func (c *compiler) keysOf(p *provider, plan *keyPlan) (keys []jwks.Key) {
	add := func(more ...jwks.Key) {
		for _, key := range more {
			if !slices.ContainsFunc(keys, func(k jwks.Key) bool { return k.ID == key.ID }) {
				keys = append(keys, key)
			}
		}
	}
	p.caching = longestCaching
	switch {
	case p.ring.unknown:
		return nil
	case p.ring.brought != nil:
		p.signer = p.ring.brought
		add(p.signer.public)
	default:
		p.signer, p.caching = c.decoded[plan.current(p.ring.name).ID], p.ring.caching()
		for _, k := range plan.live(p.ring.name) {
			add(c.decoded[k.ID].public)
		}
	}
	add(p.ring.also...)
	for _, k := range plan.usedBy(p.label, p.ring.name) {
		if one := c.decoded[k.ID]; one != nil {
			add(one.public)
		}
	}
	return keys
}
