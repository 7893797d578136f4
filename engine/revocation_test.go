package engine_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/storage/memory"
)

// revoke ends tokens, and wants that to be possible.
func revoke(t testing.TB, d *enginetest.Daemon, kind engine.Kind, name string) engine.Revocation {
	t.Helper()
	one, err := d.Deps.Revocations.Revoke(t.Context(), engine.Revocation{Kind: kind, Name: name, By: "root"})
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// revocable are guarded providers in which every kind of holder gets tokens:
//
//	p       the accounts ci and gate, and jobs of gh and of the certificate cert
//	q       tokens of p
//	gate    is an account by jobs of door
type revocable struct {
	*enginetest.Daemon
	key, cert, door *enginetest.Key
}

func newRevocable(t testing.TB) *revocable {
	t.Helper()
	r := &revocable{newDaemon(t), enginetest.NewKey(t, "gh1", "ES256"), enginetest.NewKey(t, "", "ES256"), enginetest.NewKey(t, "d1", "ES256")}
	door := github("door", r.door)
	door.Issuer = "https://door.example"
	spec := oneAccess("service_account.ci", "service_account.gate", "oauth_source.gh", "verification_certificate.cert")
	spec.Sources = []engine.OAuthSource{github("gh", r.key), door}
	spec.Certificates = []engine.VerificationCertificate{{
		Decl: enginetest.Declare("cert", 300), Trust: engine.Trust{Issuer: "https://cert.example", Audiences: []string{audience}},
		Certificate: engine.File{Content: engine.Secret(r.cert.PublicPEM())},
	}}
	spec.Accounts = []engine.ServiceAccount{
		{Decl: enginetest.Declare("ci", 10)},
		{Decl: enginetest.Declare("gate", 11), JWTs: []engine.AccountJWT{{Decl: enginetest.Declare("", 12), Source: &enginetest.Refs("oauth_source.door")[0]}}},
	}
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60)}
	spec.Providers = append(spec.Providers, engine.Provider{
		Decl: enginetest.Declare("q", 70), ForwardAuth: &engine.ForwardAuth{Decl: enginetest.Declare("", 72)},
		Accesses: []engine.Access{{Decl: enginetest.Declare("p", 71), From: enginetest.Refs("provider.p")}},
	})
	r.Serve(t, spec)
	return r
}

// jwt is an input JWT of whoever has the key.
func (r *revocable) jwt(key *enginetest.Key, issuer string) string {
	return mintWith(key, enginetest.GitHubClaims(r.Clock.Now(), audience), map[string]any{"iss": issuer, "sub": "x"})
}

// tokenOf gets a token of p for a proof.
func (r *revocable) tokenOf(t testing.TB, secret string) string {
	t.Helper()
	return r.token(t, client("p", secret))
}

