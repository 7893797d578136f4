package main

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/fetch"
	"github.com/m2md/m2md/engine/oauth2"
)

// answering is a token endpoint that counts who asks.
func answering(t *testing.T, answer http.HandlerFunc) (address string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL + "/token", asked
}

// says answers with a body.
func says(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body) //nolint:errcheck // a client that went away is no fault of ours
	}
}

const jsonType = "application/json"

// issues answers with a token.
func issues(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", jsonType)
	io.WriteString(w, `{"access_token":"the-token","token_type":"bearer","expires_in":60}`) //nolint:errcheck // as above
}

// tokenSentinel is a secret that nothing but the token endpoint may see.
const tokenSentinel = "sentinel-5ecre7/of+the=client"

// echoes answers with what it was sent, in the place of a reason.
func echoes(description func(r *http.Request) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm() //nolint:errcheck // it is ours
		says(http.StatusUnauthorized, jsonType, fmt.Sprintf(`{"error":"invalid_client","error_description":%q,"request_id":%q}`, description(r), description(r)))(w, r)
	}
}

func TestNothingThatAServerSaysDoesHarm(t *testing.T) {
	elsewhere, reached := answering(t, issues)
	token := func(members string) string {
		return `{"access_token":"the-token","token_type":"Bearer"` + members + `}`
	}
	secretOf := func(r *http.Request) string { return r.PostForm.Get("client_secret") }
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string // in stderr
	}{
		{"a redirect that keeps the body", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		}, "it redirects, which is not followed here"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) }, "it redirects, which is not followed here"},
		{"more than anybody reads", says(200, jsonType, token(`,"x":"`+strings.Repeat("x", maxTokenAnswer)+`"`)), "larger than 65536 bytes"},
		{"a refusal without end", says(400, jsonType, strings.Repeat(" ", maxTokenAnswer+1)), "larger than 65536 bytes"},
		{"a drip", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ") //nolint:errcheck // it ends with its context
				w.(http.Flusher).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		}, "it took longer than "},
		{"HTML", says(200, "text/html", "<html>"), "it answers with an HTML page, not with JSON"},
		{"HTML that says otherwise", says(200, jsonType, " <!doctype html>"), "it answers with an HTML page, not with JSON"},
		{"a proxy's own page", says(502, "text/html", "<h1>Bad Gateway"), "it answers with status 502: an HTML page, probably of a proxy whose server is down"},
		{"another site", says(403, "text/html; charset=utf-8", "<h1>Forbidden"), "it answers with status 403: an HTML page, so another site or a proxy is at this URL"},
		{"another path", says(404, "text/plain", "404 page not found"), "it answers with status 404: there is no token endpoint at this URL"},
		{"a proxy that wants a password", says(407, "text/plain", "no"), "it answers with status 407: a proxy wants a password"},
		{"no reason", says(400, jsonType, "{}"), "it answers with status 400: and gives no reason"},
		{"a reason that is none", says(400, jsonType, `{"error":7}`), "it answers with status 400: and gives no reason"},
		{"no JSON", says(200, jsonType, "token=1"), "what it answers is not JSON"},
		{"two answers", says(200, jsonType, token("")+token("")), "what it answers is not JSON"},
		{"a member twice", says(200, jsonType, token(`,"access_token":"other"`)), "it names a member twice"},
		{"a list", says(200, jsonType, "["+token("")+"]"), "it is not a JSON object"},
		{"nothing", says(200, jsonType, ""), "what it answers is not JSON"},
		{"an error with status 200", says(200, jsonType, `{"error":"invalid_grant","error_description":"No."}`), "for a token: invalid_grant: No\n"},
		{"no token", says(200, jsonType, `{"token_type":"Bearer"}`), "without an access_token"},
		{"a token that is none", says(200, jsonType, `{"access_token":7,"token_type":"Bearer"}`), "without an access_token"},
		{"a line break in a token", says(200, jsonType, `{"access_token":"a\nb","token_type":"Bearer"}`), "holds a character that no token may have"},
		{"a quote in a token", says(200, jsonType, `{"access_token":"a\"b","token_type":"Bearer"}`), "holds a character that no token may have"},
		{"a letter beyond ASCII in a token", says(200, jsonType, `{"access_token":"ä","token_type":"Bearer"}`), "holds a character that no token may have"},
		{"no type", says(200, jsonType, `{"access_token":"a"}`), "without a token_type"},
		{"another type", says(200, jsonType, `{"access_token":"a","token_type":"DPoP"}`), `a token of type "DPoP", and only Bearer can be used`},
		{"a type to fool terminals", says(200, jsonType, `{"access_token":"a","token_type":"\u001b[2J`+strings.Repeat("x", 999)+`"}`), "a token of type \"\ufffd[2Jxxx"},
		{"a lifetime as text", says(200, jsonType, token(`,"expires_in":"60"`)), "expires_in is not a number of seconds"},
		{"no lifetime at all", says(200, jsonType, token(`,"expires_in":0`)), "expires_in is not a number of seconds"},
		{"a lifetime behind us", says(200, jsonType, token(`,"expires_in":-1`)), "expires_in is not a number of seconds"},
		{"a lifetime beyond all clocks", says(200, jsonType, token(`,"expires_in":1e300`)), "expires_in is not a number of seconds"},
		{"control characters", says(400, jsonType, `{"error":"a\u001b]0;x\u0007b","error_description":"c\r\nm2md: all is well\u202e\u009b"}`), "for a token: a\ufffd]0;x\ufffdb: c\ufffd\ufffdm2md: all is well\ufffd\ufffd\n"},
		{"a flood of words", says(400, jsonType, `{"error":"e","error_description":"`+strings.Repeat("word ", 9999)+`","request_id":"`+strings.Repeat("1", 9999)+`"}`), "word word …"},
		{"the secret", echoes(secretOf), "invalid_client: [hidden] (request [hidden])\n"},
		{"the secret in words", echoes(func(r *http.Request) string { return "the secret '" + secretOf(r) + "' is wrong" }), "invalid_client: the secret [hidden] is wrong"},
		{"the secret, cut off", echoes(func(r *http.Request) string { return "no " + secretOf(r)[:20] + "..." }), "invalid_client: no [hidden]"},
		{"the secret behind many words", echoes(func(r *http.Request) string { return strings.Repeat("w ", fetchedWords) + secretOf(r) }), "invalid_client: w w"},
		{"the body as it was sent", echoes(func(r *http.Request) string { return r.PostForm.Encode() }), "invalid_client: [hidden]"},
		{"an id that holds the secret", func(w http.ResponseWriter, r *http.Request) {
			r.ParseForm() //nolint:errcheck // it is ours
			w.Header().Set("X-Request-Id", "id-"+secretOf(r))
			says(400, jsonType, `{"error":"e"}`)(w, r)
		}, "for a token: e (request [hidden])\n"},
	}
	secret := secretFile(t, tokenSentinel)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, asked := answering(t, tt.answer)
			timeout := "30s"
			if tt.name == "a drip" {
				timeout = "2s"
			}
			got := runToken(t, nil, "--url", address, "--client-id", "c", "--auth", "post", "--app-password-file", secret, "--timeout", timeout)
			if got.code != exitFault || got.stdout != "" || !strings.HasPrefix(got.stderr, "m2md: asking http://127.0.0.1:") || !strings.Contains(got.stderr, tt.want) {
				t.Errorf("exit code %d, stdout %q, stderr %q, want %q", got.code, got.stdout, got.stderr, tt.want)
			}
			line, rest, _ := strings.Cut(got.stderr, "\n")
			if rest != "" || len([]rune(line)) > 600 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("it is not one short line: %q", got.stderr)
			}
			if shares(got.stderr, tokenSentinel) || shares(got.stderr, url.QueryEscape(tokenSentinel)) {
				t.Errorf("the secret is told: %q", got.stderr)
			}
			if asked.Load() != 1 {
				t.Errorf("the server was asked %d times", asked.Load())
			}
		})
	}
	if reached.Load() != 0 {
		t.Error("the credentials were taken elsewhere")
	}
}

