package serve_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// identityHeaders are those that a guarded service is told of a request by.
// Every yes sets all of them.
var identityHeaders = []string{"X-M2md-Subject", "X-M2md-Name", "X-M2md-Groups", "X-M2md-Source", "X-M2md-Provider", "X-M2md-Scope"}

func prefixes(t testing.TB, list string) []netip.Prefix {
	t.Helper()
	var all []netip.Prefix
	for _, one := range strings.Fields(list) {
		prefix, err := netip.ParsePrefix(one)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, prefix)
	}
	return all
}

// guarded is the spec of door with loki behind forward-auth and a trusted peer.
func (d *door) guarded(t testing.TB) engine.Spec {
	t.Helper()
	spec := d.spec()
	spec.Server.TrustedProxies = prefixes(t, "127.0.0.0/8 ::1/128")
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{
		Decl: enginetest.Declare("", 25), ExternalHost: "loki.example.com",
		SkipPaths: []string{"/ready", "/static/*"},
	}
	return spec
}

// tokenFor asks for an access token of a provider.
func (d *door) tokenFor(t testing.TB, clientID, secret, scope string) string {
	t.Helper()
	got := d.ask(t, "/oauth2/token", form("client_id", clientID, "client_secret", secret, "scope", scope), "")
	if got.status != http.StatusOK {
		t.Fatalf("no token for %s: %s", clientID, got.body)
	}
	return got.text("access_token")
}

// check asks forward-auth, with headers as name, value, name, value, ….
func (d *door) check(t testing.TB, path string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, d.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header[headers[i]] = append(req.Header[headers[i]], headers[i+1])
	}
	return send(t, req)
}

const (
	nginxLoki   = "/auth/nginx/provider/loki"
	traefikLoki = "/auth/traefik/provider/loki"
)

// checkDoor checks an answer of forward-auth: its status, and what must hold
// of every one with that status.
func checkDoor(t testing.TB, got answer, status int) {
	t.Helper()
	if got.status != status {
		t.Fatalf("status %d, want %d: %s", got.status, status, got.body)
	}
	for _, name := range identityHeaders {
		if n := len(got.header[name]); (n == 1) != (status == http.StatusOK) {
			t.Errorf("%s is there %d times", name, n)
		}
	}
	challenges := got.header["Www-Authenticate"]
	if status != http.StatusUnauthorized {
		if challenges != nil {
			t.Errorf("WWW-Authenticate = %q", challenges)
		}
		return
	}
	if len(challenges) != 2 || !strings.HasPrefix(challenges[0], "Bearer ") || !strings.HasPrefix(challenges[1], "Basic ") {
		t.Errorf("WWW-Authenticate = %q", challenges)
	}
}

