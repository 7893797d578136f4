package serve_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/storage/memory"
)

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// tokenPaths are where the token endpoint is served.
var tokenPaths = []string{"/oauth2/token", "/application/o/token/"}

func TestEveryFormOfAProofIsAcceptedInTheBodyAndByBasic(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	password := d.Password(t, "prometheus", nil)
	jwt := d.githubToken()
	clusterJWT := d.Keys.cluster.Mint(enginetest.KubernetesClaims(d.Clock.Now(), audience))
	pair := base64.StdEncoding.EncodeToString([]byte("prometheus:" + password))
	echoed := base64.StdEncoding.EncodeToString([]byte("prometheus:" + password + "\n"))
	const odd, plus = "team a/loki+1:é%41", "loki+1%41"

	const account, ci, cluster = "prometheus", "github/repo:acme@1234/api@5678:ref:refs/heads/main", "cluster/system:serviceaccount:prom:prom-sa"
	tests := []struct {
		name          string
		form          string
		authorization string
		subject       string
	}{
		{"username and password", form("client_id", "loki", "username", "prometheus", "password", password), "", account},
		{"username and password with a line break", form("client_id", "loki", "username", "prometheus", "password", password+"\n"), "", account},
		{"username and password beside an empty client_secret", form("client_id", "loki", "client_secret", "", "username", "prometheus", "password", password), "", account},
		{"username and password, the client_id by Basic", form("username", "prometheus", "password", password), basic("loki", ""), account},
		{"username and password, the client_id by Basic and in the body", form("client_id", "loki", "username", "prometheus", "password", password), basic("loki", ""), account},

		{"base64 in client_secret", form("client_id", "loki", "client_secret", pair), "", account},
		{"base64 without padding", form("client_id", "loki", "client_secret", strings.TrimRight(pair, "=")), "", account},
		{"base64 with a line break at its end", form("client_id", "loki", "client_secret", pair+"\n"), "", account},
		{"base64 with CRLF at its end", form("client_id", "loki", "client_secret", pair+"\r\n"), "", account},
		{"base64 in lines, as base64(1) wraps it", form("client_id", "loki", "client_secret", pair[:76]+"\n"+pair[76:]), "", account},
		{"base64 of what echo printed", form("client_id", "loki", "client_secret", echoed), "", account},
		{"base64 by Basic, form-encoded", form(), basicEncoded("loki", pair), account},
		{"base64 by Basic, raw", form(), basic("loki", pair), account},
		{"base64 of what echo printed by Basic, raw", form(), basic("loki", echoed), account},

		{"an app password in client_secret", form("client_id", "loki", "client_secret", password), "", account},
		{"an app password with a line break", form("client_id", "loki", "client_secret", password+"\n"), "", account},
		{"an app password by Basic, raw", form(), basic("loki", password), account},
		{"an app password by Basic, form-encoded", form(), basicEncoded("loki", password), account},
		{"an app password by basic in lower case", form(), "b" + basic("loki", password)[1:], account},
		{"an app password by Basic, the client_id in the body too", form("client_id", "loki"), basic("loki", password), account},

		{"client_assertion and its type", form("client_id", "loki", "client_assertion_type", jwtBearer, "client_assertion", jwt), "", ci},
		{"client_assertion, the client_id by Basic", form("client_assertion_type", jwtBearer, "client_assertion", jwt), basic("loki", ""), ci},
		{"a JWT in client_secret with the type", form("client_id", "loki", "client_assertion_type", jwtBearer, "client_secret", jwt), "", ci},
		{"a JWT in client_secret without the type", form("client_id", "loki", "client_secret", jwt), "", ci},
		{"a JWT in client_secret with a line break", form("client_id", "loki", "client_secret", jwt+"\n"), "", ci},
		{"a JWT by Basic with the type", form("client_assertion_type", jwtBearer), basic("loki", jwt), ci},
		{"a JWT by Basic without the type", form(), basic("loki", jwt), ci},
		{"a JWT by Basic, form-encoded", form(), basicEncoded("loki", jwt), ci},
		{"a JWT of a cluster", form("client_id", "loki", "client_secret", clusterJWT), "", cluster},

		{"an awkward client_id in the body", form("client_id", odd, "client_secret", password), "", account},
		{"an awkward client_id by Basic, form-encoded", form(), basicEncoded(odd, password), account},
		{"a client_id with plus and percent by Basic, form-encoded", form(), basicEncoded(plus, password), account},
		{"a client_id with plus and percent by Basic, raw", form(), basic(plus, password), account},
		{"a client_id by Basic raw and in the body", form("client_id", plus), basic(plus, password), account},

		{"an unknown parameter, and repeated targets", form("client_id", "loki", "client_secret", password, "foo", "bar", "audience", "loki", "audience", "loki", "resource", "", "resource", ""), "", account},
	}
	for _, tt := range tests {
		for _, path := range tokenPaths {
			t.Run(tt.name+" at "+path, func(t *testing.T) {
				got := d.ask(t, path, tt.form, tt.authorization)
				if got.status != http.StatusOK {
					t.Fatalf("status %d: %s (%s)", got.status, got.body, d.Audit.Last(t).Reason)
				}
				claims := payload(t, got.text("access_token"))
				if claims["sub"] != tt.subject {
					t.Errorf("sub = %q, want %q", claims["sub"], tt.subject)
				}
				decision := d.Audit.Last(t)
				if decision.Outcome != engine.Allowed || decision.Subject != tt.subject || decision.Reason != "" {
					t.Errorf("the decision says %+v", decision)
				}
				if decision.TokenID != claims["jti"] || decision.RequestID != got.header.Get("X-Request-Id") {
					t.Errorf("the decision has jti %q and request id %q; the answer %q and %q", decision.TokenID, decision.RequestID, claims["jti"], got.header.Get("X-Request-Id"))
				}
			})
		}
	}
}

