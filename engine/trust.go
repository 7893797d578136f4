package engine

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/engine/opaque"
)

// trust is a source or certificate of a generation: whose signatures count,
// and what must hold of the tokens.
type trust struct {
	origin      origin
	issuer      string // "" for any
	trustDomain string // of the SPIFFE ID that sub is; "" where sub is anything
	audiences   []string
	anyAudience bool
	require     *Requirement
	times       timeRules
	once        bool           // each token is taken once
	keys        keySource      // nil: it signs no JWTs
	opaque      *opaque.Remote // nil: its opaque tokens are refused
	holder      string         // the claim that says who holds an opaque token
}

// keySource gives the keys to try for a token whose header says kid and alg;
// every one of them may be used with alg. It fails where keys cannot be had.
type keySource interface {
	candidates(ctx context.Context, now time.Time, kid, alg string) ([]jwks.Key, error)
}

// sourceKeys are the keys that an issuer publishes.
type sourceKeys struct{ jwks.Source }

func (s sourceKeys) candidates(ctx context.Context, _ time.Time, kid, alg string) ([]jwks.Key, error) {
	set, err := s.Set(ctx, kid)
	if err != nil {
		return nil, err
	}
	return set.Candidates(kid, alg), nil
}

// certificateKeys are the keys of a verification certificate. The kid of a
// token says nothing about them: any may have signed.
type certificateKeys []certifiedKey

// certifiedKey is a key and when its certificate is valid; both times are zero
// for a bare public key.
type certifiedKey struct {
	jwks.Key
	notBefore, notAfter time.Time
	told                *PolicyCertificate // nil for a bare public key
}

// tellCertificate is what policies see of a certificate.
func tellCertificate(c *x509.Certificate) *PolicyCertificate {
	sum := sha256.Sum256(c.Raw)
	return &PolicyCertificate{
		Subject:     c.Subject.String(),
		Issuer:      c.Issuer.String(),
		Serial:      c.SerialNumber.Text(16),
		NotAfter:    c.NotAfter,
		Fingerprint: hex.EncodeToString(sum[:]),
	}
}

// tell is what policies see of the certificate that a key is in; nil where it is
// in none.
func (c certificateKeys) tell(key jwks.Key) *PolicyCertificate {
	for _, k := range c {
		if k.Thumbprint == key.Thumbprint {
			return k.told
		}
	}
	return nil
}

func (c certificateKeys) candidates(_ context.Context, now time.Time, _, alg string) ([]jwks.Key, error) {
	var keys []jwks.Key
	for _, k := range c {
		if k.Allows(alg) && k.validAt(now) {
			keys = append(keys, k.Key)
		}
	}
	return keys, nil
}

func (k certifiedKey) validAt(now time.Time) bool {
	return k.notAfter.IsZero() || !now.Before(k.notBefore) && !now.After(k.notAfter)
}

// parseCertificates reads PEM: certificates, of which any may sign, or bare
// public keys. One that issued another of them is there as its chain, and does
// not sign tokens itself: who may issue certificates need not be believed here.
func parseCertificates(text []byte) (certificateKeys, error) {
	var keys certificateKeys
	var certificates []*x509.Certificate // of keys; nil for a bare public key
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		key, certificate, err := parseCertificate(block)
		if err != nil {
			return nil, err
		}
		keys, certificates = append(keys, key), append(certificates, certificate)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no PEM block with a certificate or a public key in it")
	}
	var leaves certificateKeys
	for i, key := range keys {
		if !issuedAny(certificates[i], certificates) {
			leaves = append(leaves, key)
		}
	}
	if len(leaves) == 0 {
		return nil, errors.New("each certificate in it issued another one, so none is the one that signs")
	}
	return leaves, nil
}

// issuedAny says whether a certificate signed another one.
func issuedAny(issuer *x509.Certificate, others []*x509.Certificate) bool {
	return issuer != nil && slices.ContainsFunc(others, func(c *x509.Certificate) bool {
		return c != nil && !c.Equal(issuer) && c.CheckSignatureFrom(issuer) == nil
	})
}