func TestForwardAuthKnowsGoodCredentialsFromBad(t *testing.T) {
	d, other := newDoor(t), newDoor(t)
	d.Serve(t, d.guarded(t))
	other.Serve(t, other.guarded(t))
	password := d.Password(t, "prometheus", nil)
	good := d.tokenFor(t, "loki", password, "")
	now := d.Clock.Now()
	stranger := enginetest.NewKey(t, "gh1", "RS256").Mint(enginetest.GitHubClaims(now, audience))
	parts := strings.Split(good, ".")

	const ok, unknown, forbidden = 200, 401, 403
	tests := []struct {
		name          string
		authorization string // "" for none
		status        int
		reason        string
	}{
		{"a token of this provider", "Bearer " + good, ok, ""},
		{"a token of this provider again", "Bearer " + good, ok, ""},
		{"bearer in lower case", "bearer " + good, ok, ""},
		{"spaces around the token", "Bearer   " + good + " ", ok, ""},
		{"a token for a job", "Bearer " + d.tokenFor(t, "loki", d.githubToken(), ""), ok, ""},
		{"an app password", basic("prometheus", password), ok, ""},
		{"an app password with a line break", basic("prometheus", password+"\n"), ok, ""},
		{"an app password under any user name", basic("whoever", password), ok, ""},
		{"an app password without a user name", basic("", password), ok, ""},

		{"nothing", "", unknown, "no credentials"},
		{"an empty bearer", "Bearer ", unknown, "no credentials"},
		{"another scheme", `Digest username="x"`, unknown, "no credentials"},
		{"garbage", "Bearer garbage", unknown, "three parts"},
		{"a token of another provider", "Bearer " + d.tokenFor(t, "loki+1%41", password, ""), unknown, "for another provider"},
		{"a token of another daemon", "Bearer " + other.tokenFor(t, "loki", other.Password(t, "prometheus", nil), ""), unknown, "no key of provider loki"},
		{"a token with another payload", "Bearer " + parts[0] + "." + enginetest.Segment([]byte(`{"sub":"grafana"}`)) + "." + parts[2], unknown, "no key of provider loki"},
		{"a token without its signature", "Bearer " + parts[0] + "." + parts[1] + ".", unknown, "signature"},
		{"an input JWT", "Bearer " + d.githubToken(), unknown, "no access token"},
		{"an input JWT that calls itself an access token", "Bearer " + d.Keys.github.MintWith(map[string]any{"typ": "at+jwt"}, enginetest.GitHubClaims(now, audience)), unknown, "no key of provider loki"},
		{"a JWT of nobody", "Bearer " + stranger, unknown, "no access token"},
		{"an app password as a bearer", "Bearer " + password, unknown, "three parts"},
		{"a token as a password", basic("prometheus", good), unknown, "not an app password"},
		{"a wrong app password", basic("prometheus", password[:len(password)-1]+otherDigit(password[len(password)-1])), unknown, "check digits"},
		{"an app password with another secret", basic("prometheus", d.Password(t, "prometheus", func(p *engine.AppPassword) { p.Hash[0] ^= 1 })), unknown, "the secret does not belong"},
		{"an expired app password", basic("prometheus", d.Password(t, "prometheus", func(p *engine.AppPassword) { p.ExpiresAt = now })), unknown, "expired at"},
		{"a revoked app password", basic("prometheus", d.Password(t, "prometheus", func(p *engine.AppPassword) { p.RevokedAt = now })), unknown, "was revoked at"},
		{"an empty password", basic("prometheus", ""), unknown, "no credentials"},
		{"Basic that is not base64", "Basic !", unknown, "no credentials"},
		{"the app password of an account that no file declares", basic("gone", d.Password(t, "gone", nil)), unknown, "no service_account block"},

		{"an account that no access names", basic("nobody", d.Password(t, "nobody", nil)), forbidden, "no access of provider loki names service_account.nobody"},
	}
	for _, tt := range tests {
		for _, path := range []string{nginxLoki, traefikLoki} {
			t.Run(tt.name+" at "+path, func(t *testing.T) {
				headers := []string{"Authorization", tt.authorization}
				if tt.authorization == "" {
					headers = nil
				}
				got := d.check(t, path, headers...)
				checkDoor(t, got, tt.status)
				decision := d.Audit.Last(t)
				if !strings.Contains(decision.Reason, tt.reason) || (tt.status == ok) != (decision.Outcome == engine.Allowed) {
					t.Errorf("the decision is %s because %q, want because %q", decision.Outcome, decision.Reason, tt.reason)
				}
				if tt.status != ok {
					checkRefusal(t, got, decision)
				}
				if tt.status == unknown {
					// RFC 6750 §3.1: no error code where there was no credential.
					if told := strings.Contains(got.header["Www-Authenticate"][0], `error="invalid_token"`); told != (tt.authorization != "") {
						t.Errorf("WWW-Authenticate = %q", got.header["Www-Authenticate"])
					}
				}
				if record := fmt.Sprintf("%+v", decision); strings.Contains(record, password) || strings.Contains(record, parts[2]) {
					t.Errorf("a secret stands in %s", record)
				}
			})
		}
	}
}

