package main

import (
	"encoding/json"
	"time"
)

// examples are all that have a configuration, by folder.
func examples() map[string]example {
	return map[string]example{
		"quickstart":     quickstart(),
		"github-actions": githubActions(),
		"gitlab":         gitlabCI(),
		"kubernetes":     kubernetesClusters(),
	}
}

// Parts of the reasons for which somebody is refused.
const (
	notTheSources = "do not fulfil the require_claims of the source"
	notTheAccess  = "the claims do not fulfil require_claims"
	notForUs      = "is none of the accepted"
	noKey         = "verifies the JWT"
	noIssuer      = "names a source whose issuer is"
	tooOld        = "longer ago than max_token_age allows"
	expired       = "it expired at"
)

// quickstart has a platform that is nobody's in particular.
func quickstart() example {
	return example{
		signer: "ci",
		base: claims{
			"iss": "https://ci.example.com", "sub": "repo:acme/files", "aud": "http://127.0.0.1:9440",
			"iat": json.Number("0"), "nbf": json.Number("0"), "exp": json.Number("300"),
			"repository_owner": "acme", "ref": "refs/heads/main",
		},
		applicants: []applicant{
			{name: "the backup", provider: "files", password: "backup", rule: "backup", subject: "backup"},
			{name: "a job on main", provider: "files", rule: "ci", subject: "ci/repo:acme/files"},
			{name: "a job on another branch", provider: "files", changes: claims{"ref": "refs/heads/topic"}, reason: "policy main_branch said no"},
			{name: "a job of another owner", provider: "files", changes: claims{"repository_owner": "mallory"}, reason: notTheAccess},
			{name: "a token for somebody else", provider: "files", changes: claims{"aud": "https://else.example"}, reason: notForUs},
			{name: "an old token", provider: "files", age: 5 * time.Minute, reason: expired},
			{name: "a token of a stranger", provider: "files", signer: stranger, reason: noKey},
		},
		visits: []visit{
			{name: "nothing, for an open path", provider: "files", request: "GET /ready"},
			{name: "nothing, for another", provider: "files", request: "GET /reports", reason: "no credentials"},
			{name: "the app password", provider: "files", password: "backup", request: "GET /reports"},
		},
	}
}