// parseCertificate reads one PEM block; the certificate is nil for a bare
// public key.
func parseCertificate(block *pem.Block) (certifiedKey, *x509.Certificate, error) {
	switch block.Type {
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return certifiedKey{}, nil, errors.New("a certificate in it cannot be read")
		}
		key, err := jwks.NewKey("", "", certificate.PublicKey)
		return certifiedKey{key, certificate.NotBefore, certificate.NotAfter, tellCertificate(certificate)}, certificate, err
	case "PUBLIC KEY":
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return certifiedKey{}, nil, errors.New("a public key in it cannot be read")
		}
		key, err := jwks.NewKey("", "", public)
		return certifiedKey{Key: key}, nil, err
	default:
		return certifiedKey{}, nil, errors.New("it holds a PEM block of another kind; only certificates and public keys belong here, never private keys")
	}
}

// authenticateJWT says whose JWT it is: the issuer's that a source of this
// provider names and whose key verifies it, or m2md's own, of another provider
// whose tokens are proof here.
func (e *Engine) authenticateJWT(ctx context.Context, a *attempt, shown proof) (*identity, error) {
	p := a.provider
	token, err := e.deps.Verified.parse(shown.jwt)
	if err == nil {
		err = token.header.checkType()
		a.saw(token.claims, false)
	}
	a.traceParsed(token, err)
	if err != nil {
		return nil, badProof("%s", err)
	}
	if shown.idToken && mediaType(token.header.Type) == accessTokenType {
		return nil, badProof("the JWT is an access token, and was said to be an ID token")
	}
	issuer, err := token.claims.text("iss")
	if err != nil {
		return nil, badProof("%s", err)
	}
	if own := p.federated[issuer]; own != nil {
		return e.authenticateOwn(a, own, token)
	}
	trust, key, err := e.signerOf(ctx, a, issuer, token)
	if err != nil {
		e.supposeSigned(ctx, a, p.trusts(issuer), token.claims)
		return nil, err
	}
	a.saw(token.claims, true)
	e.deps.Verified.remember(shown.jwt, token, key)
	now := e.deps.Now()
	a.traceIdentity(trust, token.claims, now)
	id, err := trust.identify(token.claims, now)
	if err != nil {
		e.supposeIdentified(ctx, a, trust, token.claims)
		return nil, badClaims("JWT of %s: %s", trust.origin, err)
	}
	if keys, ok := trust.keys.(certificateKeys); ok {
		id.certificate = keys.tell(key)
	}
	if trust.once {
		id.once, err = trust.onceOnly(p, id)
	}
	return id, err
}

// authenticateOwn says whose access token of m2md it is, issued for one of
// these providers, which have one issuer.
func (e *Engine) authenticateOwn(a *attempt, issuedFor []*provider, token *jws) (*identity, error) {
	i := slices.IndexFunc(issuedFor, func(p *provider) bool { return token.claims["client_id"] == any(p.clientID) })
	p, now := issuedFor[max(i, 0)], e.deps.Now()
	e.traceOwn(a, p, token, now)
	own, err := e.readOwn(p, token, now)
	if err != nil {
		return nil, badProof("token of provider %s: %s", p.label, err)
	}
	if !p.reach[own.origin] {
		return nil, badProof("token of provider %s: no access of it names %s any more", p.label, own.origin)
	}
	a.saw(token.claims, true)
	id := own.identity
	id.via, id.claims, id.told = p, token.claims, ""
	return &id, nil
}

// singleUse is a token that is taken once: what identifies it, hashed, and
// until when it must be remembered.
type singleUse struct {
	token [sha256.Size]byte
	until time.Time
}