func (r *revocable) token(t testing.TB, req *oauth2.Request) string {
	t.Helper()
	token, err := r.Live.Load().Token(t.Context(), engine.Caller{}, req)
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// knockAt shows a token at a door.
func knockAt(t testing.TB, d *enginetest.Daemon, provider, token string) error {
	_, err := d.Live.Load().Guard(t.Context(), engine.Caller{RequestID: "r"}, engine.GuardRequest{Provider: provider, Credential: engine.Credential{Bearer: token}})
	return err
}

// wantRevoked wants a token to be refused because it was revoked, or not.
func wantRevoked(t testing.TB, err error, want bool) {
	t.Helper()
	var refusal *engine.Refusal
	switch {
	case !want && err != nil:
		t.Errorf("refused: %s", err)
	case !want:
	case !errors.As(err, &refusal) || refusal.Public.Code != oauth2.InvalidToken || refusal.Public.Description != "The access token is not valid here.":
		t.Errorf("got %v, want the token to be refused", err)
	case !strings.Contains(refusal.Reason, "revoked"):
		t.Errorf("the reason is %q", refusal.Reason)
	}
}

func TestARevocationEndsItsTokensAndNoOthers(t *testing.T) {
	const ci, gate, job, certified, jobByGate, exchanged = "ci", "gate", "job", "certified", "job, gate acting", "job, exchanged"
	all := []string{ci, gate, job, certified, jobByGate, exchanged}
	tests := []struct {
		kind engine.Kind
		name string
		ends []string
	}{
		{engine.KindServiceAccount, "ci", []string{ci}},
		{engine.KindServiceAccount, "gate", []string{gate, jobByGate}},
		{engine.KindServiceAccount, "gh", nil}, // the source has that name
		{engine.KindOAuthSource, "gh", []string{job, jobByGate, exchanged}},
		{engine.KindOAuthSource, "door", []string{gate, jobByGate}}, // whose JWTs are gate's
		{engine.KindOAuthSource, "ci", nil},
		{engine.KindCertificate, "cert", []string{certified}},
		{engine.KindOAuthSource, "cert", []string{certified}}, // one namespace
		{engine.KindProvider, "p", []string{ci, gate, job, certified, jobByGate}},
		{engine.KindProvider, "q", []string{exchanged}},
		{engine.KindToken, job, []string{job}},
		{engine.KindToken, exchanged, []string{exchanged}},
		{engine.KindToken, "nobody's", nil},
	}
	for _, seen := range []bool{true, false} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s %s, seen before: %t", tt.kind, tt.name, seen), func(t *testing.T) {
				r := newRevocable(t)
				jobJWT := r.jwt(r.key, enginetest.GitHub)
				acting := exchange(jobJWT, "p")
				acting.Actor = oauth2.TypedToken{Token: r.jwt(r.door, "https://door.example"), Type: oauth2.TypeJWT}
				tokens := map[string]string{
					ci:        r.tokenOf(t, r.Password(t, "ci", nil)),
					gate:      r.tokenOf(t, r.jwt(r.door, "https://door.example")),
					job:       r.tokenOf(t, jobJWT),
					certified: r.tokenOf(t, r.jwt(r.cert, "https://cert.example")),
					jobByGate: r.token(t, acting),
				}
				tokens[exchanged] = r.token(t, client("q", tokens[job]))
				doors := map[string]string{exchanged: "q"}
				check := func(ends []string) {
					t.Helper()
					for _, which := range all {
						door := doors[which]
						if door == "" {
							door = "p"
						}
						ended := false
						for _, one := range ends {
							ended = ended || one == which
						}
						t.Run(which, func(t *testing.T) { wantRevoked(t, knockAt(t, r.Daemon, door, tokens[which]), ended) })
					}
				}
				if seen {
					check(nil)
				}
				name := tt.name
				if token, ok := tokens[name]; ok && tt.kind == engine.KindToken {
					name = payloadOf(t, token)["jti"].(string)
				}
				revoke(t, r.Daemon, tt.kind, name)
				check(tt.ends)

				// Nothing is said of what is issued later.
				r.Clock.Advance(2 * time.Second)
				if tt.kind != engine.KindToken {
					tokens[exchanged] = r.token(t, client("q", r.tokenOf(t, jobJWT)))
					wantRevoked(t, knockAt(t, r.Daemon, "q", tokens[exchanged]), false)
				}
			})
		}
	}
}

// A token that is proof elsewhere is one no more.
func TestARevokedTokenBuysNoOther(t *testing.T) {
	r := newRevocable(t)
	token := r.tokenOf(t, r.Password(t, "ci", nil))
	r.token(t, client("q", token))
	revoke(t, r.Daemon, engine.KindToken, payloadOf(t, token)["jti"].(string))
	_, err := r.Live.Load().Token(t.Context(), engine.Caller{}, client("q", token))
	var refusal *engine.Refusal
	if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.InvalidClient || !strings.Contains(refusal.Reason, "was revoked") {
		t.Errorf("got %v, want it refused because it was revoked", err)
	}
}

// iat has whole seconds: what is issued in the second of the revocation counts
// as revoked, and what is issued in the next one does not.
func TestTheSecondOfARevocationIsPartOfIt(t *testing.T) {
	r := newRevocable(t)
	password := r.Password(t, "ci", nil)
	for time.Now().Nanosecond() > 500e6 { // else the second might end in between
		time.Sleep(10 * time.Millisecond)
	}
	at := revoke(t, r.Daemon, engine.KindServiceAccount, "ci").IssuedUntil
	token := r.tokenOf(t, password)
	if issued := payloadOf(t, token)["iat"].(float64); int64(issued) == at.Unix() {
		wantRevoked(t, knockAt(t, r.Daemon, "p", token), true)
	}
	r.Clock.Advance(time.Second)
	wantRevoked(t, knockAt(t, r.Daemon, "p", r.tokenOf(t, password)), false)
}

