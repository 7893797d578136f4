package engine_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
)

// What the attacks below aim at. Provider p lets the machines of four issuers
// in, and guards a service; provider q is another service. Every token of
// GitHub counts where its owner is 1234.
const (
	slackIssuer  = "https://slack.example"  // its clock may be a minute off; tokens count for ten minutes
	onceIssuer   = "https://once.example"   // each token counts once
	otherIssuer  = "https://other.example"  // has a key with the kid of one of GitHub's
	closedIssuer = "https://closed.example" // a source that no access names
)

// attacked is a daemon with what its attackers hold: keys of theirs, and honest
// tokens.
type attacked struct {
	*enginetest.Daemon
	rs, es, es384, ed, free  *enginetest.Key // GitHub's
	slack, once, other, none *enginetest.Key // the other issuers', in their order above
	attacker                 *enginetest.Key // has the kid of es
	lure                     *enginetest.Issuer
	claims                   map[string]any // of an honest token of GitHub
}

func newAttacked(t *testing.T) *attacked {
	t.Helper()
	key := func(id, algorithm string) *enginetest.Key { return enginetest.NewKey(t, id, algorithm) }
	a := &attacked{
		Daemon: newDaemon(t),
		rs:     key("rs", "RS256"), es: key("es", "ES256"), es384: key("es384", "ES384"), ed: key("ed", "EdDSA"), free: key("free", "RS512"),
		slack: key("slack", "ES256"), once: key("once", "ES256"), other: key("es", "ES256"), none: key("none", "ES256"),
		attacker: key("es", "ES256"),
	}
	a.free.Unpinned = true
	a.lure = enginetest.NewIssuer(t, a.attacker)
	a.claims = enginetest.GitHubClaims(a.Clock.Now(), audience)
	a.Serve(t, a.spec())
	return a
}

func (a *attacked) spec() engine.Spec {
	source := func(label, issuer string, keys ...*enginetest.Key) engine.OAuthSource {
		s := github(label, keys...)
		s.Issuer = issuer
		return s
	}
	spec := oneAccess("oauth_source.gh", "oauth_source.slack", "oauth_source.once", "oauth_source.other")
	spec.Sources = []engine.OAuthSource{
		source("gh", enginetest.GitHub, a.rs, a.es, a.es384, a.ed, a.free),
		source("slack", slackIssuer, a.slack), source("once", onceIssuer, a.once),
		source("other", otherIssuer, a.other), source("closed", closedIssuer, a.none),
	}
	spec.Sources[0].Require = enginetest.Require(map[string]any{"repository_owner_id": "1234"})
	spec.Sources[1].Leeway, spec.Sources[1].MaxTokenAge = time.Minute, 10*time.Minute
	spec.Sources[2].UseOnce = true
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60), ExternalHost: "p.example"}
	q := oneAccess("oauth_source.gh").Providers[0]
	q.Decl = enginetest.Declare("q", 50)
	spec.Providers = append(spec.Providers, q)
	return spec
}

// ask asks a provider for a token with an input JWT.
func (a *attacked) ask(t *testing.T, provider, jwt string) string {
	t.Helper()
	token, err := a.Live.Load().Token(t.Context(), engine.Caller{}, &oauth2.Request{
		GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: provider}, Assertion: jwt, AssertionType: oauth2.AssertionJWT,
	})
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// knock shows a bearer token at the door of p.
func (a *attacked) knock(t *testing.T, token string) error {
	t.Helper()
	_, err := a.Live.Load().Guard(t.Context(), engine.Caller{}, engine.GuardRequest{Provider: "p", Credential: engine.Credential{Bearer: token}})
	return err
}

// ownJWK is the public key of p, as p publishes it.
func (a *attacked) ownJWK(t *testing.T) json.RawMessage {
	t.Helper()
	metadata, _ := a.Live.Load().Metadata("p")
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(metadata.JWKS, &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("p publishes %s (%v)", metadata.JWKS, err)
	}
	return set.Keys[0]
}

// door is where an attack knocks.
type door func(t *testing.T, a *attacked, token, reason string)

// input is the token endpoint, at which input JWTs are shown.
func input(t *testing.T, a *attacked, jwt, reason string) {
	t.Helper()
	refused(t, a.Daemon, jwt, reason)
}

