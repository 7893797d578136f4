package lint

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
)

// keys are the findings about what verifies tokens, and for how long.
func keys() family {
	return family{
		rules: []Rule{{
			ID: "WIF022", Title: "a key that is not for verifying signatures", Severity: engine.Warning,
			Why: "m2md takes a token's algorithm from the key, never from the token, and takes neither HMAC nor none, so that a key set cannot be turned against it. Keys for encryption, shared secrets and keys whose alg does not fit are left out of a set, and it is told, as something else was meant.",
			Fault: `oauth_source "ci" {
  issuer         = "https://ci.example.com"
  oidc_jwks_file = "jwks/with-encryption.json"
  audiences      = ["https://auth.example.com"]
}`,
			Fix: `oauth_source "ci" {
  issuer         = "https://ci.example.com"
  oidc_jwks_file = "jwks/signing.json"
  audiences      = ["https://auth.example.com"]
}`,
		}, {
			ID: "WIF024", Title: "a certificate that ends, keys that are old, or tokens that do not end", Severity: engine.Warning,
			Why: "Outside of its validity a certificate verifies nothing, and clients refuse to connect to a server that shows it; m2md warns 30 days before. Keys that were pinned into a file go out of date as their issuer rotates: told is what m2md jwks pin wrote more than 90 days ago. " +
				"Where workloads themselves choose how long their tokens live, as with kubectl create token --duration, or the timeout of a job does, one that leaks is good for as long: max_token_age bounds it.",
			Fault: `verification_certificate "partner" {
  certificate_file = "certs/expired.pem"
  issuer           = "https://ci.partner.example"
  audiences        = ["https://auth.example.com"]
}`,
			Fix: `verification_certificate "partner" {
  certificate_file = "certs/partner.pem"
  issuer           = "https://ci.partner.example"
  audiences        = ["https://auth.example.com"]
}`,
		}, {
			ID: "CFG006", Title: "sources that share a key", Severity: engine.Error,
			Why: "Whoever has the private key signs for both sources, whatever issuer he writes: what one of them may do, so may the other. Under the same issuer a token would have two identities, which is an error.",
			Fault: `verification_certificate "builds" {
  certificate_file = "certs/ci.pem"
  issuer           = "https://builds.example.com"
  audiences        = ["https://auth.example.com"]
}

verification_certificate "deploys" {
  certificate_file = "certs/ci.pem"
  issuer           = "https://deploys.example.com"
  audiences        = ["https://auth.example.com"]
}`,
			Fix: `verification_certificate "builds" {
  certificate_file = "certs/ci.pem"
  issuer           = "https://builds.example.com"
  audiences        = ["https://auth.example.com"]
}

verification_certificate "deploys" {
  certificate_file = "certs/partner.pem"
  issuer           = "https://deploys.example.com"
  audiences        = ["https://auth.example.com"]
}`,
		}},
		check: func(l *linter) {
			for _, s := range l.spec.Sources {
				if slices.Contains([]string{"kubernetes", "gitlab", "terraform"}, s.Profile) && s.MaxTokenAge == 0 && !s.Unknown["max_token_age"] {
					l.warn("WIF024", s.At, "tokens count however old they are", "How long they live, the workload or its job's timeout decides, which may be days. Bound it, such as by max_token_age = \"1h\".")
				}
				pinned, err := jwks.DecodePinned([]byte(s.JWKS.Content))
				if at := pinned.Origin.PinnedAt; err == nil && !at.IsZero() && l.options.Now.Sub(at) > longPinned {
					l.warn("WIF024", either(s.Decl, "oidc_jwks", "oidc_jwks_file"), "the keys were pinned more than 90 days ago", "Their issuer may sign with others by now, and may have retired these. Look by m2md jwks check, and pin them anew by m2md jwks pin.")
				}
			}
			l.sharedKeys()
		},
	}
}

// longPinned is for how long pinned keys are taken for those of their issuer.
const longPinned = 90 * 24 * time.Hour

// holder is a source, with what it verifies by.
type holder struct {
	engine.Decl
	engine.Trust
	at engine.Range
}

// sharedKeys tells of keys under several issuers. Under the same, Compile does.
func (l *linter) sharedKeys() {
	holders := map[string]holder{}
	see := func(key string, h holder) {
		first, seen := holders[key]
		switch {
		case !seen:
			holders[key] = h
		case first.Label != h.Label && first.Issuer != h.Issuer && first.Issuer != "" && h.Issuer != "":
			l.warn("CFG006", h.at, "the source has a key that another has, too", "Whoever signs with it can write either issuer. The other is "+first.Label+" at "+first.At.String()+". Give each its own key, or merge them.")
		}
	}
	for i := range l.spec.Sources {
		s := &l.spec.Sources[i]
		if profileOf(s).Shared { // whose keys are meant to be those of many
			continue
		}
		for attribute, address := range map[string]string{"oidc_jwks_url": s.JWKSURL, "oidc_well_known_url": s.WellKnownURL} {
			if address != "" {
				see(address, holder{s.Decl, s.Trust, s.AttrAt(attribute)})
			}
		}
		set, _, _ := jwks.Decode([]byte(s.JWKS.Content))
		for _, key := range set {
			see(key.Thumbprint, holder{s.Decl, s.Trust, either(s.Decl, "oidc_jwks", "oidc_jwks_file")})
		}
	}
	for _, c := range l.spec.Certificates {
		for _, key := range thumbprints([]byte(c.Certificate.Content)) {
			see(key, holder{c.Decl, c.Trust, either(c.Decl, "certificate", "certificate_file")})
		}
	}
}

// either is the place of whichever of two attributes is given.
func either(d engine.Decl, a, b string) engine.Range {
	if d.Has(a) {
		return d.AttrAt(a)
	}
	return d.AttrAt(b)
}

// thumbprints are those of the keys in a PEM text, without those of
// certificates that only issued others of it.
func thumbprints(text []byte) []string {
	var certificates []*x509.Certificate
	var all []string
	add := func(public any) {
		if key, err := jwks.NewKey("", "", public); err == nil {
			all = append(all, key.Thumbprint)
		}
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			certificates = append(certificates, certificate)
		} else if public, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			add(public)
		}
	}
	for _, one := range certificates {
		issued := func(other *x509.Certificate) bool {
			named := bytes.Equal(other.RawIssuer, one.RawSubject) // a signature takes long to check
			return named && !other.Equal(one) && other.CheckSignatureFrom(one) == nil
		}
		if !slices.ContainsFunc(certificates, issued) {
			add(one.PublicKey)
		}
	}
	return all
}