func TestAnIssuedTokenIsWhatRFC9068Says(t *testing.T) {
	d := newDoor(t)
	spec := d.spec()
	spec.Providers = append(spec.Providers, engine.Provider{
		Decl: enginetest.Declare("images", 40), ClientID: "images-client", Audience: []string{"https://images.example", "images"},
		Accesses: []engine.Access{{Decl: enginetest.Declare("ci", 41), From: enginetest.Refs("service_account.prometheus")}},
	})
	d.Serve(t, spec)
	password := d.Password(t, "prometheus", nil)

	before := d.Clock.Now().Unix()
	got := d.ask(t, "/oauth2/token", form("client_id", "loki", "client_secret", password, "scope", "logs:read"), "")
	after := d.Clock.Now().Unix()
	token := got.text("access_token")
	header, claims := segment(t, token, 0), payload(t, token)

	if header["typ"] != "at+jwt" || header["alg"] != "ES256" || header["kid"] == "" || len(header) != 3 {
		t.Errorf("header = %v", header)
	}
	issued, _ := claims["iat"].(float64)
	if int64(issued) < before || int64(issued) > after {
		t.Errorf("iat = %v, want %d to %d", claims["iat"], before, after)
	}
	if claims["exp"] != issued+600 {
		t.Errorf("exp - iat = %v, want 600", claims["exp"].(float64)-issued)
	}
	want := map[string]any{"iss": d.URL + "/providers/loki", "aud": "loki", "client_id": "loki", "sub": "prometheus", "scope": "logs:read"}
	for name, value := range want {
		if claims[name] != value {
			t.Errorf("%s = %v, want %v", name, claims[name], value)
		}
	}
	if id, _ := claims["jti"].(string); len(id) < 22 || len(claims) != len(want)+3 {
		t.Errorf("claims = %v", claims)
	}
	if got.text("token_type") != "Bearer" || got.json["expires_in"] != 600.0 {
		t.Errorf("the answer is %s", got.body)
	}
	if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Pragma") != "no-cache" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("the header is %v", got.header)
	}

	second := d.ask(t, "/oauth2/token", form("client_id", "images-client", "client_secret", password), "")
	claims2 := payload(t, second.text("access_token"))
	if fmt.Sprint(claims2["aud"]) != "[https://images.example images]" || claims2["client_id"] != "images-client" || claims2["scope"] != nil {
		t.Errorf("claims of a provider with two audiences: %v", claims2)
	}
	if claims2["jti"] == claims["jti"] {
		t.Error("two tokens have one jti")
	}
}