func TestTheGuardedServiceIsToldWhoAsks(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.guarded(t))
	password := d.Password(t, "prometheus", nil)
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	zurich := d.Keys.github.Mint(enginetest.With(claims, map[string]any{"sub": "repo:zürich/100% sicher "}))
	tests := []struct {
		name          string
		authorization string
		want          []string // in the order of identityHeaders
	}{
		{"an account by token", "Bearer " + d.tokenFor(t, "loki", password, "logs:write logs:read"),
			[]string{"prometheus", "Prometheus, cluster A", "metrics|sre", "service_account.prometheus", "loki", "logs:write logs:read"}},
		{"an account by app password", basic("prometheus", password),
			[]string{"prometheus", "Prometheus, cluster A", "metrics|sre", "service_account.prometheus", "loki", ""}},
		{"an account without a display name and groups", basic("grafana", d.Password(t, "grafana", nil)),
			[]string{"grafana", "grafana", "", "service_account.grafana", "loki", ""}},
		{"a job", "Bearer " + d.tokenFor(t, "loki", d.githubToken(), "logs:read"),
			[]string{"github/repo:acme@1234/api@5678:ref:refs/heads/main", "github/repo:acme@1234/api@5678:ref:refs/heads/main", "", "oauth_source.github", "loki", "logs:read"}},
		{"a sub that no header may hold as it is", "Bearer " + d.tokenFor(t, "loki", zurich, ""),
			[]string{"github/repo:z%C3%BCrich/100%25 sicher%20", "github/repo:z%C3%BCrich/100%25 sicher%20", "", "oauth_source.github", "loki", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := d.check(t, nginxLoki, "Authorization", tt.authorization)
			checkDoor(t, got, 200)
			for i, name := range identityHeaders {
				if got.header.Get(name) != tt.want[i] {
					t.Errorf("%s = %q, want %q", name, got.header.Get(name), tt.want[i])
				}
			}
		})
	}
}

func TestADisplayNameReachesTheServiceInOneHeader(t *testing.T) {
	d := newDoor(t)
	tests := []struct{ display, header string }{
		{"Prometheus", "Prometheus"},
		{"é", "%C3%A9"},
		{"a\r\nX-M2md-Subject: root", "a%0D%0AX-M2md-Subject: root"},
		{"tab\there", "tab%09here"},
		{" at the ends ", "%20at the ends%20"},
		{"100%", "100%25"},
		{"\x00\x7f", "%00%7F"},
	}
	for _, tt := range tests {
		t.Run(tt.display, func(t *testing.T) {
			spec := d.guarded(t)
			spec.Accounts[0].DisplayName = tt.display
			d.Serve(t, spec)
			got := d.check(t, nginxLoki, "Authorization", basic("prometheus", d.Password(t, "prometheus", nil)))
			checkDoor(t, got, 200)
			if got.header.Get("X-M2md-Name") != tt.header || got.header.Get("X-M2md-Subject") != "prometheus" {
				t.Errorf("the headers are %v", got.header)
			}
		})
	}
}

