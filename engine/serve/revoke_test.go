package serve_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/storage/memory"
)

// revokeAs revokes a token at /oauth2/revoke, by Basic.
func (d *door) revokeAs(t testing.TB, token, clientID, secret string) answer {
	t.Helper()
	return d.ask(t, "/oauth2/revoke", query(token), basic(clientID, secret))
}

// isActive introspects a token.
func (d *door) isActive(t testing.TB, token, clientID, secret string) bool {
	t.Helper()
	got := d.ask(t, "/oauth2/introspect", query(token), basic(clientID, secret))
	if got.status != http.StatusOK {
		t.Fatalf("introspecting: %d %s", got.status, got.body)
	}
	return got.json["active"] == true
}

func TestAClientRevokesItsOwnToken(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	prometheus, grafana := d.Password(t, "prometheus", nil), d.Password(t, "grafana", nil)
	again := d.Password(t, "prometheus", nil)
	jwt := d.githubToken()
	clusterJWT := d.Keys.cluster.Mint(enginetest.KubernetesClaims(d.Clock.Now(), audience))
	acting := d.ask(t, "/oauth2/token", encodePairs([]string{
		"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "client_id", "loki",
		"subject_token", jwt, "subject_token_type", "urn:ietf:params:oauth:token-type:jwt",
		"actor_token", clusterJWT, "actor_token_type", "urn:ietf:params:oauth:token-type:jwt",
	}), "").text("access_token")
	of := func(secret string) string { return d.tokenFor(t, "loki", secret, "") }
	tests := []struct {
		name, token, form, authorization string
	}{
		{"by Basic", of(prometheus), "", basic("loki", prometheus)},
		{"by Basic, form-encoded", of(prometheus), "", basicEncoded("loki", prometheus)},
		{"in the body", of(prometheus), "client_id=loki&client_secret=" + prometheus, ""},
		{"with username and password", of(prometheus), "client_id=loki&username=prometheus&password=" + prometheus, ""},
		{"with another of its app passwords", of(prometheus), "", basic("loki", again)},
		{"with an assertion", of(jwt), "client_id=loki&client_assertion_type=" + jwtBearer + "&client_assertion=" + jwt, ""},
		{"with another JWT of the same job", of(jwt), "", basic("loki", d.githubToken())},
		{"with a right hint", of(prometheus), "token_type_hint=access_token", basic("loki", prometheus)},
		{"with a wrong hint", of(prometheus), "token_type_hint=refresh_token", basic("loki", prometheus)},
		{"with a line break at its end", of(prometheus) + "\n", "", basic("loki", prometheus)},
		{"as the one whom it is about", acting, "", basic("loki", jwt)},
	}
	for i, tt := range tests {
		path := revokePaths[i%len(revokePaths)]
		t.Run(tt.name+" at "+path, func(t *testing.T) {
			if !d.isActive(t, tt.token, "loki", grafana) {
				t.Fatal("the token is not active")
			}
			for range 2 { // the second time it is revoked already
				got := d.ask(t, path, query(tt.token)+"&"+tt.form, tt.authorization)
				if got.status != 200 || got.body != "" {
					t.Fatalf("%d %q, want 200 without a body (%s)", got.status, got.body, d.Audit.Last(t).Reason)
				}
				checkUncached(t, got)
				decision := d.Audit.Last(t)
				if decision.Outcome != engine.Allowed || decision.Door != "revoke" || decision.TokenID != payload(t, strings.TrimSpace(tt.token))["jti"] || decision.Subject == "" {
					t.Errorf("the decision is %+v", decision)
				}
			}
			if d.isActive(t, tt.token, "loki", grafana) {
				t.Error("the token is active")
			}
		})
	}
	all, err := d.Deps.Revocations.List(t.Context())
	if err != nil || len(all) != len(tests) {
		t.Fatalf("%d are revoked, %v, want %d", len(all), err, len(tests))
	}
	for _, one := range all {
		if one.By != "service_account.prometheus" && !strings.HasPrefix(one.By, "github/") || !one.Until.After(d.Clock.Now().Add(9*time.Minute)) || one.Until.After(d.Clock.Now().Add(10*time.Minute)) {
			t.Errorf("%+v is kept", one)
		}
	}
}

