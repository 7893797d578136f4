package rehearse

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
	"github.com/m2md/m2md/engine/jwks"
)

// stage is a configuration with keys that are known here.
type stage struct {
	spec      engine.Spec
	signers   map[engine.Ref]*signer // without a place
	providers map[string]engine.Provider
	scripts   map[engine.Ref]engine.Decl // of policies and mappings, without a place
	rest      map[engine.Ref]engine.Decl // of what signs, with what is unknown of it beside what was replaced
	teller    *teller                    // answers about opaque tokens; nil where no source has some
	random    io.Reader
}

// signer signs in the place of a source or certificate.
type signer struct {
	key    *ecdsa.PrivateKey
	header string // of its tokens, encoded
	opaque bool   // its tokens are opaque
	engine.Trust
	profile issuer.Profile // the zero value for none
}

// newStage replaces the keys. What is replaced is no longer unknown: a
// configuration whose secrets are absent can be rehearsed.
func newStage(spec engine.Spec, random io.Reader) (*stage, error) {
	s := &stage{spec: spec, signers: map[engine.Ref]*signer{}, providers: map[string]engine.Provider{}, scripts: map[engine.Ref]engine.Decl{}, rest: map[engine.Ref]engine.Decl{}, random: random}
	s.spec.Storage = engine.Storage{}
	s.spec.Server.TLS = nil
	s.spec.SigningKeys = slices.Clone(spec.SigningKeys)
	for i, key := range s.spec.SigningKeys {
		s.spec.SigningKeys[i] = engine.SigningKey{Decl: engine.Decl{Label: key.Label, At: key.At}}
	}
	s.spec.Sources, s.spec.Certificates = slices.Clone(spec.Sources), slices.Clone(spec.Certificates)
	for i := range s.spec.Sources {
		if err := s.source(&s.spec.Sources[i]); err != nil {
			return nil, err
		}
	}
	for i := range s.spec.Certificates {
		if err := s.certificate(&s.spec.Certificates[i]); err != nil {
			return nil, err
		}
	}
	for _, p := range spec.Providers {
		s.providers[p.Label] = p
	}
	for _, p := range spec.Policies {
		s.scripts[engine.Ref{Kind: engine.KindPolicy, Label: p.Label}] = p.Decl
	}
	for _, m := range spec.Mappings {
		s.scripts[engine.Ref{Kind: engine.KindMapping, Label: m.Label}] = m.Decl
	}
	return s, nil
}

func (s *stage) close() {
	if s.teller != nil {
		s.teller.close()
	}
}

func (s *stage) clientID(provider string) string {
	return cmp.Or(s.providers[provider].ClientID, provider)
}

func (s *stage) host(provider string) string {
	if door := s.providers[provider].ForwardAuth; door != nil {
		return door.ExternalHost
	}
	return ""
}

// known is a declaration of which everything is known.
func known(d engine.Decl) engine.Decl {
	return engine.Decl{Label: d.Label, At: d.At, Attrs: maps.Clone(d.Attrs)}
}

// What stands in the place of a value that is absent and allowed to be.
const (
	unknownIssuer   = "https://issuer.invalid/"
	unknownAudience = "https://audience.invalid"
)

// believe makes a signer for what is trusted, whose issuer and audiences may be
// absent.
func (s *stage) believe(kind engine.Kind, d engine.Decl, t *engine.Trust) (*signer, error) {
	if d.Unknown["issuer"] {
		t.Issuer = unknownIssuer + d.Label
	}
	if d.Unknown["audiences"] {
		t.Audiences = []string{unknownAudience}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), s.random)
	if err != nil {
		return nil, fmt.Errorf("making a key for %s.%s: %w", kind, d.Label, err)
	}
	left := engine.Decl{Unknown: map[string]bool{}}
	for _, name := range []string{"require_claims", "trust_domain", "allow_any_issuer", "allow_any_audience", "leeway", "max_token_age", "replay", "profile"} {
		if d.Unknown[name] {
			left.Unknown[name] = true
		}
	}
	s.rest[engine.Ref{Kind: kind, Label: d.Label}] = left
	one := &signer{key: key, header: segment([]byte(`{"alg":"ES256","typ":"JWT"}`)), Trust: *t}
	s.signers[engine.Ref{Kind: kind, Label: d.Label}] = one
	return one, nil
}

