package serve_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// The paths at which tokens are introspected and revoked.
var (
	introspectPaths = []string{"/oauth2/introspect", "/application/o/introspect/"}
	revokePaths     = []string{"/oauth2/revoke", "/application/o/revoke/"}
)

const inactive = `{"active":false}` + "\n"

// query encodes a request about a token: name, value, name, value, ….
func query(token string, pairs ...string) string {
	return encodePairs(append([]string{"token", token}, pairs...))
}

// aboutTokens is the spec of door with two more providers: mimir, whose tokens
// are for loki as well, and deploy, whose tokens get into both; and with
// forward-auth before loki.
func (d *door) aboutTokens(t testing.TB) engine.Spec {
	t.Helper()
	spec := d.guarded(t)
	accounts := enginetest.Refs("service_account.prometheus", "service_account.grafana")
	spec.Providers[0].Accesses[1].From = append(spec.Providers[0].Accesses[1].From, enginetest.Refs("provider.deploy")...)
	spec.Providers = append(spec.Providers,
		engine.Provider{
			Decl: enginetest.Declare("mimir", 60), Audience: []string{"mimir", "loki"},
			Accesses: []engine.Access{{Decl: enginetest.Declare("accounts", 61), From: accounts}},
		},
		engine.Provider{
			Decl: enginetest.Declare("deploy", 70), Scopes: []string{"openid"},
			Claims:   map[string]any{"team": "sre", "active": false, "token_type": "none", "username": "nobody"},
			Accesses: []engine.Access{{Decl: enginetest.Declare("all", 71), From: append(accounts, enginetest.Refs("oauth_source.cluster")...)}},
		},
	)
	return spec
}

func TestAnActiveTokenIsToldAsRFC7662Says(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	prometheus, grafana := d.Password(t, "prometheus", nil), d.Password(t, "grafana", nil)
	jwt := d.githubToken()
	clusterJWT := d.Keys.cluster.Mint(enginetest.KubernetesClaims(d.Clock.Now(), audience))
	acting := d.ask(t, "/oauth2/token", encodePairs([]string{
		"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "client_id", "loki",
		"subject_token", jwt, "subject_token_type", "urn:ietf:params:oauth:token-type:jwt",
		"actor_token", clusterJWT, "actor_token_type", "urn:ietf:params:oauth:token-type:jwt",
	}), "").text("access_token")
	tests := []struct {
		name, token, form, authorization string
	}{
		{"an account's, asked by Basic", d.tokenFor(t, "loki", prometheus, "logs:read"), "", basic("loki", grafana)},
		{"an account's, asked by Basic, form-encoded", d.tokenFor(t, "loki", prometheus, ""), "", basicEncoded("loki", grafana)},
		{"an account's, asked in the body", d.tokenFor(t, "loki", prometheus, ""), "client_id=loki&client_secret=" + grafana, ""},
		{"an account's, asked with username and password", d.tokenFor(t, "loki", prometheus, ""), "client_id=loki&username=grafana&password=" + grafana, ""},
		{"an account's, asked with a JWT", d.tokenFor(t, "loki", prometheus, ""), "client_id=loki&client_assertion_type=" + jwtBearer + "&client_assertion=" + jwt, ""},
		{"an account's, asked with a token of m2md", d.tokenFor(t, "loki", prometheus, ""), "", basic("loki", d.tokenFor(t, "deploy", grafana, ""))},
		{"one's own", d.tokenFor(t, "loki", grafana, ""), "", basic("loki", grafana)},
		{"a job's", d.tokenFor(t, "loki", jwt, "logs:write logs:read"), "", basic("loki", grafana)},
		{"one with an actor", acting, "", basic("loki", grafana)},
		{"one with a white space at its end", d.tokenFor(t, "loki", prometheus, "") + " \n", "", basic("loki", grafana)},
		{"with a hint", d.tokenFor(t, "loki", prometheus, ""), "token_type_hint=access_token", basic("loki", grafana)},
		{"with a wrong hint", d.tokenFor(t, "loki", prometheus, ""), "token_type_hint=refresh_token", basic("loki", grafana)},
		{"with a hint that is none", d.tokenFor(t, "loki", prometheus, ""), "token_type_hint=%22", basic("loki", grafana)},
		{"with unknown parameters", d.tokenFor(t, "loki", prometheus, ""), "foo=bar&scope=x&grant_type=y", basic("loki", grafana)},
		{"another provider's for the same audience", d.tokenFor(t, "mimir", prometheus, ""), "", basic("loki", grafana)},
		{"one whose claims have our names", d.tokenFor(t, "deploy", prometheus, ""), "", basic("deploy", grafana)},
	}
	for _, path := range introspectPaths {
		for _, tt := range tests {
			t.Run(tt.name+" at "+path, func(t *testing.T) {
				got := d.ask(t, path, query(tt.token)+"&"+tt.form, tt.authorization)
				want := payload(t, strings.TrimSpace(tt.token))
				jti := want["jti"]
				maps.Copy(want, map[string]any{"active": true, "token_type": "Bearer"})
				if got.status != 200 || fmt.Sprint(got.json) != fmt.Sprint(want) {
					t.Errorf("%d %s, want %v (%s)", got.status, got.body, want, d.Audit.Last(t).Reason)
				}
				checkUncached(t, got)
				if members := strings.Count(got.body, `"active":`); members != 1 {
					t.Errorf("active is there %d times", members)
				}
				decision := d.Audit.Last(t)
				if decision.Outcome != engine.Allowed || decision.Door != "introspect" || decision.TokenID != jti || decision.RequestID != got.header.Get("X-Request-Id") || decision.Subject == "" || decision.Rule == "" {
					t.Errorf("the decision is %+v", decision)
				}
			})
		}
	}
}