func TestScopeIsIntersectedAndReported(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	password := d.Password(t, "prometheus", nil)
	tests := []struct {
		asked    string
		reported any // nil: no member scope
		claim    any
	}{
		{"", nil, nil},
		{"   ", nil, nil},
		{"logs:read", "logs:read", "logs:read"},
		{"logs:write logs:read", "logs:write logs:read", "logs:write logs:read"},
		{"logs:read admin", "logs:read", "logs:read"},
		{"logs:read logs:read", "logs:read", "logs:read"},
		{"LOGS:READ", "", nil}, // scopes are case-sensitive (RFC 6749 §3.3)
		{"admin", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.asked, func(t *testing.T) {
			got := d.ask(t, "/oauth2/token", form("client_id", "loki", "client_secret", password, "scope", tt.asked), "")
			if got.status != http.StatusOK || got.json["scope"] != tt.reported {
				t.Errorf("status %d, scope %v, want %v", got.status, got.json["scope"], tt.reported)
			}
			if claim := payload(t, got.text("access_token"))["scope"]; claim != tt.claim {
				t.Errorf("the token's scope = %v, want %v", claim, tt.claim)
			}
		})
	}
}

func TestTheClientOfGoGetsATokenInEveryAuthStyle(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	password := d.Password(t, "prometheus", nil)
	secrets := map[string]string{
		"app password": password,
		"base64":       base64.StdEncoding.EncodeToString([]byte("prometheus:" + password)),
		"JWT":          d.githubToken(),
	}
	styles := map[string]oauth2.AuthStyle{"header": oauth2.AuthStyleInHeader, "params": oauth2.AuthStyleInParams, "detected": oauth2.AuthStyleAutoDetect}
	for what, secret := range secrets {
		for how, style := range styles {
			for _, path := range tokenPaths {
				t.Run(what+" in "+how+" at "+path, func(t *testing.T) {
					config := clientcredentials.Config{ClientID: "loki", ClientSecret: secret, TokenURL: d.URL + path, AuthStyle: style, Scopes: []string{"logs:read"}}
					token, err := config.Token(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if left := time.Until(token.Expiry); left < 9*time.Minute || left > 10*time.Minute || !token.Valid() {
						t.Errorf("the token is valid for %s", left)
					}
				})
			}
		}
	}
}

func TestAnIssuedTokenVerifiesByDiscovery(t *testing.T) {
	d := newDoor(t)
	spec := d.spec()
	for i, algorithm := range []string{"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"} {
		label := strings.ToLower(algorithm)
		spec.SigningKeys = append(spec.SigningKeys, engine.SigningKey{Decl: enginetest.Declare(label, 50+i), Algorithm: algorithm})
		spec.Providers = append(spec.Providers, engine.Provider{
			Decl: enginetest.Declare("by_"+label, 60+i), SigningKey: &engine.Ref{Kind: engine.KindSigningKey, Label: label},
			Accesses: []engine.Access{{Decl: enginetest.Declare("all", 70+i), From: enginetest.Refs("service_account.prometheus")}},
		})
	}
	spec.Providers = spec.Providers[3:] // the others name no key
	d.Serve(t, spec)
	password := d.Password(t, "prometheus", nil)
	for _, p := range spec.Providers {
		t.Run(p.Label, func(t *testing.T) {
			got := d.ask(t, "/oauth2/token", form("client_id", p.Label, "client_secret", password), "")
			found, err := oidc.NewProvider(t.Context(), d.URL+"/providers/"+p.Label)
			if err != nil {
				t.Fatal(err)
			}
			if found.Endpoint().TokenURL != d.URL+"/oauth2/token" {
				t.Errorf("token_endpoint = %q", found.Endpoint().TokenURL)
			}
			verified, err := found.Verifier(&oidc.Config{ClientID: p.Label}).Verify(t.Context(), got.text("access_token"))
			if err != nil {
				t.Fatal(err)
			}
			if verified.Subject != "prometheus" {
				t.Errorf("sub = %q", verified.Subject)
			}
		})
	}
}

func TestTheDocumentsAreAtEveryPath(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	tests := []struct {
		path string
		kind string // "" for 404
	}{
		{"/providers/loki/.well-known/openid-configuration", "application/json"},
		{"/providers/loki/.well-known/oauth-authorization-server", "application/json"},
		{"/.well-known/oauth-authorization-server/providers/loki", "application/json"},
		{"/application/o/loki/.well-known/openid-configuration", "application/json"},
		{"/providers/loki/jwks", "application/jwk-set+json"},
		{"/application/o/loki/jwks/", "application/jwk-set+json"},
		{"/providers/unknown/jwks", ""},
		{"/providers/unknown/.well-known/openid-configuration", ""},
		{"/", ""},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodGet, d.URL+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := send(t, req)
			if tt.kind == "" {
				if got.status != http.StatusNotFound {
					t.Errorf("status %d, want 404", got.status)
				}
				return
			}
			if got.status != http.StatusOK || got.header.Get("Content-Type") != tt.kind {
				t.Fatalf("status %d, %s", got.status, got.header.Get("Content-Type"))
			}
			if tt.kind == "application/json" {
				if got.json["issuer"] != d.URL+"/providers/loki" || got.json["jwks_uri"] != d.URL+"/providers/loki/jwks" {
					t.Errorf("the document is %s", got.body)
				}
				return
			}
			keys, _ := got.json["keys"].([]any)
			if len(keys) != 1 || strings.Contains(got.body, `"d"`) {
				t.Errorf("the keys are %s", got.body)
			}
		})
	}
}

