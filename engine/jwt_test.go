package engine_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
)

// raw is JSON that no Go value encodes to.
func raw(s string) json.RawMessage { return json.RawMessage(s) }

func TestClaimsOfAnInputJWT(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k1", "ES256")
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	d.Serve(t, spec)
	now := d.Clock.Now()
	in := func(d time.Duration) int64 { return now.Add(d).Unix() }

	tests := []struct {
		name    string
		changes map[string]any
		reason  string // "" where it is accepted
	}{
		{"an honest token", nil, ""},

		{"no exp", map[string]any{"exp": nil}, `"exp" is missing`},
		{"exp null", map[string]any{"exp": raw("null")}, `"exp" is not a number`},
		{"exp now", map[string]any{"exp": now.Unix()}, "it expired at"},
		{"exp past", map[string]any{"exp": in(-time.Hour)}, "it expired at"},
		{"exp zero", map[string]any{"exp": 0}, "it expired at"},
		{"exp in a minute", map[string]any{"exp": in(time.Minute)}, ""},
		{"exp as a string", map[string]any{"exp": fmt.Sprint(in(time.Hour))}, `"exp" is not a number`},
		{"exp as a list", map[string]any{"exp": []any{in(time.Hour)}}, `"exp" is not a number`},
		{"exp true", map[string]any{"exp": true}, `"exp" is not a number`},
		{"exp beyond any float", map[string]any{"exp": raw("1e400")}, "before the year 10000"},
		{"exp of a thousand digits", map[string]any{"exp": raw("1" + strings.Repeat("0", 1000))}, "before the year 10000"},
		{"exp negative", map[string]any{"exp": -1}, "before the year 10000"},
		{"exp beyond int64", map[string]any{"exp": raw("9223372036854775808")}, "before the year 10000"},
		{"exp at the end of 9999", map[string]any{"exp": 253402300799}, "more than a year ahead"},
		{"exp in a year", map[string]any{"exp": in(365 * 24 * time.Hour)}, ""},
		{"exp in more than a year", map[string]any{"exp": in(367 * 24 * time.Hour)}, "more than a year ahead"},
		{"exp in the year 10000", map[string]any{"exp": 253402300800}, "before the year 10000"},
		{"exp with a fraction", map[string]any{"exp": raw(fmt.Sprintf("%d.75", in(time.Hour)))}, ""},
		{"exp past with a fraction", map[string]any{"exp": raw(fmt.Sprintf("%d.75", in(-time.Hour)))}, "it expired at"},
		{"exp with an exponent", map[string]any{"exp": raw(fmt.Sprintf("%de-1", 10*in(time.Hour)))}, ""},
		{"exp not a number of JSON", map[string]any{"exp": "NaN"}, `"exp" is not a number`},

		{"nbf later", map[string]any{"nbf": in(time.Minute)}, "not valid before"},
		{"nbf past", map[string]any{"nbf": in(-time.Minute)}, ""},
		{"no nbf", map[string]any{"nbf": nil}, ""},
		{"nbf as a string", map[string]any{"nbf": "1"}, `"nbf" is not a number`},
		{"nbf null", map[string]any{"nbf": raw("null")}, `"nbf" is not a number`},
		{"iat of a clock half a minute ahead", map[string]any{"iat": in(30 * time.Second)}, ""},
		{"iat future", map[string]any{"iat": in(2 * time.Minute)}, "issued in the future"},
		{"iat as a string", map[string]any{"iat": "1"}, `"iat" is not a number`},
		{"no iat", map[string]any{"iat": nil}, ""},

		{"no aud", map[string]any{"aud": nil}, "none of the accepted"},
		{"aud null", map[string]any{"aud": raw("null")}, "none of the accepted"},
		{"aud empty", map[string]any{"aud": ""}, "none of the accepted"},
		{"aud of somebody else", map[string]any{"aud": "https://other.example"}, "none of the accepted"},
		{"aud longer than ours", map[string]any{"aud": audience + "/"}, "none of the accepted"},
		{"aud in another case", map[string]any{"aud": strings.ToUpper(audience)}, "none of the accepted"},
		{"aud an empty list", map[string]any{"aud": []any{}}, "none of the accepted"},
		{"aud a list of others", map[string]any{"aud": []any{"a", "b"}}, "none of the accepted"},
		{"aud a list with ours", map[string]any{"aud": []any{"a", audience}}, ""},
		{"aud a list with ours and a number", map[string]any{"aud": []any{audience, 5}}, "not a string"},
		{"aud a list in a list", map[string]any{"aud": []any{[]any{audience}}}, "not a string"},
		{"aud a number", map[string]any{"aud": 5}, "neither a string nor a list"},
		{"aud an object", map[string]any{"aud": map[string]any{audience: true}}, "neither a string nor a list"},

		{"no iss", map[string]any{"iss": nil}, "whose issuer is"},
		{"iss of somebody else", map[string]any{"iss": "https://other.example"}, "whose issuer is"},
		{"iss with a slash at its end", map[string]any{"iss": enginetest.GitHub + "/"}, "whose issuer is"},
		{"iss a number", map[string]any{"iss": 5}, `"iss" is not a string`},
		{"iss null", map[string]any{"iss": raw("null")}, `"iss" is not a string`},
		{"iss a list", map[string]any{"iss": []any{enginetest.GitHub}}, `"iss" is not a string`},
		{"iss of ten thousand characters", map[string]any{"iss": strings.Repeat("i", 10_000)}, "whose issuer is"},

		{"no sub", map[string]any{"sub": nil}, `"sub" is missing`},
		{"sub empty", map[string]any{"sub": ""}, `"sub" is missing`},
		{"sub a number", map[string]any{"sub": 5}, `"sub" is not a string`},
		{"sub null", map[string]any{"sub": raw("null")}, `"sub" is not a string`},
		{"sub with a line break", map[string]any{"sub": "a\nb"}, "control character"},
		{"sub with NUL", map[string]any{"sub": "a\x00b"}, "control character"},
		{"sub with DEL", map[string]any{"sub": "a\x7fb"}, "control character"},
		{"sub with a C1 control", map[string]any{"sub": "a\u0085b"}, "control character"},
		{"sub with half a surrogate pair", map[string]any{"sub": raw(`"a\ud800"`)}, "not well-formed"},
		{"sub of 2,048 bytes", map[string]any{"sub": strings.Repeat("s", 2048)}, ""},
		{"sub of 2,049 bytes", map[string]any{"sub": strings.Repeat("s", 2049)}, "longer than 2048"},
		{"sub with slashes", map[string]any{"sub": "spiffe://a/b"}, ""},
		{"sub that is not ASCII", map[string]any{"sub": "zürich"}, ""},

		{"a huge number", map[string]any{"n": raw("1e400"), "m": raw("-" + strings.Repeat("9", 1000))}, ""},
		{"90 lists in lists", map[string]any{"x": raw(strings.Repeat("[", 90) + strings.Repeat("]", 90))}, ""},
		{"4,500 lists in lists", map[string]any{"x": raw(strings.Repeat("[", 4500) + strings.Repeat("]", 4500))}, "nested too deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims := enginetest.With(enginetest.GitHubClaims(now, audience), tt.changes)
			jwt := key.Mint(claims)
			if tt.reason != "" {
				refused(t, d, jwt, tt.reason)
				return
			}
			if got := accepted(t, d, jwt); got.Subject != fmt.Sprintf("gh/%s", claims["sub"]) || got.Source != "oauth_source.gh" || got.Proof != "jwt" || got.Rule != "all" {
				t.Errorf("the decision is %+v", got)
			}
		})
	}
}