// What the files no longer say ends at the next generation, for tokens that
// were verified before too.
func TestWhatTheFilesNoLongerSayEndsAtTheDoor(t *testing.T) {
	remove := func(kind string, label string) func(*engine.Spec) {
		return func(spec *engine.Spec) {
			spec.Accounts = slices.DeleteFunc(spec.Accounts, func(a engine.ServiceAccount) bool { return kind == "account" && a.Label == label })
			spec.Sources = slices.DeleteFunc(spec.Sources, func(s engine.OAuthSource) bool { return kind == "source" && s.Label == label })
			for i := range spec.Providers {
				for j := range spec.Providers[i].Accesses {
					from := &spec.Providers[i].Accesses[j].From
					*from = slices.DeleteFunc(slices.Clone(*from), func(r engine.Ref) bool { return r.Label == label })
				}
			}
		}
	}
	tests := []struct {
		name   string
		who    string // "account" or "job"
		change func(*engine.Spec)
		status int
		reason string
	}{
		{"nothing changed", "account", func(*engine.Spec) {}, 200, ""},
		{"nothing changed for a job", "job", func(*engine.Spec) {}, 200, ""},
		{"the account is gone", "account", remove("account", "prometheus"), 401, "no longer declared"},
		{"the account is in no access", "account", remove("access", "prometheus"), 403, "no access of provider loki names service_account.prometheus"},
		{"the source is gone", "job", remove("source", "github"), 401, "no longer declared"},
		{"the source is in no access", "job", remove("access", "github"), 403, "no access of provider loki names oauth_source.github"},
		{"another account is gone", "account", remove("account", "grafana"), 200, ""},
		{"require_claims is tighter", "job", func(s *engine.Spec) {
			s.Providers[0].Accesses[0].Require = enginetest.Require(map[string]any{"repository_owner_id": "1"})
		}, 200, ""}, // reaches issued tokens by their TTL (product.md §4)
		{"the client_id is another", "account", func(s *engine.Spec) { s.Providers[0].ClientID = "loki2" }, 401, "another provider"},
		{"the audience is another", "account", func(s *engine.Spec) { s.Providers[0].Audience = []string{"elsewhere"} }, 401, "audience"},
		{"external_url is another", "account", func(s *engine.Spec) { s.Server.ExternalURL = "https://elsewhere.example" }, 401, "another provider"},
		{"the signing key's algorithm is another", "account", func(s *engine.Spec) {
			s.SigningKeys = []engine.SigningKey{{Algorithm: "ES384"}}
		}, 200, ""}, // the old key still verifies
		{"forward_auth is gone", "account", func(s *engine.Spec) { s.Providers[0].ForwardAuth = nil }, 403, "no provider with forward_auth"},
		{"the provider is gone", "account", func(s *engine.Spec) { s.Providers = s.Providers[1:] }, 403, "no provider with forward_auth"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDoor(t)
			d.Serve(t, d.guarded(t))
			secret := d.githubToken()
			if tt.who == "account" {
				secret = d.Password(t, "prometheus", nil)
			}
			token := "Bearer " + d.tokenFor(t, "loki", secret, "")
			checkDoor(t, d.check(t, nginxLoki, "Authorization", token), 200)

			spec := d.guarded(t)
			tt.change(&spec)
			d.Serve(t, spec)
			got := d.check(t, nginxLoki, "Authorization", token)
			checkDoor(t, got, tt.status)
			if reason := d.Audit.Last(t).Reason; !strings.Contains(reason, tt.reason) {
				t.Errorf("the reason is %q, want %q", reason, tt.reason)
			}
		})
	}
}

func TestARememberedTokenEndsWithItsExpiry(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.guarded(t))
	token := "Bearer " + d.tokenFor(t, "loki", d.Password(t, "prometheus", nil), "logs:read")
	first := d.check(t, nginxLoki, "Authorization", token)
	second := d.check(t, nginxLoki, "Authorization", token)
	checkDoor(t, first, 200)
	checkDoor(t, second, 200)
	for _, name := range identityHeaders {
		if first.header.Get(name) != second.header.Get(name) {
			t.Errorf("%s = %q, then %q", name, first.header.Get(name), second.header.Get(name))
		}
	}
	all := d.Audit.All()
	if a, b := all[len(all)-2], all[len(all)-1]; a.Subject != b.Subject || a.TokenID != b.TokenID || a.Source != b.Source || a.Proof != b.Proof || a.TokenID == "" {
		t.Errorf("the decisions differ: %+v and %+v", a, b)
	}
	d.Clock.Advance(10*time.Minute + time.Second)
	got := d.check(t, nginxLoki, "Authorization", token)
	checkDoor(t, got, 401)
	if reason := d.Audit.Last(t).Reason; !strings.Contains(reason, "expired at") {
		t.Errorf("the reason is %q", reason)
	}
	// A token that was never seen before ends likewise.
	d.Clock.Advance(-10 * time.Minute)
	unseen := "Bearer " + d.tokenFor(t, "loki", d.Password(t, "prometheus", nil), "")
	d.Clock.Advance(10*time.Minute + time.Second)
	checkDoor(t, d.check(t, nginxLoki, "Authorization", unseen), 401)
}

