package serve_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/storage/memory"
)

// door is the doors of m2md on a free local port, with a daemon behind them.
type door struct {
	*enginetest.Daemon
	URL  string
	Log  *logBuffer
	Keys keys
}

// keys are those of the issuers that door's configuration knows.
type keys struct{ github, cluster *enginetest.Key }

// logBuffer is a log that several goroutines write to.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newDoor opens the doors. Nothing is served before a Serve.
func newDoor(t testing.TB) *door {
	t.Helper()
	return newDoorOn(t, memory.New())
}

func newDoorOn(t testing.TB, store enginetest.Store) *door {
	t.Helper()
	d := &door{
		Daemon: enginetest.NewDaemon(t, enginetest.Parts{
			Store: store,
			// Under -race on a busy machine 50 ms are soon over.
			Policies: scripting.New(scripting.Options{Deadline: 5 * time.Second}),
		}),
		Log:  &logBuffer{},
		Keys: keys{enginetest.NewKey(t, "gh1", "RS256"), enginetest.NewKey(t, "k8s1", "ES256")},
	}
	server := httptest.NewServer(d.handler())
	t.Cleanup(server.Close)
	d.URL = server.URL
	return d
}

func (d *door) handler() http.Handler {
	return serve.New(serve.Deps{
		Live:      &d.Live,
		Log:       slog.New(slog.NewTextHandler(d.Log, nil)),
		RequestID: rand.Text,
		Draining:  func() bool { return false },
	})
}

// audience is what input JWTs are for.
const audience = "https://auth.example.com"

// spec is the configuration that most tests serve: Loki for an account, CI and
// a cluster; a provider with an awkward client_id; and accounts that no access
// names.
func (d *door) spec() engine.Spec {
	trust := engine.Trust{Audiences: []string{audience}}
	github, cluster := trust, trust
	github.Issuer, cluster.Issuer = enginetest.GitHub, enginetest.Kubernetes
	everybody := enginetest.Refs("service_account.prometheus", "oauth_source.cluster")
	return engine.Spec{
		Server: engine.Server{ExternalURL: d.URL},
		Accounts: []engine.ServiceAccount{
			{Decl: enginetest.Declare("prometheus", 1), DisplayName: "Prometheus, cluster A", Groups: []string{"metrics", "sre"}},
			{Decl: enginetest.Declare("grafana", 2)},
			{Decl: enginetest.Declare("short", 3), AppPasswords: engine.AppPasswordRules{MaxAge: time.Hour}},
			{Decl: enginetest.Declare("nobody", 4)},
		},
		Sources: []engine.OAuthSource{
			{Decl: enginetest.Declare("github", 10), Trust: github, Profile: "github-actions", JWKS: engine.File{Content: engine.Secret(enginetest.JWKS(d.Keys.github))}},
			{Decl: enginetest.Declare("cluster", 11), Trust: cluster, Profile: "kubernetes", JWKS: engine.File{Content: engine.Secret(enginetest.JWKS(d.Keys.cluster))}},
		},
		Providers: []engine.Provider{
			{
				Decl: enginetest.Declare("loki", 20), Scopes: []string{"logs:read", "logs:write"},
				AccessTokenTTL: engine.Lifetime(10 * time.Minute),
				Accesses: []engine.Access{
					{Decl: enginetest.Declare("ci", 21), From: enginetest.Refs("oauth_source.github"), Require: enginetest.Require(map[string]any{"repository_owner_id": "1234"})},
					{Decl: enginetest.Declare("machines", 22), From: append(everybody, enginetest.Refs("service_account.grafana", "service_account.short")...)},
				},
			},
			{
				Decl: enginetest.Declare("odd", 30), ClientID: "team a/loki+1:é%41",
				Accesses: []engine.Access{{Decl: enginetest.Declare("all", 31), From: everybody}},
			},
			{
				Decl: enginetest.Declare("plus", 32), ClientID: "loki+1%41",
				Accesses: []engine.Access{{Decl: enginetest.Declare("all", 33), From: everybody}},
			},
		},
	}
}

// githubToken is an input JWT of a job that may come in.
func (d *door) githubToken() string {
	return d.Keys.github.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience))
}

// answer is what a door said.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any // nil where the body is no JSON object
}

func (a answer) text(member string) string {
	s, _ := a.json[member].(string)
	return s
}

// send makes a request and reads its answer.
func send(t testing.TB, req *http.Request) answer {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	json.Unmarshal(body, &a.json) //nolint:errcheck // nil says so
	return a
}

// ask sends a token request: a form, and an Authorization header unless "".
func (d *door) ask(t testing.TB, path, form, authorization string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, d.URL+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	return send(t, req)
}

// form encodes name, value, name, value, …, with the grant in front.
func form(pairs ...string) string {
	return "grant_type=client_credentials" + strings.TrimSuffix("&"+encodePairs(pairs), "&")
}

func encodePairs(pairs []string) string {
	parts := make([]string, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		parts = append(parts, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
	}
	return strings.Join(parts, "&")
}

// basic is HTTP Basic without any encoding of its halves, as curl sends it.
func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// basicEncoded is HTTP Basic as RFC 6749 §2.3.1 wants it.
func basicEncoded(id, secret string) string {
	return basic(url.QueryEscape(id), url.QueryEscape(secret))
}

// describable are the characters of error_description (RFC 6749 §5.2).
var describable = regexp.MustCompile(`\A[\x20-\x21\x23-\x5B\x5D-\x7E]+\z`)

// checkRefusal checks what holds of every refusal: an OAuth error that is safe
// to read, not cached, under a request id that the decision log has too.
func checkRefusal(t testing.TB, a answer, decision engine.Decision) {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type = %q", got)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q", got)
	}
	if !describable.MatchString(a.text("error_description")) {
		t.Errorf("error_description = %q, which RFC 6749 does not allow", a.text("error_description"))
	}
	id := a.header.Get("X-Request-Id")
	if id == "" || a.text("request_id") != id || decision.RequestID != id {
		t.Errorf("X-Request-Id = %q, request_id = %q, the decision's = %q; want one", id, a.text("request_id"), decision.RequestID)
	}
	if a.json["access_token"] != nil {
		t.Error("a refusal holds a token")
	}
}

// payload decodes the middle of a JWT without verifying it.
func payload(t testing.TB, token string) map[string]any { return segment(t, token, 1) }

func segment(t testing.TB, token string, i int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[i])
	if err != nil {
		t.Fatal(err)
	}
	var decoded map[string]any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}
