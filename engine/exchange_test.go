package engine_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
)

// federation is a configuration in which tokens travel:
//
//	front   github's jobs and the account ci; scopes read and write
//	back    tokens of front, and the account robot; two audiences
//	deep    tokens of back
//	self    its own tokens, and github's
type federation struct {
	*enginetest.Daemon
	key     *enginetest.Key
	partner *enginetest.Key
	spec    engine.Spec
}

func newFederation(t testing.TB) *federation {
	t.Helper()
	f := &federation{Daemon: newDaemon(t), key: enginetest.NewKey(t, "gh1", "ES256"), partner: enginetest.NewKey(t, "p1", "ES256")}
	partner := github("partner", f.partner)
	partner.Issuer = "https://partner.example"
	f.spec = engine.Spec{
		Server:   engine.Server{ExternalURL: audience},
		Sources:  []engine.OAuthSource{github("gh", f.key), partner},
		Accounts: []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10), Groups: []string{"metrics"}}, {Decl: enginetest.Declare("robot", 11)}},
		Providers: []engine.Provider{
			{Decl: enginetest.Declare("front", 20), Scopes: []string{"read", "write"}, Accesses: []engine.Access{
				{Decl: enginetest.Declare("jobs", 21), From: enginetest.Refs("oauth_source.gh", "oauth_source.partner"), AllowAnySubject: true},
				{Decl: enginetest.Declare("accounts", 22), From: enginetest.Refs("service_account.ci")},
			}},
			{Decl: enginetest.Declare("back", 30), Audience: []string{"https://back.example", "urn:back"}, Scopes: []string{"read"}, Accesses: []engine.Access{
				{Decl: enginetest.Declare("front", 31), From: enginetest.Refs("provider.front")},
				{Decl: enginetest.Declare("robots", 32), From: enginetest.Refs("service_account.robot")},
			}, ForwardAuth: &engine.ForwardAuth{Decl: enginetest.Declare("", 33)}},
			{Decl: enginetest.Declare("deep", 40), Audience: []string{"https://deep.example"}, Accesses: []engine.Access{
				{Decl: enginetest.Declare("back", 41), From: enginetest.Refs("provider.back")},
			}, ForwardAuth: &engine.ForwardAuth{Decl: enginetest.Declare("", 43)}},
			{Decl: enginetest.Declare("self", 50), Scopes: []string{"read", "write"}, Accesses: []engine.Access{
				{Decl: enginetest.Declare("own", 51), From: enginetest.Refs("provider.self")},
				{Decl: enginetest.Declare("jobs", 52), From: enginetest.Refs("oauth_source.gh"), AllowAnySubject: true},
			}},
		},
	}
	f.Serve(t, f.spec)
	return f
}

// job is the JWT of a GitHub job, with changes.
func (f *federation) job(changes map[string]any) string {
	return mintWith(f.key, enginetest.GitHubClaims(f.Clock.Now(), audience), changes)
}

func mintWith(key *enginetest.Key, claims, changes map[string]any) string {
	maps.Copy(claims, changes)
	return key.Mint(claims)
}

func (f *federation) ask(t testing.TB, req *oauth2.Request) (*oauth2.Token, error) {
	t.Helper()
	return f.Live.Load().Token(t.Context(), engine.Caller{RequestID: "r1", HTTP: engine.PolicyHTTP{Door: "token"}}, req)
}

// issued asks and wants a token.
func (f *federation) issued(t testing.TB, req *oauth2.Request) (*oauth2.Token, map[string]any) {
	t.Helper()
	token, err := f.ask(t, req)
	if err != nil {
		t.Fatalf("refused: %s", err)
	}
	return token, payloadOf(t, token.AccessToken)
}

// payloadOf reads the claims of a token, unverified.
func payloadOf(t testing.TB, token string) map[string]any { return segmentOf(t, token, 1) }

