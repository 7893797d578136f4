package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
)

// platforms are the findings about what only one platform's tokens have.
func platforms() family {
	return family{
		rules: []Rule{{
			ID: "WIF017", Title: "GitLab without a protected branch", Severity: engine.Warning,
			Why: "In the pipeline of a merge request from a fork, the claims of the project may be the fork's or the project's own, by version and settings, and nothing else says reliably whose code runs. " +
				"ref_protected = \"true\" holds in each of them: only who may push to a protected branch or tag has such tokens.",
			Fault: `access "ci" {
  from           = [oauth_source.gitlab]
  require_claims = { project_id = "20", ref = "main", ref_type = "branch" }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.gitlab]
  require_claims = { project_id = "20", ref = "main", ref_type = "branch", ref_protected = "true" }
}`,
		}, {
			ID: "WIF018", Title: "HCP Terraform without the phase", Severity: engine.Warning,
			Why: "A speculative plan runs the code of a pull request, and has a token that differs from that of the apply by terraform_run_phase alone.",
			Fault: `access "runs" {
  from           = [oauth_source.terraform]
  require_claims = { terraform_workspace_id = "ws-mbsd5E3Ktt5Rg2Xm" }
}`,
			Fix: `access "runs" {
  from           = [oauth_source.terraform]
  require_claims = { terraform_workspace_id = "ws-mbsd5E3Ktt5Rg2Xm", terraform_run_phase = "apply" }
}`,
		}, {
			ID: "WIF019", Title: "a Kubernetes service account by its name alone", Severity: engine.Warning,
			Why: "Whoever can delete and make a service account, or its namespace, gets the name system:serviceaccount:NAMESPACE:NAME again, but not the uid. " +
				"The account default is that of every pod that names none. Tokens of the issuer kubernetes/serviceaccount are of the old kind, without end and audience. " +
				"And clusters that were not told another issuer share one, so that only their keys tell them apart.",
			Fault: `access "prometheus" {
  from           = [oauth_source.cluster]
  require_claims = { sub = "system:serviceaccount:monitoring:prometheus" }
}`,
			Fix: `access "prometheus" {
  from = [oauth_source.cluster]
  require_claims = {
    sub             = "system:serviceaccount:monitoring:prometheus"
    "kubernetes.io" = { serviceaccount = { uid = "e6a8680e-d103-4cce-80ea-03acbbeacf7d" } }
  }
}`,
		}, {
			ID: "WIF020", Title: "a Google account by its address or domain alone", Severity: engine.Warning,
			Why: "email says nothing unless email_verified is true. hd is every member of a Workspace. A project is every instance and whoever may make one. The unique id of a service account, which is its sub, is given once.",
			Fault: `access "jobs" {
  from           = [oauth_source.google]
  require_claims = { email = "ci@acme-prod.iam.gserviceaccount.com" }
}`,
			Fix: `access "jobs" {
  from           = [oauth_source.google]
  require_claims = { sub = "112179062720391305885" }
}`,
		}, {
			ID: "WIF025", Title: "CircleCI with jobs that people can log in to", Severity: engine.Warning,
			Why: "In a job that was run again with SSH, whoever started it has a shell, and the token. oidc.circleci.com/ssh-rerun = false keeps those out. " +
				"Where forks are built and given secrets, require oidc.circleci.com/vcs-origin as well: project-id is the same for them.",
			Fault: `access "jobs" {
  from           = [oauth_source.circleci]
  require_claims = { "oidc.circleci.com/project-id" = "3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c" }
}`,
			Fix: `access "jobs" {
  from = [oauth_source.circleci]
  require_claims = {
    "oidc.circleci.com/project-id" = "3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c"
    "oidc.circleci.com/ssh-rerun"  = false
  }
}`,
		}},
		check: func(l *linter) {
			for i := range l.ways {
				if w := &l.ways[i]; w.whole && len(w.asked) > 0 {
					l.gitlab(w)
					l.terraform(w)
					l.google(w)
					l.circleci(w)
				}
			}
			l.each(l.kubernetes)
			for _, s := range l.spec.Sources {
				if s.Issuer == "kubernetes/serviceaccount" {
					l.warn("WIF019", s.AttrAt("issuer"), "tokens of this issuer never end", "They are those of Kubernetes 1.23 and before, kept in secrets, without exp and aud, which m2md refuses. Use projected tokens, whose issuer is an https address.")
				}
			}
		},
	}
}