func TestPoliciesAtTheDoor(t *testing.T) {
	d := newDoor(t)
	spec := d.guarded(t)
	spec.Policies = []engine.PolicySource{
		{Decl: enginetest.Declare("reads", 80), Script: engine.Script{At: enginetest.At(80), Text: `return request.http.method === "GET" && request.http.path.startsWith("/loki/");`}},
	}
	spec.Providers[0].ForwardAuth.Policies = enginetest.Refs("policy.reads")
	d.Serve(t, spec)
	password := d.Password(t, "prometheus", nil)
	credentials := map[string]string{"a token": "Bearer " + d.tokenFor(t, "loki", password, ""), "an app password": basic("x", password)}
	tests := []struct {
		method, path string
		status       int
	}{
		{"GET", "/loki/api", 200},
		{"POST", "/loki/api", 403},
		{"GET", "/admin", 403},
		{"GET", "/loki/api?x=/admin", 200},
		{"GET", "/ready", 200}, // skip_paths needs no proof, so no policy
	}
	for who, authorization := range credentials {
		for _, tt := range tests {
			for range 2 { // the second time the token is remembered
				t.Run(who+" "+tt.method+" "+tt.path, func(t *testing.T) {
					checkDoor(t, d.check(t, nginxLoki, "Authorization", authorization, "X-Original-Method", tt.method, "X-Original-Url", "https://loki.example.com"+tt.path), tt.status)
					checkDoor(t, d.check(t, traefikLoki, "Authorization", authorization, "X-Forwarded-Method", tt.method, "X-Forwarded-Host", "loki.example.com", "X-Forwarded-Uri", tt.path), tt.status)
				})
			}
		}
	}
	if reason := lastDenied(t, d); !strings.Contains(reason, "forward_auth of provider loki: policy reads said no") {
		t.Errorf("the reason is %q", reason)
	}
}

func TestAPolicyAtTheDoorSeesTheHeadersThatAreLetThrough(t *testing.T) {
	d := newDoor(t)
	spec := d.guarded(t)
	spec.Policies = []engine.PolicySource{
		{Decl: enginetest.Declare("agent", 80), Script: engine.Script{At: enginetest.At(80), Text: `return request.http.headers["user-agent"] === "curl/8" && Object.keys(request.http.headers).length === 1;`}},
	}
	spec.Providers[0].ForwardAuth.Policies = enginetest.Refs("policy.agent")
	spec.Providers[0].ForwardAuth.PolicyHeaders = []string{"User-Agent"}
	d.Serve(t, spec)
	authorization := basic("x", d.Password(t, "prometheus", nil))
	for agent, status := range map[string]int{"curl/8": 200, "curl/9": 403} {
		checkDoor(t, d.check(t, nginxLoki, "Authorization", authorization, "User-Agent", agent, "X-Original-Method", "GET", "X-Original-Url", "https://loki.example.com/x"), status)
	}
}

func lastDenied(t testing.TB, d *door) string {
	t.Helper()
	for _, decision := range slices.Backward(d.Audit.All()) {
		if decision.Outcome == engine.Denied {
			return decision.Reason
		}
	}
	t.Fatal("nothing was denied")
	return ""
}

func TestInputJWTsAtTheDoorRunTheWholeAccess(t *testing.T) {
	d := newDoor(t)
	spec := d.guarded(t)
	spec.Providers[0].ForwardAuth.AcceptInput = true
	d.Serve(t, spec)
	now := d.Clock.Now()
	claims := enginetest.GitHubClaims(now, audience)
	mint := func(changes map[string]any) string { return d.Keys.github.Mint(enginetest.With(claims, changes)) }
	own := d.tokenFor(t, "loki", d.Password(t, "prometheus", nil), "")
	tests := []struct {
		name, token string
		status      int
		reason      string
	}{
		{"a job of ours", mint(nil), 200, ""},
		{"a token of this provider", own, 200, ""},
		{"a job of somebody else", mint(map[string]any{"repository_owner_id": "6"}), 403, "access ci: the claims"},
		{"an expired JWT", mint(map[string]any{"exp": now.Unix()}), 401, "expired at"},
		{"a JWT for somebody else", mint(map[string]any{"aud": "https://other.example"}), 401, "audience"},
		{"a JWT that claims to be ours", mint(map[string]any{"iss": d.URL + "/providers/loki"}), 401, "no access token"},
		{"a JWT of nobody", enginetest.NewKey(t, "gh1", "RS256").Mint(claims), 401, "no key of oauth_source.github"},
		{"garbage", "garbage", 401, "three parts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 {
				checkDoor(t, d.check(t, nginxLoki, "Authorization", "Bearer "+tt.token), tt.status)
				if reason := d.Audit.Last(t).Reason; !strings.Contains(reason, tt.reason) {
					t.Errorf("the reason is %q, want %q", reason, tt.reason)
				}
			}
		})
	}
	// An input JWT is verified each time: after its exp it is nothing.
	jwt := mint(map[string]any{"exp": now.Add(time.Minute).Unix()})
	checkDoor(t, d.check(t, nginxLoki, "Authorization", "Bearer "+jwt), 200)
	d.Clock.Advance(time.Minute)
	checkDoor(t, d.check(t, nginxLoki, "Authorization", "Bearer "+jwt), 401)
}

