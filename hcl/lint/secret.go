package lint

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/m2md/m2md/engine"
)

// secrets are the findings about who else can read what must be kept.
func secrets() family {
	return family{
		rules: []Rule{{
			ID: "SEC001", Title: "a secret in the file", Severity: engine.Warning,
			Why: "What stands in a repository is read by everybody who can read the repository, for as long as its history is kept. Name a file outside of it, or take it from the environment by env(). A secret that was committed is to be changed, not only removed. Told are attributes that hold secrets, and what looks like one in inputs, attributes and claims: app passwords of m2md, private keys, and tokens of GitHub, GitLab, Slack and AWS.",
			Fault: `oauth_source "ci" {
  issuer            = "https://ci.example.com"
  introspection_url = "https://ci.example.com/introspect"
  consumer_key      = "m2md"
  consumer_secret   = "hunter2hunter2"
  audiences         = ["https://auth.example.com"]
}`,
			Fix: `oauth_source "ci" {
  issuer               = "https://ci.example.com"
  introspection_url    = "https://ci.example.com/introspect"
  consumer_key         = "m2md"
  consumer_secret_file = "secrets/ci.key"
  audiences            = ["https://auth.example.com"]
}`,
		}, {
			ID: "SEC002", Title: "a key file that others can read", Severity: engine.Warning,
			Why: "Every user and every process of the machine can read it, and act as m2md with what it holds. Take the rights of others away: chmod o= FILE, or 0600 for the user of m2md. This is told only where the file system keeps such rights.",
			Fault: `signing_key "main" {
  private_key_file = "secrets/readable.key"
}`,
			Fix: `signing_key "main" {
  private_key_file = "secrets/signing.key"
}`,
		}, {
			ID: "SEC003", Title: "a public address without TLS", Severity: engine.Warning,
			Why: "App passwords and tokens would go over the network as they are. Add a tls block, listen on an address of the machine alone behind a proxy that has TLS, or name that proxy in trusted_proxies. An external_url with http tells clients to do without.",
			Fault: `server {
  listen       = "0.0.0.0:9440"
  external_url = "https://auth.example.com"
}`,
			Fix: `server {
  listen          = "0.0.0.0:9440"
  external_url    = "https://auth.example.com"
  trusted_proxies = ["10.0.0.0/8"]
}`,
		}},
		check: func(l *linter) {
			l.shown()
			l.keyFiles()
			l.withoutTLS()
		},
	}
}

// shown tells of what looks like a secret where anything may stand.
func (l *linter) shown() {
	look := func(d engine.Decl, attribute string, values map[string]any) {
		if !d.Sensitive[attribute] && holdsSecret(values) {
			l.warn("SEC001", d.AttrAt(attribute), fmt.Sprintf("%q holds what looks like a secret", attribute), "Secrets do not belong into Git, and this one must be changed now. Neither policies nor tokens need one.")
		}
	}
	for _, p := range l.spec.Policies {
		look(p.Decl, "inputs", p.Inputs)
	}
	for _, m := range l.spec.Mappings {
		look(m.Decl, "inputs", m.Inputs)
	}
	for _, a := range l.spec.Accounts {
		look(a.Decl, "attributes", a.Attributes)
	}
	for _, p := range l.spec.Providers {
		look(p.Decl, "claims", p.Claims)
	}
}

// tokenForm is how tokens of others begin, each of a form that nothing else has.
var tokenForm = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|xox[abpr]-[A-Za-z0-9-]{10,}|AKIA[A-Z0-9]{16})\b`)

// holdsSecret looks at every text in a value of inputs or the like.
func holdsSecret(value any) bool {
	switch value := value.(type) {
	case string:
		_, err := engine.ParseAppPassword(value)
		return err == nil || tokenForm.MatchString(value)
	case []any:
		return slices.ContainsFunc(value, holdsSecret)
	case map[string]any:
		for _, member := range value {
			if holdsSecret(member) {
				return true
			}
		}
	}
	return false
}

// keyFiles tells of files that hold secrets and that others can read.
func (l *linter) keyFiles() {
	server := l.spec.Server
	if server.TLS != nil {
		l.keyFile(server.TLS.Decl, "private_key_file", server.TLS.PrivateKey.Path)
	}
	for _, k := range l.spec.SigningKeys {
		l.keyFile(k.Decl, "private_key_file", k.PrivateKey.Path)
		l.keyFile(k.Decl, "password_file", k.Password.Path)
	}
	for _, s := range l.spec.Sources {
		l.keyFile(s.Decl, "consumer_secret_file", s.Opaque.SecretPath)
	}
	storage := l.spec.Storage
	l.keyFile(storage.Decl, "key_encryption_key_file", storage.KeyEncryption.Path)
	l.keyFile(storage.Decl, "previous_key_encryption_key_file", storage.PreviousEncryption.Path)
}

// keyFile judges one. A name that came from env() is not known here.
func (l *linter) keyFile(d engine.Decl, attribute, path string) {
	if l.options.FileMode == nil || path == "" || d.Sensitive[attribute] || !d.Has(attribute) {
		return
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(d.AttrAt(attribute).File), path)
	}
	if mode, known := l.options.FileMode(path); known && mode.Perm()&0o004 != 0 {
		l.warn("SEC002", d.AttrAt(attribute), "others can read the file", "Every user of the machine can read what it holds. Take the rights of others away (chmod o= FILE).")
	}
}

// withoutTLS tells of what crosses a network as it is.
func (l *linter) withoutTLS() {
	s := l.spec.Server
	if !s.Unknown["external_url"] && plainHTTP(s.ExternalURL) {
		l.warn("SEC003", s.AttrAt("external_url"), "clients are told to do without TLS", "What they show, and the keys that verifiers fetch, could be read and replaced on the way. Write the https address of the proxy or of the tls block.")
	}
	if s.TLS != nil || s.Unknown["listen"] || s.Unknown["trusted_proxies"] {
		return
	}
	host, _, err := net.SplitHostPort(s.Listen)
	if err != nil { // a socket
		return
	}
	addr, err := netip.ParseAddr(host)
	everywhere := host == "" || err == nil && addr.IsUnspecified()
	behind := len(s.TrustedProxies) > 0 || s.TrustUnix
	public := err == nil && addr.IsGlobalUnicast() && !addr.IsPrivate()
	if everywhere && !behind || public {
		l.warn("SEC003", s.AttrAt("listen"), "the server listens on a public address without TLS", "Add a tls block, listen on an address that only the proxy reaches, or name the proxy that has TLS in trusted_proxies.")
	}
}
