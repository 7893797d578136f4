package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
)

// names are the findings about names that can come to stand for somebody else,
// and about sub, a sentence of names.
func names() family {
	return family{
		rules: []Rule{{
			ID: "WIF003", Title: "a name is pinned, and no id", Severity: engine.Warning,
			Why: "Names of repositories, projects, groups and workspaces can be given up, by deleting or renaming, and then be taken by a stranger, who gets in by the name. " +
				"The id is given once. Require it, be it beside the name, or that of the owner, within which only the owner gives names.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository = "acme/api", ref = "refs/heads/main" }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository = "acme/api", repository_id = "5678", ref = "refs/heads/main" }
}`,
		}, {
			ID: "WIF012", Title: "a sub of GitHub in the form with hyphens", Severity: engine.Warning,
			Why: "For some weeks in 2026, GitHub documented repo:OWNER-ID/REPO-ID as the immutable form of sub, and took it back: names may end in a hyphen and a number, so that anybody can register acme-1234. " +
				"The form that holds has an @ before each id.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { sub = "repo:acme-1234/api-5678:ref:refs/heads/main" }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { sub = "repo:acme@1234/api@5678:ref:refs/heads/main" }
}`,
		}, {
			ID: "WIF013", Title: "a sub of GitHub in the old form", Severity: engine.Warning,
			Why: "Repositories on github.com that were made, renamed or transferred since the 15th of July 2026 have the ids in their sub: repo:OWNER@ID/REPO@ID:… For them the old form never matches; for older ones it holds names that can be taken over. " +
				"Require the claims of their own, repository_id and ref, or the new form.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { sub = "repo:acme/api:ref:refs/heads/main" }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", ref = "refs/heads/main" }
}`,
		}, {
			ID: "WIF014", Title: "a sub is taken apart", Severity: engine.Warning,
			Why: "GitHub and GitLab let their customers say of what sub consists, and some parts may hold what looks like the separator. " +
				"A pattern that leaves out a part in the midst may match a value of other parts. Each part is a claim of its own, of which nobody can change the meaning.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { sub = pattern("repo:acme@1234/.*:ref:refs/heads/main") }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_owner_id = "1234", ref = "refs/heads/main" }
}`,
		}},
		check: func(l *linter) {
			l.each(l.nameOnly)
			l.each(l.subject)
		},
	}
}

// nameOnly tells of names beside which no id stands.
func (l *linter) nameOnly(w *way, a asked) {
	switch {
	case a.claim.Kind != issuer.MutableName || !w.whole || w.of("kubernetes"): // which has findings of its own
	case w.of("google") && (a.is("hd") || !w.asksFor("email_verified")): // the same
	case a.claim.PinsTenant && !w.pins(a): // a pattern of names, which is told of by itself
	case !w.stands(a):
		l.warn("WIF003", a.at, "the name "+a.name()+" is pinned without an id",
			"It can be given up and taken by somebody else, who then gets in. Require \""+strings.Join(a.claim.Stable, `"."`)+"\" besides, which is given once.")
	}
}

// stands says whether an id holds what a name stands for: its own, or that of
// whom it is a name within.
func (w *way) stands(name asked) bool {
	return w.asks(func(a asked) bool {
		id := a.claim.Kind == issuer.StableID && w.pins(a)
		return id && (slices.Equal(a.path, name.claim.Stable) || a.claim.PinsTenant && !w.of("azure"))
	})
}

// The two forms of GitHub's sub that hold no ids, or none that can be told from
// names. They are never changed.
var (
	hyphened = regexp.MustCompile(`\Arepo:[^/:@]+-[0-9]+/[^/:@]+-[0-9]+(?::|\z)`)
	oldForm  = regexp.MustCompile(`\Arepo:[^/:@]+/[^/:@]+:`)
)

// subject judges what is asked of sub.
func (l *linter) subject(w *way, a asked) {
	if !a.is("sub") {
		return
	}
	for _, b := range a.texts {
		switch {
		case !w.of("github-actions"):
		case hyphened.MatchString(b.text):
			l.warn("WIF012", a.at, "this form of GitHub's sub can be registered by anybody", "A name may end in a hyphen and a number. Write the ids behind an @, repo:OWNER@ID/REPO@ID:…, or require repository_id.")
		case w.source.Issuer == "https://token.actions.githubusercontent.com" && oldForm.MatchString(b.text):
			l.warn("WIF013", a.at, "this form of GitHub's sub is that of old repositories", "Those made, renamed or transferred since 2026-07-15 have their ids in it, and never match. Require repository_id and ref, or write repo:OWNER@ID/REPO@ID:…")
		}
	}
	if w.of("github-actions", "gitlab", "forgejo") && slices.ContainsFunc(a.patterns, func(p *engine.Pattern) bool { return splits(p, ':') && !universal(p) }) {
		l.warn("WIF014", a.at, "the pattern leaves out a part in the midst of sub", "What sub consists of can be changed, and its parts may hold separators. Require the claims that the parts are.")
	}
}
