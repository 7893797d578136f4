package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
)

const job = "repo:acme@1234/api@5678:ref:refs/heads/main"

// In every mode a token is its holder's: forward-auth knows it, tells the same
// sub, and refuses it once its holder is no longer declared.
func TestTheSubOfATokenInEachMode(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	jwt := key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience))
	tests := []struct {
		mode, from, sub, source string
	}{
		{"", "oauth_source.gh", "gh/" + job, ""},
		{"identity", "service_account.ci", "ci", ""},
		{"input", "oauth_source.gh", job, "oauth_source.gh"},
		{"input", "service_account.ci", "ci", "service_account"},
		{"hashed", "oauth_source.gh", "", "oauth_source.gh"},
		{"hashed", "service_account.ci", "", "service_account"},
	}
	for _, tt := range tests {
		t.Run(tt.mode+" of "+tt.from, func(t *testing.T) {
			spec := oneAccess(tt.from)
			spec.Sources = []engine.OAuthSource{github("gh", key)}
			spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10), Groups: []string{"metrics"}}}
			spec.Providers[0].Subject = tt.mode
			spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60)}
			d.Serve(t, spec)
			secret := jwt
			if strings.HasPrefix(tt.from, "service") {
				secret = d.Password(t, "ci", nil)
			}
			token, err := d.Live.Load().Token(t.Context(), engine.Caller{}, client("p", secret))
			if err != nil {
				t.Fatal(err)
			}
			claims := payloadOf(t, token.AccessToken)
			sub, _ := claims["sub"].(string)
			if tt.sub != "" && sub != tt.sub || tt.sub == "" && (len(sub) != 43 || strings.Contains(sub, "ci")) {
				t.Errorf("sub is %q, want %q", sub, tt.sub)
			}
			if source, _ := claims["m2md_source"].(string); source != tt.source {
				t.Errorf("m2md_source is %q, want %q", source, tt.source)
			}
			guard := func() (*engine.Admission, error) {
				return d.Live.Load().Guard(t.Context(), engine.Caller{}, engine.GuardRequest{Provider: "p", Credential: engine.Credential{Bearer: token.AccessToken}})
			}
			admission, err := guard()
			if err != nil {
				t.Fatalf("at the door: %s", err)
			}
			for _, h := range admission.Headers {
				if h.Name == "X-M2md-Subject" && h.Value[0] != sub || h.Name == "X-M2md-Source" && h.Value[0] != tt.from {
					t.Errorf("%s is %q", h.Name, h.Value)
				}
			}
			spec.Sources, spec.Accounts = nil, nil
			spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("other", 10)}}
			spec.Providers[0].Accesses[0].From = enginetest.Refs("service_account.other")
			d.Serve(t, spec)
			if _, err := guard(); err == nil {
				t.Error("the token of somebody who is no longer declared is accepted")
			}
		})
	}
}

// The hash is the provider's own, and stays the same.
func TestTwoProvidersHashDifferently(t *testing.T) {
	d := newDaemon(t)
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.Providers = append(spec.Providers, engine.Provider{Decl: enginetest.Declare("q", 5), Subject: "hashed", Accesses: spec.Providers[0].Accesses})
	spec.Providers[0].Subject = "hashed"
	live := d.Serve(t, spec)
	password := d.Password(t, "ci", nil)
	seen := map[any]int{}
	for _, provider := range []string{"p", "q", "p"} {
		token, err := live.Token(t.Context(), engine.Caller{}, client(provider, password))
		if err != nil {
			t.Fatal(err)
		}
		seen[payloadOf(t, token.AccessToken)["sub"]]++
	}
	if len(seen) != 2 {
		t.Errorf("the subs are %v", seen)
	}
}