func segmentOf(t testing.TB, token string, i int) map[string]any {
	t.Helper()
	plain, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(plain, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// client asks a provider with a secret.
func client(provider, secret string, scopes ...string) *oauth2.Request {
	return &oauth2.Request{GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: provider, Secret: secret}, Scopes: scopes}
}

// exchange asks for a token in the place of another.
func exchange(subject string, targets ...string) *oauth2.Request {
	return &oauth2.Request{GrantType: oauth2.TokenExchange, Subject: oauth2.TypedToken{Token: subject, Type: oauth2.TypeJWT}, Targets: targets}
}

func TestATokenOfAnotherProviderKeepsItsHolder(t *testing.T) {
	f := newFederation(t)
	for _, tt := range []struct{ name, secret, subject, source string }{
		{"a job", f.job(nil), "gh/repo:acme@1234/api@5678:ref:refs/heads/main", "oauth_source.gh"},
		{"an account", f.Password(t, "ci", nil), "ci", "service_account.ci"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			front, _ := f.issued(t, client("front", tt.secret))
			back, claims := f.issued(t, client("back", front.AccessToken))
			if claims["sub"] != tt.subject {
				t.Errorf("the sub at back is %q, want %q", claims["sub"], tt.subject)
			}
			decision := f.Audit.Last(t)
			if decision.Subject != tt.subject || decision.Source != tt.source || decision.Via != "provider.front" || decision.Rule != "front" {
				t.Errorf("the decision is %+v", decision)
			}
			deep, claims := f.issued(t, client("deep", back.AccessToken))
			if claims["sub"] != tt.subject {
				t.Errorf("the sub at deep is %q, want %q", claims["sub"], tt.subject)
			}
			for provider, token := range map[string]string{"back": back.AccessToken, "deep": deep.AccessToken} {
				if _, err := f.Live.Load().Guard(t.Context(), engine.Caller{}, engine.GuardRequest{Provider: provider, Credential: engine.Credential{Bearer: token}}); err != nil {
					t.Errorf("forward-auth of %s: %s", provider, err)
				}
			}
		})
	}
}

// What a token of m2md buys must not outlive it, or it could be renewed for ever.
func TestWhatATokenBuysDoesNotOutliveIt(t *testing.T) {
	f := newFederation(t)
	token, first := f.issued(t, client("self", f.job(nil), "read", "write"))
	end := first["exp"].(float64)
	for _, after := range []time.Duration{time.Minute, 9 * time.Minute, 4 * time.Minute} {
		f.Clock.Advance(after)
		for _, req := range []*oauth2.Request{
			client("self", token.AccessToken),
			{GrantType: oauth2.JWTBearer, Client: oauth2.Credentials{ID: "self"}, Grant: token.AccessToken},
			exchange(token.AccessToken, "self"),
		} {
			again, claims := f.issued(t, req)
			if claims["exp"] != end || again.ExpiresIn != int64(end-claims["iat"].(float64)) {
				t.Errorf("%s: exp %v, expires_in %d, want %v", req.GrantType, claims["exp"], again.ExpiresIn, end)
			}
		}
	}
	f.Clock.Advance(time.Minute)
	if _, err := f.ask(t, client("self", token.AccessToken)); err == nil {
		t.Error("a token that has expired buys another")
	}
}

// A token of the same provider cannot become one with more scopes.
func TestALesserTokenDoesNotBecomeAGreaterOne(t *testing.T) {
	f := newFederation(t)
	for _, tt := range []struct{ held, asked, want string }{
		{"read", "read write", "read"},
		{"read write", "read", "read"},
		{"read write", "read write", "read write"},
		{"", "read write", ""},
	} {
		token, _ := f.issued(t, client("self", f.job(nil), strings.Fields(tt.held)...))
		again := exchange(token.AccessToken, "self")
		again.Scopes = strings.Fields(tt.asked)
		got, claims := f.issued(t, again)
		if scope, _ := claims["scope"].(string); scope != tt.want || strings.Join(got.Scopes, " ") != tt.want {
			t.Errorf("of %q, asking for %q: %q and %q, want %q", tt.held, tt.asked, scope, got.Scopes, tt.want)
		}
	}
}