func TestTheProviderIsFoundByItsHost(t *testing.T) {
	d := newDoor(t)
	spec := d.guarded(t)
	spec.Providers[1].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 35), ExternalHost: "odd.example.com:8443"}
	d.Serve(t, spec)
	credential := basic("x", d.Password(t, "prometheus", nil))
	tests := []struct {
		host     string
		provider string // "" for 403
	}{
		{"loki.example.com", "loki"},
		{"LOKI.Example.COM", "loki"},
		{"loki.example.com:443", "loki"},
		{"loki.example.com:9999", "loki"},
		{"odd.example.com:8443", "odd"},
		{"odd.example.com", ""},
		{"odd.example.com:443", ""},
		{"example.com", ""},
		{"loki.example.com.evil.test", ""},
		{"evil.test:loki.example.com", ""},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			asked := map[string][]string{
				"/auth/nginx/host":                     {"X-Original-Url", "https://" + tt.host + "/x"},
				"/outpost.goauthentik.io/auth/nginx":   {"X-Original-Url", "https://" + tt.host + "/x"},
				"/auth/traefik/host":                   {"X-Forwarded-Host", tt.host, "X-Forwarded-Uri", "/x"},
				"/outpost.goauthentik.io/auth/traefik": {"X-Forwarded-Host", tt.host, "X-Forwarded-Uri", "/x"},
			}
			for path, headers := range asked {
				got := d.check(t, path, append(headers, "Authorization", credential)...)
				want := 200
				if tt.provider == "" {
					want = 403
				}
				checkDoor(t, got, want)
				if got.header.Get("X-M2md-Provider") != tt.provider {
					t.Errorf("%s: the provider is %q, want %q", path, got.header.Get("X-M2md-Provider"), tt.provider)
				}
			}
		})
	}
}