// checkUncached checks what every answer about a token has.
func checkUncached(t testing.TB, got answer) {
	t.Helper()
	h := got.header
	if h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" || h.Get("X-Request-Id") == "" {
		t.Errorf("the header is %v", h)
	}
	if kind := h.Get("Content-Type"); got.body != "" && kind != "application/json" {
		t.Errorf("Content-Type = %q", kind)
	}
}

// Numbers are told as the token has them, however large.
func TestNumbersAreToldAsTheTokenHasThem(t *testing.T) {
	d := newDoor(t)
	spec := d.aboutTokens(t)
	spec.Providers[0].Claims = map[string]any{"id": json.Number("9007199254740993"), "ratio": json.Number("1.0e-3")}
	d.Serve(t, spec)
	password := d.Password(t, "grafana", nil)
	got := d.ask(t, "/oauth2/introspect", query(d.tokenFor(t, "loki", password, "")), basic("loki", password))
	if !strings.Contains(got.body, `"id":9007199254740993`) || !strings.Contains(got.body, `"ratio":1.0e-3`) {
		t.Errorf("got %s", got.body)
	}
}

// Of a token that is not active nothing is told, and not even why: all of them
// have one answer.
func TestEveryTokenThatIsNotActiveIsToldAlike(t *testing.T) {
	d, other := newDoor(t), newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	other.Serve(t, other.aboutTokens(t))
	grafana := d.Password(t, "grafana", nil)
	good := d.tokenFor(t, "loki", grafana, "")
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	forged := enginetest.NewKey(t, segment(t, good, 0)["kid"].(string), "ES256")
	gone := d.tokenFor(t, "loki", d.Password(t, "short", nil), "")
	unreached := d.tokenFor(t, "loki", d.githubToken(), "")
	revoked := d.tokenFor(t, "loki", grafana, "")
	if _, err := d.Deps.Revocations.Revoke(t.Context(), engine.Revocation{Kind: engine.KindToken, Name: payload(t, revoked)["jti"].(string)}); err != nil {
		t.Fatal(err)
	}
	odd := d.tokenFor(t, "team a/loki+1:é%41", d.Password(t, "prometheus", nil), "")
	idToken := d.ask(t, "/oauth2/token", form("client_id", "deploy", "client_secret", grafana, "scope", "openid"), "").text("id_token")
	if idToken == "" {
		t.Fatal("there is no ID token")
	}
	spec := d.aboutTokens(t)
	spec.Accounts = append(spec.Accounts[:2:2], spec.Accounts[3:]...) // without short
	for i, p := range spec.Providers {
		for j, a := range p.Accesses {
			spec.Providers[i].Accesses[j].From = without(a.From, "short")
		}
	}
	spec.Providers[0].Accesses = spec.Providers[0].Accesses[1:] // without github
	d.Serve(t, spec)
	tests := []struct {
		name, token, asks, reason string
	}{
		{"nonsense", "nonsense", "loki", "three parts"},
		{"an app password", grafana, "loki", "three parts"},
		{"dots", "..", "loki", "header"},
		{"not UTF-8", "\xff.\xfe.\xfd", "loki", "header"},
		{"endless", strings.Repeat("a", 20<<10), "loki", "longer than"},
		{"an issuer's JWT", d.githubToken(), "loki", "no provider has the client_id"},
		{"that of another m2md", other.tokenFor(t, "loki", other.Password(t, "grafana", nil), ""), "loki", "no key of provider loki"},
		{"one whose signature is cut", head + "." + body + "." + signature[:20], "loki", "no key of provider loki"},
		{"one without its signature", head + "." + body + ".", "loki", "signature is missing"},
		{"one that somebody else signed", forged.MintWith(segment(t, good, 0), payload(t, good)), "loki", "no key of provider loki"},
		{"one that is signed with nothing", enginetest.HMAC("HS256", nil, `{"alg":"none","typ":"at+jwt"}`, `{"client_id":"loki"}`), "loki", "no key of provider loki"},
		{"one for another audience", odd, "loki", "audience"},
		{"one of ours for an audience that is not its provider's", good, "deploy", "audience"},
		{"an ID token", idToken, "deploy", "no provider has the client_id"},
		{"one of an account that is gone", gone, "loki", "no longer declared"},
		{"one of a source that gets in no more", unreached, "loki", "no access of provider loki names oauth_source.github any more"},
		{"a revoked one", revoked, "loki", "was revoked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := d.ask(t, "/oauth2/introspect", query(tt.token), basic(tt.asks, grafana))
			if got.status != 200 || got.body != inactive {
				t.Fatalf("%d %s, want %s", got.status, got.body, inactive)
			}
			checkUncached(t, got)
			decision := d.Audit.Last(t)
			if decision.Outcome != engine.Denied || decision.Door != "introspect" || decision.Subject != "grafana" || !strings.Contains(decision.Reason, tt.reason) {
				t.Errorf("the decision is %s because %q, want deny because %q", decision.Outcome, decision.Reason, tt.reason)
			}
			if record := fmt.Sprintf("%+v", decision); strings.Contains(record, signature[:20]) || strings.Contains(record, grafana) {
				t.Error("a secret stands in the decision")
			}
		})
	}
	if got := d.ask(t, "/oauth2/introspect", query(good), basic("loki", grafana)); got.json["active"] != true {
		t.Errorf("a good one: %s", got.body)
	}
	d.Clock.Advance(10*time.Minute + time.Second)
	if got := d.ask(t, "/oauth2/introspect", query(good), basic("loki", grafana)); got.body != inactive || !strings.Contains(d.Audit.Last(t).Reason, "expired at") {
		t.Errorf("one that has expired: %s (%s)", got.body, d.Audit.Last(t).Reason)
	}
}