func TestATokenThatIsNoWellFormedJWT(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k1", "EdDSA") // whose signature needs all bits of its last character but four
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	d.Serve(t, spec)
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	const header = `{"alg":"EdDSA","kid":"k1","typ":"JWT"}`
	good := key.Seal(header, string(payload))
	accepted(t, d, good)
	parts := strings.Split(good, ".")
	inside := func(member string) string { return strings.Replace(string(payload), "{", "{"+member+",", 1) }
	padded := base64.URLEncoding.EncodeToString([]byte(header))

	tests := []struct{ name, jwt, reason string }{
		{"a trailing dot", good + ".", "three parts"},
		{"four parts", good + ".eyJ9", "three parts"},
		{"two parts", parts[0] + "." + parts[1], "three parts"},
		{"one part", parts[0], "three parts"},
		{"dots alone", "..", "not a JSON object"},
		{"ten thousand dots", strings.Repeat(".", 10_000), "three parts"},
		{"an empty signature", parts[0] + "." + parts[1] + ".", "signature is missing"},
		{"an empty payload", parts[0] + ".." + parts[2], "payload"},
		{"an empty header", "." + parts[1] + "." + parts[2], "header"},
		{"17 KiB", key.Mint(enginetest.With(claims, map[string]any{"x": strings.Repeat("x", 17<<10)})), "16 KiB"},

		{"a line break in the payload", parts[0] + "." + parts[1][:40] + "\n" + parts[1][40:] + "." + parts[2], "line break"},
		{"a carriage return in the signature", parts[0] + "." + parts[1] + "." + parts[2][:40] + "\r" + parts[2][40:], "line break"},
		{"a space in the payload", parts[0] + "." + parts[1][:40] + " " + parts[1][40:] + "." + parts[2], "not base64url"},
		{"stray bits at the end of the signature", parts[0] + "." + parts[1] + "." + strayBits(parts[2]), "signature is missing or not base64url"},
		{"padding behind the signature", good + "==", "not base64url"},
		{"padding behind the header", padded + "." + parts[1] + "." + parts[2], "header"},
		{"the standard alphabet", parts[0] + "." + parts[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(parts[2][:84]) + "+/", "not base64url"},

		{"alg twice", key.Seal(`{"alg":"none","alg":"EdDSA","kid":"k1"}`, string(payload)), "names a member twice"},
		{"kid twice", key.Seal(`{"alg":"EdDSA","kid":"k1","kid":"k1"}`, string(payload)), "names a member twice"},
		{"sub twice", key.Seal(header, inside(`"sub":"root"`)), "names a member twice"},
		{"sub twice, once escaped", key.Seal(header, inside(`"s\u0075b":"root"`)), "names a member twice"},
		{"exp twice", key.Seal(header, inside(`"exp":99999999999`)), "names a member twice"},
		{"a member twice far inside", key.Seal(header, inside(`"o":[{"a":{"b":1,"b":2}}]`)), "names a member twice"},
		{"ALG", key.Seal(`{"ALG":"EdDSA","kid":"k1"}`, string(payload)), "no key of oauth_source.gh"},

		{"crit", key.Seal(`{"alg":"EdDSA","kid":"k1","crit":["exp"],"exp":1}`, string(payload)), "crit, b64 or zip"},
		{"crit empty", key.Seal(`{"alg":"EdDSA","kid":"k1","crit":[]}`, string(payload)), "crit, b64 or zip"},
		{"crit null", key.Seal(`{"alg":"EdDSA","kid":"k1","crit":null}`, string(payload)), "crit, b64 or zip"},
		{"b64 false", key.Seal(`{"alg":"EdDSA","kid":"k1","crit":["b64"],"b64":false}`, string(payload)), "crit, b64 or zip"},
		{"b64 false without crit", key.Seal(`{"alg":"EdDSA","kid":"k1","b64":false}`, string(payload)), "crit, b64 or zip"},
		{"zip", key.Seal(`{"alg":"EdDSA","kid":"k1","zip":"DEF"}`, string(payload)), "crit, b64 or zip"},

		{"a header that is a list", key.Seal(`["EdDSA"]`, string(payload)), "header: it is not a JSON object"},
		{"white space in front of the header", key.Seal(" "+header, string(payload)), "header: it is not a JSON object"},
		{"a header that is null", key.Seal(`null`, string(payload)), "header: it is not a JSON object"},
		{"alg a number", key.Seal(`{"alg":5,"kid":"k1"}`, string(payload)), "is not a string"},
		{"kid a number", key.Seal(`{"alg":"EdDSA","kid":5}`, string(payload)), "is not a string"},
		{"kid an object", key.Seal(`{"alg":"EdDSA","kid":{}}`, string(payload)), "is not a string"},
		{"a payload that is a list", key.Seal(header, `[1]`), "payload: it is not a JSON object"},
		{"a payload that is a string", key.Seal(header, `"x"`), "payload: it is not a JSON object"},
		{"a payload cut off", key.Seal(header, string(payload[:len(payload)-1])), "payload: it is not well-formed"},
		{"a brace behind the payload", key.Seal(header, string(payload)+"}"), "payload: something follows"},
		{"a bracket behind the payload", key.Seal(header, string(payload)+"]"), "payload: something follows"},
		{"an object behind the payload", key.Seal(header, string(payload)+`{"sub":"root"}`), "payload: something follows"},
		{"NUL behind the payload", key.Seal(header, string(payload)+"\x00"), "payload: something follows"},
		{"a brace behind the header", key.Seal(header+"}", string(payload)), "header: something follows"},
		{"single quotes", key.Seal(header, `{'a':1}`), "payload: it is not well-formed"},
		{"NaN", key.Seal(header, inside(`"n":NaN`)), "payload: it is not well-formed"},
		{"a comment", key.Seal(header, inside(`/* */"n":1`)), "payload: it is not well-formed"},
		{"brackets that never close", key.Seal(header, `{"a":`+strings.Repeat("[", 10_000)), "payload: it is nested too deep"},
		{"a JWE", parts[0] + "." + parts[1] + "." + parts[2] + ".a.b", "three parts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { refused(t, d, tt.jwt, tt.reason) })
	}
	t.Run("white space behind the JSON is no fault", func(t *testing.T) {
		accepted(t, d, key.Seal(header+"\n", string(payload)+"\r\n \t"))
	})
}

// strayBits sets the last of the bits that the last character has too many.
func strayBits(segment string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, segment[len(segment)-1])
	return segment[:len(segment)-1] + alphabet[last^1:][:1]
}

func TestAnHonestTokenOfEachAlgorithm(t *testing.T) {
	d := newDaemon(t)
	free := enginetest.NewKey(t, "free", "RS256")
	free.Unpinned = true
	keys := []*enginetest.Key{free}
	for _, algorithm := range []string{"RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"} {
		keys = append(keys, enginetest.NewKey(t, algorithm, algorithm))
	}
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", keys...)}
	d.Serve(t, spec)
	for _, algorithm := range []string{"RS384", "RS512", "PS256", "PS384", "PS512"} { // whose key pins none
		keys = append(keys, signedAs(free, algorithm))
	}
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	for _, key := range keys {
		t.Run(key.Algorithm+" by the key "+key.ID, func(t *testing.T) {
			accepted(t, d, key.Mint(claims))
			accepted(t, d, key.MintWith(map[string]any{"kid": nil}, claims))
		})
	}
}

func zeroSignature(jwt string, size int) string {
	return jwt[:strings.LastIndexByte(jwt, '.')+1] + enginetest.Segment(make([]byte, size))
}

// derSignature signs as X.509 does and JWS does not.
func derSignature(k *enginetest.Key, header, payload string) string {
	input := enginetest.Segment([]byte(header)) + "." + enginetest.Segment([]byte(payload))
	joined := k.Signature(input)
	der := append([]byte{0x30, 70, 2, 33, 0}, joined[:32]...)
	der = append(append(der, 2, 33, 0), joined[32:]...)
	return input + "." + enginetest.Segment(der)
}

// That a key in the header lets nobody in stands in TestAttacks.
func TestKeysInTheHeaderSpoilNoHonestToken(t *testing.T) {
	d := newDaemon(t)
	key, other := enginetest.NewKey(t, "k1", "ES256"), enginetest.NewKey(t, "k1", "ES256")
	elsewhere := enginetest.NewIssuer(t, other)
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	d.Serve(t, spec)
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	headers := map[string]map[string]any{
		"jwk":                {"jwk": other.JWK()},
		"jku":                {"jku": elsewhere.JWKSURL()},
		"x5u":                {"x5u": elsewhere.JWKSURL()},
		"x5c":                {"x5c": []any{base64.StdEncoding.EncodeToString(other.PublicDER())}},
		"a jwk that is none": {"jwk": "x", "x5c": 5, "x5t": []any{}},
	}
	for name, header := range headers {
		t.Run(name, func(t *testing.T) { accepted(t, d, key.MintWith(header, claims)) })
	}
	if elsewhere.Fetches() != 0 {
		t.Error("keys were fetched from where the token says")
	}
}

func TestOneIssuerInTwoSources(t *testing.T) {
	d := newDaemon(t)
	// Two clusters with the same iss and, as it happens, the same kid.
	a, b, stranger := enginetest.NewKey(t, "k", "ES256"), enginetest.NewKey(t, "k", "ES256"), enginetest.NewKey(t, "k", "ES256")
	clusters := []engine.OAuthSource{github("a", a), github("b", b)}
	clusters[1].Require = enginetest.Require(map[string]any{"repository_owner_id": "1234"})
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	sub := fmt.Sprint(claims["sub"])
	tests := []struct {
		name    string
		from    []string
		jwt     string
		subject string // "" where it is refused
		reason  string
	}{
		{"the first one's key", []string{"oauth_source.a", "oauth_source.b"}, a.Mint(claims), "a/" + sub, ""},
		{"the second one's key", []string{"oauth_source.a", "oauth_source.b"}, b.Mint(claims), "b/" + sub, ""},
		{"the first one's key, named last", []string{"oauth_source.b", "oauth_source.a"}, a.Mint(claims), "a/" + sub, ""},
		{"a key of neither", []string{"oauth_source.a", "oauth_source.b"}, stranger.Mint(claims), "", "the first of 2 with that issuer"},
		{"a source that no access names", []string{"oauth_source.a"}, b.Mint(claims), "", "no key of oauth_source.a"},
		{"the claims that the second asks for do not bind the first", []string{"oauth_source.a", "oauth_source.b"}, a.Mint(enginetest.With(claims, map[string]any{"repository_owner_id": "6"})), "a/" + sub, ""},
		{"the claims that the second asks for", []string{"oauth_source.a", "oauth_source.b"}, b.Mint(enginetest.With(claims, map[string]any{"repository_owner_id": "6"})), "", "require_claims of the source"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := oneAccess(tt.from...)
			spec.Sources = clusters
			d.Serve(t, spec)
			if tt.subject == "" {
				refused(t, d, tt.jwt, tt.reason)
			} else if got := accepted(t, d, tt.jwt).Subject; got != tt.subject {
				t.Errorf("the subject is %q, want %q", got, tt.subject)
			}
		})
	}
}