func TestEveryRefusalOfTheTokenEndpoint(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	now := d.Clock.Now()
	password := d.Password(t, "prometheus", nil)
	jwt := d.githubToken()
	expired := d.Password(t, "prometheus", func(p *engine.AppPassword) { p.ExpiresAt = now })
	revoked := d.Password(t, "prometheus", func(p *engine.AppPassword) { p.RevokedAt = now.Add(-time.Minute) })
	old := d.Password(t, "short", func(p *engine.AppPassword) { p.CreatedAt = now.Add(-time.Hour) })
	orphaned := d.Password(t, "gone", nil)
	outsider := d.Password(t, "nobody", nil)
	unkept, _, err := newUnkept(d)
	if err != nil {
		t.Fatal(err)
	}
	mistyped := password[:20] + otherDigit(password[20]) + password[21:]
	spliced := password[:17] + unkept[17:] // the ID of one, the secret of another
	// Right in form, under an ID that is kept with another secret's hash: what
	// somebody makes who knows IDs and the check digits.
	forged := d.Password(t, "prometheus", func(p *engine.AppPassword) { p.Hash[31] ^= 1 })
	foreign := d.Keys.github.Mint(enginetest.With(enginetest.GitHubClaims(now, audience), map[string]any{"repository_owner_id": "6666"}))

	const bad, request, client, unauthorized = 400, "invalid_request", "invalid_client", "unauthorized_client"
	tests := []struct {
		name          string
		form          string
		authorization string
		status        int
		code          string
		reason        string // part of the decision's
	}{
		// Requests that no proof could save.
		{"an empty body", "", "", bad, request, "grant_type is missing"},
		{"a malformed form", "grant_type=client_credentials&client_id=%zz", "", bad, request, "not a well-formed form"},
		{"a semicolon in the form", "grant_type=client_credentials;client_id=loki", "", bad, request, "not a well-formed form"},
		{"a repeated client_id", form("client_id", "loki", "client_id", "loki", "client_secret", password), "", bad, request, "more than once"},
		{"a repeated client_id, once empty", form("client_id", "loki", "client_id", "", "client_secret", password), "", bad, request, "more than once"},
		{"a repeated grant_type", form("grant_type", "client_credentials", "client_id", "loki", "client_secret", password), "", bad, request, "more than once"},
		{"a repeated scope", form("client_id", "loki", "client_secret", password, "scope", "a", "scope", "b"), "", bad, request, "more than once"},
		{"a repeated unknown parameter", form("client_id", "loki", "client_secret", password, "x", "a", "x", "b"), "", bad, request, "more than once"},
		{"no client_id", form("client_secret", password), "", bad, request, "no client_id"},
		{"an unknown grant", encodePairs([]string{"grant_type", "authorization_code", "client_id", "loki", "client_secret", password}), "", bad, "unsupported_grant_type", "grant type"},
		{"the password grant", encodePairs([]string{"grant_type", "password", "client_id", "loki", "username", "prometheus", "password", password}), "", bad, "unsupported_grant_type", "grant type"},
		{"a scope with a quotation mark", form("client_id", "loki", "client_secret", password, "scope", `a"b`), "", bad, "invalid_scope", "scope"},
		{"a scope with a backslash", form("client_id", "loki", "client_secret", password, "scope", `a\b`), "", bad, "invalid_scope", "scope"},
		{"a scope with a tab", form("client_id", "loki", "client_secret", password, "scope", "a\tb"), "", bad, "invalid_scope", "scope"},
		{"a scope that is not ASCII", form("client_id", "loki", "client_secret", password, "scope", "é"), "", bad, "invalid_scope", "scope"},

		// Who is the client?
		{"an unknown client in the body", form("client_id", "tempo", "client_secret", password), "", bad, client, `client_id "tempo"`},
		{"an unknown client by Basic", form(), basic("tempo", password), 401, client, `client_id "tempo"`},
		{"a client_id in another case", form("client_id", "Loki", "client_secret", password), "", bad, client, `client_id "Loki"`},
		{"an empty client_id by Basic", form(), basic("", password), bad, request, "no client_id"},
		{"differing client_ids", form("client_id", "odd"), basic("loki", password), bad, request, "client_id of the body"},

		// Two ways of client authentication.
		{"Basic and client_secret", form("client_secret", password), basic("loki", password), bad, request, "one way"},
		{"Basic without a secret and client_secret", form("client_secret", password), basic("loki", ""), bad, request, "one way"},
		{"Basic and client_assertion", form("client_assertion_type", jwtBearer, "client_assertion", jwt), basic("loki", password), bad, request, "one way"},
		{"Basic and username with password", form("username", "prometheus", "password", password), basic("loki", password), bad, request, "beside username"},
		{"client_secret and client_assertion", form("client_id", "loki", "client_secret", password, "client_assertion_type", jwtBearer, "client_assertion", jwt), "", bad, request, "one way"},
		{"client_secret and username with password", form("client_id", "loki", "client_secret", "x", "username", "prometheus", "password", password), "", bad, request, "beside username"},
		{"client_assertion and username with password", form("client_id", "loki", "client_assertion_type", jwtBearer, "client_assertion", jwt, "username", "prometheus", "password", password), "", bad, request, "one way"},
		{"client_assertion and password", form("client_id", "loki", "client_assertion_type", jwtBearer, "client_assertion", jwt, "password", password), "", bad, request, "one way"},

		// Basic that is none.
		{"Bearer", form("client_id", "loki"), "Bearer " + password, 401, client, "Authorization"},
		{"Basic without a colon", form("client_id", "loki"), "Basic " + base64.StdEncoding.EncodeToString([]byte("loki")), 401, client, "Authorization"},
		{"Basic that is not base64", form("client_id", "loki"), "Basic !", 401, client, "Authorization"},
		{"Basic alone", form("client_id", "loki"), "Basic", 401, client, "Authorization"},

		// No proof, or not one that is known.
		{"no proof", form("client_id", "loki"), "", bad, client, "no proof"},
		{"no proof by Basic", form(), basic("loki", ""), 401, client, "no proof"},
		{"a password without a username", form("client_id", "loki", "password", password), "", bad, request, "username is missing"},
		{"a username without a password", form("client_id", "loki", "username", "prometheus"), "", bad, client, "not an app password"},
		{"an assertion without its type", form("client_id", "loki", "client_assertion", jwt), "", bad, request, "client_assertion_type is missing"},
		{"an assertion of an unknown type", form("client_id", "loki", "client_assertion", jwt, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), "", bad, client, "client_assertion_type"},
		{"the type of an assertion alone", form("client_id", "loki", "client_assertion_type", jwtBearer), "", bad, client, "no proof"},
		{"a secret that is nothing", form("client_id", "loki", "client_secret", "hunter2"), "", bad, client, "neither an app password"},
		{"a secret that is nothing, by Basic", form(), basic("loki", "hunter2"), 401, client, "neither an app password"},
		{"base64 of no pair", form("client_id", "loki", "client_secret", base64.StdEncoding.EncodeToString([]byte(password))), "", bad, client, "neither an app password"},
		{"base64 of a pair without a name", form("client_id", "loki", "client_secret", base64.StdEncoding.EncodeToString([]byte(":"+password))), "", bad, client, "neither an app password"},
		{"an app password as a JWT", form("client_id", "loki", "client_secret", password, "client_assertion_type", jwtBearer), "", bad, client, "three parts"},

		// App passwords that do not let in.
		{"an expired app password", form("client_id", "loki", "client_secret", expired), "", bad, client, "expired at"},
		{"an expired app password by Basic", form(), basic("loki", expired), 401, client, "expired at"},
		{"a revoked app password", form("client_id", "loki", "client_secret", revoked), "", bad, client, "was revoked at"},
		{"a mistyped app password", form("client_id", "loki", "client_secret", mistyped), "", bad, client, "check digits"},
		{"an app password cut off", form("client_id", "loki", "client_secret", password[:40]), "", bad, client, "check digits"},
		{"an app password that nobody has", form("client_id", "loki", "client_secret", unkept), "", bad, client, "no app password has the ID"},
		{"the ID of one and the secret of another", form("client_id", "loki", "client_secret", spliced), "", bad, client, "check digits"},
		{"an app password with another secret", form("client_id", "loki", "client_secret", forged), "", bad, client, "the secret does not belong"},
		{"an app password with another secret, with its username", form("client_id", "loki", "username", "prometheus", "password", forged), "", bad, client, "the secret does not belong"},
		{"an app password past max_age", form("client_id", "loki", "client_secret", old), "", bad, client, "older than the max_age"},
		{"the app password of another account", form("client_id", "loki", "username", "grafana", "password", password), "", bad, client, "another account"},
		{"the app password of another account in base64", form("client_id", "loki", "client_secret", base64.StdEncoding.EncodeToString([]byte("grafana:"+password))), "", bad, client, "another account"},
		{"a user name in another case", form("client_id", "loki", "username", "Prometheus", "password", password), "", bad, client, "another account"},
		{"the app password of an account that no file declares", form("client_id", "loki", "client_secret", orphaned), "", bad, client, "no service_account block declares"},

		// Known, and not let in.
		{"an account that no access names", form("client_id", "loki", "client_secret", outsider), "", bad, unauthorized, "no access of provider loki names service_account.nobody"},
		{"an account of another provider", form("client_id", "loki+1%41", "client_secret", d.Password(t, "grafana", nil)), "", bad, unauthorized, "no access of provider plus"},
		{"an account that no access names, by Basic", form(), basic("loki", outsider), bad, unauthorized, "no access of provider"},
		{"a JWT that the claims do not fit", form("client_id", "loki", "client_secret", foreign), "", bad, unauthorized, "access ci: the claims do not fulfil require_claims"},
		{"a JWT of a source that no access names", form("client_id", "loki+1%41", "client_secret", jwt), "", bad, client, "no access of provider plus names a source"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := len(d.Audit.All())
			got := d.ask(t, "/oauth2/token", tt.form, tt.authorization)
			if got.status != tt.status || got.text("error") != tt.code {
				t.Fatalf("%d %s, want %d %s", got.status, got.body, tt.status, tt.code)
			}
			if challenge := got.header.Get("WWW-Authenticate"); (challenge != "") != (tt.status == 401) || challenge != "" && !strings.HasPrefix(challenge, "Basic ") {
				t.Errorf("WWW-Authenticate = %q", challenge)
			}
			if n := len(d.Audit.All()) - seen; n != 1 {
				t.Fatalf("%d decisions were recorded, want 1", n)
			}
			decision := d.Audit.Last(t)
			checkRefusal(t, got, decision)
			if decision.Outcome != engine.Denied || !strings.Contains(decision.Reason, tt.reason) {
				t.Errorf("the decision is %s because %q, want deny because %q", decision.Outcome, decision.Reason, tt.reason)
			}
			for _, secret := range []string{password, jwt[len(jwt)-30:], expired[18:], revoked[18:], orphaned[18:], unkept[18:], "hunter2"} {
				if strings.Contains(got.body, secret) || strings.Contains(fmt.Sprintf("%+v", decision), secret) {
					t.Errorf("a secret stands in the answer or in the decision")
				}
			}
		})
	}
}

