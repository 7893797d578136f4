package enginetest

import (
	"maps"
	"time"
)

// The iss of the issuers whose claims stand here.
const (
	GitHub     = "https://token.actions.githubusercontent.com"
	GitLab     = "https://gitlab.com"
	Kubernetes = "https://kubernetes.default.svc.cluster.local"
)

// GitHubClaims are those of a GitHub Actions job: a push to main of acme/api.
func GitHubClaims(now time.Time, audience string) map[string]any {
	return times(now, map[string]any{
		"iss": GitHub, "aud": audience,
		"sub":        "repo:acme@1234/api@5678:ref:refs/heads/main",
		"repository": "acme/api", "repository_id": "5678",
		"repository_owner": "acme", "repository_owner_id": "1234", "repository_visibility": "private",
		"ref": "refs/heads/main", "ref_type": "branch", "event_name": "push",
		"workflow_ref":       "acme/api/.github/workflows/d.yml@refs/heads/main",
		"job_workflow_ref":   "acme/api/.github/workflows/d.yml@refs/heads/main",
		"runner_environment": "github-hosted", "actor": "bo", "actor_id": "9", "run_id": "1",
		"jti": "5f2c7a7e-1111-4a4c-9b60-1f8f0c2f0d6e",
	})
}

// GitLabClaims are those of a job on a protected branch of gitlab.com.
func GitLabClaims(now time.Time, audience string) map[string]any {
	return times(now, map[string]any{
		"iss": GitLab, "aud": audience,
		"sub":          "project_path:acme/api:ref_type:branch:ref:main",
		"namespace_id": "72", "namespace_path": "acme", "project_id": "20", "project_path": "acme/api",
		"user_login": "bo", "pipeline_source": "push", "job_id": "302",
		"ref": "main", "ref_type": "branch", "ref_protected": "true", "environment": "prod",
		"runner_id": 1, "runner_environment": "gitlab-hosted",
		"ci_config_ref_uri": "gitlab.com/acme/api//.gitlab-ci.yml@refs/heads/main",
		"jti":               "7b9f2d1e-2222-4a4c-9b60-1f8f0c2f0d6e",
	})
}

// KubernetesClaims are those of a projected service account token: a list for
// aud, and nested objects.
func KubernetesClaims(now time.Time, audience string) map[string]any {
	return times(now, map[string]any{
		"iss": Kubernetes, "aud": []any{audience},
		"sub": "system:serviceaccount:prom:prom-sa",
		"kubernetes.io": map[string]any{
			"namespace":      "prom",
			"node":           map[string]any{"name": "n1", "uid": "7f1d6a52-3333-4a4c-9b60-1f8f0c2f0d6e"},
			"pod":            map[string]any{"name": "p", "uid": "1d0a3f5e-4444-4a4c-9b60-1f8f0c2f0d6e"},
			"serviceaccount": map[string]any{"name": "prom-sa", "uid": "9c8e7d6f-5555-4a4c-9b60-1f8f0c2f0d6e"},
			"warnafter":      now.Add(50 * time.Minute).Unix(),
		},
		"jti": "3a2b1c0d-6666-4a4c-9b60-1f8f0c2f0d6e",
	})
}

// times adds when the token was issued and how long it is valid.
func times(now time.Time, claims map[string]any) map[string]any {
	claims["iat"] = now.Unix()
	claims["nbf"] = now.Add(-5 * time.Second).Unix()
	claims["exp"] = now.Add(10 * time.Minute).Unix()
	return claims
}

// With returns a copy of claims in which others are added or replaced; those
// set to nil are left out.
func With(claims, changes map[string]any) map[string]any {
	changed := maps.Clone(claims)
	for name, value := range changes {
		if value == nil {
			delete(changed, name)
		} else {
			changed[name] = value
		}
	}
	return changed
}
