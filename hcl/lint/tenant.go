package lint

import (
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
)

// tenants are the findings about issuers that sign for many, of whom a token
// must say one.
func tenants() family {
	return family{
		rules: []Rule{{
			ID: "WIF001", Title: "any tenant of a shared issuer gets in", Severity: engine.Error,
			Why: "GitHub, gitlab.com and others sign the tokens of all their customers with the same keys, so a good signature says nothing of whose a token is. " +
				"Unless something is required that only one tenant's tokens have, whoever opens an account there gets in. " +
				"Where nothing is required at all it is an error; where what is required pins no tenant, such as a branch alone, a warning.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { ref = "refs/heads/main" }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { ref = "refs/heads/main", repository_id = "5678" }
}`,
		}, {
			ID: "WIF004", Title: "a pattern is open before the tenant is named", Severity: engine.Warning,
			Why: "A wildcard that begins before the end of the tenant's name matches other tenants, too: repo:acme.* is also repo:acme-evil/x, which anybody may register. " +
				"The text of the pattern must reach past the separator behind the name, or another claim must pin the tenant. An id must be named as a whole.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository = pattern("acme.*/deploy"), ref = "refs/heads/main" }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository = pattern("acme.*/deploy"), repository_owner_id = "1234", ref = "refs/heads/main" }
}`,
		}},
		check: func(l *linter) {
			for i := range l.ways {
				w := &l.ways[i]
				if w.whole && !w.everybody && !w.asks(w.pins) {
					l.unpinned(w)
				}
			}
		},
	}
}

// unpinned tells of a way in on which no claim says which tenant is meant.
func (l *linter) unpinned(w *way) {
	named := false
	for _, a := range w.asked {
		if !w.namesTenant(a) {
			continue
		}
		named = true
		for _, p := range a.patterns {
			if !universal(p) && !w.pinsPattern(a, p) { // the universal is told of by itself
				l.warn("WIF004", a.at, "the pattern of "+a.name()+" is open before it has named the tenant",
					"Others can get a token that it matches. Write the tenant's whole name and the separator behind it, or require an id besides.")
			}
		}
	}
	if !named && len(w.asked) > 0 && anyTenant(w) {
		l.warn("WIF001", w.at, "any tenant of "+w.profile.Title+" can fulfil what is required",
			"Nothing that is required of the tokens belongs to one tenant alone. Add a claim that does, such as "+w.suggestion()+".")
	}
}

// anyTenant says whether the issuer signs tokens of any tenant under its name.
func anyTenant(w *way) bool {
	return w.source != nil && w.profile.AnyTenant(w.source.Issuer)
}

// suggestion is an id that the issuer's tokens have.
func (w *way) suggestion() string {
	for _, c := range w.profile.Claims() {
		if c.Kind == issuer.StableID && c.PinsTenant {
			return strings.Join(c.Path, ".")
		}
	}
	return "sub"
}

// namesTenant says whether a claim tells of the tenant. A cluster is nobody
// else's, but its namespaces are different people's.
func (w *way) namesTenant(a asked) bool {
	return a.claim.PinsTenant || w.of("kubernetes") && (a.claim.Kind == issuer.StableID || a.is("sub") || a.is("kubernetes.io", "namespace"))
}

// pins says whether each value that a claim may have is one tenant's.
func (w *way) pins(a asked) bool {
	if !w.namesTenant(a) {
		return false
	}
	for _, p := range a.patterns {
		if !w.pinsPattern(a, p) {
			return false
		}
	}
	return true
}

func (w *way) pinsPattern(a asked, p *engine.Pattern) bool {
	if a.is("email") { // the tenant is at its end
		at := strings.LastIndex(p.String(), "@")
		return at >= 0 && !strings.ContainsAny(p.String()[at:], "*+{|")
	}
	if a.is("kubernetes.io", "namespace") { // whose names people agree on
		return true
	}
	for _, b := range beginnings(p) {
		if !b.whole && !w.reachesTenant(a, b.text) {
			return false
		}
	}
	return true
}

// reachesTenant says whether a text that a claim begins with names the tenant
// to its end.
func (w *way) reachesTenant(a asked, text string) bool {
	switch a.path[len(a.path)-1] {
	case "repository", "workflow_ref", "project_path", "namespace_path", "job_project_path", "job_namespace_path":
		return strings.Contains(text, "/")
	case "terraform_full_workspace":
		return strings.Count(text, ":") >= 2
	case "sub":
		return w.subjectReaches(text)
	default:
		return false
	}
}

// subjectReaches says so of a sub, a sentence of names and values.
func (w *way) subjectReaches(text string) bool {
	name, value, _ := strings.Cut(text, ":")
	switch {
	case w.of("circleci"): // org/ID/
		return strings.Count(text, "/") >= 2
	case w.of("kubernetes"): // system:serviceaccount:NAMESPACE:
		return strings.Count(text, ":") >= 3
	case name == "repo" || name == "project_path":
		return strings.Contains(value, "/")
	case w.of("google", "azure"): // an id
		return false
	default:
		return strings.Contains(value, ":")
	}
}