// fetchedWords is how many words fill what is looked at of a description.
const fetchedWords = 790

// Whichever form a secret has on the wire, it is not told.
func TestNoFormOfASecretIsTold(t *testing.T) {
	const odd = "ä+ö/ü=ß&Ä%Ö:Ü"
	secret := secretFile(t, odd)
	jwt, actor := secretFile(t, enginetest.NewKey(t, "k", "ES256").Mint(map[string]any{"sub": "x"})), secretFile(t, "the-actor-is-opaque")
	tests := []struct {
		name string
		says func(*http.Request) string
		args []string
		want string
	}{
		{"Basic", func(r *http.Request) string { return r.Header.Get("Authorization") }, []string{"--app-password-file", secret}, "Basic [hidden]"},
		{"a form", func(r *http.Request) string { return r.PostForm.Encode() }, []string{"--app-password-file", secret, "--auth", "post"}, "[hidden]"},
		{"a form, decoded", func(r *http.Request) string { return r.PostForm.Get("client_secret") }, []string{"--app-password-file", secret, "--auth", "post"}, "[hidden]"},
		{"an assertion", func(r *http.Request) string { return r.PostForm.Get("client_assertion") }, []string{"--jwt-file", jwt}, "[hidden]; the JWT shown is of \"\" for \"\""},
		{"an actor", func(r *http.Request) string { return r.PostForm.Get("actor_token") }, []string{"--jwt-file", jwt, "--grant", "token-exchange", "--actor-token-file", actor}, "[hidden]; the JWT shown is of \"\" for \"\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
				r.ParseForm() //nolint:errcheck // it is ours
				says(401, jsonType, fmt.Sprintf(`{"error":"e","error_description":%q}`, "you sent "+tt.says(r)))(w, r)
			})
			got := runToken(t, nil, append([]string{"--url", address, "--client-id", "c"}, tt.args...)...)
			if !strings.HasSuffix(got.stderr, ": e: you sent "+tt.want+"\n") {
				t.Errorf("stderr is %q, want %q", got.stderr, tt.want)
			}
		})
	}
}