// githubActions begins with a push to main of acme/api.
func githubActions() example {
	web := claims{"repository": "acme/web", "repository_id": "6789", "sub": "repo:acme@1234/web@6789:ref:refs/heads/main", "workflow_ref": "acme/web/.github/workflows/deploy.yml@refs/heads/main", "job_workflow_ref": "acme/web/.github/workflows/deploy.yml@refs/heads/main"}
	mallory := claims{"repository": "mallory/api", "repository_id": "999", "repository_owner": "mallory", "repository_owner_id": "666", "repository_visibility": "public", "sub": "repo:mallory@666/api@999:ref:refs/heads/main"}
	sharedAt := func(version string) claims {
		return claims{"job_workflow_ref": "acme/workflows/.github/workflows/shared-deploy.yml@" + version}
	}
	shared := sharedAt("refs/tags/v1")
	topic := claims{"ref": "refs/heads/topic", "sub": "repo:acme@1234/api@5678:ref:refs/heads/topic"}
	pullRequest := claims{"event_name": "pull_request", "ref": "refs/pull/7/merge", "head_ref": "topic", "base_ref": "main", "sub": "repo:acme@1234/api@5678:pull_request"}
	reviewed := claims{"environment": "production", "sub": "repo:acme@1234/api@5678:environment:production"}
	const api, apiReviewed = "github/repo:acme@1234/api@5678:ref:refs/heads/main", "github/repo:acme@1234/api@5678:environment:production"
	return example{
		signer: "github", profile: "github-actions",
		applicants: []applicant{
			{name: "a push to main", provider: "staging", rule: "api_main", subject: api},
			{name: "a run on main by hand", provider: "staging", changes: claims{"event_name": "workflow_dispatch"}, rule: "api_main", subject: api},
			{name: "a repository made before subs had IDs", provider: "staging", changes: claims{"sub": "repo:acme/api:ref:refs/heads/main"}, rule: "api_main", subject: "github/repo:acme/api:ref:refs/heads/main"},
			{name: "the repository after it got another name", provider: "staging", changes: claims{"repository": "acme/service", "sub": "repo:acme@1234/service@5678:ref:refs/heads/main"}, rule: "api_main", subject: "github/repo:acme@1234/service@5678:ref:refs/heads/main"},
			{name: "another repository by the shared workflow", provider: "staging", changes: merged(web, shared), rule: "shared_workflow", subject: "github/repo:acme@1234/web@6789:ref:refs/heads/main"},
			{name: "the same in a version with three parts", provider: "staging", changes: merged(web, sharedAt("refs/tags/v1.4.12")), rule: "shared_workflow", subject: "github/repo:acme@1234/web@6789:ref:refs/heads/main"},
			{name: "the reviewed job", provider: "production", changes: reviewed, rule: "api_reviewed", subject: apiReviewed},
			{name: "the reviewed job, by a token that staging took before", provider: "production", before: "staging", changes: reviewed, rule: "api_reviewed", subject: apiReviewed},
			{name: "the reviewed job on the last day before the freeze", provider: "production", day: "12-19", changes: reviewed, rule: "api_reviewed", subject: apiReviewed},
			{name: "the reviewed job on the first day after the freeze", provider: "production", day: "01-03", changes: reviewed, rule: "api_reviewed", subject: apiReviewed},
			{name: "a push to main during the freeze", provider: "staging", day: "12-24", rule: "api_main", subject: api},

			{name: "a push to main of a fork", provider: "staging", changes: mallory, reason: notTheSources},
			{name: "another owner who calls the shared workflow", provider: "staging", changes: merged(mallory, shared), reason: notTheSources},
			{name: "another owner who took the name", provider: "staging", changes: claims{"repository_id": "999", "repository_owner_id": "666"}, reason: notTheSources},
			{name: "a repository that was made again by the same name", provider: "staging", changes: claims{"repository_id": "7777"}, reason: notTheAccess},
			{name: "another repository by a workflow of its own", provider: "staging", changes: web, reason: notTheAccess},
			{name: "a pull request", provider: "staging", changes: pullRequest, reason: notTheAccess},
			{name: "a pull_request_target", provider: "staging", changes: claims{"event_name": "pull_request_target", "head_ref": "topic", "base_ref": "main"}, reason: notTheAccess},
			{name: "a workflow_run", provider: "staging", changes: claims{"event_name": "workflow_run"}, reason: notTheAccess},
			{name: "a comment on an issue", provider: "staging", changes: claims{"event_name": "issue_comment"}, reason: notTheAccess},
			{name: "a push to a topic branch", provider: "staging", changes: topic, reason: notTheAccess},
			{name: "a push to a branch whose name begins with main", provider: "staging", changes: claims{"ref": "refs/heads/main-2"}, reason: notTheAccess},
			{name: "a tag", provider: "staging", changes: claims{"ref": "refs/tags/v1.0.0", "ref_type": "tag"}, reason: notTheAccess},
			{name: "a tag by the name of main", provider: "staging", changes: claims{"ref": "refs/tags/main", "ref_type": "tag"}, reason: notTheAccess},
			{name: "the shared workflow, called for a topic branch", provider: "staging", changes: merged(web, shared, topic), reason: notTheAccess},
			{name: "the shared workflow, called by pull_request_target", provider: "staging", changes: merged(web, shared, claims{"event_name": "pull_request_target"}), reason: notTheAccess},
			{name: "the shared workflow as a branch has it", provider: "staging", changes: merged(web, sharedAt("refs/heads/main")), reason: notTheAccess},
			{name: "the shared workflow as a pull request has it", provider: "staging", changes: merged(web, sharedAt("refs/pull/3/merge")), reason: notTheAccess},
			{name: "the shared workflow in a version that is none", provider: "staging", changes: merged(web, sharedAt("refs/tags/v1-rc1")), reason: notTheAccess},
			{name: "the shared workflow of a fork", provider: "staging", changes: merged(web, claims{"job_workflow_ref": "mallory/workflows/.github/workflows/shared-deploy.yml@refs/tags/v1"}), reason: notTheAccess},
			{name: "a shared workflow whose name ends so", provider: "staging", changes: merged(web, claims{"job_workflow_ref": "x/acme/workflows/.github/workflows/shared-deploy.yml@refs/tags/v1"}), reason: notTheAccess},
			{name: "a shared workflow where the pattern has a dot", provider: "staging", changes: merged(web, claims{"job_workflow_ref": "acme/workflows/.github/workflows/shared-deploy-yml@refs/tags/v1"}), reason: notTheAccess},
			{name: "an ID as a number", provider: "staging", changes: claims{"repository_id": json.Number("5678")}, unreal: true, reason: notTheAccess},
			{name: "the audience that GitHub gives unasked", provider: "staging", changes: claims{"aud": "https://github.com/acme"}, reason: notForUs},
			{name: "a token for a cloud", provider: "staging", changes: claims{"aud": "sts.amazonaws.com"}, reason: notForUs},
			{name: "an expired token", provider: "staging", age: 5 * time.Minute, reason: expired},
			{name: "a token once more", provider: "staging", before: "staging", reason: "it was used before"},
			{name: "a token with GitHub's name and another key", provider: "staging", signer: stranger, reason: noKey},
			{name: "an enterprise's own GitHub with the same IDs", provider: "staging", changes: claims{"iss": "https://github.example.com/_services/token"}, reason: noIssuer},

			{name: "the job of main without an environment", provider: "production", reason: notTheAccess},
			{name: "a job of another environment", provider: "production", changes: claims{"environment": "staging", "sub": "repo:acme@1234/api@5678:environment:staging"}, reason: notTheAccess},
			{name: "an environment that differs in case", provider: "production", changes: claims{"environment": "Production"}, reason: notTheAccess},
			{name: "the environment from a topic branch", provider: "production", changes: merged(topic, reviewed), reason: notTheAccess},
			{name: "the environment by pull_request_target", provider: "production", changes: merged(reviewed, claims{"event_name": "pull_request_target"}), reason: notTheAccess},
			{name: "an environment of that name of another repository", provider: "production", changes: merged(reviewed, web, claims{"sub": "repo:acme@1234/web@6789:environment:production"}), reason: notTheAccess},
			{name: "an environment of that name of a fork", provider: "production", changes: merged(reviewed, mallory), reason: notTheSources},
			{name: "the shared workflow", provider: "production", changes: merged(web, shared), reason: notTheAccess},
			{name: "the reviewed job on the first day of the freeze", provider: "production", day: "12-20", changes: reviewed, reason: "policy change_freeze said no"},
			{name: "the reviewed job on New Year's Day", provider: "production", day: "01-01", changes: reviewed, reason: "policy change_freeze said no"},
			{name: "the reviewed job on the last day of the freeze", provider: "production", day: "01-02", changes: reviewed, reason: "policy change_freeze said no"},
		},
		visits: []visit{
			{name: "nothing, for an open path", provider: "production", request: "GET /healthz"},
			{name: "nothing, for another", provider: "production", request: "POST /apps/api/1", reason: "no credentials"},
			{name: "its token", provider: "production", token: "production", request: "POST /apps/api/1"},
			{name: "a token of staging", provider: "production", token: "staging", request: "POST /apps/api/1", reason: "bearer token"},
			{name: "what GitHub signed", provider: "production", token: "production", jwt: true, request: "POST /apps/api/1", reason: "bearer token"},
		},
	}
}