func TestTokensOfProvidersThatAreRefused(t *testing.T) {
	f := newFederation(t)
	front, _ := f.issued(t, client("front", f.job(nil)))
	partnerFront, _ := f.issued(t, client("front", mintWith(f.partner, enginetest.GitHubClaims(f.Clock.Now(), audience), map[string]any{"iss": "https://partner.example"})))
	self, _ := f.issued(t, client("self", f.job(nil)))
	back, _ := f.issued(t, client("back", front.AccessToken))
	other := enginetest.NewKey(t, "x", "ES256")
	forged := payloadOf(t, front.AccessToken)
	tests := []struct {
		name, provider, token, reason string
	}{
		{"a provider that is not named", "back", self.AccessToken, "no access of provider back names a source whose issuer is"},
		{"a provider that is not named, deeper", "deep", front.AccessToken, "no access of provider deep names a source"},
		{"its own where it does not name itself", "back", back.AccessToken, "no access of provider back names a source"},
		{"signed by another key", "back", other.MintWith(map[string]any{"typ": "at+jwt"}, forged), "no key of provider front verifies"},
		{"with its signature cut", "back", front.AccessToken[:len(front.AccessToken)-2], "no key of provider front verifies"},
		{"signed by a source's key", "back", f.key.MintWith(map[string]any{"typ": "at+jwt"}, forged), "no key of provider front verifies"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.ask(t, client(tt.provider, tt.token))
			var refusal *engine.Refusal
			if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.InvalidClient || !strings.Contains(refusal.Reason, tt.reason) {
				t.Fatalf("got %v, want invalid_client because %q", err, tt.reason)
			}
		})
	}
	t.Run("whose source is no longer let in", func(t *testing.T) {
		spec := f.spec
		spec.Providers = append([]engine.Provider(nil), spec.Providers...)
		spec.Providers[0].Accesses = []engine.Access{{Decl: enginetest.Declare("jobs", 21), From: enginetest.Refs("oauth_source.gh"), AllowAnySubject: true}}
		f.Serve(t, spec)
		_, err := f.ask(t, client("back", partnerFront.AccessToken))
		if err == nil || !strings.Contains(err.Error(), "no access of it names oauth_source.partner any more") {
			t.Fatalf("got %v", err)
		}
		if _, err := f.ask(t, client("back", front.AccessToken)); err != nil {
			t.Errorf("the other source's: %s", err)
		}
	})
}

func TestAnExchangeSaysWhatItIssued(t *testing.T) {
	f := newFederation(t)
	for asked, want := range map[string]string{"": oauth2.TypeAccessToken, oauth2.TypeAccessToken: oauth2.TypeAccessToken, oauth2.TypeJWT: oauth2.TypeJWT} {
		req := exchange(f.job(nil), "front")
		req.Requested = asked
		token, _ := f.issued(t, req)
		if token.IssuedType != want {
			t.Errorf("for %q it says %q", asked, token.IssuedType)
		}
		if decision := f.Audit.Last(t); decision.Grant != oauth2.TokenExchange || decision.Proof != "jwt" {
			t.Errorf("the decision is %+v", decision)
		}
	}
	plain, _ := f.issued(t, client("front", f.job(nil)))
	if plain.IssuedType != "" {
		t.Errorf("without an exchange it says %q", plain.IssuedType)
	}
}