// Who acts on somebody's behalf was issued the token, too.
func TestAnActorRevokesTheTokenWithWhichItActs(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	jwt := d.githubToken()
	clusterJWT := d.Keys.cluster.Mint(enginetest.KubernetesClaims(d.Clock.Now(), audience))
	got := d.ask(t, "/oauth2/token", encodePairs([]string{
		"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "client_id", "loki",
		"subject_token", jwt, "subject_token_type", "urn:ietf:params:oauth:token-type:jwt",
		"actor_token", clusterJWT, "actor_token_type", "urn:ietf:params:oauth:token-type:jwt",
	}), "")
	token := got.text("access_token")
	if refused := d.revokeAs(t, token, "loki", d.Password(t, "grafana", nil)); refused.status != 400 {
		t.Errorf("somebody else: %d %s", refused.status, refused.body)
	}
	if done := d.revokeAs(t, token, "loki", clusterJWT); done.status != 200 {
		t.Errorf("the actor: %d %s", done.status, done.body)
	}
	if d.isActive(t, token, "loki", d.Password(t, "grafana", nil)) {
		t.Error("the token is active")
	}
}

// In each mode of sub a token is the client's to which it was issued, and no
// other's.
func TestATokenIsItsClientsInEveryModeOfSub(t *testing.T) {
	for _, mode := range []string{"identity", "hashed", "input"} {
		t.Run(mode, func(t *testing.T) {
			d := newDoor(t)
			spec := d.aboutTokens(t)
			deploy := &spec.Providers[len(spec.Providers)-1]
			deploy.Subject, deploy.Claims = mode, nil
			spec.Providers[0].Accesses[1].From = without(spec.Providers[0].Accesses[1].From, "deploy")
			secret, others := d.Password(t, "prometheus", nil), d.Password(t, "grafana", nil)
			if mode == "input" { // which asks for one source
				deploy.Accesses[0].From = enginetest.Refs("oauth_source.cluster")
				secret = d.Keys.cluster.Mint(enginetest.KubernetesClaims(d.Clock.Now(), audience))
				others = d.Keys.cluster.Mint(enginetest.With(enginetest.KubernetesClaims(d.Clock.Now(), audience), map[string]any{"sub": "system:serviceaccount:x:y"}))
			}
			d.Serve(t, spec)
			token := d.tokenFor(t, "deploy", secret, "")
			if got := d.revokeAs(t, token, "deploy", others); got.text("error") != "unauthorized_client" {
				t.Errorf("another client: %d %s", got.status, got.body)
			}
			if !d.isActive(t, token, "deploy", others) {
				t.Error("the token is not active")
			}
			if got := d.revokeAs(t, token, "deploy", secret); got.status != 200 || d.isActive(t, token, "deploy", others) {
				t.Errorf("its own: %d %s, and it is active", got.status, got.body)
			}
		})
	}
}

// The sub of one source's token may be that of another's, once the files name
// the other.
func TestASubOfAnotherSourceRevokesNothing(t *testing.T) {
	d := newDoor(t)
	serve := func(source string) {
		spec := d.aboutTokens(t)
		deploy := &spec.Providers[len(spec.Providers)-1]
		deploy.Subject, deploy.Claims = "input", nil
		deploy.Accesses[0].From, deploy.Accesses[0].AllowAnySubject = enginetest.Refs("oauth_source."+source), true
		spec.Providers[0].Accesses[1].From = without(spec.Providers[0].Accesses[1].From, "deploy")
		d.Serve(t, spec)
	}
	serve("cluster")
	claims := enginetest.KubernetesClaims(d.Clock.Now(), audience)
	token := d.tokenFor(t, "deploy", d.Keys.cluster.Mint(claims), "")
	serve("github")
	namesake := d.Keys.github.Mint(enginetest.With(enginetest.GitHubClaims(d.Clock.Now(), audience), map[string]any{"sub": claims["sub"]}))
	if got := d.revokeAs(t, token, "deploy", namesake); got.text("error") != "unauthorized_client" {
		t.Errorf("%d %s (%s)", got.status, got.body, d.Audit.Last(t).Reason)
	}
}

