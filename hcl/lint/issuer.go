package lint

import (
	"net/netip"
	"net/url"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
)

// issuers are the findings about who signs.
func issuers() family {
	return family{
		rules: []Rule{{
			ID: "WIF008", Title: "an issuer that may be another", Severity: engine.Warning,
			Why: "iss is compared byte for byte: a slash at the end, or another host, is another issuer, and nobody gets in. An http issuer, or keys that are fetched by http, can be replaced by whoever is on the way. " +
				"A pattern of iss must name the host to the slash behind it and match no slash beyond, or it matches the issuer of somebody else.",
			Fault: `oauth_source "github" {
  profile             = "github-actions"
  issuer              = "https://token.actions.githubusercontent.com/"
  oidc_well_known_url = "https://token.actions.githubusercontent.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}`,
			Fix: `oauth_source "github" {
  profile             = "github-actions"
  issuer              = "https://token.actions.githubusercontent.com"
  oidc_well_known_url = "https://token.actions.githubusercontent.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}`,
		}, {
			ID: "WIF009", Title: "an issuer of every tenant", Severity: engine.Error,
			Why: "The addresses of Entra ID with common, organizations, consumers or {tenantid} are no tenant's, or everybody's, and its keys sign for all of them: only an issuer with the id of one's own tenant says whose a token is. " +
				"To take any issuer whose tokens such shared keys sign is an error.",
			Fault: `oauth_source "entra" {
  profile       = "azure"
  issuer        = "https://login.microsoftonline.com/common/v2.0"
  oidc_jwks_url = "https://login.microsoftonline.com/common/discovery/v2.0/keys"
  audiences     = ["api://m2md"]
}`,
			Fix: `oauth_source "entra" {
  profile       = "azure"
  issuer        = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
  oidc_jwks_url = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/discovery/v2.0/keys"
  audiences     = ["api://m2md"]
}`,
		}, {
			ID: "WIF023", Title: "keys without an issuer of their own", Severity: engine.Warning,
			Why: "A source that takes any issuer takes every token that its keys sign, for whatever purpose. Two sources with the same issuer are told apart by their keys alone: who is meant, depends on which of them signed. " +
				"Clusters that share the name that they were made with are WIF019.",
			Fault: `verification_certificate "ci" {
  certificate_file = "certs/ci.pem"
  allow_any_issuer = true
  audiences        = ["https://auth.example.com"]
}`,
			Fix: `verification_certificate "ci" {
  certificate_file = "certs/ci.pem"
  issuer           = "https://ci.example.com"
  audiences        = ["https://auth.example.com"]
}`,
		}, {
			ID: "CFG008", Title: "a known issuer without its profile", Severity: engine.Warning,
			Why: "With a profile, m2md checks the names and types of the claims that are required, and knows that the issuer is shared. Without one, a slip in a claim's name is found by nobody.",
			Fault: `oauth_source "github" {
  issuer              = "https://token.actions.githubusercontent.com"
  oidc_well_known_url = "https://token.actions.githubusercontent.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}`,
			Fix: `oauth_source "github" {
  profile             = "github-actions"
  issuer              = "https://token.actions.githubusercontent.com"
  oidc_well_known_url = "https://token.actions.githubusercontent.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}`,
		}},
		check: func(l *linter) {
			l.each(l.issuerPattern)
			for i := range l.spec.Sources {
				l.source(&l.spec.Sources[i])
			}
			l.sameIssuer()
			for _, c := range l.spec.Certificates {
				l.plainIssuer(c.Decl, c.Trust)
			}
		},
	}
}

