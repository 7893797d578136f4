package lint

import (
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
)

// claims are the findings about values that a claim cannot have, or that ask
// nothing.
func claims() family {
	return family{
		rules: []Rule{{
			ID: "WIF010", Title: "a claim that the issuer does not sign", Severity: engine.Warning,
			Why: "A token without a claim never fulfils what is required of it, so a slip of the pen locks everybody out; and whoever then loosens the rest has not seen why. m2md knows the claims of the issuers that it has a profile for.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", reff = "refs/heads/main" }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", ref = "refs/heads/main" }
}`,
		}, {
			ID: "WIF011", Title: "a value of another type than the claim's", Severity: engine.Error,
			Why: "Nothing is converted: 5678 is not \"5678\", and true is not \"true\". GitHub and GitLab sign ids and ref_protected as strings, Google email_verified as a boolean, Buildkite build_number as a number.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = 5678, ref = "refs/heads/main" }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", ref = "refs/heads/main" }
}`,
		}, {
			ID: "WIF021", Title: "what is required is always so", Severity: engine.Warning,
			Why: "A pattern that matches everything and a list of both true and false ask nothing, though they look as if they did. A value with ${…} or {{…}} in it was meant to be filled in, and was not: no claim ever has it, or a tenant may choose it as a name.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", ref = pattern(".+") }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", ref = pattern("refs/heads/.+") }
}`,
		}},
		check: func(l *linter) { l.each(l.empty) },
	}
}

// empty tells of what asks nothing, or was not filled in.
func (l *linter) empty(_ *way, a asked) {
	switch {
	case a.universal:
		l.warn("WIF021", a.at, "the pattern matches whatever "+a.name()+" is", "It asks only that the claim be there. Write what it must be, or leave it out.")
	case a.r.Fulfils(true) && a.r.Fulfils(false) || len(a.patterns) == 0 && a.r.Fulfils("true") && a.r.Fulfils("false"):
		l.warn("WIF021", a.at, a.name()+" may be true and false", "It asks nothing. Write the one that is meant, or leave it out.")
	case slices.ContainsFunc(a.texts, unfilled):
		l.warn("WIF021", a.at, "the value was meant to be filled in", "It holds the mark of a template as text. In HCL, $${ is how a ${ is written that fills nothing in.")
	}
}

// unfilled says whether a text holds the mark of a template.
func unfilled(b beginning) bool {
	return strings.Contains(b.text, "${") || strings.Contains(b.text, "%{") || strings.Contains(b.text, "{{")
}