// What is not valid is answered as what was revoked (RFC 7009 §2.2), and nothing
// is kept of it. What is valid, and not the client's, is refused.
func TestWhatAClientCannotRevoke(t *testing.T) {
	d, other := newDoor(t), newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	other.Serve(t, other.aboutTokens(t))
	grafana, prometheus := d.Password(t, "grafana", nil), d.Password(t, "prometheus", nil)
	expired := d.tokenFor(t, "loki", grafana, "")
	d.Clock.Advance(10*time.Minute + time.Second)
	good := d.tokenFor(t, "loki", grafana, "")
	head, rest, _ := strings.Cut(good, ".")
	body, _, _ := strings.Cut(rest, ".")
	forged := enginetest.NewKey(t, segment(t, good, 0)["kid"].(string), "ES256")
	idToken := d.ask(t, "/oauth2/token", form("client_id", "deploy", "client_secret", grafana, "scope", "openid"), "").text("id_token")
	const nothing, another = "nothing to revoke", "was not issued to the client"
	tests := []struct {
		name, token string
		status      int
		code        string
		reason      string
	}{
		{"nonsense", "nonsense", 200, "", nothing},
		{"an app password", grafana, 200, "", nothing},
		{"not UTF-8", "\xff.\xfe.\xfd", 200, "", nothing},
		{"endless", strings.Repeat("a", 20<<10), 200, "", nothing},
		{"an issuer's JWT", d.githubToken(), 200, "", nothing},
		{"that of another m2md", other.tokenFor(t, "loki", other.Password(t, "grafana", nil), ""), 200, "", nothing},
		{"one that somebody else signed", forged.MintWith(segment(t, good, 0), payload(t, good)), 200, "", nothing},
		{"one without its signature", head + "." + body + ".", 200, "", nothing},
		{"an ID token that somebody else signed", forged.MintWith(map[string]any{"typ": "JWT"}, payload(t, idToken)), 200, "", nothing},
		{"one that has expired", expired, 200, "", nothing},
		{"another account's", d.tokenFor(t, "loki", prometheus, ""), 400, "unauthorized_client", another},
		{"a job's", d.tokenFor(t, "loki", d.githubToken(), ""), 400, "unauthorized_client", another},
		{"its own of another provider", d.tokenFor(t, "deploy", grafana, ""), 400, "unauthorized_client", another},
		{"its own of another provider, for this audience", d.tokenFor(t, "mimir", grafana, ""), 400, "unauthorized_client", another},
		{"another account's of another provider", d.tokenFor(t, "deploy", prometheus, ""), 400, "unauthorized_client", another},
		{"its own ID token", idToken, 400, "unsupported_token_type", "no access token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := d.revokeAs(t, tt.token, "loki", grafana)
			if got.status != tt.status || got.text("error") != tt.code {
				t.Fatalf("%d %s, want %d %s", got.status, got.body, tt.status, tt.code)
			}
			decision := d.Audit.Last(t)
			if decision.Outcome != engine.Denied || decision.Door != "revoke" || decision.Subject != "grafana" || !strings.Contains(decision.Reason, tt.reason) {
				t.Errorf("the decision is %s because %q, want deny because %q", decision.Outcome, decision.Reason, tt.reason)
			}
			if tt.status == 200 {
				checkUncached(t, got)
				return
			}
			checkRefusal(t, got, decision)
		})
	}
	if n := d.Deps.Revocations.Count()[engine.KindToken]; n != 0 {
		t.Errorf("%d tokens are revoked", n)
	}
	if !d.isActive(t, good, "loki", grafana) {
		t.Error("a good token was revoked")
	}
}

func TestEveryRefusalOfTheRevocationEndpoint(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	password := d.Password(t, "prometheus", nil)
	token := d.tokenFor(t, "loki", password, "")
	for _, tt := range aboutTokenRefusals(t, d, token) {
		t.Run(tt.name, func(t *testing.T) {
			status := 400
			if tt.code == "invalid_client" && tt.authorization != "" { // as RFC 6749 §5.2 has it
				status = 401
			}
			checkRefusedQuery(t, d, "/oauth2/revoke", "revoke", tt, status)
		})
	}
	if !d.isActive(t, token, "loki", password) {
		t.Error("the token was revoked")
	}
}

// full is a storage on which revocations cannot be written, while told so.
type full struct {
	*memory.Store
	is atomic.Bool
}

func (f *full) KeepRevocation(ctx context.Context, r engine.Revocation) error {
	if f.is.Load() {
		return errors.New("writing /var/lib/m2md/m2md.db: no space left on device")
	}
	return f.Store.KeepRevocation(ctx, r)
}

func TestARevocationThatCannotBeKeptIs503AndTheTokenStays(t *testing.T) {
	store := &full{Store: memory.New()}
	d := newDoorOn(t, store)
	d.Serve(t, d.aboutTokens(t))
	password := d.Password(t, "prometheus", nil)
	token := d.tokenFor(t, "loki", password, "")
	store.is.Store(true)
	got := d.revokeAs(t, token, "loki", password)
	if got.status != 503 || got.text("error") != "server_error" || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s, Retry-After %q", got.status, got.body, got.header.Get("Retry-After"))
	}
	decision := d.Audit.Last(t)
	checkRefusal(t, got, decision)
	if decision.Outcome != engine.Failed || !strings.Contains(decision.Reason, "no space left") || strings.Contains(got.body, "m2md.db") {
		t.Errorf("the decision is %s because %q, and the client is told %s", decision.Outcome, decision.Reason, got.body)
	}
	if log := d.Log.String(); !strings.Contains(log, "no space left") || !strings.Contains(log, decision.RequestID) {
		t.Errorf("the log says %s", log)
	}
	if !d.isActive(t, token, "loki", password) {
		t.Error("what was said not to be revoked is")
	}
	// Tokens that need no write are still issued, and what is revoked stays so.
	d.tokenFor(t, "loki", password, "")
	store.is.Store(false)
	if got := d.revokeAs(t, token, "loki", password); got.status != 200 {
		t.Errorf("once there is space: %d %s", got.status, got.body)
	}
	store.is.Store(true)
	if got := d.revokeAs(t, token, "loki", password); got.status != 200 || d.isActive(t, token, "loki", password) {
		t.Errorf("again: %d %s, want 200: it is revoked", got.status, got.body)
	}
}