func TestSecretsAreTakenOutOfText(t *testing.T) {
	tests := []struct{ text, secret, want string }{
		{"all is well", "0123456789", "all is well"},
		{"it is 0123456789.", "0123456789", "it is [hidden]"},
		{"x=23456789&y", "0123456789", "[hidden]"},
		{"1234567 is too short to tell", "0123456789", "1234567 is too short to tell"},
		{"short: abc", "abc", "short: [hidden]"},
		{"nothing", "", "nothing"},
	}
	for _, tt := range tests {
		if got := withoutSecrets(tt.text, []string{tt.secret}); got != tt.want {
			t.Errorf("withoutSecrets(%q, %q) = %q, want %q", tt.text, tt.secret, got, tt.want)
		}
	}
}

// Each row is what is said and what goes over the wire.
func TestWhatIsSent(t *testing.T) {
	jwt := enginetest.NewKey(t, "k", "ES256").Mint(map[string]any{"sub": "x"})
	const password = "p w+ä:%&=é_1"
	passwordFile, jwtFile, opaqueFile := secretFile(t, password), secretFile(t, jwt), secretFile(t, "opaque")
	form := func(pairs ...string) url.Values {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Add(pairs[i], pairs[i+1])
		}
		return values
	}
	tests := []struct {
		name  string
		args  []string
		basic string // decoded
		form  url.Values
	}{
		{"Basic", []string{"--client-id", "a b:c", "--app-password-file", passwordFile}, "a+b%3Ac:p+w%2B%C3%A4%3A%25%26%3D%C3%A9_1", form("grant_type", "client_credentials")},
		{"post", []string{"--client-id", "a b:c", "--app-password-file", passwordFile, "--auth", "post"}, "", form("grant_type", "client_credentials", "client_id", "a b:c", "client_secret", password)},
		{"an account", []string{"--client-id", "c", "--app-password-file", passwordFile, "--username", "ü"}, "", form("grant_type", "client_credentials", "client_id", "c", "username", "ü", "password", password)},
		{"scopes and targets", []string{"--client-id", "c", "--app-password-file", passwordFile, "--auth", "post", "--scope", "a,b", "--scope", "c", "--audience", "x", "--audience", "y,z", "--resource", "https://r.test/?q=1,2"}, "",
			form("grant_type", "client_credentials", "client_id", "c", "client_secret", password, "scope", "a,b c", "audience", "x", "audience", "y,z", "resource", "https://r.test/?q=1,2")},
		{"an assertion", []string{"--client-id", "c", "--jwt-file", jwtFile}, "", form("grant_type", "client_credentials", "client_id", "c", "client_assertion", jwt, "client_assertion_type", oauth2.AssertionJWT)},
		{"a JWT as a grant", []string{"--jwt-file", jwtFile, "--grant", "jwt-bearer"}, "", form("grant_type", oauth2.JWTBearer, "assertion", jwt)},
		{"an exchange", []string{"--client-id", "c", "--jwt-file", jwtFile, "--grant", "token-exchange", "--subject-token-type", "id_token", "--actor-token-file", opaqueFile, "--actor-token-type", "urn:x"}, "",
			form("grant_type", oauth2.TokenExchange, "client_id", "c", "subject_token", jwt, "subject_token_type", oauth2.TypeIDToken, "actor_token", "opaque", "actor_token_type", "urn:x")},
		{"an exchange of what is no JWT", []string{"--jwt-file", opaqueFile, "--grant", "token-exchange", "--subject-token-type", "access_token"}, "",
			form("grant_type", oauth2.TokenExchange, "subject_token", "opaque", "subject_token_type", oauth2.TypeAccessToken)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got *http.Request
			address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
				r.ParseForm() //nolint:errcheck // then the form is not as wanted
				got = r
				issues(w, r)
			})
			if ran := runToken(t, nil, append([]string{"--url", address + "?v=1"}, tt.args...)...); ran.code != 0 || ran.stdout != "the-token\n" || ran.stderr != "" {
				t.Fatalf("exit code %d, stdout %q, stderr %q", ran.code, ran.stdout, ran.stderr)
			}
			encoded, _ := strings.CutPrefix(got.Header.Get("Authorization"), "Basic ")
			basic, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil || string(basic) != tt.basic || got.PostForm.Encode() != tt.form.Encode() {
				t.Errorf("it sent %q and %q, want %q and %q", basic, got.PostForm.Encode(), tt.basic, tt.form.Encode())
			}
			if got.Method != http.MethodPost || got.URL.RawQuery != "v=1" || got.Header.Get("Accept") != jsonType {
				t.Errorf("it asked %s %s for %q", got.Method, got.URL, got.Header.Get("Accept"))
			}
		})
	}
}

