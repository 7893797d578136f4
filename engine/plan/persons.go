package plan

import (
	"maps"
	"strings"

	"github.com/m2md/m2md/engine/issuer"
	"github.com/m2md/m2md/engine/rehearse"
)

// persons are changes of what a token of an issuer usually says by which it is
// somebody else's: another repository's of the same owner, another owner's, that
// of a pull request, of another branch or environment. The first is nobody else.
func persons(profile string) []map[string]any {
	all := []map[string]any{{}}
	switch profile {
	case "github-actions":
		return append(all, githubPersons()...)
	case "gitlab":
		return append(all, gitlabPersons()...)
	case "kubernetes":
		return append(all,
			map[string]any{"sub": "system:serviceaccount:monitoring:another", "kubernetes.io": map[string]any{"serviceaccount": map[string]any{"name": "another", "uid": "11111111-2222-4333-8444-555555555555"}}},
			map[string]any{"sub": "system:serviceaccount:another:prometheus", "kubernetes.io": map[string]any{"namespace": "another", "serviceaccount": map[string]any{"uid": "11111111-2222-4333-8444-666666666666"}}},
		)
	}
	return append(all, plainPersons(profile)...)
}

func githubPersons() []map[string]any {
	workflow := func(repository, ref string) map[string]any {
		file := repository + "/.github/workflows/deploy.yml@" + ref
		return map[string]any{"workflow_ref": file, "job_workflow_ref": file, "ref": ref}
	}
	with := func(base, more map[string]any) map[string]any {
		maps.Copy(base, more)
		return base
	}
	return []map[string]any{
		with(workflow("acme/another", "refs/heads/main"), map[string]any{"sub": "repo:acme@1234/another@999999:ref:refs/heads/main", "repository": "acme/another", "repository_id": "999999"}),
		with(workflow("someone-else/api", "refs/heads/main"), map[string]any{"sub": "repo:someone-else@888888/api@999999:ref:refs/heads/main", "repository": "someone-else/api", "repository_id": "999999", "repository_owner": "someone-else", "repository_owner_id": "888888"}),
		with(workflow("acme/api", "refs/pull/7/merge"), map[string]any{"sub": "repo:acme@1234/api@5678:pull_request", "event_name": "pull_request", "base_ref": "main", "head_ref": "feature", "ref_protected": "false"}),
		with(workflow("acme/api", "refs/heads/another"), map[string]any{"sub": "repo:acme@1234/api@5678:ref:refs/heads/another", "ref_protected": "false"}),
		{"sub": "repo:acme@1234/api@5678:environment:another", "environment": "another"},
		{"event_name": "pull_request_target", "base_ref": "main", "head_ref": "feature"}, // of a fork, in the name of the branch
		{"event_name": "workflow_dispatch"},
	}
}

func gitlabPersons() []map[string]any {
	return []map[string]any{
		{"sub": "project_path:acme/another:ref_type:branch:ref:main", "project_path": "acme/another", "project_id": "999999", "job_project_path": "acme/another", "job_project_id": "999999", "ci_config_ref_uri": "gitlab.com/acme/another//.gitlab-ci.yml@refs/heads/main"},
		{"sub": "project_path:someone-else/api:ref_type:branch:ref:main", "namespace_path": "someone-else", "namespace_id": "888888", "project_path": "someone-else/api", "project_id": "999999", "job_namespace_path": "someone-else", "job_namespace_id": "888888", "job_project_path": "someone-else/api", "job_project_id": "999999", "ci_config_ref_uri": "gitlab.com/someone-else/api//.gitlab-ci.yml@refs/heads/main"},
		{"sub": "project_path:acme/api:ref_type:branch:ref:another", "ref": "another", "ref_path": "refs/heads/another", "ref_protected": "false"},
		{"pipeline_source": "merge_request_event", "ref_protected": "false"},
		{"environment": "another", "environment_protected": "false"},
	}
}

// plainPersons change one claim each that says who somebody is, or what runs.
func plainPersons(name string) (all []map[string]any) {
	all = append(all, map[string]any{"sub": "another"})
	profile, _ := issuer.Lookup(name)
	usual := profile.Example()
	for _, claim := range profile.Claims() {
		if claim.Prefix || len(claim.Path) > 1 {
			continue
		}
		switch claim.Kind {
		case issuer.StableID, issuer.MutableName, issuer.Ref, issuer.Event, issuer.Environment, issuer.Phase, issuer.Protection:
		default:
			continue
		}
		if text, is := usual[claim.Path[0]].(string); is {
			for _, other := range otherwise(text) {
				all = append(all, map[string]any{claim.Path[0]: other})
			}
		}
	}
	return all
}

// bases are the tokens to begin with.
func bases(usual map[string]any, profile string) (all []map[string]any) {
	for _, person := range persons(profile) {
		all = append(all, rehearse.Patch(usual, person))
	}
	return all
}

// dotted joins a path of claims.
func dotted(path []string) string { return strings.Join(path, ".") }