// source gives a source the keys of this stage, and nothing to connect to but
// this process.
func (s *stage) source(source *engine.OAuthSource) error {
	opaque := source.Opaque.IntrospectionURL != "" || source.Opaque.ProfileURL != "" || source.Unknown["introspection_url"] || source.Unknown["profile_url"]
	for _, name := range []string{"oidc_jwks", "oidc_jwks_file", "oidc_jwks_url", "oidc_well_known_url"} {
		opaque = opaque && !source.Has(name)
	}
	one, err := s.believe(engine.KindOAuthSource, source.Decl, &source.Trust)
	if err != nil {
		return err
	}
	one.profile, _ = issuer.Lookup(source.Profile)
	one.opaque = opaque
	source.Decl, source.CA, source.JWKSURL, source.WellKnownURL = known(source.Decl), engine.File{}, "", ""
	for _, name := range []string{"ca", "ca_file"} {
		delete(source.Attrs, name)
	}
	if opaque {
		return s.answer(source)
	}
	source.Opaque = engine.OpaqueTokens{}
	public, err := jwks.NewKey("", "ES256", one.key.Public())
	if err != nil {
		return err
	}
	set, err := jwks.Encode([]jwks.Key{public})
	source.JWKS = engine.File{Content: engine.Secret(set)}
	return err
}

// answer has this process asked about a source's opaque tokens.
func (s *stage) answer(source *engine.OAuthSource) error {
	if s.teller == nil {
		listening, err := newTeller()
		if err != nil {
			return err
		}
		s.teller = listening
	}
	source.AllowHTTP = true
	if source.Opaque.ProfileURL != "" && source.Opaque.IntrospectionURL == "" {
		source.Opaque.ProfileURL = s.teller.url + "/userinfo"
		return nil
	}
	source.Opaque.IntrospectionURL = s.teller.url + "/introspect"
	source.Opaque.ConsumerKey, source.Opaque.ConsumerSecret = "m2md", "m2md"
	return nil
}

// certificate puts one in its place that is valid as long.
func (s *stage) certificate(certificate *engine.VerificationCertificate) error {
	one, err := s.believe(engine.KindCertificate, certificate.Decl, &certificate.Trust)
	if err != nil {
		return err
	}
	certificate.Decl = known(certificate.Decl)
	block := &pem.Block{Type: "PUBLIC KEY"}
	if first, from, to := likeness([]byte(certificate.Certificate.Content)); first != nil {
		template := &x509.Certificate{Subject: first.Subject, SerialNumber: first.SerialNumber, NotBefore: from, NotAfter: to}
		parent := &x509.Certificate{Subject: first.Issuer}
		block.Type = "CERTIFICATE"
		block.Bytes, err = x509.CreateCertificate(rand.Reader, template, parent, one.key.Public(), one.key)
	} else {
		block.Bytes, err = x509.MarshalPKIXPublicKey(one.key.Public())
	}
	certificate.Certificate = engine.File{Content: engine.Secret(pem.EncodeToMemory(block))}
	return err
}

// likeness is the first of the certificates that may sign, and when any of them
// is valid; those of authorities count only where there are no others. Of bare
// public keys there is none.
func likeness(text []byte) (first *x509.Certificate, from, to time.Time) {
	var signing, authorities []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err != nil:
		case certificate.IsCA:
			authorities = append(authorities, certificate)
		default:
			signing = append(signing, certificate)
		}
	}
	if len(signing) == 0 {
		signing = authorities
	}
	for _, one := range signing {
		if first == nil || one.NotBefore.Before(from) {
			from = one.NotBefore
		}
		if one.NotAfter.After(to) {
			to = one.NotAfter
		}
		first = cmp.Or(first, one)
	}
	return first, from, to
}

// mint signs claims.
func (s *signer) mint(claims map[string]any) (string, error) {
	body, err := encode(claims)
	if err != nil {
		return "", err
	}
	input := s.header + "." + segment(body)
	sum := sha256.Sum256([]byte(input))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return input + "." + segment(signature[:]), nil
}

// segment is base64url without padding (RFC 7515 §2).
func segment(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