// The instant may lie in the past: then what was issued since goes on.
func TestOnlyWhatWasIssuedByThenEnds(t *testing.T) {
	r := newRevocable(t)
	password := r.Password(t, "ci", nil)
	old := r.tokenOf(t, password)
	until := r.Clock.Now()
	r.Clock.Advance(time.Minute)
	young := r.tokenOf(t, password)
	one, err := r.Deps.Revocations.Revoke(t.Context(), engine.Revocation{Kind: engine.KindServiceAccount, Name: "ci", IssuedUntil: until})
	if err != nil || !one.IssuedUntil.Equal(until) || !one.Until.Equal(until.Add(24*time.Hour)) {
		t.Fatalf("Revoke = %+v, %v", one, err)
	}
	wantRevoked(t, knockAt(t, r.Daemon, "p", old), true)
	wantRevoked(t, knockAt(t, r.Daemon, "p", young), false)

	// An earlier instant changes nothing, a later one does.
	again, err := r.Deps.Revocations.Revoke(t.Context(), engine.Revocation{Kind: engine.KindServiceAccount, Name: "ci", IssuedUntil: until.Add(-time.Hour)})
	if err != nil || !again.IssuedUntil.Equal(until) {
		t.Errorf("Revoke = %+v, %v, want that of %s", again, err, until)
	}
	wantRevoked(t, knockAt(t, r.Daemon, "p", old), true)
	revoke(t, r.Daemon, engine.KindServiceAccount, "ci")
	wantRevoked(t, knockAt(t, r.Daemon, "p", young), true)
}

func TestRevocationsThatCannotBeMeant(t *testing.T) {
	d := newDaemon(t)
	now := d.Clock.Now()
	tests := []struct {
		name string
		one  engine.Revocation
		want string // part of the error; "" for none
	}{
		{"an instant to come", engine.Revocation{Kind: engine.KindProvider, Name: "p", IssuedUntil: now.Add(time.Minute)}, "is in the future"},
		{"an instant long past", engine.Revocation{Kind: engine.KindProvider, Name: "p", IssuedUntil: now.Add(-24 * time.Hour)}, "has expired"},
		{"an instant not so long past", engine.Revocation{Kind: engine.KindProvider, Name: "p", IssuedUntil: now.Add(-23 * time.Hour)}, ""},
		{"a token that expired", engine.Revocation{Kind: engine.KindToken, Name: "t", Until: now.Add(-time.Second)}, "has expired by"},
		{"a token that lives too long", engine.Revocation{Kind: engine.KindToken, Name: "t", Until: now.Add(25 * time.Hour)}, "no token lives until"},
		{"a token that lives long", engine.Revocation{Kind: engine.KindToken, Name: "t", Until: now.Add(24 * time.Hour)}, ""},
		{"a token that says nothing of its end", engine.Revocation{Kind: engine.KindToken, Name: "u"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := d.Deps.Revocations.Revoke(t.Context(), tt.one)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, engine.ErrRevocation) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Revoke: %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := d.Deps.Revocations.Revoke(t.Context(), engine.Revocation{Kind: engine.KindPolicy, Name: "p"}); err == nil {
		t.Error("a policy's tokens were revoked")
	}
}

// A daemon that starts on the same storage heeds what the one before it heard.
func TestRevocationsOutliveTheDaemon(t *testing.T) {
	store := memory.New()
	parts := enginetest.Parts{Store: store, Policies: scripting.New(scripting.Options{})}
	first := enginetest.NewDaemon(t, parts)
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60)}
	first.Serve(t, spec)
	password := first.Password(t, "ci", nil)
	tokens := make([]string, 3)
	for i := range tokens {
		token, err := first.Live.Load().Token(t.Context(), engine.Caller{}, client("p", password))
		if err != nil {
			t.Fatal(err)
		}
		tokens[i] = token.AccessToken
	}
	revoke(t, first, engine.KindToken, payloadOf(t, tokens[0])["jti"].(string))
	second := enginetest.NewDaemon(t, parts)
	second.Serve(t, spec)
	wantRevoked(t, knockAt(t, second, "p", tokens[0]), true)
	wantRevoked(t, knockAt(t, second, "p", tokens[1]), false)
	revoke(t, second, engine.KindServiceAccount, "ci")
	third := enginetest.NewDaemon(t, parts)
	third.Serve(t, spec)
	for _, token := range tokens {
		wantRevoked(t, knockAt(t, third, "p", token), true)
	}
}