// gitlabCI begins with a push to the protected branch main of acme/api.
func gitlabCI() example {
	fork := claims{"project_id": "99", "project_path": "mallory/api", "namespace_id": "88", "namespace_path": "mallory", "sub": "project_path:mallory/api:ref_type:branch:ref:main"}
	forkRuns := merged(fork, claims{"job_project_id": "99", "job_project_path": "mallory/api", "job_namespace_id": "88", "job_namespace_path": "mallory"})
	web := claims{"project_id": "21", "project_path": "acme/web", "job_project_id": "21", "job_project_path": "acme/web", "sub": "project_path:acme/web:ref_type:tag:ref:v1.2.3"}
	tagged := claims{"ref": "v1.2.3", "ref_type": "tag", "ref_path": "refs/tags/v1.2.3", "sub": "project_path:acme/api:ref_type:tag:ref:v1.2.3"}
	production := merged(tagged, claims{"environment": "production", "environment_protected": "true", "environment_action": "start", "deployment_tier": "production"})
	mergeRequest := claims{"pipeline_source": "merge_request_event"}
	unprotected := claims{"ref_protected": "false"}
	old := claims{"job_project_id": nil, "job_project_path": nil, "job_namespace_id": nil, "job_namespace_path": nil}
	const api, version = "gitlab/project_path:acme/api:ref_type:branch:ref:main", "gitlab/project_path:acme/api:ref_type:tag:ref:v1.2.3"
	return example{
		signer: "gitlab", profile: "gitlab",
		applicants: []applicant{
			{name: "a push to main", provider: "staging", rule: "api_main", subject: api},
			{name: "a pipeline that was planned", provider: "staging", changes: claims{"pipeline_source": "schedule"}, rule: "api_main", subject: api},
			{name: "a pipeline by hand", provider: "staging", changes: claims{"pipeline_source": "web"}, rule: "api_main", subject: api},
			{name: "an older GitLab", provider: "staging", changes: old, rule: "api_main", subject: api},
			{name: "the project after it moved", provider: "staging", changes: claims{"project_path": "acme/service", "sub": "project_path:acme/service:ref_type:branch:ref:main"}, rule: "api_main", subject: "gitlab/project_path:acme/service:ref_type:branch:ref:main"},
			{name: "a token shown again", provider: "staging", before: "staging", rule: "api_main", subject: api},
			{name: "a version, by the job of the environment", provider: "production", changes: production, rule: "api_versions", subject: version},
			{name: "a version", provider: "packages", changes: tagged, rule: "versions", subject: version},
			{name: "a version of another project of the group", provider: "packages", changes: merged(tagged, web), rule: "versions", subject: "gitlab/project_path:acme/web:ref_type:tag:ref:v1.2.3"},

			{name: "main of a fork, protected there by its owner", provider: "staging", changes: forkRuns, reason: notTheAccess},
			{name: "a merge request from main of a fork, run in the project", provider: "staging", changes: merged(fork, mergeRequest, unprotected), reason: notTheSources},
			{name: "the same, as an older GitLab has it", provider: "staging", changes: merged(old, mergeRequest, unprotected), reason: notTheSources},
			{name: "a merge request from main, in a project that lets those of protected branches be protected", provider: "staging", changes: mergeRequest, reason: notTheSources},
			{name: "whoever holds a trigger token", provider: "staging", changes: claims{"pipeline_source": "trigger"}, reason: notTheSources},
			{name: "main while it is not protected", provider: "staging", changes: unprotected, reason: notTheSources},
			{name: "true that is no string", provider: "staging", changes: claims{"ref_protected": true}, unreal: true, reason: notTheSources},
			{name: "another protected branch", provider: "staging", changes: claims{"ref": "release", "ref_path": "refs/heads/release"}, reason: notTheAccess},
			{name: "a protected tag by the name of main", provider: "staging", changes: claims{"ref_type": "tag", "ref_path": "refs/tags/main"}, reason: notTheAccess},
			{name: "main of another project of the group", provider: "staging", changes: web, reason: notTheAccess},
			{name: "a project that was made again by the same path", provider: "staging", changes: claims{"project_id": "777"}, reason: notTheAccess},
			{name: "a token for somebody else", provider: "staging", changes: claims{"aud": "https://vault.example.com"}, reason: notForUs},
			{name: "the audience that is GitLab itself", provider: "staging", changes: claims{"aud": "https://gitlab.com"}, reason: notForUs},
			{name: "a token of a job that runs for long", provider: "staging", age: 11 * time.Minute, reason: tooOld},
			{name: "an expired token", provider: "staging", age: time.Hour, reason: expired},
			{name: "a token with GitLab's name and another key", provider: "staging", signer: stranger, reason: noKey},
			{name: "another GitLab with the same IDs", provider: "staging", changes: claims{"iss": "https://gitlab.example.com"}, reason: noIssuer},

			{name: "a version without the environment", provider: "production", changes: tagged, reason: notTheAccess},
			{name: "a version, for another environment", provider: "production", changes: merged(production, claims{"environment": "staging"}), reason: notTheAccess},
			{name: "the environment while it is not protected", provider: "production", changes: merged(production, claims{"environment_protected": "false"}), reason: notTheAccess},
			{name: "the environment from main", provider: "production", changes: merged(production, claims{"ref": "main", "ref_type": "branch"}), reason: notTheAccess},
			{name: "the environment from a tag that is no version", provider: "production", changes: merged(production, claims{"ref": "v1.2.3-rc1"}), reason: notTheAccess},
			{name: "the environment from a protected branch by the name of a version", provider: "production", changes: merged(production, claims{"ref_type": "branch"}), reason: notTheAccess},
			{name: "an environment of that name of another project of the group", provider: "production", changes: merged(production, web), reason: notTheAccess},
			{name: "a tag that is not protected", provider: "production", changes: merged(production, unprotected), reason: notTheSources},

			{name: "a version of a fork, protected there by its owner", provider: "packages", changes: merged(tagged, forkRuns), reason: notTheAccess},
			{name: "a version of a subgroup's project", provider: "packages", changes: merged(tagged, claims{"namespace_id": "73", "namespace_path": "acme/tools"}), reason: notTheAccess},
			{name: "a group that took the path", provider: "packages", changes: merged(tagged, claims{"namespace_id": "88"}), reason: notTheAccess},
			{name: "main", provider: "packages", reason: notTheAccess},
			{name: "a protected branch by the name of a version", provider: "packages", changes: merged(tagged, claims{"ref_type": "branch"}), reason: notTheAccess},
			{name: "a tag that is no version", provider: "packages", changes: merged(tagged, claims{"ref": "v1.2.3-rc1"}), reason: notTheAccess},
		},
		visits: []visit{
			{name: "nothing, for an open path", provider: "production", request: "GET /healthz"},
			{name: "nothing, for another", provider: "packages", request: "PUT /api/v1.2.3.tar.gz", reason: "no credentials"},
			{name: "its token", provider: "packages", token: "packages", request: "PUT /api/v1.2.3.tar.gz"},
			{name: "a token for packages", provider: "production", token: "packages", request: "POST /apps/api/v1.2.3", reason: "bearer token"},
			{name: "what GitLab signed", provider: "packages", token: "packages", jwt: true, request: "PUT /api/v1.2.3.tar.gz", reason: "bearer token"},
		},
	}
}

