package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
)

// workflows are the findings about which runs of a repository's are meant.
func workflows() family {
	return family{
		rules: []Rule{{
			ID: "WIF005", Title: "a sub that admits every branch, and pull requests", Severity: engine.Warning,
			Why: "A pattern such as repo:OWNER/REPO:.* was meant for a branch and also matches …:pull_request and every other branch and environment, where code runs that nobody has reviewed.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { sub = pattern("repo:acme@1234/api@5678:.*") }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { sub = pattern("repo:acme@1234/api@5678:ref:refs/heads/.*") }
}`,
		}, {
			ID: "WIF006", Title: "an event that strangers can cause", Severity: engine.Warning,
			Why: "pull_request_target, workflow_run and issue_comment run with the rights of the default branch, and their tokens say so (ref = \"refs/heads/main\"), but whoever may open a pull request or write a comment causes them, and often has a say in what they do. " +
				"The tokens of pull_request are those of code that nobody has merged; so are those of merge_request_event at GitLab.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", ref = "refs/heads/main", event_name = ["push", "pull_request_target"] }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", ref = "refs/heads/main", event_name = ["push", "workflow_dispatch"] }
}`,
		}, {
			ID: "WIF015", Title: "an environment is trusted whatever the branch", Severity: engine.Warning,
			Why: "Which branches may use an environment, and who must agree, stands in the settings at the platform, which m2md does not see and which may be lifted or never have been made. " +
				"Require the branch as well, or that it is protected.",
			Fault: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", environment = "production" }
}`,
			Fix: `access "ci" {
  from           = [oauth_source.github]
  require_claims = { repository_id = "5678", environment = "production", ref = "refs/heads/main" }
}`,
		}, {
			ID: "WIF016", Title: "a workflow or a person that is not what it seems", Severity: engine.Warning,
			Why: "workflow_ref is the workflow that was started; the reusable one that it calls is job_workflow_ref. A reusable workflow pinned at a branch is whatever is pushed there next; pin a tag that cannot be moved, or a commit. " +
				"actor and user_login say who started a run, not who wrote what runs, and are names that can change hands.",
			Fault: `access "ci" {
  from = [oauth_source.github]
  require_claims = {
    repository_id    = "5678"
    job_workflow_ref = "acme/workflows/.github/workflows/deploy.yml@refs/heads/main"
  }
}`,
			Fix: `access "ci" {
  from = [oauth_source.github]
  require_claims = {
    repository_id    = "5678"
    job_workflow_ref = "acme/workflows/.github/workflows/deploy.yml@refs/tags/v1"
  }
}`,
		}},
		check: func(l *linter) {
			l.each(l.everyBranch)
			l.each(l.event)
			l.each(l.environment)
			l.each(l.workflow)
		},
	}
}

// everyBranch tells of patterns of sub that are open behind the repository.
func (l *linter) everyBranch(w *way, a asked) {
	if !a.is("sub") || !w.of("github-actions", "gitlab", "forgejo") || !w.whole || !w.pins(a) ||
		w.asksKind(issuer.Ref, issuer.Event, issuer.Environment, issuer.Protection, issuer.Workflow, issuer.Commit) {
		return
	}
	for _, p := range a.patterns {
		if slices.ContainsFunc(beginnings(p), func(b beginning) bool { return !b.whole && w.admitsAnything(p, b.text) }) {
			l.warn("WIF005", a.at, "the pattern of sub admits every branch and what is not merged", "It is open behind the name of the repository. Write what must follow, such as ref:refs/heads/main, or require ref.")
		}
	}
}

// admitsAnything says whether a text that a pattern begins with may go on with
// what nobody has reviewed.
func (w *way) admitsAnything(p *engine.Pattern, text string) bool {
	tail := "pull_request"
	if w.of("gitlab") {
		tail = "ref_type:branch:ref:zq"
	}
	if parts := strings.SplitN(text, ":", 3); len(parts) == 3 { // the repository, and what was named behind it
		rest, begun := strings.CutPrefix(tail, parts[2])
		return begun && p.Match(text+rest)
	}
	for _, between := range []string{":", "zq:", "/zq:", "zq/zq:", "zq@1:", "@1:", "@1/zq@2:"} {
		if p.Match(text + between + tail) {
			return true
		}
	}
	return false
}

// event tells of events that are not the owner's to cause.
func (l *linter) event(w *way, a asked) {
	var strangers []string
	switch {
	case w.of("github-actions", "forgejo") && a.is("event_name"):
		strangers = []string{"pull_request_target", "workflow_run", "issue_comment", "pull_request"}
	case w.of("gitlab") && a.is("pipeline_source"):
		strangers = []string{"merge_request_event", "external_pull_request_event"}
	}
	if a.universal {
		return
	}
	for _, name := range strangers {
		if a.r.Fulfils(name) {
			l.warn("WIF006", a.at, "runs by "+name+" are let in", "Others than those who may push cause them, or wrote what they run. Take it out, or let it only where nothing is at stake.")
		}
	}
}

// environment tells of environments without a branch.
func (l *linter) environment(w *way, a asked) {
	inSub := a.is("sub") && slices.ContainsFunc(a.texts, func(b beginning) bool { return strings.Contains(b.text, ":environment:") })
	if w.whole && (a.claim.Kind == issuer.Environment || inSub) && !w.asksKind(issuer.Ref, issuer.Protection) {
		l.warn("WIF015", a.at, "the environment is required, and no branch", "That only some branches may use it is not in the token, and may not be so. Require ref, or that it is protected, besides.")
	}
}

// branchAtEnd is how a workflow's claim ends whose version is a branch.
var branchAtEnd = regexp.MustCompile(`@(?:refs/heads/|main\b|master\b)`)

// workflow tells of workflows and persons.
func (l *linter) workflow(w *way, a asked) {
	switch {
	case a.is("job_workflow_ref") && !a.universal && a.mutable():
		l.warn("WIF016", a.at, "the reusable workflow is pinned at a branch", "What is pushed there next is trusted, too. Pin a tag that cannot be moved, or a commit.")
	case a.is("workflow_ref") && w.ofAnother(a):
		l.warn("WIF016", a.at, "the workflow is none of the repository that is required", "workflow_ref is the workflow that was started, which is the repository's own, so that nobody gets in. The reusable one that it calls is job_workflow_ref.")
	case a.claim.Kind == issuer.Actor && len(a.claim.Stable) > 0:
		l.warn("WIF016", a.at, a.name()+" says who started a run", "It does not say whose code runs, and the name can change hands. Require the repository and the branch.")
	}
}

// mutable says whether a workflow may be that of a branch.
func (a asked) mutable() bool {
	return slices.ContainsFunc(a.texts, func(b beginning) bool {
		if branchAtEnd.MatchString(b.text) {
			return true
		}
		return !b.whole && slices.ContainsFunc([]string{"refs/heads/zq", "@refs/heads/zq", "zq.yml@refs/heads/zq"}, func(tail string) bool {
			return a.r.Fulfils(b.text + tail)
		})
	})
}

// ofAnother says whether the workflow is in another repository than the one
// that is required.
func (w *way) ofAnother(workflow asked) bool {
	i := slices.IndexFunc(w.asked, func(a asked) bool { return a.is("repository") })
	if i < 0 {
		return false
	}
	repository, named := w.asked[i].r.Equal.(string)
	text, whole := workflow.r.Equal.(string)
	return named && whole && !strings.HasPrefix(text, repository+"/")
}