func TestAllowAnyIssuerAndAudience(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	spec := oneAccess("oauth_source.any")
	spec.Sources = []engine.OAuthSource{github("any", key)}
	spec.Sources[0].Trust = engine.Trust{AllowAnyIssuer: true, AllowAnyAudience: true}
	d.Serve(t, spec)
	claims := enginetest.GitHubClaims(d.Clock.Now(), "https://elsewhere.example")
	accepted(t, d, key.Mint(claims))
	accepted(t, d, key.Mint(enginetest.With(claims, map[string]any{"iss": nil, "aud": nil})))
	refused(t, d, key.Mint(enginetest.With(claims, map[string]any{"exp": nil})), "exp")
	refused(t, d, enginetest.NewKey(t, "k", "ES256").Mint(claims), "no key")
}

// remote is a source whose keys are fetched from an issuer.
func remote(i *enginetest.Issuer) engine.OAuthSource {
	return engine.OAuthSource{
		Decl:      enginetest.Declare("remote", 100),
		Trust:     engine.Trust{Issuer: i.URL, Audiences: []string{audience}},
		JWKSURL:   i.JWKSURL(),
		AllowHTTP: true,
	}
}

func TestKeysOverHTTP(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256", "ES384", "EdDSA"} {
		for _, discovered := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, discovered %v", algorithm, discovered), func(t *testing.T) {
				d := newDaemon(t)
				first := enginetest.NewKey(t, "first", algorithm)
				i := enginetest.NewIssuer(t, first)
				spec := oneAccess("oauth_source.remote")
				spec.Sources = []engine.OAuthSource{remote(i)}
				if discovered {
					spec.Sources[0].JWKSURL, spec.Sources[0].WellKnownURL = "", i.WellKnownURL()
				}
				d.Serve(t, spec)
				claims := enginetest.With(enginetest.GitHubClaims(d.Clock.Now(), audience), map[string]any{"iss": i.URL})
				accepted(t, d, first.Mint(claims))

				// A new key is known from its first token on.
				second := enginetest.NewKey(t, "second", algorithm)
				i.Publish(second)
				accepted(t, d, second.Mint(claims))
				refused(t, d, first.Mint(claims), "no key of oauth_source.remote")

				// What was fetched is used while the issuer is broken or gone.
				i.Break(http.NotFound)
				accepted(t, d, second.Mint(claims))
				i.Stop()
				accepted(t, d, second.Mint(claims))
			})
		}
	}
}