// atFirst answers with failures, one after the other, and then well.
func atFirst(failures ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		next := http.HandlerFunc(issues)
		if len(failures) > 0 {
			next, failures = failures[0], failures[1:]
		}
		mu.Unlock()
		next(w, r)
	}
}

// hangUp closes the connection instead of answering.
func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func busy(after string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", after)
		says(503, jsonType, `{"error":"temporarily_unavailable","error_description":"Later."}`)(w, r)
	}
}

func TestItTriesAgainOnlyWhereThatHelps(t *testing.T) {
	refusal := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "1")
			says(status, jsonType, `{"error":"`+code+`"}`)(w, r)
		}
	}
	tests := []struct {
		name     string
		failures []http.HandlerFunc
		asked    int32
		code     int
	}{
		{"a hang-up", []http.HandlerFunc{hangUp}, 2, 0},
		{"a server that will be there in a second", []http.HandlerFunc{busy("0")}, 2, 0},
		{"one that was there already", []http.HandlerFunc{busy("Mon, 01 Jan 2024 00:00:00 GMT")}, 2, 0},
		{"both", []http.HandlerFunc{hangUp, busy("1"), hangUp}, 4, 0},
		{"hang-ups without end", []http.HandlerFunc{hangUp, hangUp, hangUp, hangUp, hangUp}, 4, exitFault},
		{"a server that will be there tomorrow", []http.HandlerFunc{busy("86400")}, 1, exitFault},
		{"a server that does not say when", []http.HandlerFunc{busy("")}, 1, exitFault},
		{"a server that says nonsense", []http.HandlerFunc{busy("-1")}, 1, exitFault},
		{"a refused client", []http.HandlerFunc{refusal(401, "invalid_client")}, 1, exitFault},
		{"a refused client, with another status", []http.HandlerFunc{refusal(503, "invalid_client")}, 1, exitFault},
		{"a refused grant", []http.HandlerFunc{refusal(400, "invalid_grant")}, 1, exitFault},
		{"too many guesses", []http.HandlerFunc{refusal(429, "slow_down")}, 1, exitFault},
		{"a fault of the server", []http.HandlerFunc{refusal(500, "server_error")}, 1, exitFault},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, asked := answering(t, atFirst(tt.failures...))
			asker := newTestAsker(t, address)
			token, err := asker.token(t.Context())
			if (err == nil) != (tt.code == 0) || err == nil && token.text != "the-token" || asked.Load() != tt.asked {
				t.Errorf("it asked %d times, and has %v, %v; want %d times", asked.Load(), token, err, tt.asked)
			}
		})
	}
}