// kubernetesClusters begins with the pod of Prometheus, in cluster A.
func kubernetesClusters() example {
	pod := func(namespace, account, uid string) claims {
		return claims{
			"sub": "system:serviceaccount:" + namespace + ":" + account,
			"kubernetes.io": claims{
				"namespace":      namespace,
				"serviceaccount": claims{"name": account, "uid": uid},
				"pod":            claims{"name": account + "-7d9f", "uid": "5b4ef1b0-7a2c-4c50-9a57-0c1f1f0a4c11"},
				"node":           claims{"name": "worker-2", "uid": "9d3a1d61-90a4-4b39-8e8c-3b0d0c9a2f6e"},
			},
		}
	}
	const uid, otherUID = "e6a8680e-d103-4cce-80ea-03acbbeacf7d", "11f0c1a5-3f0a-4d5e-8a43-6a0a1c2f9b77"
	prometheus, again, grafana := pod("monitoring", "prometheus", uid), pod("monitoring", "prometheus", otherUID), pod("monitoring", "grafana", otherUID)
	elsewhere := pod("default", "prometheus", otherUID)
	before130 := claims{"jti": nil, "kubernetes.io": claims{"namespace": "monitoring", "serviceaccount": claims{"name": "prometheus", "uid": uid}, "pod": claims{"name": "p", "uid": otherUID}}}
	forAPIServer := claims{"aud": []any{"https://kubernetes.default.svc.cluster.local"}}
	const a, b = "cluster_a/system:serviceaccount:monitoring:prometheus", "cluster_b/system:serviceaccount:monitoring:prometheus"
	const push, query = "POST /api/v1/push", "GET /prometheus/api/v1/query"
	return example{
		signer: "cluster_a", profile: "kubernetes",
		base: claims{"aud": []any{"https://auth.example.com"}},
		applicants: []applicant{
			{name: "Prometheus of cluster A", provider: "exporters", rule: "prometheus", subject: "prometheus"},
			{name: "its next pod, on another node", provider: "exporters", changes: prometheus, rule: "prometheus", subject: "prometheus"},
			{name: "a token shown again", provider: "exporters", before: "exporters", rule: "prometheus", subject: "prometheus"},
			{name: "a token of Kubernetes before 1.30", provider: "exporters", changes: before130, rule: "prometheus", subject: "prometheus"},
			{name: "its app password", provider: "exporters", password: "prometheus", rule: "prometheus", subject: "prometheus"},
			{name: "Prometheus of cluster A", provider: "mimir", rule: "clusters", subject: a},
			{name: "the token that exporters took before", provider: "mimir", before: "exporters", rule: "clusters", subject: a},
			{name: "Prometheus of cluster B", provider: "mimir", signer: "cluster_b", changes: again, rule: "clusters", subject: b},
			{name: "another account of the namespace", provider: "mimir", signer: "cluster_b", changes: grafana, rule: "clusters", subject: "cluster_b/system:serviceaccount:monitoring:grafana"},

			{name: "Prometheus of cluster B, by the same name and issuer", provider: "exporters", signer: "cluster_b", reason: noKey},
			{name: "a third cluster, by the same name and issuer", provider: "exporters", signer: stranger, reason: noKey},
			{name: "the account, deleted and made again", provider: "exporters", changes: again, reason: "not the claims of a jwt block of service_account prometheus"},
			{name: "another account of the namespace", provider: "exporters", changes: grafana, reason: "not the claims of a jwt block of service_account prometheus"},
			{name: "an account of that name of another namespace", provider: "exporters", changes: elsewhere, reason: "not the claims of a jwt block of service_account prometheus"},
			{name: "another name with the uid", provider: "exporters", changes: claims{"sub": "system:serviceaccount:monitoring:grafana"}, unreal: true, reason: "not the claims of a jwt block of service_account prometheus"},
			{name: "the token for the API server", provider: "exporters", changes: forAPIServer, reason: notForUs},
			{name: "a token for somebody else", provider: "exporters", changes: claims{"aud": []any{"vault"}}, reason: notForUs},
			{name: "an expired token", provider: "exporters", age: time.Hour, reason: expired},
			{name: "a token that was made to last", provider: "exporters", age: 2 * time.Hour, lasts: 720 * time.Hour, reason: tooOld},
			{name: "an app password that is a month old", provider: "exporters", password: "prometheus", age: 720 * time.Hour, reason: "older than the max_age"},

			{name: "an account of another namespace", provider: "mimir", changes: elsewhere, reason: notTheAccess},
			{name: "an account of another namespace of cluster B", provider: "mimir", signer: "cluster_b", changes: elsewhere, reason: notTheAccess},
			{name: "a third cluster, by the same name and issuer", provider: "mimir", signer: stranger, reason: noKey},
			{name: "the token for the API server of cluster B", provider: "mimir", signer: "cluster_b", changes: forAPIServer, reason: notForUs},
			{name: "a token of cluster B that was made to last", provider: "mimir", signer: "cluster_b", age: 2 * time.Hour, lasts: 720 * time.Hour, reason: tooOld},
			{name: "an expired token of cluster B", provider: "mimir", signer: "cluster_b", age: time.Hour, reason: expired},
			{name: "a managed cluster, with an issuer of its own", provider: "mimir", changes: claims{"iss": "https://oidc.eks.eu-central-1.amazonaws.com/id/ABCDEF0123456789"}, signer: stranger, reason: noIssuer},
			{name: "an app password", provider: "mimir", password: "prometheus", reason: "no access of provider mimir names service_account.prometheus"},
		},
		work: map[string]string{"mimir": push},
		visits: []visit{
			{name: "its token, to write", provider: "mimir", token: "mimir", request: push},
			{name: "its token, to read", provider: "mimir", token: "mimir", request: query, reason: "policy write_only said no"},
			{name: "its token, to delete", provider: "mimir", token: "mimir", request: "POST /api/v1/push/../../config", reason: "policy write_only said no"},
			{name: "a token for exporters", provider: "mimir", token: "exporters", request: push, reason: "bearer token"},
			{name: "a token for mimir", provider: "exporters", token: "mimir", request: "GET /metrics", reason: "bearer token"},
			{name: "the app password", provider: "exporters", password: "prometheus", request: "GET /metrics"},
			{name: "the app password", provider: "mimir", password: "prometheus", request: push, reason: "no access of provider mimir names service_account.prometheus"},
			{name: "what the cluster signed", provider: "exporters", token: "exporters", jwt: true, request: "GET /metrics", reason: "bearer token"},
		},
	}
}