func TestOnlyTheNamedDialectsHeadersOfATrustedProxyAreRead(t *testing.T) {
	d := newDoor(t)
	trusting := d.guarded(t)
	distrusting := d.guarded(t)
	distrusting.Server.TrustedProxies = prefixes(t, "10.0.0.0/8")
	const nginxHost, traefikHost = "/auth/nginx/host", "/auth/traefik/host"
	toReady := []string{"X-Original-Url", "https://loki.example.com/ready"}
	toReadyTraefik := []string{"X-Forwarded-Host", "loki.example.com", "X-Forwarded-Uri", "/ready"}
	tests := []struct {
		name    string
		trusted bool
		path    string
		headers []string
		status  int
		reason  string
	}{
		{"nginx tells an open path", true, nginxLoki, toReady, 200, ""},
		{"traefik tells an open path", true, traefikLoki, toReadyTraefik, 200, ""},
		{"nginx tells an open path by host", true, nginxHost, toReady, 200, ""},
		{"traefik tells an open path by host", true, traefikHost, toReadyTraefik, 200, ""},

		{"an untrusted peer tells an open path", false, nginxLoki, toReady, 401, "no credentials"},
		{"an untrusted peer tells an open path as traefik", false, traefikLoki, toReadyTraefik, 401, "no credentials"},
		{"an untrusted peer tells a host", false, nginxHost, toReady, 403, "trusted_proxies"},
		{"an untrusted peer tells a host as traefik", false, traefikHost, toReadyTraefik, 403, "trusted_proxies"},

		{"traefik's headers at nginx's door", true, nginxLoki, toReadyTraefik, 401, "no credentials"},
		{"nginx's headers at traefik's door", true, traefikLoki, toReady, 401, "no credentials"},
		{"nginx's headers at traefik's door by host", true, traefikHost, toReady, 403, "external_host"},
		{"the URI alone, which authentik read", true, nginxLoki, []string{"X-Original-Uri", "/ready"}, 401, "no credentials"},
		{"an alias with underscores", true, nginxLoki, []string{"X_Original_Url", "https://loki.example.com/ready"}, 401, "no credentials"},
		{"nginx's own URL, and traefik's headers of a client", true, nginxLoki, append([]string{"X-Original-Url", "https://loki.example.com/secret"}, toReadyTraefik...), 401, "no credentials"},

		{"the URL twice", true, nginxLoki, append([]string{"X-Original-Url", "https://loki.example.com/ready"}, toReady...), 403, "more than once"},
		{"the method twice", true, nginxLoki, append([]string{"X-Original-Method", "GET", "X-Original-Method", "GET"}, toReady...), 403, "more than once"},
		{"the URI twice", true, traefikLoki, append([]string{"X-Forwarded-Uri", "/ready"}, toReadyTraefik...), 403, "more than once"},
		{"the host twice", true, traefikLoki, append([]string{"X-Forwarded-Host", "loki.example.com"}, toReadyTraefik...), 403, "more than once"},
		{"two Authorization headers", true, nginxLoki, []string{"Authorization", "Bearer a", "Authorization", "Bearer b"}, 403, "more than one Authorization"},
		{"two Authorization headers on an open path", true, nginxLoki, append([]string{"Authorization", "Bearer a", "Authorization", "Bearer b"}, toReady...), 403, "more than one Authorization"},

		{"a URL without a scheme", true, nginxLoki, []string{"X-Original-Url", "loki.example.com/ready"}, 403, "not a URL"},
		{"a URL with an empty scheme", true, nginxLoki, []string{"X-Original-Url", "://loki.example.com/ready"}, 403, "not a URL"},
		{"a URL of another scheme", true, nginxLoki, []string{"X-Original-Url", "file://loki.example.com/ready"}, 403, "not a URL"},
		{"a URL without a host", true, nginxLoki, []string{"X-Original-Url", "https:///ready"}, 403, "not a URL"},
		{"a URL without a path", true, nginxLoki, []string{"X-Original-Url", "https://loki.example.com"}, 403, "not a URL"},
		{"a URL that is a path", true, nginxLoki, []string{"X-Original-Url", "/ready"}, 403, "not a URL"},
		// "GET http://loki.example.com?/ready HTTP/1.1" makes nginx send this,
		// and go on to "/?/ready": the slash that begins the path is no path's.
		{"a slash in the query of a URL without a path", true, nginxLoki, []string{"X-Original-Url", "https://loki.example.com?/ready"}, 403, "not a URL"},
		{"a slash behind a parameter", true, nginxLoki, []string{"X-Original-Url", "https://loki.example.com?a=b&c=/ready"}, 403, "not a URL"},
		{"a slash in the fragment", true, nginxLoki, []string{"X-Original-Url", "https://loki.example.com#/ready"}, 403, "not a URL"},
		{"a user in front of the host", true, nginxLoki, []string{"X-Original-Url", "https://loki.example.com@evil.test/ready"}, 403, "not a URL"},
		{"a backslash in the host", true, nginxLoki, []string{"X-Original-Url", `https://loki.example.com\/ready`}, 403, "not a URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d.Serve(t, distrusting)
			if tt.trusted {
				d.Serve(t, trusting)
			}
			got := d.check(t, tt.path, tt.headers...)
			checkDoor(t, got, tt.status)
			if reason := d.Audit.Last(t).Reason; !strings.Contains(reason, tt.reason) {
				t.Errorf("the reason is %q, want %q", reason, tt.reason)
			}
		})
	}
}

