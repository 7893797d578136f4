package engine

import (
	"crypto/sha256"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/m2md/m2md/engine/jwks"
)

// verifiedTokens is how many tokens are remembered, each with its claims: some
// kilobytes.
const verifiedTokens = 2048

// VerifiedTokens remember which key was found to have signed a token. That is
// true for ever, so they outlive generations and key sets: whether that key is
// one to be believed, and everything that the claims must be, is asked anew for
// every request. The zero value is not usable; its methods are safe for
// concurrent use.
type VerifiedTokens struct {
	recent *lru.Cache[tokenHash, *jws]
}

// tokenHash is the SHA-256 of a token: a cache that leaks tells nobody a token.
type tokenHash [sha256.Size]byte

func hashToken(raw string) tokenHash { return sha256.Sum256([]byte(raw)) }

// NewVerifiedTokens makes an empty memory.
func NewVerifiedTokens() *VerifiedTokens {
	recent, err := lru.New[tokenHash, *jws](verifiedTokens)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &VerifiedTokens{recent}
}

// parse is parseJWS, which it spares a token whose signer is known.
func (v *VerifiedTokens) parse(raw string) (*jws, error) {
	if len(raw) <= maxJWT {
		if known, found := v.recent.Get(hashToken(raw)); found {
			return known, nil
		}
	}
	return parseJWS(raw)
}

// knows says whether a token's signer is known.
func (v *VerifiedTokens) knows(raw string) bool { return v.recent.Contains(hashToken(raw)) }

// remember keeps a token that this key was found to have signed.
func (v *VerifiedTokens) remember(raw string, token *jws, key jwks.Key) {
	if token.signer != "" {
		return
	}
	v.recent.Add(hashToken(raw), &jws{header: token.header, claims: token.claims, signer: key.Thumbprint})
}

// signedBy says whether the key made the signature. That the key may be used
// for the header's algorithm at all must have been checked: Key.Allows.
func (t *jws) signedBy(key jwks.Key) bool {
	if t.signer != "" {
		return t.signer == key.Thumbprint
	}
	return t.verifiedBy(key.Public)
}