func TestAnyIssuerMayBeDiscovered(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	i := enginetest.NewIssuer(t, key)
	spec := oneAccess("oauth_source.remote")
	spec.Sources = []engine.OAuthSource{remote(i)}
	spec.Sources[0].Trust = engine.Trust{AllowAnyIssuer: true, Audiences: []string{audience}}
	spec.Sources[0].JWKSURL, spec.Sources[0].WellKnownURL = "", i.WellKnownURL()
	d.Serve(t, spec)
	accepted(t, d, key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience)))
}

func TestKeysThatCannotBeHadAreNotTheClientsFault(t *testing.T) {
	key := enginetest.NewKey(t, "k", "ES256")
	tests := map[string]func(*enginetest.Issuer){
		"gone":   func(i *enginetest.Issuer) { i.Stop() },
		"broken": func(i *enginetest.Issuer) { i.Break(http.NotFound) },
		"garbage": func(i *enginetest.Issuer) {
			i.Break(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) })
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDaemon(t)
			i := enginetest.NewIssuer(t, key)
			spoil(i)
			spec := oneAccess("oauth_source.remote")
			spec.Sources = []engine.OAuthSource{remote(i)}
			d.Serve(t, spec)
			jwt := key.Mint(enginetest.With(enginetest.GitHubClaims(d.Clock.Now(), audience), map[string]any{"iss": i.URL}))
			_, err := show(t, d, jwt)
			var refusal *engine.Refusal
			if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.TemporarilyUnavailable {
				t.Fatalf("got %v, want temporarily_unavailable", err)
			}
			if reason := d.Audit.Last(t).Reason; !strings.Contains(reason, "getting the keys of oauth_source.remote") {
				t.Errorf("the reason is %q", reason)
			}
			if strings.Contains(refusal.Public.Description, i.URL) {
				t.Errorf("the client is told %q", refusal.Public.Description)
			}
		})
	}
}

// A source that is out of reach must not shut out the tokens of another with
// the same iss.
func TestASourceOutOfReachHarmsNoOther(t *testing.T) {
	d := newDaemon(t)
	near, far := enginetest.NewKey(t, "near", "ES256"), enginetest.NewKey(t, "far", "ES256")
	gone := enginetest.NewIssuer(t, far)
	gone.Stop()
	spec := oneAccess("oauth_source.remote", "oauth_source.near")
	spec.Sources = []engine.OAuthSource{remote(gone), github("near", near)}
	spec.Sources[0].Issuer = enginetest.GitHub
	d.Serve(t, spec)
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	if got := accepted(t, d, near.Mint(claims)); got.Source != "oauth_source.near" {
		t.Errorf("the source is %s", got.Source)
	}
	// For a token that nobody's known key verifies, the far one may be the one.
	_, err := show(t, d, far.Mint(claims))
	if refusal := (*engine.Refusal)(nil); !errors.As(err, &refusal) || refusal.Public.Code != oauth2.TemporarilyUnavailable {
		t.Errorf("got %v, want temporarily_unavailable", err)
	}
}
