package engine

import (
	"context"
	"fmt"
	"slices"
)

// signers are the keys of one signing_key block.
type signers struct {
	current *signer
	all     []*signer // the current one first; older ones still verify
}

func (s *signers) byID() map[string]*signer {
	index := make(map[string]*signer, len(s.all))
	for _, one := range s.all {
		index[one.public.ID] = one
	}
	return index
}

// signingKeys compiles the signing_key blocks, and makes the keys that storage
// should have and has not; keepKeys keeps them. Without any block there is one
// key, under the name "".
func (c *compiler) signingKeys(ctx context.Context) {
	stored, err := c.deps.SigningKeys.SigningKeys(ctx)
	if err != nil {
		c.fault(c.spec.Server.At, "the signing keys cannot be read", "Storage says: %s.", err)
		return
	}
	seen := map[string]Decl{}
	for _, k := range c.spec.SigningKeys {
		if !c.unique(seen, k.Decl, "the signing key") {
			continue
		}
		if k.Has("private_key") || k.Has("private_key_file") { // an empty file must not make another key sign
			c.broughtKey(k)
			continue
		}
		c.keptKey(k, stored)
	}
	if len(c.spec.SigningKeys) == 0 {
		c.keptKey(SigningKey{}, stored)
	}
}

// broughtKey takes a key that the files bring along.
func (c *compiler) broughtKey(k SigningKey) {
	if k.Unknown["private_key"] || k.Unknown["private_key_file"] {
		c.signers[k.Label] = nil
		return
	}
	at := firstOf(k.Decl, "private_key", "private_key_file")
	private, err := parsePrivateKey([]byte(k.PrivateKey.Content))
	if err != nil {
		c.fault(at, "the private key cannot be read", "A PEM file with an unencrypted private key (PKCS #8, PKCS #1 or SEC 1) is needed: %s.", err)
		return
	}
	algorithm := k.Algorithm
	if algorithm == "" {
		algorithm = algorithmFor(private)
	}
	one, err := newSigner(algorithm, private)
	if err != nil {
		c.fault(at, "the private key does not fit", "For the algorithm %s: %s.", algorithm, err)
		return
	}
	c.signers[k.Label] = &signers{one, []*signer{one}}
}

// keptKey takes a key from storage: the newest of its name and algorithm
// signs, all of its name verify. Where there is none, it is made.
func (c *compiler) keptKey(k SigningKey, stored []StoredKey) {
	algorithm := k.Algorithm
	if algorithm == "" {
		algorithm = DefaultAlgorithm
	}
	kept := &signers{}
	for _, s := range slices.Backward(stored) {
		if s.Name != k.Label {
			continue
		}
		one, err := s.signer()
		if err != nil {
			c.fault(k.At, fmt.Sprintf("a stored key of %q cannot be used", k.Label), "Key %s: %s.", s.ID, err)
			continue
		}
		if kept.current == nil && s.Algorithm == algorithm {
			kept.current = one
			kept.all = slices.Insert(kept.all, 0, one)
			continue
		}
		kept.all = append(kept.all, one)
	}
	if kept.current == nil {
		one, err := c.makeKey(k, algorithm)
		if err != nil {
			c.fault(k.At, "a signing key cannot be made", "Making it: %s.", err)
			return
		}
		kept.current, kept.all = one, slices.Insert(kept.all, 0, one)
	}
	c.signers[k.Label] = kept
}

// madeKey is a new key on its way into storage.
type madeKey struct {
	StoredKey
	at Range
}

func (c *compiler) makeKey(k SigningKey, algorithm string) (*signer, error) {
	key, err := NewStoredKey(c.deps.Random, k.Label, algorithm, c.deps.Now())
	if err != nil {
		return nil, err
	}
	c.made = append(c.made, madeKey{key, k.At})
	return key.signer()
}

// keepKeys stores the keys that were made: only for a configuration without
// faults, as nothing is to be left of one that is refused.
func (c *compiler) keepKeys(ctx context.Context) {
	if c.found.Err() != nil {
		return
	}
	for _, key := range c.made {
		if err := c.deps.SigningKeys.CreateSigningKey(ctx, key.StoredKey); err != nil {
			c.fault(key.at, "a signing key cannot be kept", "Storage says: %s.", err)
		}
	}
}

// signersOf finds the keys that a provider signs with; nil where there is a
// fault, or where their value is absent and allowed to be.
func (c *compiler) signersOf(p Provider) *signers {
	if p.SigningKey != nil {
		found, declared := c.signers[p.SigningKey.Label]
		if !declared && !slices.ContainsFunc(c.spec.SigningKeys, func(k SigningKey) bool { return k.Label == p.SigningKey.Label }) {
			c.undeclared(*p.SigningKey, keysOf(c.signers))
		}
		return found
	}
	if len(c.spec.SigningKeys) > 1 && !p.Unknown["signing_key"] {
		c.fault(p.At, fmt.Sprintf("provider %q does not say which key signs", p.Label), "There are %d signing_key blocks. Add, for instance, signing_key = signing_key.%s.",
			len(c.spec.SigningKeys), c.spec.SigningKeys[0].Label)
		return nil
	}
	if len(c.spec.SigningKeys) == 0 {
		return c.signers[""]
	}
	return c.signers[c.spec.SigningKeys[0].Label]
}