// newTestAsker asks with a secret, and does not wait long before it does so again.
func newTestAsker(t *testing.T, address string) *tokenAsker {
	t.Helper()
	server := &tokenServer{url: address}
	if err := server.connect("", time.Minute); err != nil {
		t.Fatal(err)
	}
	return &tokenAsker{
		server: server, wish: tokenWish{grant: oauth2.ClientCredentials, clientID: "c", basic: true}, stderr: io.Discard, pause: time.Millisecond,
		proof: &tokenProof{password: true, show: showText("the test", "secret-of-the-test", appPassword)},
	}
}

// Whoever shows a JWT that counts once needs another for another attempt.
func TestEachAttemptShowsAProofOfItsOwn(t *testing.T) {
	r := newTokenRig(t)
	github := newGitHub(t, r.key)
	var shown []string
	address, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm() //nolint:errcheck // it is ours
		if shown = append(shown, r.PostForm.Get("client_assertion")); len(shown) == 1 {
			busy("1")(w, r)
			return
		}
		issues(w, r)
	})
	got := runToken(t, github.env, "--url", address, "--client-id", "c", "--github-actions")
	if got.code != 0 || len(shown) != 2 || shown[0] == shown[1] || !strings.Contains(got.stderr, "trying again in 1s") {
		t.Errorf("exit code %d, %q, shown were %d", got.code, got.stderr, len(shown))
	}
}

func TestGitHubIsAskedAgainWhereItIsDown(t *testing.T) {
	r := newTokenRig(t)
	github := newGitHub(t, r.key)
	down := atFirst(says(503, "text/plain", "no"), says(502, "text/html", "<p>"))
	flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		recorded := httptest.NewRecorder()
		if down(recorded, q); recorded.Code != http.StatusOK {
			says(recorded.Code, "text/plain", "no")(w, q)
			return
		}
		github.ServeHTTP(w, q)
	}))
	t.Cleanup(flaky.Close)
	env := map[string]string{githubURL: flaky.URL + "/idtoken/run/job?api-version=2.0", githubToken: gitHubBearer}
	if got := runToken(t, env, "--url", r.url, "--client-id", "loki", "--github-actions"); got.code != 0 || strings.Count(got.stderr, "trying again") != 2 {
		t.Errorf("exit code %d, %q", got.code, got.stderr)
	}
}