func TestTheTokenOfAnExchangeEndsWithWhatWasShown(t *testing.T) {
	f := newFederation(t)
	now := f.Clock.Now()
	in := func(d time.Duration) int64 { return now.Add(d).Unix() }
	req := exchange(f.job(map[string]any{"exp": in(time.Minute)}), "front")
	if _, claims := f.issued(t, req); int64(claims["exp"].(float64)) != in(time.Minute) {
		t.Errorf("exp is %v, want that of the subject token", claims["exp"])
	}
	req = exchange(f.job(map[string]any{"exp": in(10 * time.Minute)}), "front")
	req.Actor = oauth2.TypedToken{Token: f.job(map[string]any{"exp": in(2 * time.Minute)}), Type: oauth2.TypeJWT}
	if _, claims := f.issued(t, req); int64(claims["exp"].(float64)) != in(2*time.Minute) {
		t.Errorf("exp is %v, want that of the actor token", claims["exp"])
	}
	req = exchange(f.job(map[string]any{"exp": in(10 * time.Hour)}), "front")
	if token, _ := f.issued(t, req); token.ExpiresIn != engine.DefaultLifetime.Seconds() {
		t.Errorf("expires_in is %d, want the provider's", token.ExpiresIn)
	}
}

func TestTargetsChooseAmongProviders(t *testing.T) {
	f := newFederation(t)
	front, _ := f.issued(t, client("front", f.job(nil)))
	job := f.job(nil)
	tests := []struct {
		name    string
		req     *oauth2.Request
		targets string
		aud     any // of what is issued; nil where it is refused
		code    oauth2.Code
	}{
		{"the client_id of a provider", exchange(front.AccessToken), "back", []any{"https://back.example", "urn:back"}, ""},
		{"one of its audiences", exchange(front.AccessToken), "urn:back", "urn:back", ""},
		{"both of its audiences, in its order", exchange(front.AccessToken), "urn:back https://back.example", []any{"https://back.example", "urn:back"}, ""},
		{"its client_id and one of its audiences", exchange(front.AccessToken), "back urn:back", []any{"https://back.example", "urn:back"}, ""},
		{"a provider that does not take the token", exchange(front.AccessToken), "https://deep.example", nil, oauth2.InvalidRequest},
		{"nobody's", exchange(front.AccessToken), "https://nobody.example", nil, oauth2.InvalidTarget},
		{"two providers'", exchange(front.AccessToken), "urn:back https://deep.example", nil, oauth2.InvalidTarget},
		{"one that is known and one that is not", exchange(front.AccessToken), "urn:back urn:other", nil, oauth2.InvalidTarget},
		{"a prefix of an audience", exchange(front.AccessToken), "https://back.exampl", nil, oauth2.InvalidTarget},
		{"none", exchange(front.AccessToken), "", nil, oauth2.InvalidRequest},
		{"another than the client_id names", withClient(exchange(front.AccessToken), "front"), "urn:back", "urn:back", ""},
		{"none, and a client_id", withClient(exchange(front.AccessToken), "back"), "", []any{"https://back.example", "urn:back"}, ""},
		{"an unknown client_id", withClient(exchange(front.AccessToken), "nobody"), "urn:back", nil, oauth2.InvalidClient},
		{"an assertion for an audience", &oauth2.Request{GrantType: oauth2.JWTBearer, Grant: job}, "front", "front", ""},
		{"an assertion for nobody", &oauth2.Request{GrantType: oauth2.JWTBearer, Grant: job}, "x", nil, oauth2.InvalidTarget},
		{"client credentials for another", client("front", job), "urn:back", nil, oauth2.InvalidTarget},
		{"client credentials for its own", client("back", front.AccessToken), "urn:back", "urn:back", ""},
		{"client credentials without a client_id", client("", job), "front", nil, oauth2.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.req.Targets = strings.Fields(tt.targets)
			token, err := f.ask(t, tt.req)
			if tt.aud == nil {
				var refusal *engine.Refusal
				if !errors.As(err, &refusal) || refusal.Public.Code != tt.code {
					t.Fatalf("got %v, want %s", err, tt.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, _ := json.Marshal(payloadOf(t, token.AccessToken)["aud"])
			want, _ := json.Marshal(tt.aud)
			if string(got) != string(want) {
				t.Errorf("aud is %s, want %s", got, want)
			}
		})
	}
}

func withClient(req *oauth2.Request, id string) *oauth2.Request {
	req.Client = oauth2.Credentials{ID: id}
	return req
}

func TestTargetsThatTwoProvidersHaveNeedAClientID(t *testing.T) {
	f := newFederation(t)
	spec := f.spec
	spec.Providers = append([]engine.Provider(nil), spec.Providers...)
	spec.Providers[0].Audience, spec.Providers[3].Audience = []string{"urn:shared"}, []string{"urn:shared"}
	f.Serve(t, spec)
	_, err := f.ask(t, exchange(f.job(nil), "urn:shared"))
	var refusal *engine.Refusal
	if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.InvalidTarget || refusal.Reason != "the targets fit provider front and provider self" {
		t.Fatalf("got %v", err)
	}
	if _, claims := f.issued(t, withClient(exchange(f.job(nil), "urn:shared"), "self")); claims["client_id"] != "self" {
		t.Errorf("issued for %q", claims["client_id"])
	}
}

func TestWhoActsOnBehalfOfWhomStandsInTheToken(t *testing.T) {
	f := newFederation(t)
	password := f.Password(t, "robot", nil)
	front, _ := f.issued(t, client("front", f.job(nil)))
	robot, _ := f.issued(t, client("back", password))

	req := exchange(f.job(nil), "front")
	req.Actor = oauth2.TypedToken{Token: mintWith(f.partner, enginetest.GitHubClaims(f.Clock.Now(), audience), map[string]any{"iss": "https://partner.example", "sub": "agent"}), Type: oauth2.TypeJWT}
	first, claims := f.issued(t, req)
	if got, _ := json.Marshal(claims["act"]); string(got) != `{"sub":"partner/agent"}` {
		t.Errorf("act is %s", got)
	}
	if decision := f.Audit.Last(t); decision.Actor != "partner/agent" || decision.Subject != "gh/repo:acme@1234/api@5678:ref:refs/heads/main" {
		t.Errorf("the decision is %+v", decision)
	}

	// The chain is kept, whoever shows the token, and grows at its front.
	second, claims := f.issued(t, client("back", first.AccessToken))
	if got, _ := json.Marshal(claims["act"]); string(got) != `{"sub":"partner/agent"}` {
		t.Errorf("act of what it bought is %s", got)
	}
	req = exchange(second.AccessToken, "deep")
	req.Actor = oauth2.TypedToken{Token: robot.AccessToken, Type: oauth2.TypeAccessToken}
	_, claims = f.issued(t, req)
	if got, _ := json.Marshal(claims["act"]); string(got) != `{"act":{"sub":"partner/agent"},"sub":"robot"}` {
		t.Errorf("act of the third is %s", got)
	}

	// An actor whom the provider does not let in acts for nobody.
	req = exchange(front.AccessToken, "back")
	req.Actor = oauth2.TypedToken{Token: f.job(nil), Type: oauth2.TypeJWT}
	if _, err := f.ask(t, req); err == nil || !strings.Contains(err.Error(), "no access of provider back names a source") {
		t.Errorf("got %v", err)
	}
}

// What a stranger's issuer says of actors is not said in m2md's name.
func TestTheActorsOfAForeignTokenAreNotBelieved(t *testing.T) {
	f := newFederation(t)
	_, claims := f.issued(t, exchange(f.job(map[string]any{"act": map[string]any{"sub": "robot"}}), "front"))
	if act, present := claims["act"]; present {
		t.Errorf("act is %v", act)
	}
}

func TestAtMostEightActOneForTheOther(t *testing.T) {
	f := newFederation(t)
	actor := oauth2.TypedToken{Token: f.job(nil), Type: oauth2.TypeJWT}
	token := f.job(nil)
	for i := range 9 {
		req := exchange(token, "self")
		req.Actor = actor
		got, err := f.ask(t, req)
		if i == 8 {
			var refusal *engine.Refusal
			if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.InvalidRequest {
				t.Fatalf("the ninth: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatalf("the %d.: %s", i+1, err)
		}
		token = got.AccessToken
	}
}

// The removal of an actor ends what it had got for others.
func TestAnActorThatIsNoLongerDeclaredEndsItsTokens(t *testing.T) {
	f := newFederation(t)
	front, _ := f.issued(t, client("front", f.job(nil)))
	robot, _ := f.issued(t, client("back", f.Password(t, "robot", nil)))
	// back takes no tokens of its own, so that the actor is authenticated there as an account's client.
	req := withClient(exchange(front.AccessToken), "deep")
	back, _ := f.issued(t, client("back", front.AccessToken))
	req.Subject.Token, req.Actor = back.AccessToken, oauth2.TypedToken{Token: robot.AccessToken, Type: oauth2.TypeAccessToken}
	deep, _ := f.issued(t, req)
	guard := func() error {
		_, err := f.Live.Load().Guard(t.Context(), engine.Caller{}, engine.GuardRequest{Provider: "deep", Credential: engine.Credential{Bearer: deep.AccessToken}})
		return err
	}
	if err := guard(); err != nil {
		t.Fatal(err)
	}
	spec := f.spec
	spec.Accounts = spec.Accounts[:1]
	spec.Providers = append([]engine.Provider(nil), spec.Providers...)
	spec.Providers[1].Accesses = spec.Providers[1].Accesses[:1]
	f.Serve(t, spec)
	if err := guard(); err == nil || !strings.Contains(err.Error(), `issued to "robot"`) {
		t.Errorf("got %v", err)
	}
}

func TestMayActSaysWhoMayAct(t *testing.T) {
	f := newFederation(t)
	agent := func(changes map[string]any) oauth2.TypedToken {
		return oauth2.TypedToken{Token: f.job(maps.Collect(maps.All(changes))), Type: oauth2.TypeJWT}
	}
	partner := func(sub string) oauth2.TypedToken {
		return oauth2.TypedToken{Token: mintWith(f.partner, enginetest.GitHubClaims(f.Clock.Now(), audience), map[string]any{"iss": "https://partner.example", "sub": sub}), Type: oauth2.TypeJWT}
	}
	object := func(pairs ...any) map[string]any {
		o := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			o[pairs[i].(string)] = pairs[i+1]
		}
		return o
	}
	password := f.Password(t, "ci", nil)
	none := oauth2.TypedToken{}
	tests := []struct {
		name   string
		mayAct any
		actor  oauth2.TypedToken
		secret string
		reason string // "" where it is accepted
	}{
		{"the one it names, of the same issuer", object("sub", "agent"), agent(object("sub", "agent")), "", ""},
		{"the one it names, of an issuer it names", object("sub", "agent", "iss", "https://partner.example"), partner("agent"), "", ""},
		{"the same name of another issuer", object("sub", "agent"), partner("agent"), "", "of another issuer"},
		{"another name", object("sub", "agent"), agent(object("sub", "other")), "", "not the one"},
		{"nobody", object("sub", "agent"), none, "", "nobody does"},
		{"a client that is authenticated and not the one", object("sub", "agent"), none, password, "not the one"},
		{"a client that is authenticated and the one", object("sub", "ci", "iss", audience+"/providers/front"), none, password, ""},
		{"a member that the actor lacks", object("sub", "agent", "team", "x"), agent(object("sub", "agent")), "", "not the one"},
		{"a member that the actor has", object("sub", "agent", "team", "x"), agent(object("sub", "agent", "team", "x")), "", ""},
		{"a member of another type", object("sub", "agent", "team", "1"), agent(object("sub", "agent", "team", 1)), "", "not the one"},
		{"a member that is an object", object("sub", "agent", "team", object("a", 1)), agent(object("sub", "agent", "team", object("a", 1))), "", "not the one"},
		{"a string", "agent", agent(object("sub", "agent")), "", "not an object"},
		{"null", json.RawMessage("null"), agent(object("sub", "agent")), "", "not an object"},
		{"an empty object", object(), agent(object("sub", "agent")), "", "not an object"},
		{"no sub", object("iss", enginetest.GitHub), agent(object("sub", "agent")), "", "not an object"},
		{"a sub that is a list", object("sub", []any{"agent"}), agent(object("sub", "agent")), "", "not an object"},
		{"an iss that is an object", object("sub", "agent", "iss", object()), agent(object("sub", "agent")), "", "not the one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := exchange(f.job(map[string]any{"may_act": tt.mayAct}), "front")
			req.Actor = tt.actor
			if tt.secret != "" {
				req.Client = oauth2.Credentials{ID: "front", Secret: tt.secret}
			}
			_, err := f.ask(t, req)
			if tt.reason == "" {
				if err != nil {
					t.Fatalf("refused: %s", err)
				}
				return
			}
			var refusal *engine.Refusal
			if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.InvalidRequest || !strings.Contains(refusal.Reason, tt.reason) {
				t.Fatalf("got %v, want invalid_request because %q", err, tt.reason)
			}
		})
	}
}

func TestExchangesAndAssertionsThatAreRefused(t *testing.T) {
	f := newFederation(t)
	front, _ := f.issued(t, client("front", f.job(nil)))
	typed := func(token, kind string) *oauth2.Request {
		return &oauth2.Request{GrantType: oauth2.TokenExchange, Subject: oauth2.TypedToken{Token: token, Type: kind}, Targets: []string{"front"}}
	}
	change := func(req *oauth2.Request, change func(*oauth2.Request)) *oauth2.Request {
		change(req)
		return req
	}
	expired := f.job(map[string]any{"exp": f.Clock.Now().Add(-time.Minute).Unix()})
	wrong := f.Password(t, "robot", nil)
	tests := []struct {
		name   string
		req    *oauth2.Request
		code   oauth2.Code
		reason string
	}{
		{"a saml2 token", typed("x", "urn:ietf:params:oauth:token-type:saml2"), oauth2.InvalidRequest, "type of the subject_token"},
		{"a refresh token", typed("x", "urn:ietf:params:oauth:token-type:refresh_token"), oauth2.InvalidRequest, "type of the subject_token"},
		{"a type that is none", typed(f.job(nil), "jwt"), oauth2.InvalidRequest, "type of the subject_token"},
		{"an expired one", typed(expired, oauth2.TypeJWT), oauth2.InvalidRequest, "it expired at"},
		{"something that is no JWT", typed("abc", oauth2.TypeJWT), oauth2.InvalidRequest, "three parts"},
		{"an opaque token that nobody can read", typed("abc", oauth2.TypeAccessToken), oauth2.InvalidRequest, "takes no opaque tokens"},
		{"an access token of m2md, said to be an ID token", change(typed(front.AccessToken, oauth2.TypeIDToken), func(r *oauth2.Request) { r.Targets = []string{"back"} }), oauth2.InvalidRequest, "said to be an ID token"},
		{"a source's access token, said to be an ID token", typed(f.key.MintWith(map[string]any{"typ": "at+jwt"}, enginetest.GitHubClaims(f.Clock.Now(), audience)), oauth2.TypeIDToken), oauth2.InvalidRequest, "said to be an ID token"},
		{"an ID token is asked for", change(exchange(f.job(nil), "front"), func(r *oauth2.Request) { r.Requested = oauth2.TypeIDToken }), oauth2.InvalidRequest, "requested_token_type"},
		{"the actor token has a type that is none", change(exchange(f.job(nil), "front"), func(r *oauth2.Request) { r.Actor = oauth2.TypedToken{Token: f.job(nil), Type: "x"} }), oauth2.InvalidRequest, "type of the actor_token"},
		{"the actor token has expired", change(exchange(f.job(nil), "front"), func(r *oauth2.Request) { r.Actor = oauth2.TypedToken{Token: expired, Type: oauth2.TypeJWT} }), oauth2.InvalidRequest, "it expired at"},
		{"the client's secret is wrong", change(exchange(f.job(nil), "front"), func(r *oauth2.Request) { r.Client = oauth2.Credentials{ID: "front", Secret: "nonsense"} }), oauth2.InvalidClient, "client_secret is neither"},
		{"the client may not come in", change(exchange(f.job(nil), "front"), func(r *oauth2.Request) { r.Client = oauth2.Credentials{ID: "front", Secret: wrong} }), oauth2.UnauthorizedClient, "no access of provider front names service_account.robot"},
		{"an assertion that has expired", &oauth2.Request{GrantType: oauth2.JWTBearer, Client: oauth2.Credentials{ID: "front"}, Grant: expired}, oauth2.InvalidGrant, "it expired at"},
		{"an assertion that is an app password", &oauth2.Request{GrantType: oauth2.JWTBearer, Client: oauth2.Credentials{ID: "front"}, Grant: wrong}, oauth2.InvalidGrant, "three parts"},
		{"an assertion of somebody who may not come in", &oauth2.Request{GrantType: oauth2.JWTBearer, Client: oauth2.Credentials{ID: "back"}, Grant: f.job(nil)}, oauth2.InvalidGrant, "no access of provider back names a source"},
		{"an assertion beside a wrong secret", &oauth2.Request{GrantType: oauth2.JWTBearer, Client: oauth2.Credentials{ID: "front", Secret: "x"}, Grant: f.job(nil)}, oauth2.InvalidClient, "client_secret is neither"},
		{"a grant that is none", &oauth2.Request{GrantType: "password", Client: oauth2.Credentials{ID: "front"}}, oauth2.UnsupportedGrantType, "not supported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.ask(t, tt.req)
			var refusal *engine.Refusal
			if !errors.As(err, &refusal) || refusal.Public.Code != tt.code || !strings.Contains(refusal.Reason, tt.reason) {
				t.Fatalf("got %v (%v), want %s because %q", err, refusal, tt.code, tt.reason)
			}
			if decision := f.Audit.Last(t); decision.Outcome != engine.Denied || decision.TokenID != "" {
				t.Errorf("the decision is %+v", decision)
			}
		})
	}
}

// A client that authenticates beside an exchange stands in the log.
func TestTheClientOfAnExchangeStandsInTheLog(t *testing.T) {
	f := newFederation(t)
	req := exchange(f.job(nil), "front")
	req.Client = oauth2.Credentials{ID: "front", Secret: f.Password(t, "ci", nil)}
	_, claims := f.issued(t, req)
	if act, present := claims["act"]; present {
		t.Errorf("act is %v, though no actor token was shown", act)
	}
	if decision := f.Audit.Last(t); decision.Actor != "ci" || decision.Source != "oauth_source.gh" {
		t.Errorf("the decision is %+v", decision)
	}
}

// A refused exchange spends neither of the tokens that are taken once.
func TestARefusedExchangeSpendsNothing(t *testing.T) {
	f := newFederation(t)
	spec := f.spec
	spec.Sources = append([]engine.OAuthSource(nil), spec.Sources...)
	spec.Sources[0].UseOnce = true
	f.Serve(t, spec)
	once, wrong := f.job(map[string]any{"jti": "one"}), f.job(map[string]any{"jti": "two", "aud": "https://other.example"})
	req := exchange(wrong, "front")
	req.Actor = oauth2.TypedToken{Token: once, Type: oauth2.TypeJWT}
	if _, err := f.ask(t, req); err == nil {
		t.Fatal("it was accepted")
	}
	req.Subject.Token = f.job(map[string]any{"jti": "three"})
	f.issued(t, req)
	_, err := f.ask(t, req)
	var refusal *engine.Refusal
	if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.InvalidRequest || !strings.Contains(refusal.Reason, "used before") {
		t.Errorf("the second time: %v", err)
	}
}