func without(from []engine.Ref, label string) []engine.Ref {
	var rest []engine.Ref
	for _, ref := range from {
		if ref.Label != label {
			rest = append(rest, ref)
		}
	}
	return rest
}

// aboutTokenRefusals are requests that both endpoints refuse. The status is 401
// where a client is not authenticated, and differs where it used the body: see
// the tests.
func aboutTokenRefusals(t testing.TB, d *door, token string) []refusedQuery {
	t.Helper()
	grafana, outsider := d.Password(t, "grafana", nil), d.Password(t, "nobody", nil)
	jwt := d.githubToken()
	revoked := d.Password(t, "grafana", func(p *engine.AppPassword) { p.RevokedAt = d.Clock.Now().Add(-time.Minute) })
	const request, client, unauthorized = "invalid_request", "invalid_client", "unauthorized_client"
	return []refusedQuery{
		{"an empty body", "", "", request, "token is missing"},
		{"no token", encodePairs([]string{"client_id", "loki", "client_secret", grafana}), "", request, "token is missing"},
		{"an empty token", query("", "client_id", "loki", "client_secret", grafana), "", request, "token is missing"},
		{"a repeated token", query(token, "token", token, "client_id", "loki", "client_secret", grafana), "", request, "more than once"},
		{"a repeated hint", query(token, "token_type_hint", "a", "token_type_hint", "a"), basic("loki", grafana), request, "more than once"},
		{"a malformed form", "token=%zz", basic("loki", grafana), request, "not a well-formed form"},
		{"Basic and client_secret", query(token, "client_secret", grafana), basic("loki", grafana), request, "one way"},
		{"Basic and client_assertion", query(token, "client_assertion_type", jwtBearer, "client_assertion", jwt), basic("loki", grafana), request, "one way"},
		{"client_secret and client_assertion", query(token, "client_id", "loki", "client_secret", grafana, "client_assertion_type", jwtBearer, "client_assertion", jwt), "", request, "one way"},
		{"differing client_ids", query(token, "client_id", "odd"), basic("loki", grafana), request, "client_id of the body"},
		{"an assertion without its type", query(token, "client_id", "loki", "client_assertion", jwt), "", request, "client_assertion_type is missing"},
		{"a secret without a client_id", query(token, "client_secret", grafana), "", request, "no client_id"},
		{"a password without a username", query(token, "client_id", "loki", "password", grafana), "", request, "username is missing"},

		{"nobody asks", query(token), "", client, "no client_id and no proof"},
		{"no proof", query(token, "client_id", "loki"), "", client, "no proof"},
		{"no proof by Basic", query(token), basic("loki", ""), client, "no proof"},
		{"an unknown client", query(token, "client_id", "tempo", "client_secret", grafana), "", client, `client_id "tempo"`},
		{"an unknown client by Basic", query(token), basic("tempo", grafana), client, `client_id "tempo"`},
		{"a secret that is nothing", query(token, "client_id", "loki", "client_secret", "hunter2"), "", client, "neither an app password"},
		{"a secret that is nothing, by Basic", query(token), basic("loki", "hunter2"), client, "neither an app password"},
		{"a revoked app password", query(token), basic("loki", revoked), client, "was revoked at"},
		{"a JWT of nobody", query(token, "client_id", "loki", "client_secret", enginetest.NewKey(t, "gh1", "RS256").Mint(enginetest.GitHubClaims(d.Clock.Now(), audience))), "", client, "verifies the JWT"},
		{"the token itself as Bearer", query(token, "client_id", "loki"), "Bearer " + token, client, "Authorization"},
		{"the token itself as the proof", query(token), basic("loki", token), client, "no access of provider loki names a source"},
		{"an assertion of an unknown type", query(token, "client_id", "loki", "client_assertion", jwt, "client_assertion_type", "urn:x"), "", client, "client_assertion_type"},

		{"an account that no access names", query(token), basic("loki", outsider), unauthorized, "no access of provider loki names service_account.nobody"},
		{"an account of another provider", query(token), basic("loki+1%41", grafana), unauthorized, "no access of provider plus"},
	}
}