// newSecureServer is a token endpoint over TLS, and what it is trusted by.
func newSecureServer(t *testing.T, answer http.HandlerFunc) (address, caFile string) {
	t.Helper()
	server := httptest.NewUnstartedServer(answer)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
}

func TestAServerIsTrustedByItsOwnCertificateOnly(t *testing.T) {
	address, caFile := newSecureServer(t, issues)
	secret := secretFile(t, tokenSentinel)
	tests := []struct {
		name   string
		env    map[string]string
		args   []string
		code   int
		stderr string
	}{
		{"its own", nil, []string{"--ca-file", caFile}, 0, ""},
		{"its own, by the environment", map[string]string{"M2MD_CA_FILE": caFile}, nil, 0, ""},
		{"none", nil, nil, exitFault, "certificate signed by unknown authority"},
		{"a file that is not there", nil, []string{"--ca-file", "/nowhere"}, exitFault, "reading --ca-file: open /nowhere: no such file"},
		{"a file without certificates", nil, []string{"--ca-file", secret}, exitFault, "reading --ca-file " + secret + ": its CA is not a list of certificates as PEM"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := runToken(t, tt.env, append(tt.args, "--url", address+"/token", "--client-id", "c", "--app-password-file", secret)...)
			if got.code != tt.code || !strings.Contains(got.stderr, tt.stderr) || shares(got.stderr, tokenSentinel) {
				t.Errorf("exit code %d and %q, want %d and %q", got.code, got.stderr, tt.code, tt.stderr)
			}
		})
	}
}

func TestTheEndpointIsDiscovered(t *testing.T) {
	documents := func(at string, issuer func(base string) string, endpoint string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			base := "http://" + r.Host
			switch r.URL.Path {
			case at:
				says(200, jsonType, fmt.Sprintf(`{"issuer":%q,"token_endpoint":%q}`, issuer(base), strings.Replace(endpoint, "BASE", base, 1)))(w, r)
			case "/t":
				issues(w, r)
			default:
				says(200, "text/html", "<p>a site that answers everything</p>")(w, r)
			}
		}
	}
	as := func(path string) func(string) string { return func(base string) string { return base + path } }
	const appended, inserted = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	tests := []struct {
		name   string
		issuer string // its path
		answer http.HandlerFunc
		want   string // in stderr; "" for a token
	}{
		{"behind the path", "/p", documents("/p"+appended, as("/p"), "BASE/t"), ""},
		{"behind a path that ends in a slash", "/p/", documents("/p"+appended, as("/p/"), "BASE/t"), ""},
		{"before the path", "/p", documents(inserted+"/p", as("/p"), "BASE/t"), ""},
		{"before a path that ends in a slash", "/p/q/", documents(inserted+"/p/q", as("/p/q/"), "BASE/t"), ""},
		{"without a path", "", documents(inserted, as(""), "BASE/t"), ""},
		{"a slash too few", "/p", documents("/p"+appended, as("/p/"), "BASE/t"), `/p/", which must be the same to the last slash`},
		{"another issuer", "/p", documents("/p"+appended, func(string) string { return "https://evil.test\u009b" }, "BASE/t"), "its issuer is \"https://evil.test\ufffd\""},
		{"no endpoint", "/p", documents("/p"+appended, as("/p"), ""), "it names no token_endpoint"},
		{"an endpoint without TLS", "/p", documents("/p"+appended, as("/p"), "http://auth.test/t"), "names: its URL is not https, so whoever is on the way would see secrets"},
		{"an endpoint that is none", "/p", documents("/p"+appended, as("/p"), "file:///etc/passwd"), "names: its URL is not https"},
		{"nothing", "/p", documents("/", as("/p"), "BASE/t"), "/.well-known/oauth-authorization-server/p: it answers with an HTML page"},
		{"a redirect", "/p", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, "it redirects, which is not followed here"},
	}
	secret := secretFile(t, tokenSentinel)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address, _ := answering(t, tt.answer)
			got := runToken(t, nil, "--issuer", strings.TrimSuffix(address, "/token")+tt.issuer, "--client-id", "c", "--app-password-file", secret)
			if tt.want == "" && (got.code != 0 || got.stdout != "the-token\n") || tt.want != "" && (got.code != exitFault || !strings.Contains(got.stderr, tt.want)) {
				t.Errorf("exit code %d, stdout %q, stderr %q, want %q", got.code, got.stdout, got.stderr, tt.want)
			}
		})
	}
}

