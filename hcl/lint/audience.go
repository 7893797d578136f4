package lint

import (
	"slices"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
)

// audiences are the findings about for whom a token was made.
func audiences() family {
	return family{
		rules: []Rule{{
			ID: "WIF002", Title: "tokens that were made for others are taken", Severity: engine.Error,
			Why: "Whoever is shown a token can show it on. Only the audience keeps another relying party, or whoever broke into it, from using here what it was given. " +
				"So an audience must be m2md's own: not missing (an error), not any (allow_any_audience), not the one that the issuer gives to tokens for which none is asked, and not one that AWS, Azure, PyPI or the API server of a cluster wants.",
			Fault: `oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = ["https://github.com/acme"]
}`,
			Fix: `oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
}`,
		}},
		check: func(l *linter) {
			for i := range l.spec.Sources {
				s := &l.spec.Sources[i]
				l.audience(s.Decl, s.Trust, profileOf(s))
			}
			for _, c := range l.spec.Certificates {
				l.audience(c.Decl, c.Trust, issuer.Profile{})
			}
		},
	}
}

func (l *linter) audience(d engine.Decl, t engine.Trust, p issuer.Profile) {
	at := d.AttrAt("audiences")
	if t.AllowAnyAudience {
		l.warn("WIF002", d.AttrAt("allow_any_audience"), "tokens for any audience are taken",
			"Everybody to whom a workload shows a token of this issuer can show it here. Have the workloads ask for an audience of their own, and name it in audiences.")
	}
	if slices.ContainsFunc(t.Audiences, p.DefaultAudience) {
		l.warn("WIF002", at, "an audience is the one that tokens of "+p.Title+" have by default",
			"Tokens for which nobody asked an audience go to many, each of whom could use them here. Have the workloads ask for one of m2md's own, such as its external_url.")
	}
	for _, aud := range t.Audiences {
		if party, foreign := issuer.ForeignAudience(aud); foreign {
			l.warn("WIF002", at, "an audience is that of "+party,
				"A token that a workload showed there could be used here. Have the workloads ask for an audience of m2md's own, such as its external_url.")
		}
	}
	if t.Issuer != "" && slices.Contains(t.Audiences, t.Issuer) {
		l.warn("WIF002", at, "an audience is the issuer itself",
			"Those are the tokens by which workloads speak to their own platform, such as a pod to the API server. Have them ask for an audience of m2md's own.")
	}
}
