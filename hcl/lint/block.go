package lint

import (
	"fmt"
	"slices"

	"github.com/m2md/m2md/engine"
)

// blocks are the findings about what is declared and does nothing.
func blocks() family {
	return family{
		rules: []Rule{{
			ID: "CFG001", Title: "a block that nothing uses", Severity: engine.Warning,
			Why: "A source, an account, a policy or a key that nothing names lets nobody in and decides nothing; often a name was forgotten, and somebody counts on it. App passwords of an account that no access names work nowhere.",
			Fault: `service_account "backup" {
}`,
			Fix: `service_account "backup" {
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
}`,
		}, {
			ID: "CFG002", Title: "a provider that nobody gets into", Severity: engine.Warning,
			Why: "Without an access that names it, nothing is accepted; and accesses that name only providers which themselves let nobody in let nobody in.",
			Fault: `provider "files" {
}`,
			Fix: `provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
}`,
		}, {
			ID: "CFG007", Title: "a field without effect", Severity: engine.Warning,
			Why: "What is written suggests that it does something. It is a note where it only says too much, and a warning where something is counted on that does not happen: external_host and skip_paths need a proxy that is trusted.",
			Fault: `server {
  listen       = "127.0.0.1:9440"
  external_url = "https://auth.example.com"
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
  forward_auth {
    external_host = "files.example.com"
  }
}`,
			Fix: `server {
  listen          = "127.0.0.1:9440"
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
  forward_auth {
    external_host = "files.example.com"
  }
}`,
		}, {
			ID: "CFG009", Title: "an identity that never gets in by an access that names it", Severity: engine.Warning,
			Why: "require_claims asks for the claims of an input JWT, which an account without a jwt block does not have; and what a source and an access require of the same claim may contradict each other. Somebody is named, and kept out.",
			Fault: `access "mixed" {
  from           = [service_account.backup]
  require_claims = { role = "writer" }
}`,
			Fix: `access "backup" {
  from = [service_account.backup]
}`,
		}, {
			ID: "CFG012", Title: "a test of a token that its issuer does not sign", Severity: engine.Warning,
			Why: "A test whose claims have names or types that no token of the issuer has shows nothing of what happens to real ones.",
			Fault: `test "main is let in" {
  provider = provider.files
  source   = oauth_source.github
  claims   = { repository_id = 5678 }
  expect   = "deny"
}`,
			Fix: `test "main is let in" {
  provider = provider.files
  source   = oauth_source.github
  claims   = { repository_id = "5678" }
  expect   = "deny"
}`,
		}},
		check: func(l *linter) {
			l.unused()
			for _, p := range l.spec.Providers {
				for _, a := range p.Accesses {
					l.anySubject(a)
				}
			}
		},
	}
}

// unused tells of blocks that nothing names. Of policies and mappings Compile
// does.
func (l *linter) unused() {
	used, known := l.uses()
	if !known {
		return
	}
	tell := func(kind engine.Kind, d engine.Decl, remedy string) {
		if !used[ref{kind, d.Label}] {
			l.warn("CFG001", d.At, fmt.Sprintf("%s %q is used by nothing", kind, d.Label), remedy)
		}
	}
	for _, s := range l.spec.Sources {
		tell(engine.KindOAuthSource, s.Decl, "Name it in the from of an access, or remove it: no token of it is accepted.")
	}
	for _, c := range l.spec.Certificates {
		tell(engine.KindCertificate, c.Decl, "Name it in the from of an access, or remove it: no token that it verifies is accepted.")
	}
	for _, a := range l.spec.Accounts {
		tell(engine.KindServiceAccount, a.Decl, "Name it in the from of an access, or remove it: its app passwords work nowhere.")
	}
	if len(l.spec.SigningKeys) > 1 { // an only one signs for everybody
		for _, k := range l.spec.SigningKeys {
			tell(engine.KindSigningKey, k.Decl, "No provider signs with it. Name it in signing_key, or remove it; also_publish keeps what it signed valid.")
		}
	}
}

// uses are the blocks that something names; known is false where some names
// are not.
func (l *linter) uses() (used map[ref]bool, known bool) {
	used, known = map[ref]bool{}, true
	for _, p := range l.spec.Providers {
		if p.SigningKey != nil {
			used[ref{p.SigningKey.Kind, p.SigningKey.Label}] = true
		}
		known = known && !p.Unknown["signing_key"]
		for _, a := range p.Accesses {
			known = known && !a.Unknown["from"]
			for _, from := range a.From {
				used[ref{from.Kind, from.Label}] = true
			}
		}
	}
	for _, a := range l.spec.Accounts {
		for _, j := range a.JWTs {
			if j.Source == nil {
				return nil, false
			}
			used[ref{j.Source.Kind, j.Source.Label}] = true
		}
	}
	return used, known
}

// anySubject tells of allow_any_subject where nobody asks for it.
func (l *linter) anySubject(a engine.Access) {
	if !a.AllowAnySubject || a.Unknown["from"] {
		return
	}
	narrowed := a.Require != nil || len(a.Policies) > 0 || a.Unknown["policies"] || a.Unknown["require_claims"]
	if narrowed || !slices.ContainsFunc(a.From, l.isShared) {
		l.note("CFG007", a.AttrAt("allow_any_subject"), `"allow_any_subject" has no effect`, "It is for an access that names a shared issuer and requires nothing. Remove it, so that nobody thinks that everybody gets in.")
	}
}

// isShared says whether any tenant's tokens may be of the source.
func (l *linter) isShared(from engine.Ref) bool {
	s := l.sources[from.Label]
	if s == nil || from.Kind != engine.KindOAuthSource {
		return false
	}
	asked := s.Opaque.ProfileURL != "" && s.Opaque.IntrospectionURL == "" // which answers whoever holds any application's token
	return asked || s.Require == nil && anyTenant(&way{source: s, profile: profileOf(s)}) || len(s.Unknown) > 0
}