func newUnkept(d *door) (string, engine.AppPassword, error) {
	record, plain, err := engine.NewAppPassword(d.Deps.Random, "prometheus", d.Clock.Now())
	return string(plain), record, err
}

func otherDigit(c byte) string {
	if c == '7' {
		return "8"
	}
	return "7"
}

func TestTheTokenEndpointTakesFormsByPostOnly(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	body := form("client_id", "loki", "client_secret", d.Password(t, "prometheus", nil))
	const formType = "application/x-www-form-urlencoded"
	tests := []struct {
		method, contentType string
		status              int
	}{
		{"POST", formType, 200},
		{"POST", formType + "; charset=utf-8", 200},
		{"POST", strings.ToUpper(formType), 200},
		{"POST", "", 400},
		{"POST", "application/json", 400},
		{"POST", "multipart/form-data; boundary=x", 400},
		{"POST", "application/x-www-form-urlencoded-not", 400},
		{"GET", formType, 405},
		{"HEAD", formType, 405},
		{"PUT", formType, 405},
		{"DELETE", formType, 405},
		{"OPTIONS", formType, 405},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.contentType, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, d.URL+"/oauth2/token", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header["Content-Type"] = []string{tt.contentType}
			got := send(t, req)
			if got.status != tt.status {
				t.Fatalf("status %d, want %d: %s", got.status, tt.status, got.body)
			}
			if allow := got.header.Get("Allow"); (allow == "POST") != (tt.status == 405) {
				t.Errorf("Allow = %q", allow)
			}
			if tt.status != 200 && tt.method != "HEAD" {
				if got.text("error") != "invalid_request" {
					t.Errorf("error = %q", got.text("error"))
				}
				checkRefusal(t, got, d.Audit.Last(t))
			}
		})
	}
}