func (l *linter) gitlab(w *way) {
	if w.of("gitlab") && !w.asksFor("ref_protected") {
		l.warn("WIF017", w.at, "runs of branches that are not protected are let in", `Whose code they run, the token does not reliably say. Require ref_protected = "true".`)
	}
}

// phaseInSub is where a sub of HCP Terraform says the phase.
var phaseInSub = regexp.MustCompile(`:(?:run_phase|operation):\(?[a-z]`)

func (l *linter) terraform(w *way) {
	inSub := func(a asked) bool {
		return a.is("sub") && slices.ContainsFunc(a.alternatives, func(r engine.Requirement) bool {
			text, _ := r.Equal.(string)
			return phaseInSub.MatchString(text) || r.Pattern != nil && phaseInSub.MatchString(r.Pattern.String())
		})
	}
	if w.of("terraform") && !w.asksKind(issuer.Phase) && !w.asks(inSub) {
		l.warn("WIF018", w.at, "speculative plans are let in", `They run code that nobody has merged. Require terraform_run_phase = "apply", and give plans an access of their own.`)
	}
}

func (l *linter) google(w *way) {
	if !w.of("google") || w.asksFor("sub") || w.asksFor("azp") {
		return
	}
	for _, a := range w.asked {
		switch {
		case a.is("email") && !w.asksFor("email_verified"):
			l.warn("WIF020", a.at, "email is required, and not that it is verified", "Require sub, the unique id of the account, or email_verified = true besides.")
		case a.is("hd") && !w.asksFor("email"):
			l.warn("WIF020", a.at, "everybody of a Workspace is let in", "hd is the same for all its members. Require sub, the unique id of the account that is meant.")
		case (a.is("google", "compute_engine", "project_id") || a.is("google", "compute_engine", "project_number")) &&
			!w.asksFor("google", "compute_engine", "instance_id") && !w.asksFor("email"):
			l.warn("WIF020", a.at, "every instance of a project is let in", "Whoever may make an instance there gets in. Require sub, the unique id of the service account that is meant.")
		}
	}
}

func (l *linter) circleci(w *way) {
	if w.of("circleci") && !w.asksFor("oidc.circleci.com/ssh-rerun") {
		l.warn("WIF025", w.at, "jobs that somebody is logged in to are let in", `Whoever runs a job again with SSH has its token. Require "oidc.circleci.com/ssh-rerun" = false.`)
	}
}

// kubernetes tells of service accounts by name.
func (l *linter) kubernetes(w *way, a asked) {
	if !w.of("kubernetes") {
		return
	}
	name := a.is("kubernetes.io", "serviceaccount", "name")
	texts := a.texts
	isDefault := func(b beginning) bool {
		return b.whole && (name && b.text == "default" || a.is("sub") && strings.HasPrefix(b.text, "system:serviceaccount:") && strings.HasSuffix(b.text, ":default"))
	}
	switch {
	case (name || a.is("sub")) && slices.ContainsFunc(texts, isDefault):
		l.warn("WIF019", a.at, "the account default is that of every pod that names none", "Make a service account for the workload, and require that.")
	case (name || a.is("sub")) && w.whole && slices.ContainsFunc(a.texts, func(b beginning) bool { return b.whole }) && !w.asksFor("kubernetes.io", "serviceaccount", "uid"):
		l.warn("WIF019", a.at, "the service account is required by its name alone", `Whoever can make it again gets the name. Require its uid besides: "kubernetes.io" = { serviceaccount = { uid = "…" } }.`)
	}
}
