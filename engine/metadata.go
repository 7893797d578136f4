package engine

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/m2md/m2md/engine/jwks"
)

// Metadata are the documents by which others learn of a provider, encoded once
// per generation.
type Metadata struct {
	Discovery []byte // OpenID Connect Discovery §3, RFC 8414 §2
	JWKS      []byte // RFC 7517 §5
	// Caching is for how long others may keep the JWKS: shorter than a key is
	// published before it signs.
	Caching time.Duration
}

// Metadata returns the documents of a provider, by its label; "" stands for
// those of the issuer that all providers in the mode global share.
func (e *Engine) Metadata(label string) (Metadata, bool) {
	if label == "" {
		return e.global, e.global.Discovery != nil
	}
	provider, found := e.providers[label]
	if !found {
		return Metadata{}, false
	}
	if provider.mode == issuerGlobal {
		return e.global, true
	}
	return provider.metadata, true
}

// discovery says what clients and verifiers ask of an issuer. There is no
// authorization endpoint, because no person ever logs in here.
type discovery struct {
	Issuer                string   `json:"issuer"`
	TokenEndpoint         string   `json:"token_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	GrantTypes            []string `json:"grant_types_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	SigningAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	TokenEndpointMethods  []string `json:"token_endpoint_auth_methods_supported"`
	TokenEndpointSignings []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	Scopes                []string `json:"scopes_supported,omitempty"`
	Claims                []string `json:"claims_supported"`

	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	IntrospectionMethods  []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionSignings []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	RevocationMethods     []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationSignings    []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
}

// announced is what the documents of an issuer tell.
type announced struct {
	mode    issuerMode
	issuer  string
	signing []string // algorithms
	scopes  []string
	keys    []jwks.Key
	caching time.Duration // of the keys; 0: nothing is told yet
}

// with adds what another provider of the same issuer tells.
func (p announced) with(other announced) announced {
	p.mode, p.issuer = other.mode, other.issuer
	p.signing, p.scopes = union(p.signing, other.signing), union(p.scopes, other.scopes)
	for _, key := range other.keys {
		if !slices.ContainsFunc(p.keys, func(k jwks.Key) bool { return k.ID == key.ID }) {
			p.keys = append(p.keys, key)
		}
	}
	if p.caching == 0 || other.caching < p.caching { // the first rotation counts
		p.caching = other.caching
	}
	return p
}

// union appends what is new.
func union(all, others []string) []string {
	for _, one := range others {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// metadata encodes the documents of an issuer. A client authenticates in the
// same ways at each endpoint.
func (p announced) metadata(base string) Metadata {
	methods, signings := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}, jwks.Algorithms()
	return Metadata{
		Discovery: mustEncode(discovery{
			Issuer:                p.issuer,
			TokenEndpoint:         base + "/oauth2/token",
			JWKSURI:               p.mode.jwksURI(p.issuer),
			GrantTypes:            grantNames(),
			ResponseTypes:         []string{},
			SubjectTypes:          []string{"public"},
			SigningAlgorithms:     p.signing,
			TokenEndpointMethods:  methods,
			TokenEndpointSignings: signings,
			Scopes:                p.scopes,
			Claims:                []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "act"},

			IntrospectionEndpoint: base + "/oauth2/introspect",
			IntrospectionMethods:  methods,
			IntrospectionSignings: signings,
			RevocationEndpoint:    base + "/oauth2/revoke",
			RevocationMethods:     methods,
			RevocationSignings:    signings,
		}),
		JWKS:    publicKeys(p.keys),
		Caching: p.caching,
	}
}

// publicKeys encodes a key set.
func publicKeys(keys []jwks.Key) []byte {
	encoded, err := jwks.Encode(keys)
	if err != nil {
		panic(err) // every key was checked when it was read or made
	}
	return encoded
}

func mustEncode(document any) []byte {
	encoded, err := json.Marshal(document)
	if err != nil {
		panic(err) // every document here is made of strings and valid public keys
	}
	return encoded
}