type refusedQuery struct {
	name, form, authorization string
	code                      string
	reason                    string // part of the decision's
}

// checkRefusedQuery checks one refusal of the introspection or revocation
// endpoint, which have a door each.
func checkRefusedQuery(t *testing.T, d *door, path, door string, tt refusedQuery, status int) {
	t.Helper()
	seen := len(d.Audit.All())
	got := d.ask(t, path, tt.form, tt.authorization)
	if got.status != status || got.text("error") != tt.code || len(got.json) != 3 {
		t.Fatalf("%d %s, want %d %s", got.status, got.body, status, tt.code)
	}
	challenge := got.header.Get("WWW-Authenticate")
	if want := `Basic realm="m2md", charset="UTF-8"`; status == 401 && challenge != want || status != 401 && challenge != "" {
		t.Errorf("WWW-Authenticate = %q", challenge)
	}
	if n := len(d.Audit.All()) - seen; n != 1 {
		t.Fatalf("%d decisions were recorded, want 1", n)
	}
	decision := d.Audit.Last(t)
	checkRefusal(t, got, decision)
	if decision.Outcome != engine.Denied || decision.Door != door || !strings.Contains(decision.Reason, tt.reason) {
		t.Errorf("the decision at %s is %s because %q, want deny because %q", decision.Door, decision.Outcome, decision.Reason, tt.reason)
	}
}

func TestEveryRefusalOfTheIntrospectionEndpoint(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	token := d.tokenFor(t, "loki", d.Password(t, "prometheus", nil), "")
	for _, tt := range aboutTokenRefusals(t, d, token) {
		t.Run(tt.name, func(t *testing.T) {
			status := 400
			if tt.code == "invalid_client" { // RFC 7662 §2.3, wherever the credentials were
				status = 401
			}
			checkRefusedQuery(t, d, "/oauth2/introspect", "introspect", tt, status)
		})
	}
}

