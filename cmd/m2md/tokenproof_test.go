package main

import (
	"bytes"
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine/enginetest"
)

// What cannot be right is not shown: a server would count it as a guess, or see
// what is not for it.
func TestAProofThatCannotBeRightIsShownToNobody(t *testing.T) {
	key := enginetest.NewKey(t, "k", "ES256")
	kubernetes := func(changes map[string]any) string {
		return key.Mint(enginetest.With(enginetest.KubernetesClaims(time.Now(), "m2md"), changes))
	}
	const mistyped = "m2md_0123456789ab_0123456789abcdefghijklmnopqrstuvw_000000"
	const opensCluster = "its audience is the cluster's API server, so it is not shown to anybody else; project a token"
	tests := []struct {
		name, flag, secret, want string
	}{
		{"a mistyped app password", "app-password-file", mistyped, "not an app password: its form or its check digits are wrong"},
		{"half an app password", "app-password-file", mistyped[:20], "not an app password"},
		{"nothing", "app-password-file", "", "it is empty"},
		{"a line break", "app-password-file", "two\nlines", "it holds a line break or another control character"},
		{"a zero byte", "app-password-file", "a\x00b", "it holds a line break or another control character"},
		{"a whole disk", "app-password-file", strings.Repeat("x", maxProof+1), "it is larger than 65536 bytes"},
		{"no JWT", "jwt-file", "hunter2-hunter2", "it is not a JWT: three parts of base64url"},
		{"the parts of one, but not theirs", "jwt-file", "secret.secret.sec+et", "it is not a JWT"},
		{"half a JWT", "jwt-file", strings.Join(strings.Split(kubernetes(nil), ".")[:2], "."), "it is not a JWT"},
		{"a JWT without claims", "jwt-file", key.Seal(`{}`, `[]`), "the claims of its JWT: it is not a JSON object"},
		{"an encrypted JWT", "jwt-file", "aa.bb.cc.dd.ee", "its JWT is encrypted"},
		{"several JWTs", "jwt-file", kubernetes(nil) + "\n" + kubernetes(nil), "it holds a line break"},
		{"a token for the API server", "kubernetes", kubernetes(map[string]any{"aud": []any{"m2md", enginetest.Kubernetes}}), opensCluster},
		{"one of EKS", "kubernetes", kubernetes(map[string]any{"iss": "https://oidc.eks.eu-west-1.amazonaws.com/id/1", "aud": []any{"https://kubernetes.default.svc"}}), opensCluster},
		{"one of k3s", "kubernetes", kubernetes(map[string]any{"aud": []any{"https://kubernetes.default.svc.cluster.local", "k3s"}}), opensCluster},
		{"an old one, which is for everybody", "kubernetes", kubernetes(map[string]any{"iss": "kubernetes/serviceaccount", "aud": nil, "exp": nil}), opensCluster},
		{"a JWT of Kubernetes as a SPIFFE ID", "spiffe-file", kubernetes(nil), "it is no JWT-SVID: its sub is not a SPIFFE ID"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, asked := answering(t, issues)
			file := secretFile(t, tt.secret)
			args := []string{"--url", address, "--client-id", "c", "--" + tt.flag, file}
			if tt.flag == "kubernetes" {
				args = append(args[:5], "--token-path", file)
			}
			got := runToken(t, nil, args...)
			if got.code != exitFault || got.stdout != "" || !strings.Contains(got.stderr, "reading "+file+": "+tt.want) || asked.Load() != 0 {
				t.Errorf("exit code %d, asked %d times, stderr %q, want %q", got.code, asked.Load(), got.stderr, tt.want)
			}
			if tt.secret != "" && shares(strings.ReplaceAll(got.stderr, tt.want, ""), tt.secret) {
				t.Errorf("the secret is told: %q", got.stderr)
			}
		})
	}
}

func TestAProofThatIsNotThereIsTold(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, flag := range []string{"--app-password-file", "--jwt-file", "--spiffe-file"} {
		got := runToken(t, nil, "--url", "http://127.0.0.1:1", "--client-id", "c", flag, missing)
		if got.code != exitFault || !strings.Contains(got.stderr, missing) {
			t.Errorf("%s: exit code %d, %q", flag, got.code, got.stderr)
		}
	}
	if got := runToken(t, nil, "--url", "http://127.0.0.1:1", "--client-id", "c", "--jwt-env", "M2MD_TEST_UNSET"); got.code != exitFault || got.stderr != "m2md: reading M2MD_TEST_UNSET: it is empty\n" {
		t.Errorf("exit code %d, %q", got.code, got.stderr)
	}
}

func TestAProofIsFoundWhereNoneIsNamed(t *testing.T) {
	projected, missing := secretFile(t, "x"), filepath.Join(t.TempDir(), "missing")
	github := map[string]string{githubURL: "https://pipelines.test/", githubToken: "b"}
	tests := []struct {
		name      string
		env       map[string]string
		projected string
		want      string // of the name, or the error
	}{
		{"nothing", nil, missing, "token: there is nothing to show; name a proof"},
		{"a pod", nil, projected, "the service account token in " + projected},
		{"a job", github, missing, "the OIDC token of this GitHub Actions job (ACTIONS_ID_TOKEN_REQUEST_URL)"},
		{"a job in a pod: the nearer", github, projected, "the OIDC token of this GitHub Actions job (ACTIONS_ID_TOKEN_REQUEST_URL)"},
		{"what was put there for m2md, in a job", map[string]string{githubURL: "https://pipelines.test/", "M2MD_APP_PASSWORD": "p"}, projected, "the app password of M2MD_APP_PASSWORD"},
		{"a file of a password", map[string]string{"M2MD_APP_PASSWORD_FILE": "/p"}, missing, "the app password in /p"},
		{"a file of a JWT", map[string]string{"M2MD_JWT_FILE": "/j"}, missing, "the JWT in /j"},
		{"a JWT", map[string]string{"M2MD_ID_TOKEN": "j"}, missing, "the JWT of M2MD_ID_TOKEN"},
		{"two", map[string]string{"M2MD_ID_TOKEN": "j", "M2MD_APP_PASSWORD": "p"}, missing, "token: the environment has the app password of M2MD_APP_PASSWORD and the JWT of M2MD_ID_TOKEN; show one proof"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			c := cli.NewContext(&cli.App{ErrWriter: &stderr}, flag.NewFlagSet("", flag.ContinueOnError), nil)
			proofs := tokenProofs{c, &tokenServer{}, wellFormedJWT}
			found, err := proofs.find(func(name string) string { return tt.env[name] }, tt.projected)
			switch {
			case err != nil && !strings.HasPrefix(err.Error(), tt.want):
				t.Errorf("find: %v, want %q", err, tt.want)
			case err == nil && (found.name != tt.want || stderr.String() != "m2md: no proof is named; showing "+tt.want+"\n"):
				t.Errorf("it is %s, and stderr says %q, want %q", found.name, &stderr, tt.want)
			}
		})
	}
}
