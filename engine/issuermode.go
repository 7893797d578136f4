package engine

import "strings"

// issuerMode says what the iss of a provider's tokens is, and with it where its
// documents are. The zero value is m2md's own.
type issuerMode int

const (
	issuerM2md      issuerMode = iota // external_url/providers/NAME
	issuerAuthentik                   // external_url/application/o/NAME/
	issuerGlobal                      // external_url, for all providers that say so
)

// issuerModes are the modes by the words of the language.
var issuerModes = map[string]issuerMode{"": issuerM2md, "m2md": issuerM2md, "authentik": issuerAuthentik, "global": issuerGlobal}

// CompatAuthentik is the compat of a provider that is what authentik's was to
// its clients.
const CompatAuthentik = "authentik"

// issuerModeOf is what a provider says, or what its compat implies, or else what
// holds for all.
func issuerModeOf(s Server, p Provider) issuerMode {
	switch {
	case p.IssuerMode != "":
		return issuerModes[p.IssuerMode]
	case p.Compat == CompatAuthentik:
		return issuerAuthentik
	default:
		return issuerModes[s.IssuerMode]
	}
}

// issuer is the iss of a provider.
func (m issuerMode) issuer(base, label string) string {
	switch m {
	case issuerAuthentik:
		return base + "/application/o/" + label + "/"
	case issuerGlobal:
		return base
	default:
		return base + "/providers/" + label
	}
}

// jwksURI is where the keys of an issuer are.
func (m issuerMode) jwksURI(issuer string) string {
	if m == issuerAuthentik {
		return issuer + "jwks/"
	}
	return strings.TrimSuffix(issuer, "/") + "/jwks"
}