// source judges by whom a source says it is run.
func (l *linter) source(s *engine.OAuthSource) {
	l.plainIssuer(s.Decl, s.Trust)
	profile := profileOf(s)
	at := s.AttrAt("issuer")
	if s.AllowHTTP {
		for _, address := range []string{s.JWKSURL, s.WellKnownURL, s.Opaque.IntrospectionURL, s.Opaque.ProfileURL} {
			if plainHTTP(address) {
				l.warn("WIF008", s.AttrAt("allow_http"), "keys or tokens go over the network without TLS", "Whoever is on the way can replace the keys, and so sign what is let in, or read the tokens. Use https, with ca_file where the roots are your own.")
			}
		}
	}
	if profile.Name == "azure" && slices.Contains(profile.Issuers, s.Issuer) && (s.Profile == "" || profile.MatchesIssuer(s.Issuer)) { // else Compile tells
		l.warn("WIF009", at, "the issuer is no tenant of your own", "Under this address everybody gets tokens, or nobody. Write the issuer with the id of your tenant.")
	}
	if s.Profile != "" || s.Unknown["profile"] {
		return // what follows, Compile tells where there is a profile
	}
	if shared, known := issuer.SharedIssuer(s.Issuer); known {
		l.warn("CFG008", at, "this is the issuer of "+shared.Title+", and no profile says so", `Write profile = "`+shared.Name+`", so that what is required of its tokens is checked.`)
	} else if shared, known := issuer.SharedIssuer(strings.TrimRight(s.Issuer, "/")); known {
		l.warn("WIF008", at, "the issuer of "+shared.Title+" has no slash at its end", "iss is compared byte for byte, so that no token is taken. Remove the slash.")
	}
}

// plainIssuer judges an issuer that is not, or that anybody can be.
func (l *linter) plainIssuer(d engine.Decl, t engine.Trust) {
	if plainHTTP(t.Issuer) {
		l.warn("WIF008", d.AttrAt("issuer"), "the issuer is an http address", "Whoever is on the way to it can answer in its place. An issuer's address begins with https (OpenID Connect Discovery 1.0 §3).")
	}
	if t.AllowAnyIssuer {
		l.warn("WIF023", d.AttrAt("allow_any_issuer"), "tokens of any issuer are taken", "Every token that these keys sign counts, whatever it was made for. Write the issuer whose tokens are meant.")
	}
}

// plainHTTP says whether an address goes over a network without TLS.
func plainHTTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && !isLocal(u.Hostname())
}

// isLocal says whether a host is this machine.
func isLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// issuerPattern judges a pattern of iss, where any issuer is taken.
func (l *linter) issuerPattern(_ *way, a asked) {
	if !a.is("iss") {
		return
	}
	for _, p := range a.patterns {
		if !universal(p) && !finite(p) && !pinsHost(p) {
			l.warn("WIF008", a.at, "the pattern of iss matches other issuers", `It must name the host to the slash behind it, and match no slash beyond: pattern("https://issuer[.]example/[a-z0-9-]+").`)
		}
	}
}

// pinsHost says whether all that a pattern matches is on hosts that it names,
// and has only one part that it does not.
func pinsHost(p *engine.Pattern) bool {
	for _, b := range beginnings(p) {
		host, isHTTPS := strings.CutPrefix(b.text, "https://")
		if !isHTTPS || !b.whole && !strings.Contains(host, "/") {
			return false
		}
	}
	re, err := syntax.Parse(p.String(), syntax.Perl)
	return err == nil && !matchesInside(re, '/')
}

// sameIssuer tells of sources whose tokens only their keys tell apart.
func (l *linter) sameIssuer() {
	seen := map[string]engine.Decl{}
	tell := func(d engine.Decl, t engine.Trust, cluster bool) {
		if t.Issuer == "" || t.TrustDomain != "" {
			return
		}
		first, twice := seen[t.Issuer]
		switch {
		case !twice:
			seen[t.Issuer] = d
		case cluster:
			l.warn("WIF019", d.AttrAt("issuer"), "two clusters call themselves by the same issuer", "Only their keys tell their tokens apart; the other is "+first.Label+" at "+first.At.String()+". Give each cluster an issuer of its own (--service-account-issuer), or say here why not.")
		default:
			l.warn("WIF023", d.AttrAt("issuer"), "two sources have the same issuer", "Only their keys tell their tokens apart; the other is "+first.Label+" at "+first.At.String()+". Merge them, unless two parties sign under one name.")
		}
	}
	for _, s := range l.spec.Sources {
		tell(s.Decl, s.Trust, s.Profile == "kubernetes")
	}
	for _, c := range l.spec.Certificates {
		tell(c.Decl, c.Trust, false)
	}
}