func TestTheQueryIsNotLookedAt(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	password := d.Password(t, "prometheus", nil)
	// Credentials in the URL do not count (RFC 6749 §2.3.1) …
	got := d.ask(t, "/oauth2/token?"+form("client_id", "loki", "client_secret", password), "", "")
	if got.status != 400 || got.text("error") != "invalid_request" {
		t.Errorf("%d %s, want 400", got.status, got.body)
	}
	// … and what stands there changes nothing.
	got = d.ask(t, "/oauth2/token?client_id=odd&username=x&scope=%22", form("client_id", "loki", "client_secret", password), "")
	if got.status != 200 || payload(t, got.text("access_token"))["client_id"] != "loki" {
		t.Errorf("%d %s, want a token for loki", got.status, got.body)
	}
}

func TestALargeBodyIsAnsweredWithoutReadingIt(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// 10 MB are announced, and a hundredth of it is sent: only a server that
	// does not wait for the rest can answer.
	fmt.Fprintf(conn, "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n", 10<<20)
	if _, err := io.WriteString(conn, "client_secret="+strings.Repeat("a", 100<<10)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", resp.StatusCode)
	}
	if reason := d.Audit.Last(t).Reason; !strings.Contains(reason, "64 KiB") {
		t.Errorf("the reason is %q", reason)
	}
}

