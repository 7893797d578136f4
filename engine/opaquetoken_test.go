package engine_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
)

// introspector answers as RFC 7662 says, to whom it knows, for the token "good".
type introspector struct {
	URL     string
	answers atomic.Pointer[map[string]any]
	asked   atomic.Int32
	broken  atomic.Bool
}

func newIntrospector(t testing.TB) *introspector {
	i := &introspector{}
	i.say(map[string]any{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		id, secret, _ := r.BasicAuth()
		switch {
		case i.broken.Load():
			w.WriteHeader(http.StatusInternalServerError)
		case r.URL.Path == "/userinfo" && r.Header.Get("Authorization") != "Bearer good",
			r.URL.Path == "/introspect" && (id != "m2md" || secret != "s3cret"):
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/introspect" && r.PostFormValue("token") != "good":
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(`{"active":false}`))
		default:
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(i.answers.Load())
		}
	}))
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// say changes the answer about the token "good".
func (i *introspector) say(changes map[string]any) {
	answer := enginetest.With(map[string]any{"active": true, "sub": "robot-7", "scope": "a", "client_id": "app", "aud": audience, "iss": "https://idp.example"}, changes)
	i.answers.Store(&answer)
}

func (i *introspector) source(change func(*engine.OAuthSource)) engine.OAuthSource {
	s := engine.OAuthSource{
		Decl:      enginetest.Declare("idp", 100),
		Trust:     engine.Trust{Issuer: "https://idp.example", Audiences: []string{audience}},
		AllowHTTP: true,
		Opaque:    engine.OpaqueTokens{IntrospectionURL: i.URL + "/introspect", ConsumerKey: "m2md", ConsumerSecret: "s3cret\n"},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func opaqueRequest(token string) *oauth2.Request {
	return &oauth2.Request{GrantType: oauth2.TokenExchange, Client: oauth2.Credentials{ID: "p"}, Subject: oauth2.TypedToken{Token: token, Type: oauth2.TypeAccessToken}}
}

func TestAnOpaqueTokenIsWhoseItsIssuerSays(t *testing.T) {
	profile := func(change func(*engine.OAuthSource)) func(*introspector) engine.OAuthSource {
		return func(i *introspector) engine.OAuthSource {
			return i.source(func(s *engine.OAuthSource) {
				s.Opaque = engine.OpaqueTokens{ProfileURL: i.URL + "/userinfo"}
				if change != nil {
					change(s)
				}
			})
		}
	}
	introspect := func(change func(*engine.OAuthSource)) func(*introspector) engine.OAuthSource {
		return func(i *introspector) engine.OAuthSource { return i.source(change) }
	}
	now := time.Now()
	tests := []struct {
		name    string
		source  func(*introspector) engine.OAuthSource
		answer  map[string]any
		token   string
		subject string // "" where it is refused
		reason  string
	}{
		{"introspected", introspect(nil), nil, "good", "idp/robot-7", ""},
		{"introspected, with an end", introspect(nil), map[string]any{"exp": now.Add(time.Hour).Unix()}, "good", "idp/robot-7", ""},
		{"introspected, without iss", introspect(nil), map[string]any{"iss": nil}, "good", "idp/robot-7", ""},
		{"by its profile", profile(nil), nil, "good", "idp/robot-7", ""},
		{"by its profile, by a number", profile(func(s *engine.OAuthSource) { s.Opaque.SubjectClaim = "id" }), map[string]any{"id": 583231, "sub": nil}, "good", "idp/583231", ""},
		{"with required claims", introspect(func(s *engine.OAuthSource) { s.Require = enginetest.Require(map[string]any{"client_id": "app"}) }), nil, "good", "idp/robot-7", ""},

		{"not active", introspect(nil), nil, "bad", "", "not active"},
		{"unknown to the profile", profile(nil), nil, "bad", "", "not active"},
		{"active as text", introspect(nil), map[string]any{"active": "true"}, "good", "", "not active"},
		{"of another issuer", introspect(nil), map[string]any{"iss": "https://idp.example/"}, "good", "", "another than the issuer"},
		{"past its end", introspect(nil), map[string]any{"exp": now.Add(-time.Hour).Unix()}, "good", "", "it expired at"},
		{"before its time", introspect(nil), map[string]any{"nbf": now.Add(time.Hour).Unix()}, "good", "", "not valid before"},
		{"for somebody else", introspect(nil), map[string]any{"aud": "https://other.example"}, "good", "", "audience"},
		{"for nobody in particular", introspect(nil), map[string]any{"aud": nil}, "good", "", "audience"},
		{"of nobody", introspect(nil), map[string]any{"sub": nil}, "good", "", `"sub" is missing`},
		{"of nobody, by another claim", profile(func(s *engine.OAuthSource) { s.Opaque.SubjectClaim = "id" }), nil, "good", "", `"id" is missing`},
		{"of a fraction", profile(func(s *engine.OAuthSource) { s.Opaque.SubjectClaim = "id" }), map[string]any{"id": 1.5}, "good", "", "neither a string nor a whole number"},
		{"of an object", profile(func(s *engine.OAuthSource) { s.Opaque.SubjectClaim = "id" }), map[string]any{"id": map[string]any{}}, "good", "", "neither a string nor a whole number"},
		{"with other claims than required", introspect(func(s *engine.OAuthSource) { s.Require = enginetest.Require(map[string]any{"client_id": "other"}) }), nil, "good", "", "require_claims"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, idp := newDaemon(t), newIntrospector(t)
			idp.say(tt.answer)
			spec := oneAccess("oauth_source.idp")
			spec.Sources = []engine.OAuthSource{tt.source(idp)}
			spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60), AcceptOpaque: true}
			live := d.Serve(t, spec)
			token, err := live.Token(t.Context(), engine.Caller{}, opaqueRequest(tt.token))
			decision := d.Audit.Last(t)
			_, atDoor := live.Guard(t.Context(), engine.Caller{}, engine.GuardRequest{Provider: "p", Credential: engine.Credential{Bearer: tt.token}})
			if decision.Proof != "opaque_token" || strings.Contains(decision.Reason, tt.token+"\"") {
				t.Errorf("the decision is %+v", decision)
			}
			if tt.subject == "" {
				var refusal *engine.Refusal
				if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.InvalidRequest || !strings.Contains(refusal.Reason, tt.reason) {
					t.Fatalf("got %v, want invalid_request because %q", err, tt.reason)
				}
				if !errors.As(atDoor, &refusal) || refusal.Public.Code != oauth2.InvalidClient {
					t.Errorf("at the door: %v", atDoor)
				}
				return
			}
			if err != nil || atDoor != nil {
				t.Fatalf("refused: %v, at the door: %v", err, atDoor)
			}
			if sub := payloadOf(t, token.AccessToken)["sub"]; sub != tt.subject {
				t.Errorf("sub is %q, want %q", sub, tt.subject)
			}
			if n := idp.asked.Load(); n != 1 {
				t.Errorf("the issuer was asked %d times", n)
			}
		})
	}
}