// One client may use up a tenth of what is kept, and is then told to come later;
// others revoke on.
func TestOneClientCannotRevokeForAll(t *testing.T) {
	d := newDoor(t)
	for i := range engine.MaxRevokedTokens / 10 {
		if _, err := d.Deps.Revocations.Revoke(t.Context(), engine.Revocation{Kind: engine.KindToken, Name: fmt.Sprint("t", i), By: "service_account.prometheus"}); err != nil {
			t.Fatal(err)
		}
	}
	d.Serve(t, d.aboutTokens(t))
	greedy, other := d.Password(t, "prometheus", nil), d.Password(t, "grafana", nil)
	if got := d.revokeAs(t, d.tokenFor(t, "loki", greedy, ""), "loki", greedy); got.status != 503 || !strings.Contains(d.Audit.Last(t).Reason, "it has revoked 10000") {
		t.Errorf("%d %s (%s)", got.status, got.body, d.Audit.Last(t).Reason)
	}
	if got := d.revokeAs(t, d.tokenFor(t, "loki", other, ""), "loki", other); got.status != 200 {
		t.Errorf("another client: %d %s", got.status, got.body)
	}
}

// A token that forward-auth remembers is refused by the very next request once
// its revocation was acknowledged, whatever else goes on.
func TestForwardAuthRefusesARevokedTokenAtOnceUnderLoad(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	password := d.Password(t, "prometheus", nil)
	const clients, rounds = 4, 12
	var working sync.WaitGroup
	for range clients {
		working.Go(func() {
			for range rounds {
				token := d.tokenFor(t, "loki", password, "")
				knock := func() int { return d.check(t, nginxLoki, "Authorization", "Bearer "+token).status }
				if a, b := knock(), knock(); a != 200 || b != 200 {
					t.Errorf("before: %d, %d", a, b)
				}
				if got := d.revokeAs(t, token, "loki", password); got.status != 200 {
					t.Errorf("revoking: %d %s", got.status, got.body)
				}
				for range 3 {
					if status := knock(); status != 401 {
						t.Errorf("after the acknowledgement: %d", status)
					}
				}
			}
		})
	}
	// Somebody's token is let in all the while, and generations come and go.
	lasting := "Bearer " + d.tokenFor(t, "loki", d.Password(t, "grafana", nil), "")
	done := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if status := d.check(t, nginxLoki, "Authorization", lasting).status; status != 200 {
					t.Errorf("another's token: %d", status)
				}
			}
		}
	})
	for range 3 {
		d.Serve(t, d.aboutTokens(t))
	}
	working.Wait()
	close(done)
	others.Wait()
	if n := d.Deps.Revocations.Count()[engine.KindToken]; n != clients*rounds {
		t.Errorf("%d tokens are revoked, want %d", n, clients*rounds)
	}
}

// The client of Go gets a token, which its maker then revokes as RFC 7009 says.
func TestATokenOfTheClientOfGoIsIntrospectedAndRevoked(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.aboutTokens(t))
	password := d.Password(t, "prometheus", nil)
	config := clientcredentials.Config{ClientID: "loki", ClientSecret: password, TokenURL: d.URL + "/oauth2/token", AuthStyle: oauth2.AuthStyleInHeader}
	token, err := config.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	call := func(path string) (status int) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.URL+path, strings.NewReader(url.Values{"token": {token.AccessToken}, "token_type_hint": {"access_token"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(url.QueryEscape("loki"), url.QueryEscape(password))
		return send(t, req).status
	}
	checkDoor(t, d.check(t, nginxLoki, "Authorization", token.Type()+" "+token.AccessToken), 200)
	if a, b := call("/oauth2/introspect"), call("/oauth2/revoke"); a != 200 || b != 200 {
		t.Errorf("introspecting: %d, revoking: %d", a, b)
	}
	checkDoor(t, d.check(t, nginxLoki, "Authorization", token.Type()+" "+token.AccessToken), 401)
}