// unreadable is a storage whose app passwords cannot be read.
type unreadable struct{ *memory.Store }

func (unreadable) AppPassword(context.Context, string) (engine.AppPassword, error) {
	return engine.AppPassword{}, errors.New("reading /var/lib/m2md/m2md.db: input/output error")
}

func TestAStorageThatFailsIsOurFaultAndSaysNothingToTheClient(t *testing.T) {
	d := newDoorOn(t, unreadable{memory.New()})
	d.Serve(t, d.spec())
	password := d.Password(t, "prometheus", nil)
	got := d.ask(t, "/oauth2/token", form("client_id", "loki", "client_secret", password), "")
	if got.status != 500 || got.text("error") != "server_error" {
		t.Errorf("%d %s, want 500 server_error", got.status, got.body)
	}
	decision := d.Audit.Last(t)
	checkRefusal(t, got, decision)
	if decision.Outcome != engine.Failed || !strings.Contains(decision.Reason, "input/output error") {
		t.Errorf("the decision is %s because %q", decision.Outcome, decision.Reason)
	}
	if strings.Contains(got.body, "m2md.db") {
		t.Errorf("the client is told %s", got.body)
	}
	if log := d.Log.String(); !strings.Contains(log, "input/output error") || !strings.Contains(log, decision.RequestID) || strings.Contains(log, password) {
		t.Errorf("the log says %s", log)
	}
}