// onceOnly identifies a token for one provider: a job may need one token for
// each of two.
func (t *trust) onceOnly(p *provider, id *identity) (*singleUse, error) {
	tokenID, err := id.claims.text("jti")
	if err != nil {
		return nil, badClaims("JWT of %s: %s", t.origin, err)
	}
	if tokenID == "" {
		return nil, badClaims(`JWT of %s: the claim "jti" is missing, and replay = "once" asks for it`, t.origin)
	}
	// Labels hold no NUL, so no two triples give one text.
	whole := t.origin.label + "\x00" + p.label + "\x00" + tokenID
	return &singleUse{sha256.Sum256([]byte(whole)), id.expiry.Add(t.times.leeway)}, nil
}

// spend marks tokens that are taken once as used; an identity that is nil has
// none. It comes last, after every check: a request that is refused spends
// nothing.
func (e *Engine) spend(ctx context.Context, a *attempt, shown ...*identity) error {
	for _, id := range shown {
		if id == nil || id.once == nil {
			continue
		}
		first, err := e.deps.UsedTokens.UseToken(ctx, id.once.token, e.deps.Now(), id.once.until)
		if err != nil {
			return fmt.Errorf("marking a token as used: %w", err)
		}
		if !first {
			err = badClaims("JWT of %s: it was used before, and replay is \"once\"", id.source)
		}
		a.traceSpent(id, err)
		if err != nil {
			return err
		}
	}
	return nil
}

// signerOf finds the source or certificate whose key made the signature,
// among those that the provider's accesses name and that have the token's iss.
func (e *Engine) signerOf(ctx context.Context, a *attempt, issuer string, token *jws) (*trust, jwks.Key, error) {
	candidates := a.provider.trusts(issuer)
	a.traceSources(issuer, candidates)
	if len(candidates) == 0 {
		return nil, jwks.Key{}, badProof("no access of provider %s names a source whose issuer is %q", a.Provider, issuer)
	}
	var unavailable error
	for _, candidate := range candidates {
		keys, err := candidate.keys.candidates(ctx, e.deps.Now(), token.header.KeyID, token.header.Algorithm)
		if err != nil {
			unavailable = fmt.Errorf("getting the keys of %s: %w", candidate.origin, err)
			a.traceKeys(candidate, nil, token, err, false)
			continue
		}
		for _, key := range keys {
			if token.signedBy(key) {
				a.traceKeys(candidate, keys, token, nil, true)
				return candidate, key, nil
			}
		}
		a.traceKeys(candidate, keys, token, nil, false)
	}
	if unavailable != nil {
		return nil, jwks.Key{}, refuse(oauth2.TemporarilyUnavailable, sayNoIssuer, "%s", unavailable)
	}
	return nil, jwks.Key{}, badProof("no key of %s, the first of %d with that issuer, verifies the JWT with algorithm %q and kid %q",
		candidates[0].origin, len(candidates), token.header.Algorithm, shorten(token.header.KeyID, 80))
}

// identify checks what must hold of every token of t, outside any policy, and
// says whose it is.
func (t *trust) identify(claims Claims, now time.Time) (*identity, error) {
	expiry, err := claims.checkTimes(now, t.times)
	if err != nil {
		return nil, err
	}
	sub, err := claims.subject()
	if err == nil {
		err = t.checkTrustDomain(sub)
	}
	if err != nil {
		return nil, err
	}
	return t.owner(claims, sub, expiry)
}

// owner is whose token it is, where it is for m2md and its claims will do.
func (t *trust) owner(claims Claims, sub string, expiry time.Time) (*identity, error) {
	if !t.anyAudience {
		if err := claims.checkAudience(t.audiences); err != nil {
			return nil, err
		}
	}
	if !t.require.Match(claims) {
		return nil, errors.New("its claims do not fulfil the require_claims of the source")
	}
	return &identity{
		subject: subjectOf(t.origin.label, sub),
		origin:  t.origin,
		source:  t.origin.label,
		claims:  claims,
		expiry:  expiry,
	}, nil
}