func TestWhereTheServerIsIsReadFromItsURL(t *testing.T) {
	server := &tokenServer{}
	if err := server.connect("", time.Minute); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ url, at, base string }{
		{"https://auth.test", "https://auth.test/oauth2/token", "https://auth.test"},
		{"https://auth.test:8443/", "https://auth.test:8443/oauth2/token", "https://auth.test:8443"},
		{"https://auth.test/oauth2/token", "https://auth.test/oauth2/token", "https://auth.test"},
		{"https://auth.test/m2md/oauth2/token", "https://auth.test/m2md/oauth2/token", "https://auth.test/m2md"},
		{"https://auth.test/application/o/token/", "https://auth.test/application/o/token/", "https://auth.test"},
		{"https://idp.test/realms/x/protocol/openid-connect/token", "https://idp.test/realms/x/protocol/openid-connect/token", "https://idp.test"},
		{"http://127.0.0.1:1/t", "http://127.0.0.1:1/t", "http://127.0.0.1:1"},
		{"http://[::1]:1/t", "http://[::1]:1/t", "http://[::1]:1"},
		{"http://localhost:1/t", "http://localhost:1/t", "http://localhost:1"},
	}
	for _, tt := range tests {
		got, err := server.endpointAt(tt.url)
		if err != nil || got.at.String() != tt.at || got.base != tt.base {
			t.Errorf("%s: %s of %q, %v, want %s of %q", tt.url, got.at, got.base, err, tt.at, tt.base)
		}
	}
	for _, refused := range []string{"http://auth.test/t", "http://127.0.0.1.evil.test/t", "http://localhost.evil.test/", "ftp://auth.test/t", "auth.test", "https://u:p@auth.test/t", "https://auth.test/#t"} {
		if _, err := server.endpointAt(refused); err == nil {
			t.Errorf("%s is accepted", refused)
		}
	}
	server.allowHTTP = true
	if _, err := server.endpointAt("http://auth.test/t"); err != nil {
		t.Errorf("with --allow-http: %v", err)
	}
}

func FuzzTokenAnswer(f *testing.F) {
	f.Add(200, `{"access_token":"a","token_type":"Bearer","expires_in":1}`, tokenSentinel)
	f.Add(400, `{"error":"invalid_client","error_description":"`+tokenSentinel+`"}`, tokenSentinel)
	f.Add(503, "<html>", "x")
	f.Fuzz(func(t *testing.T, status int, body, secret string) {
		secrets := []string{secret, url.QueryEscape(secret)}
		token, err := readTokenAnswer(fetch.Response{Status: status, Body: []byte(body)}, time.Unix(0, 0), secrets)
		if err == nil {
			if token.text == "" || strings.ContainsFunc(token.text, notInToken) || token.lifetime < 0 {
				t.Errorf("%q is taken for a token of %s", token.text, token.lifetime)
			}
			return
		}
		if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) || len([]rune(err.Error())) > 600 {
			t.Errorf("the error is not one short line: %q", err)
		}
		// What we say ourselves, whatever the secret.
		ours := []string{hidden, "invalid_client"}
		if len(secret) >= shortestSecret && !slices.ContainsFunc(ours, func(o string) bool { return shares(o, secret) }) {
			said, _ := err.(*tokenRefusal)
			if said != nil && said.code != "" && (shares(said.code, secret) || shares(said.description, secret) || shares(said.requestID, secret)) {
				t.Errorf("the secret %q is told: %q", secret, err)
			}
		}
	})
}