func TestAnIssuerThatCannotBeAskedRefusesForNow(t *testing.T) {
	d, idp := newDaemon(t), newIntrospector(t)
	spec := oneAccess("oauth_source.idp")
	spec.Sources = []engine.OAuthSource{idp.source(nil)}
	live := d.Serve(t, spec)
	idp.broken.Store(true)
	_, err := live.Token(t.Context(), engine.Caller{}, opaqueRequest("good"))
	var refusal *engine.Refusal
	if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.TemporarilyUnavailable {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(refusal.Reason, "good") || strings.Contains(refusal.Reason, "s3cret") {
		t.Errorf("a secret stands in %q", refusal.Reason)
	}
}

// What is shown as a client_secret or an assertion is never sent to an issuer:
// it may be somebody's secret, mistyped.
func TestOnlyWhatIsSaidToBeAnOpaqueTokenIsShownToItsIssuer(t *testing.T) {
	d, idp := newDaemon(t), newIntrospector(t)
	spec := oneAccess("oauth_source.idp")
	spec.Sources = []engine.OAuthSource{idp.source(nil)}
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60)}
	live := d.Serve(t, spec)
	for name, req := range map[string]*oauth2.Request{
		"client_secret":                 client("p", "good"),
		"client_assertion":              {GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: "p"}, Assertion: "good", AssertionType: oauth2.AssertionJWT},
		"assertion":                     {GrantType: oauth2.JWTBearer, Client: oauth2.Credentials{ID: "p"}, Grant: "good"},
		"password":                      {GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: "p"}, Username: "x", Password: "good"},
		"a jwt":                         {GrantType: oauth2.TokenExchange, Client: oauth2.Credentials{ID: "p"}, Subject: oauth2.TypedToken{Token: "good", Type: oauth2.TypeJWT}},
		"an access token that is a JWT": {GrantType: oauth2.TokenExchange, Client: oauth2.Credentials{ID: "p"}, Subject: oauth2.TypedToken{Token: "a.b.c", Type: oauth2.TypeAccessToken}},
	} {
		if _, err := live.Token(t.Context(), engine.Caller{}, req); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
	if _, err := live.Guard(t.Context(), engine.Caller{}, engine.GuardRequest{Provider: "p", Credential: engine.Credential{Bearer: "good"}}); err == nil {
		t.Error("a door that does not accept it did")
	}
	if n := idp.asked.Load(); n != 0 {
		t.Errorf("the issuer was asked %d times", n)
	}
}