// guard is forward-auth, at which access tokens of m2md are shown.
func guard(t *testing.T, a *attacked, token, reason string) {
	t.Helper()
	err := a.knock(t, token)
	var refusal *engine.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal because %q", err, reason)
	}
	if refusal.Public.Code != oauth2.InvalidToken || refusal.Public.Description != "The access token is not valid here." {
		t.Errorf("the client is told %s", refusal.Public)
	}
	if decision := a.Audit.Last(t); decision.Outcome != engine.Denied || !strings.Contains(decision.Reason, reason) {
		t.Errorf("the decision is %s because %q, want deny because %q", decision.Outcome, decision.Reason, reason)
	}
}

// The list of attacks that are known to have worked on somebody. Each is
// refused with its reason in the decision log, and a sentence to the client
// that tells nothing.
func TestAttacks(t *testing.T) {
	a := newAttacked(t)
	now := a.Clock.Now()
	in := func(d time.Duration) int64 { return now.Add(d).Unix() }
	payload := asJSON(t, a.claims)
	jwk, es256 := asJSON(t, a.rs.JWK()), `{"alg":"ES256","kid":"es"}`

	// Tokens that honest keys sign: GitHub's ES256 key, unless it says other.
	claim := func(name string, value any) string {
		return a.es.Mint(enginetest.With(a.claims, map[string]any{name: value}))
	}
	header := func(name string, value any) string { return a.es.MintWith(map[string]any{name: value}, a.claims) }
	twice := func(member string) string { return a.es.Seal(es256, strings.Replace(payload, "{", "{"+member+",", 1)) }
	of := func(key *enginetest.Key, issuer string, changes map[string]any) string {
		return key.Mint(enginetest.With(enginetest.With(a.claims, map[string]any{"iss": issuer}), changes))
	}
	as := func(key *enginetest.Key, alg string) string {
		return key.MintWith(map[string]any{"alg": alg}, a.claims)
	}
	// Tokens that nobody honest signs.
	mac := func(secret []byte) string {
		return enginetest.HMAC("HS256", secret, `{"alg":"HS256","kid":"rs"}`, payload)
	}
	none := func(alg string) string { return zeroSignature(as(a.es, alg), 1) }
	forged := func(header map[string]any) string { return a.attacker.MintWith(header, a.claims) }

	honest := a.es.Mint(a.claims)
	parts := strings.Split(honest, ".")
	swapped := func(claims map[string]any) string {
		return parts[0] + "." + enginetest.Segment([]byte(asJSON(t, claims))) + "." + parts[2]
	}
	spent := of(a.once, onceIssuer, nil)
	a.ask(t, "p", spent)
	a.ask(t, "p", honest) // from here on its signature is remembered

	own, ofOther := a.ask(t, "p", honest), a.ask(t, "q", honest)
	ownJWK, ownHeader, ownPayload := a.ownJWK(t), decoded(t, own, 0), decoded(t, own, 1)
	ownParts := strings.Split(own, ".")
	ownMAC := func(secret []byte) string {
		return enginetest.HMAC("HS256", secret, strings.Replace(ownHeader, `"ES256"`, `"HS256"`, 1), ownPayload)
	}
	ownAs := func(alg string) string {
		return enginetest.Segment([]byte(strings.Replace(ownHeader, `"ES256"`, alg, 1))) + "." + ownParts[1] + "." + ownParts[2]
	}
	raised := enginetest.Segment([]byte(strings.Replace(ownPayload, `"gh/`, `"gh/admin:`, 1)))
	a.Clock.Advance(-time.Hour)
	stale := a.ask(t, "p", a.es.Mint(enginetest.GitHubClaims(a.Clock.Now(), audience)))
	a.Clock.Advance(time.Hour)
	stranger := newAttacked(t) // another daemon with the same files
	strangers := stranger.ask(t, "p", stranger.es.Mint(stranger.claims))
	if err := a.knock(t, own); err != nil {
		t.Fatalf("the honest access token is refused: %s", err)
	}

	const noKey = "no key of oauth_source.gh"
	attacks := []struct {
		at     door
		attack string
		token  string
		reason string
	}{
		// The algorithm is the attacker's to write.
		{input, "HS256 with the public key as PEM", mac(a.rs.PublicPEM()), noKey},
		{input, "HS256 with the public key as PEM, a line break less", mac([]byte(strings.TrimSpace(string(a.rs.PublicPEM())))), noKey},
		{input, "HS256 with the public key as DER", mac(a.rs.PublicDER()), noKey},
		{input, "HS256 with the public key as a JWK", mac([]byte(jwk)), noKey},
		{input, "HS256 with the modulus", mac(a.rs.Private.Public().(*rsa.PublicKey).N.Bytes()), noKey},
		{input, "HS256 with nothing", mac(nil), noKey},
		{input, "HS512 with the public key as PEM", enginetest.HMAC("HS512", a.rs.PublicPEM(), `{"alg":"HS512","kid":"rs"}`, payload), noKey},
		{input, "HS256 without a kid", enginetest.HMAC("HS256", a.rs.PublicPEM(), `{"alg":"HS256"}`, payload), noKey},
		{input, "an HMAC under the name of RS256", enginetest.HMAC("HS256", a.rs.PublicPEM(), `{"alg":"RS256","kid":"rs"}`, payload), noKey},
		{input, "alg none", none("none"), noKey},
		{input, "alg None", none("None"), noKey},
		{input, "alg NONE", none("NONE"), noKey},
		{input, "alg nOnE", none("nOnE"), noKey},
		{input, "alg none with a space", none(" none"), noKey},
		{input, "an empty alg", none(""), noKey},
		{input, "alg none beside a good signature", as(a.es, "none"), noKey},
		{input, "alg none without a signature", enginetest.Segment([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", "signature is missing"},
		{input, "no alg", header("alg", nil), noKey},
		{input, "alg in lower case", as(a.es, "es256"), noKey},
		{input, "a list as alg", header("alg", []any{"none", "ES256"}), "is not a string"},
		{input, "PS256 by a key that says RS256", signedAs(a.rs, "PS256").Mint(a.claims), noKey},
		{input, "RS512 by a key that says RS256", signedAs(a.rs, "RS512").Mint(a.claims), noKey},
		{input, "RS256 under the name of PS256", as(a.rs, "PS256"), noKey},
		{input, "ES384 under the name of ES256", as(a.es384, "ES256"), noKey},
		{input, "ES256 under the name of ES384", as(a.es, "ES384"), noKey},
		{input, "a P-256 key that hashes with SHA-384", signedAs(a.es, "ES384").Mint(a.claims), noKey},
		{input, "EdDSA under the name of ES256", as(a.ed, "ES256"), noKey},
		{input, "ES256 under the name of EdDSA", as(a.es, "EdDSA"), noKey},
		{input, "ES256K", as(a.es, "ES256K"), noKey},

		// So is the signature.
		{input, "a signature of zeros for ES256", zeroSignature(honest, 64), noKey}, // CVE-2022-21449
		{input, "a signature of zeros for EdDSA", zeroSignature(a.ed.Mint(a.claims), 64), noKey},
		{input, "a signature of zeros for RS256", zeroSignature(a.rs.Mint(a.claims), 256), noKey},
		{input, "a signature of one byte", zeroSignature(honest, 1), noKey},
		{input, "a signature in DER", derSignature(a.es, es256, payload), noKey},
		{input, "a zero between the halves of a signature", between(honest), noKey},
		{input, "a zero behind a signature", honest + "AA", noKey},
		{input, "a signature of another token", swapped(enginetest.With(a.claims, map[string]any{"actor": "eve"})), noKey},
		{input, "no signature", parts[0] + "." + parts[1] + ".", "signature is missing"},

		// So is the kid.
		{input, "the kid of another key", header("kid", "ed"), noKey},
		{input, "the kid of another key of the same kind", forged(nil), noKey},
		{input, "another issuer's key under the same kid", a.other.Mint(a.claims), noKey},
		{input, "that issuer's key, and its iss", of(a.other, otherIssuer, map[string]any{"aud": "https://elsewhere.example"}), "none of the accepted"},
		{input, "a kid that nobody has", header("kid", "zzz"), noKey},
		{input, "a kid in another case", header("kid", "ES"), noKey},
		{input, "a kid that is a path", header("kid", "../../../../dev/null"), noKey},
		{input, "a kid that is a URL", header("kid", a.lure.JWKSURL()), noKey},
		{input, "a kid that is SQL", header("kid", "x' UNION SELECT 'key' -- "), noKey},
		{input, "a kid that is a command", header("kid", "|id;`id`$(id)"), noKey},
		{input, "a kid with line breaks", header("kid", "a\r\nb\x00\x1b[31m"), noKey},
		{input, "a kid of 8,000 characters", header("kid", strings.Repeat("k", 8_000)), noKey},
		{input, "a kid of a million characters", header("kid", strings.Repeat("k", 1_000_000)), "longer than 16 KiB"},
		{input, "a kid that is a number", header("kid", 5), "is not a string"},
		{input, "a kid that is an object", header("kid", map[string]any{"$ne": nil}), "is not a string"},

		// So is every key that the header brings along.
		{input, "a key in jwk", forged(map[string]any{"jwk": a.attacker.JWK()}), noKey},
		{input, "a key in jwk, and no kid", forged(map[string]any{"jwk": a.attacker.JWK(), "kid": nil}), noKey},
		{input, "a symmetric key in jwk", enginetest.HMAC("HS256", []byte("s"), `{"alg":"HS256","jwk":{"kty":"oct","k":"cw"}}`, payload), noKey},
		{input, "a key at jku", forged(map[string]any{"jku": a.lure.JWKSURL()}), noKey},
		{input, "a key at x5u", forged(map[string]any{"x5u": a.lure.JWKSURL()}), noKey},
		{input, "a key in x5c", forged(map[string]any{"x5c": []any{base64.StdEncoding.EncodeToString(a.attacker.PublicDER())}}), noKey},
		{input, "a key by x5t", forged(map[string]any{"x5t": "AAAA", "x5t#S256": "AAAA"}), noKey},
		{input, "all of them at once", forged(map[string]any{"jwk": a.attacker.JWK(), "jku": a.lure.JWKSURL(), "x5u": a.lure.JWKSURL(), "x5c": []any{"x"}}), noKey},

		// Extensions that change what is signed, or how it is read.
		{input, "crit that names what nobody knows", a.es.Seal(`{"alg":"ES256","kid":"es","crit":["u"],"u":1}`, payload), "crit, b64 or zip"},
		{input, "crit that names exp", a.es.Seal(`{"alg":"ES256","kid":"es","crit":["exp"],"exp":1}`, payload), "crit, b64 or zip"},
		{input, "an empty crit", header("crit", []any{}), "crit, b64 or zip"},
		{input, "b64 false", a.es.Seal(`{"alg":"ES256","kid":"es","crit":["b64"],"b64":false}`, payload), "crit, b64 or zip"},
		{input, "b64 false without crit", header("b64", false), "crit, b64 or zip"},
		{input, "a compressed token", header("zip", "DEF"), "crit, b64 or zip"},
		{input, "an encrypted token", "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ." + parts[1] + ".AAAA." + parts[2] + ".AAAA", "three parts"},
		{input, "a token in a token", a.es.Seal(`{"alg":"ES256","kid":"es","cty":"JWT"}`, honest), "payload: it is not a JSON object"},
		{input, "a token in JSON", fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, parts[1], parts[0], parts[2]), "three parts"},

		// One text that two readers read differently.
		{input, "three dots", honest + ".", "three parts"},
		{input, "ten thousand dots", strings.Repeat(".", 10_000), "three parts"},
		{input, "padding behind the signature", honest + "==", "not base64url"},
		{input, "padding behind the header", base64.URLEncoding.EncodeToString([]byte(es256)) + "." + parts[1] + "." + parts[2], "header"},
		{input, "a line break in the signature", honest[:len(honest)-9] + "\n" + honest[len(honest)-9:], "line break"},
		{input, "sub twice", twice(`"sub":"root"`), "names a member twice"},
		{input, "sub twice, once escaped", twice(`"s\u0075b":"root"`), "names a member twice"},
		{input, "exp twice", twice(`"exp":99999999999`), "names a member twice"},
		{input, "aud twice", twice(`"aud":"https://elsewhere.example"`), "names a member twice"},
		{input, "alg twice", a.es.Seal(`{"alg":"none","alg":"ES256","kid":"es"}`, payload), "names a member twice"},
		{input, "a member twice far inside", twice(`"o":[{"a":{"b":1,"b":2}}]`), "names a member twice"},
		{input, "an object behind the payload", a.es.Seal(es256, payload+`{"sub":"root"}`), "something follows"},
		{input, "half a surrogate pair in sub", a.es.Seal(es256, strings.Replace(payload, `"repo:`, `"\ud800repo:`, 1)), "not well-formed"},
		{input, "a line break in sub", claim("sub", "a\nsub=root"), "control character"},

		// What exhausts its reader.
		{input, "nested 10,000 deep", claim("x", raw(strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000))), "longer than 16 KiB"},
		{input, "nested 10,000 deep, never closed", a.es.Seal(es256, `{"x":`+strings.Repeat("[", 10_000)), "nested too deep"},
		{input, "nested 1,000 deep", claim("x", raw(strings.Repeat(`{"a":`, 1_000)+"1"+strings.Repeat("}", 1_000))), "nested too deep"},
		{input, "a megabyte", claim("x", strings.Repeat("x", 1<<20)), "longer than 16 KiB"},
		{input, "an exp of ten thousand digits", claim("exp", raw("1"+strings.Repeat("0", 10_000))), "before the year 10000"},

		// Time.
		{input, "no exp", claim("exp", nil), `"exp" is missing`},
		{input, "exp null", claim("exp", raw("null")), `"exp" is not a number`},
		{input, "exp as a string", claim("exp", fmt.Sprint(in(time.Hour))), `"exp" is not a number`},
		{input, "exp as a list", claim("exp", []any{in(time.Hour)}), `"exp" is not a number`},
		{input, "exp as 1e400", claim("exp", raw("1e400")), "before the year 10000"},
		{input, "exp negative", claim("exp", -1), "before the year 10000"},
		{input, "exp negative beyond int64", claim("exp", raw("-9223372036854775809")), "before the year 10000"},
		{input, "exp beyond the year 9999", claim("exp", 253402300800), "before the year 10000"},
		{input, "exp in the far future", claim("exp", 4102444800), "more than a year ahead"},
		{input, "exp beyond int64, which comes round to now", claim("exp", raw("18446744075504854016")), "before the year 10000"},
		{input, "exp in milliseconds", claim("exp", now.Add(time.Hour).UnixMilli()), "before the year 10000"},
		{input, "a life of most of a year where tokens count for ten minutes", of(a.slack, slackIssuer, map[string]any{"exp": in(8_000 * time.Hour), "iat": in(-12 * time.Minute)}), "longer ago than max_token_age"},
		{input, "that without iat", of(a.slack, slackIssuer, map[string]any{"exp": in(8_000 * time.Hour), "iat": nil}), `"iat" is missing`},
		{input, "nbf as 1e400", claim("nbf", raw("1e400")), "before the year 10000"},
		{input, "an issuer's clock that is behind", claim("exp", in(-time.Second)), "it expired at"},
		{input, "an issuer's clock that is ahead", claim("nbf", in(30*time.Second)), "not valid before"},
		{input, "an issuer's clock that is ahead by more than a minute", claim("iat", in(2*time.Minute)), "issued in the future"},
		{input, "an issuer's clock that is behind by more than the leeway", of(a.slack, slackIssuer, map[string]any{"exp": in(-61 * time.Second)}), "it expired at"},
		{input, "an issuer's clock that is ahead by more than the leeway", of(a.slack, slackIssuer, map[string]any{"nbf": in(90 * time.Second)}), "not valid before"},
		{input, "a replay", spent, "it was used before"},

		// Somebody else's token.
		{input, "a valid token of another tenant", claim("repository_owner_id", "5678"), "require_claims of the source"},
		{input, "a tenant whose id is a number", claim("repository_owner_id", 1234), "require_claims of the source"},
		{input, "a tenant whose id is a list", claim("repository_owner_id", []any{"5678"}), "require_claims of the source"},
		{input, "a tenant without an id", claim("repository_owner_id", nil), "require_claims of the source"},
		{input, "a token for somebody else", claim("aud", "https://elsewhere.example"), "none of the accepted"},
		{input, "a token for whose name begins with ours", claim("aud", audience+".evil.example"), "none of the accepted"},
		{input, "a token for nobody", claim("aud", nil), "none of the accepted"},
		{input, "an empty list for aud", claim("aud", []any{}), "none of the accepted"},
		{input, "a list in a list for aud", claim("aud", []any{[]any{audience}}), "not a string"},
		{input, "an object for aud", claim("aud", map[string]any{audience: true}), "neither a string nor a list"},
		{input, "iss with a slash at its end", claim("iss", enginetest.GitHub+"/"), "whose issuer is"},
		{input, "iss in another case", claim("iss", strings.ToUpper(enginetest.GitHub)), "whose issuer is"},
		{input, "iss of an issuer whose keys we know", claim("iss", otherIssuer), "no key of oauth_source.other"},
		{input, "iss as a list", claim("iss", []any{enginetest.GitHub}), `"iss" is not a string`},
		{input, "a source that no access names", of(a.none, closedIssuer, nil), "whose issuer is"},
		{input, "no sub", claim("sub", nil), `"sub" is missing`},
		{input, "sub as an object", claim("sub", map[string]any{"admin": true}), `"sub" is not a string`},

		// A token of one kind where another belongs.
		{input, "a logout token", header("typ", "logout+jwt"), "another purpose"},
		{input, "a proof of possession, which anybody can make", header("typ", "dpop+jwt"), "another purpose"},
		{input, "an access token of m2md for this provider", own, "whose issuer is"},
		{input, "an access token of m2md for another provider", ofOther, "whose issuer is"},
		{guard, "an ID token where an access token belongs", honest, `no access token: its typ is "jwt"`},
		{guard, "an ID token without a typ", header("typ", nil), `no access token: its typ is ""`},
		{guard, "an access token of an issuer that may ask for one", header("typ", "at+jwt"), "no key of provider p"},
		{guard, "an access token of m2md for another provider", ofOther, "issued for another provider than p"},
		{guard, "an access token of an hour ago", stale, "it expired at"},
		{guard, "an access token of another daemon of the same name", strangers, "no key of provider p"},
		{guard, "an access token with another subject", ownParts[0] + "." + raised + "." + ownParts[2], "no key of provider p"},
		{guard, "an access token with alg none", ownAs(`"none"`), "no key of provider p"},
		{guard, "an access token with alg ES384", ownAs(`"ES384"`), "no key of provider p"},
		{guard, "an access token without a signature", ownParts[0] + "." + ownParts[1] + ".", "signature is missing"},
		{guard, "HS256 with m2md's own key as a JWK", ownMAC(ownJWK), "no key of provider p"},
		{guard, "HS256 with nothing", ownMAC(nil), "no key of provider p"},
		{guard, "an access token with a key in its header", a.attacker.Seal(`{"alg":"ES256","typ":"at+jwt","jwk":`+asJSON(t, a.attacker.JWK())+`}`, ownPayload), "no key of provider p"},
		{guard, "three dots", own + ".", "three parts"},
		{guard, "padding", own + "=", "not base64url"},
		{guard, "what is no token", "Bearer", "three parts"},
	}
	for _, tt := range attacks {
		t.Run(tt.attack, func(t *testing.T) {
			tt.at(t, a, tt.token, tt.reason)
			reason := a.Audit.Last(t).Reason
			if len(reason) > 600 || strings.ContainsFunc(reason, unicode.IsControl) {
				t.Errorf("the decision log gets %q", reason)
			}
		})
	}
	if a.lure.Fetches() != 0 {
		t.Error("keys were fetched from where a token says")
	}
	// None of it has shut the honest out.
	a.ask(t, "p", honest)
	if err := a.knock(t, own); err != nil {
		t.Errorf("the honest access token is refused in the end: %s", err)
	}
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// decoded is a part of a token.
func decoded(t *testing.T, token string, part int) string {
	t.Helper()
	plain, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[part])
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// between puts a zero between R and S of an ES256 signature, which changes
// neither number.
func between(jwt string) string {
	dot := strings.LastIndexByte(jwt, '.') + 1
	signature, err := base64.RawURLEncoding.DecodeString(jwt[dot:])
	if err != nil {
		panic(err) // an honest key made it
	}
	return jwt[:dot] + enginetest.Segment(slices.Insert(signature, 32, 0))
}

// signedAs is a key that signs with an algorithm that is not its own.
func signedAs(k *enginetest.Key, algorithm string) *enginetest.Key {
	other := *k
	other.Algorithm = algorithm
	return &other
}