func TestOnlyTheNamedPathsAreSkipped(t *testing.T) {
	d := newDoor(t)
	spec := d.guarded(t)
	spec.Providers[0].ForwardAuth.SkipPaths = []string{"/ready", "/static/*", "/a/b/"}
	d.Serve(t, spec)
	tests := []struct {
		uri  string
		open bool
	}{
		{"/ready", true},
		{"/ready?x=y", true},
		{"/ready?next=/../admin", true}, // the query is no part of the path
		{"/static/", true},
		{"/static/app.js", true},
		{"/static/deep/er/app.js", true},
		{"/static/...", true}, // a name like any other
		{"/static/.hidden", true},
		{"/a/b/", true},

		{"/", false},
		{"/readyz", false},
		{"/ready/", false},
		{"/ready/x", false},
		{"/READY", false},
		{"/x/ready", false},
		{"/static", false},
		{"/staticx", false},
		{"/a/b", false},
		{"/a/b/c", false},
		{"//ready", false},
		{"/static//x", false},
		{"/static/../admin", false},
		{"/static/..", false},
		{"/static/./x", false},
		{"/static/.", false},
		{"/static/..?x", false},
		{"/static/%2e%2e/admin", false},
		{"/static/%2E%2E%2Fadmin", false},
		{"/static/..%2fadmin", false},
		{"/static/%252e%252e/admin", false},
		{"/static/a%20b", false}, // closed rather than decoded
		{"/static/..;/admin", false},
		{"/static/;x", false},
		{`/static/..\admin`, false},
		{`\static\x`, false},
		{"/ready%00", false},
		{"/ready#x", false},
		{"/static/#/../../admin", false},
		{"/static/..#x", false},
		{"/static/x#y", false},
		{"/static/\xc0\xae\xc0\xae/admin", false}, // an overlong encoding of /../
		{"/static/é", false},
		{"/static/\tx", false},
		{"static/x", false},
		{"*", false},
		{"?/ready", false},
	}
	for _, tt := range tests {
		t.Run(tt.uri, func(t *testing.T) {
			traefik := d.check(t, traefikLoki, "X-Forwarded-Host", "loki.example.com", "X-Forwarded-Uri", tt.uri, "X-M2md-Subject", "root")
			answers := []answer{traefik}
			if strings.HasPrefix(tt.uri, "/") {
				answers = append(answers, d.check(t, nginxLoki, "X-Original-Url", "https://loki.example.com"+tt.uri, "X-M2md-Subject", "root"))
			}
			for _, got := range answers {
				if !tt.open {
					checkDoor(t, got, 401)
					continue
				}
				checkDoor(t, got, 200)
				for _, name := range identityHeaders {
					if value := got.header.Get(name); value != "" {
						t.Errorf("%s = %q on an open path", name, value)
					}
				}
				if decision := d.Audit.Last(t); decision.Rule != "skip_paths" || decision.Subject != "" {
					t.Errorf("the decision is %+v", decision)
				}
			}
		})
	}
}

func TestADoorThatIsNotThere(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.guarded(t))
	token := "Bearer " + d.tokenFor(t, "loki", d.Password(t, "prometheus", nil), "")
	tests := []struct {
		path   string
		status int
	}{
		{"/auth/nginx/provider/unknown", 403},
		{"/auth/nginx/provider/odd", 403}, // has no forward_auth
		{"/auth/nginx/provider/LOKI", 403},
		{"/auth/nginx/provider/loki/", 404},
		{"/auth/nginx/provider/", 404},
		{"/auth/unknown/provider/loki", 404},
		{"/auth/nginx/provider/loki?provider=odd", 200}, // Caddy appends the client's query
		{"/outpost.goauthentik.io/auth/caddy", 404},
		{"/outpost.goauthentik.io/anything", 404},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			if got := d.check(t, tt.path, "Authorization", token); got.status != tt.status {
				t.Errorf("status %d, want %d", got.status, tt.status)
			}
		})
	}
}

func TestBasicTakesTheStandardAlphabetOnly(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.guarded(t))
	password := d.Password(t, "prometheus", nil)
	// A user name of bytes that need both characters in which the alphabets differ.
	standard := base64.StdEncoding.EncodeToString([]byte("\xff\xfe\xfb:" + password))
	if !strings.ContainsAny(standard, "+/") {
		t.Fatal("the credential does not tell the alphabets apart")
	}
	checkDoor(t, d.check(t, nginxLoki, "Authorization", "Basic "+standard), 200)
	checkDoor(t, d.check(t, nginxLoki, "Authorization", "Basic "+strings.NewReplacer("+", "-", "/", "_").Replace(standard)), 401)
}