func TestWhatAProviderAddsToItsTokens(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	p := &spec.Providers[0]
	p.Claims = map[string]any{"team": "sre", "tenant": map[string]any{"id": "1"}}
	p.Scopes, p.NotAfterInput, p.Audience = []string{"openid", "read"}, true, []string{"a", "b"}
	live := d.Serve(t, spec)
	end := d.Clock.Now().Add(time.Minute).Unix()
	ask := func(scopes []string, targets ...string) (*oauth2.Token, map[string]any) {
		t.Helper()
		req := client("p", key.Mint(enginetest.With(enginetest.GitHubClaims(d.Clock.Now(), audience), map[string]any{"exp": end})), scopes...)
		req.Targets = targets
		token, err := live.Token(t.Context(), engine.Caller{}, req)
		if err != nil {
			t.Fatal(err)
		}
		return token, payloadOf(t, token.AccessToken)
	}
	token, claims := ask([]string{"read"})
	if tenant, _ := claims["tenant"].(map[string]any); claims["team"] != "sre" || tenant["id"] != "1" || claims["scope"] != "read" {
		t.Errorf("the claims are %v", claims)
	}
	if int64(claims["exp"].(float64)) != end {
		t.Errorf("exp is %v, want that of the JWT", claims["exp"])
	}
	if token.IDToken != "" {
		t.Error("there is an ID token, though openid was not asked for")
	}
	if _, claims = ask(nil, "b"); claims["aud"] != "b" || claims["team"] != "sre" {
		t.Errorf("narrowed, the claims are %v", claims)
	}
	token, _ = ask([]string{"openid"})
	id := payloadOf(t, token.IDToken)
	if id["aud"] != "p" || id["sub"] != "gh/"+job || id["iss"] != audience+"/providers/p" || int64(id["exp"].(float64)) != end {
		t.Errorf("the ID token says %v", id)
	}
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60), AcceptInput: true}
	live = d.Serve(t, spec)
	_, err := live.Guard(t.Context(), engine.Caller{}, engine.GuardRequest{Provider: "p", Credential: engine.Credential{Bearer: token.IDToken}})
	if err == nil {
		t.Error("an ID token opens the door")
	}
}

func TestTheIssuerInEachMode(t *testing.T) {
	d := newDaemon(t)
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	guarded := &engine.ForwardAuth{Decl: enginetest.Declare("", 60), AcceptInput: true}
	base := spec.Providers[0]
	spec.Providers = nil
	for i, p := range []struct{ label, mode, compat string }{{"p", "", ""}, {"own", "m2md", "authentik"}, {"ak", "authentik", ""}, {"compat", "", "authentik"}, {"g1", "global", ""}, {"g2", "global", "authentik"}} {
		one := base
		one.Decl, one.IssuerMode, one.Compat, one.ForwardAuth = enginetest.Declare(p.label, 200+i), p.mode, p.compat, guarded
		spec.Providers = append(spec.Providers, one)
	}
	live := d.Serve(t, spec)
	password := d.Password(t, "ci", nil)
	want := map[string]string{
		"p": "/providers/p", "own": "/providers/own", "ak": "/application/o/ak/", "compat": "/application/o/compat/", "g1": "", "g2": "",
	}
	tokens := map[string]string{}
	for label, path := range want {
		token, err := live.Token(t.Context(), engine.Caller{}, client(label, password))
		if err != nil {
			t.Fatal(err)
		}
		tokens[label] = token.AccessToken
		if iss := payloadOf(t, token.AccessToken)["iss"]; iss != audience+path {
			t.Errorf("the iss of %s is %q, want %q", label, iss, audience+path)
		}
	}
	spec.Server.IssuerMode = "global"
	token, err := d.Serve(t, spec).Token(t.Context(), engine.Caller{}, client("p", password))
	if err != nil || payloadOf(t, token.AccessToken)["iss"] != audience {
		t.Errorf("with a mode for all, the iss of p is another: %v", err)
	}

	// Also where two share an issuer, a token opens its own provider's door only.
	for label, token := range tokens {
		for door := range want {
			_, err := live.Guard(t.Context(), engine.Caller{}, engine.GuardRequest{Provider: door, Credential: engine.Credential{Bearer: token}})
			if (err == nil) != (door == label) {
				t.Errorf("the token of %s at %s: %v", label, door, err)
			}
		}
	}
}

// authentik takes username and password with whatever client_secret stands
// beside them; m2md does so where compat says it.
func TestASecretBesideAUsernameCountsForNothingWithCompat(t *testing.T) {
	d := newDaemon(t)
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	req := &oauth2.Request{GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: "p", Secret: "whatever"}, Username: "ci", Password: d.Password(t, "ci", nil)}
	for _, compat := range []string{"", "authentik"} {
		spec.Providers[0].Compat = compat
		_, err := d.Serve(t, spec).Token(t.Context(), engine.Caller{}, req)
		if (err == nil) != (compat == "authentik") {
			t.Errorf("with compat = %q: %v", compat, err)
		}
	}
}