// A reload changes nothing of what is revoked, and a deleted block that comes
// back brings no token back.
func TestRevocationsOutliveAGeneration(t *testing.T) {
	d := newDaemon(t)
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60)}
	without := oneAccess()
	without.Providers[0].ForwardAuth = spec.Providers[0].ForwardAuth
	d.Serve(t, spec)
	issued, err := d.Live.Load().Token(t.Context(), engine.Caller{}, client("p", d.Password(t, "ci", nil)))
	if err != nil {
		t.Fatal(err)
	}
	revoke(t, d, engine.KindServiceAccount, "ci")
	d.Serve(t, without)
	if err := knockAt(t, d, "p", issued.AccessToken); err == nil {
		t.Error("a token of an account that no file declares was let in")
	}
	d.Serve(t, spec)
	wantRevoked(t, knockAt(t, d, "p", issued.AccessToken), true)
}

// What has expired is forgotten, a little later than it has.
func TestRevocationsAreForgottenOnceAllIsExpired(t *testing.T) {
	d := newDaemon(t)
	all := d.Deps.Revocations
	until := d.Clock.Now().Add(time.Hour)
	for _, one := range []engine.Revocation{{Kind: engine.KindToken, Name: "short", Until: until}, {Kind: engine.KindToken, Name: "long"}, {Kind: engine.KindServiceAccount, Name: "ci"}} {
		if _, err := all.Revoke(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		after           time.Duration // since the step before
		tokens, account int
	}{
		{0, 2, 1},
		{time.Hour + time.Minute, 2, 1}, // a clock that is set back must not revive it
		{10 * time.Minute, 1, 1},
		{22*time.Hour + 45*time.Minute, 1, 1},
		{time.Hour, 0, 0},
	} {
		d.Clock.Advance(tt.after)
		if err := all.Forget(t.Context()); err != nil {
			t.Fatal(err)
		}
		kept, err := all.List(t.Context())
		if err != nil || len(kept) != tt.tokens+tt.account {
			t.Errorf("%s later the storage has %v, %v", tt.after, kept, err)
		}
		if n := all.Count(); n[engine.KindToken] != tt.tokens || n[engine.KindServiceAccount] != tt.account || len(n) != len(engine.RevocationKinds) {
			t.Errorf("%s later there are %v", tt.after, n)
		}
	}
}

// stubborn is a storage whose revocations can be made to fail.
type stubborn struct {
	*memory.Store
	fails atomic.Bool
	kept  atomic.Int64
}

var errNoSpace = errors.New("writing /var/lib/m2md/m2md.db: no space left on device")

func (s *stubborn) KeepRevocation(ctx context.Context, r engine.Revocation) error {
	if s.fails.Load() {
		return errNoSpace
	}
	s.kept.Add(1)
	return s.Store.KeepRevocation(ctx, r)
}

func (s *stubborn) ForgetRevocations(ctx context.Context, until time.Time) error {
	if s.fails.Load() {
		return errNoSpace
	}
	return s.Store.ForgetRevocations(ctx, until)
}

func TestWhatCouldNotBeKeptIsNotRevoked(t *testing.T) {
	store := &stubborn{Store: memory.New()}
	clock := &enginetest.Clock{}
	all, err := engine.OpenRevocations(t.Context(), store, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	one := engine.Revocation{Kind: engine.KindToken, Name: "t"}
	store.fails.Store(true)
	if _, err := all.Revoke(t.Context(), one); !errors.Is(err, errNoSpace) || all.Count()[engine.KindToken] != 0 {
		t.Errorf("Revoke: %v, and %v are revoked", err, all.Count())
	}
	store.fails.Store(false)
	for range 2 { // the second has nothing to write
		if _, err := all.Revoke(t.Context(), one); err != nil || all.Count()[engine.KindToken] != 1 {
			t.Errorf("Revoke: %v, and %v are revoked", err, all.Count())
		}
	}
	if n := store.kept.Load(); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	// What could not be forgotten is heeded on.
	store.fails.Store(true)
	clock.Advance(48 * time.Hour)
	if err := all.Forget(t.Context()); !errors.Is(err, errNoSpace) || all.Count()[engine.KindToken] != 1 {
		t.Errorf("Forget: %v, and %v are revoked", err, all.Count())
	}
}

// unread is a storage whose revocations cannot be read.
type unread struct{ *memory.Store }

func (unread) Revocations(context.Context, func(engine.Revocation)) error {
	return errors.New("input/output error")
}

func TestNothingIsServedWithoutItsRevocations(t *testing.T) {
	if all, err := engine.OpenRevocations(t.Context(), unread{memory.New()}, time.Now); err == nil || all != nil {
		t.Errorf("OpenRevocations = %v, %v, want an error", all, err)
	}
}

// filledRevocations has as many revoked tokens as there may be.
func filledRevocations(t testing.TB, n int) (*memory.Store, *enginetest.Clock) {
	t.Helper()
	store, clock := memory.New(), &enginetest.Clock{}
	for i := range n {
		one := engine.Revocation{Kind: engine.KindToken, Name: fmt.Sprintf("%022x", i), Until: clock.Now().Add(time.Hour), At: clock.Now(), By: fmt.Sprintf("service_account.a%d", i%50)}
		if err := store.KeepRevocation(t.Context(), one); err != nil {
			t.Fatal(err)
		}
	}
	return store, clock
}

// Where there is no room for one more token, none is forgotten for it, and all
// of an account can be revoked still.
func TestNoMoreTokensAreRevokedThanCanBeKept(t *testing.T) {
	store, clock := filledRevocations(t, engine.MaxRevokedTokens-1)
	all, err := engine.OpenRevocations(t.Context(), store, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	last, more := engine.Revocation{Kind: engine.KindToken, Name: "last", By: "root"}, engine.Revocation{Kind: engine.KindToken, Name: "one more"}
	if _, err := all.Revoke(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if _, err := all.Revoke(t.Context(), more); !errors.Is(err, engine.ErrRevocationsFull) || !strings.Contains(err.Error(), "100000 are revoked") {
		t.Errorf("Revoke: %v, want ErrRevocationsFull", err)
	}
	if _, err := all.Revoke(t.Context(), last); err != nil {
		t.Errorf("what is revoked already: %v", err)
	}
	if _, err := all.Revoke(t.Context(), engine.Revocation{Kind: engine.KindServiceAccount, Name: "ci"}); err != nil {
		t.Errorf("all of an account: %v", err)
	}
	clock.Advance(2 * time.Hour)
	if err := all.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := all.Revoke(t.Context(), more); err != nil || all.Count()[engine.KindToken] != 2 {
		t.Errorf("once there is room again: %v, and %v are revoked", err, all.Count())
	}
}

// A token that m2md would never have issued is none, even where somebody else
// has its key: it could not be revoked, or not for as long as it lives.
func TestATokenThatCouldNotBeRevokedIsRefused(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "", "ES256")
	private, err := x509.MarshalPKCS8PrivateKey(key.Private)
	if err != nil {
		t.Fatal(err)
	}
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60)}
	spec.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("own", 80, "private_key_file"), PrivateKey: engine.File{Content: engine.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))}}}
	d.Serve(t, spec)
	issued, err := d.Live.Load().Token(t.Context(), engine.Caller{}, client("p", d.Password(t, "ci", nil)))
	if err != nil {
		t.Fatal(err)
	}
	header := segmentOf(t, issued.AccessToken, 0)
	now := d.Clock.Now().Unix()
	tests := []struct {
		name    string
		changes map[string]any
		reason  string // "" where it is let in
	}{
		{"as m2md makes them", nil, ""},
		{"without a jti", map[string]any{"jti": nil}, `"jti"`},
		{"with an empty jti", map[string]any{"jti": ""}, `"jti"`},
		{"with a jti that is no text", map[string]any{"jti": 7}, `"jti"`},
		{"with an endless jti", map[string]any{"jti": strings.Repeat("a", 256)}, `"jti"`},
		{"with a NUL in its jti", map[string]any{"jti": "a\x00b"}, `"jti"`},
		{"without an iat", map[string]any{"iat": nil}, `"iat"`},
		{"with an iat that is no date", map[string]any{"iat": "now"}, `"iat"`},
		{"that lives a day", map[string]any{"exp": now + 86400, "iat": now}, ""},
		{"that lives longer than a day", map[string]any{"exp": now + 86400, "iat": now - 1}, "lives longer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims := enginetest.With(payloadOf(t, issued.AccessToken), tt.changes)
			err := knockAt(t, d, "p", key.MintWith(header, claims))
			if tt.reason == "" && err != nil || tt.reason != "" && (err == nil || !strings.Contains(err.Error(), tt.reason)) {
				t.Errorf("got %v, want %q", err, tt.reason)
			}
		})
	}
}