func TestBeforeTheFirstGenerationOnlyHealthIsServed(t *testing.T) {
	d := newDoor(t)
	get := func(path string) int {
		req, err := http.NewRequest(http.MethodGet, d.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return send(t, req).status
	}
	before := map[string]int{"/-/healthy": 200, "/-/ready": 503, "/oauth2/token": 503, "/providers/loki/jwks": 503, "/auth/nginx/provider/loki": 503}
	for path, want := range before {
		if got := get(path); got != want {
			t.Errorf("%s: status %d, want %d", path, got, want)
		}
	}
	d.Serve(t, d.spec())
	for path, want := range map[string]int{"/-/healthy": 200, "/-/ready": 200, "/providers/loki/jwks": 200} {
		if got := get(path); got != want {
			t.Errorf("%s after the first generation: status %d, want %d", path, got, want)
		}
	}
}

func TestTheClientsAddressIsReadFromTheChainOfTrustedProxies(t *testing.T) {
	d := newDoor(t)
	password := d.Password(t, "prometheus", nil)
	tests := []struct {
		name    string
		trusted string
		header  []string
		want    string
	}{
		{"no header", "127.0.0.0/8 ::1/128", nil, "127.0.0.1"},
		{"an untrusted peer says nothing", "", []string{"203.0.113.9"}, "127.0.0.1"},
		{"one hop", "127.0.0.0/8", []string{"203.0.113.9"}, "203.0.113.9"},
		{"what a client made up stands in front", "127.0.0.0/8", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{"a chain of proxies", "127.0.0.0/8 10.0.0.0/8", []string{"203.0.113.9, 10.0.0.1"}, "203.0.113.9"},
		{"a chain in several headers", "127.0.0.0/8 10.0.0.0/8", []string{"198.51.100.1", "203.0.113.9", "10.0.0.1, 10.0.0.2"}, "203.0.113.9"},
		{"proxies alone", "127.0.0.0/8 10.0.0.0/8", []string{"10.0.0.2, 10.0.0.1"}, "10.0.0.2"},
		{"garbage", "127.0.0.0/8", []string{"unknown"}, "127.0.0.1"},
		{"garbage behind a proxy", "127.0.0.0/8 10.0.0.0/8", []string{"_hidden, 10.0.0.1"}, "10.0.0.1"},
		{"an empty header", "127.0.0.0/8", []string{""}, "127.0.0.1"},
		{"a trailing comma", "127.0.0.0/8", []string{"203.0.113.9,"}, "127.0.0.1"},
		{"IPv6", "127.0.0.0/8", []string{"2001:db8::1"}, "2001:db8::1"},
		{"a client's IPv4 in IPv6", "127.0.0.0/8", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"IPv4 in IPv6", "127.0.0.0/8 10.0.0.0/8", []string{"203.0.113.9, ::ffff:10.0.0.1"}, "203.0.113.9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := d.spec()
			spec.Server.TrustedProxies = prefixes(t, tt.trusted)
			d.Serve(t, spec)
			req, err := http.NewRequest(http.MethodPost, d.URL+"/oauth2/token", strings.NewReader(form("client_id", "loki", "client_secret", password)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header["X-Forwarded-For"] = tt.header
			if got := send(t, req); got.status != 200 {
				t.Fatalf("status %d: %s", got.status, got.body)
			}
			if got := d.Audit.Last(t).ClientIP.String(); got != tt.want {
				t.Errorf("the client is %s, want %s", got, tt.want)
			}
		})
	}
}

func TestAnIssuerThatIsGoneIs503WithRetryAfter(t *testing.T) {
	d := newDoor(t)
	key := enginetest.NewKey(t, "k", "ES256")
	gone := enginetest.NewIssuer(t, key)
	gone.Stop()
	spec := d.spec()
	spec.Sources = append(spec.Sources, engine.OAuthSource{
		Decl: enginetest.Declare("gone", 12), Trust: engine.Trust{Issuer: gone.URL, Audiences: []string{audience}},
		JWKSURL: gone.JWKSURL(), AllowHTTP: true,
	})
	spec.Providers[0].Accesses[1].From = append(spec.Providers[0].Accesses[1].From, enginetest.Refs("oauth_source.gone")...)
	d.Serve(t, spec)
	jwt := key.Mint(enginetest.With(enginetest.GitHubClaims(d.Clock.Now(), audience), map[string]any{"iss": gone.URL}))
	for _, authorization := range []string{"", basic("loki", jwt)} {
		body := form()
		if authorization == "" {
			body = form("client_id", "loki", "client_secret", jwt)
		}
		got := d.ask(t, "/oauth2/token", body, authorization)
		if got.status != 503 || got.text("error") != "temporarily_unavailable" || got.header.Get("Retry-After") == "" {
			t.Errorf("%d %s, Retry-After %q", got.status, got.body, got.header.Get("Retry-After"))
		}
		checkRefusal(t, got, d.Audit.Last(t))
		if strings.Contains(got.body, gone.URL) {
			t.Errorf("the client is told %s", got.body)
		}
	}
}