func TestQuestionsAboutTokensAreFormsByPostOnly(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	password := d.Password(t, "grafana", nil)
	const formType = "application/x-www-form-urlencoded"
	tests := []struct {
		method, contentType string
		status              int
	}{
		{"POST", formType, 200},
		{"POST", formType + "; charset=utf-8", 200},
		{"POST", "", 400},
		{"POST", "application/json", 400},
		{"GET", formType, 405},
		{"HEAD", formType, 405},
		{"PUT", formType, 405},
		{"DELETE", formType, 405},
		{"OPTIONS", formType, 405},
	}
	for _, path := range append(introspectPaths, revokePaths...) {
		for _, tt := range tests {
			t.Run(tt.method+" "+path+" "+tt.contentType, func(t *testing.T) {
				body := query(d.tokenFor(t, "loki", password, ""), "client_id", "loki", "client_secret", password)
				req, err := http.NewRequest(tt.method, d.URL+path+"?"+body, strings.NewReader(body)) // the query is not looked at
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
				if door := d.Audit.Last(t).Door; !strings.Contains(path, door) {
					t.Errorf("the decision is of the door %q", door)
				}
			})
		}
		t.Run("a large body at "+path, func(t *testing.T) {
			got := d.ask(t, path, query(strings.Repeat("a", 70<<10)), basic("loki", password))
			if got.status != http.StatusRequestEntityTooLarge || got.text("error") != "invalid_request" {
				t.Errorf("%d %s, want 413", got.status, got.body)
			}
		})
		t.Run("credentials in the URL of "+path, func(t *testing.T) {
			got := d.ask(t, path+"?client_id=loki&client_secret="+password, query("x"), "")
			if got.text("error") != "invalid_client" {
				t.Errorf("%d %s, want invalid_client", got.status, got.body)
			}
		})
	}
}

// A page may ask where its provider allows its origin, as at the token endpoint.
func TestAPageMayAskAboutTokensWhereItsOriginIsAllowed(t *testing.T) {
	d := newDoor(t)
	spec := d.aboutTokens(t)
	spec.Providers[0].AllowedOrigins = []string{"https://console.example"}
	d.Serve(t, spec)
	password := d.Password(t, "grafana", nil)
	for _, path := range append(introspectPaths, revokePaths...) {
		for from, allowed := range map[string]bool{"https://console.example": true, "https://elsewhere.example": false} {
			for _, method := range []string{http.MethodPost, http.MethodOptions} {
				req, err := http.NewRequest(method, d.URL+path, strings.NewReader(query("x", "client_id", "loki", "client_secret", password)))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("Origin", from)
				got := send(t, req)
				if told := got.header.Get("Access-Control-Allow-Origin") == from; told != allowed {
					t.Errorf("%s %s from %s: %v", method, path, from, got.header)
				}
			}
		}
	}
}

func TestWhereTokensAreAskedAboutIsAnnounced(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	req, err := http.NewRequest(http.MethodGet, d.URL+"/providers/loki/.well-known/openid-configuration", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := send(t, req)
	for name, path := range map[string]string{"introspection_endpoint": "/oauth2/introspect", "revocation_endpoint": "/oauth2/revoke"} {
		if got.text(name) != d.URL+path {
			t.Errorf("%s = %q", name, got.text(name))
		}
		for _, about := range []string{"auth_methods_supported", "auth_signing_alg_values_supported"} {
			mine, tokens := got.json[name+"_"+about], got.json["token_endpoint_"+about]
			if mine == nil || fmt.Sprint(mine) != fmt.Sprint(tokens) {
				t.Errorf("%s_%s = %v, and that of the token endpoint is %v", name, about, mine, tokens)
			}
		}
	}
}

// A JWT that is taken once is so here, too, and at the token endpoint afterwards.
func TestAJWTThatIsTakenOnceAsksOnce(t *testing.T) {
	for _, path := range []string{"/oauth2/introspect", "/oauth2/revoke"} {
		d := newDoor(t)
		spec := d.aboutTokens(t)
		spec.Sources[0].UseOnce = true
		d.Serve(t, spec)
		jwt := d.githubToken()
		if got := d.ask(t, path, query("x"), basic("loki", jwt)); got.status != 200 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		for _, again := range []string{path, "/oauth2/token"} {
			if got := d.ask(t, again, form("token", "x"), basic("loki", jwt)); got.text("error") != "invalid_client" || !strings.Contains(d.Audit.Last(t).Reason, "used before") {
				t.Errorf("%s, and then %s: %d %s (%s)", path, again, got.status, got.body, d.Audit.Last(t).Reason)
			}
		}
	}
}
