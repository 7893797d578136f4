//go:build unix

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A form is a way in which a client can show who it is.
type form struct{ id, title string }

// forms are the rows of the table of clients.
var forms = []form{
	{"password-basic", "app password as `client_secret`, by Basic"},
	{"password-post", "app password as `client_secret`, in the body"},
	{"base64-basic", "base64 of `ACCOUNT:APP-PASSWORD` as `client_secret`, by Basic"},
	{"base64-post", "base64 of `ACCOUNT:APP-PASSWORD` as `client_secret`, in the body"},
	{"username", "`username` and `password`"},
	{"jwt-basic", "JWT as `client_secret`, by Basic"},
	{"jwt-post", "JWT as `client_secret`, in the body"},
	{"assertion", "JWT as `client_assertion`"},
	{"private-key", "JWT that the client signs itself (`private_key_jwt`)"},
	{"jwt-bearer", "grant `jwt-bearer`"},
	{"token-exchange", "grant `token-exchange`"},
}

// tokenRequest is how a client asked for a token, as it came over the wire.
type tokenRequest struct {
	form    string
	subject string // whom the token must be about
	basic   string // how Basic was encoded, where that can be told
}

// clientDoor stands between clients and the daemon, speaks TLS as a proxy
// would, and remembers what came through: so the table says what clients sent,
// not what was hoped that they send.
type clientDoor struct {
	*httptest.Server
	ca string // file

	mu           sync.Mutex
	requests     map[string]tokenRequest // by the token that was issued
	refused      int                     // token requests
	introspected map[string]int          // by token
	revoked      map[string]int          // by token
	fetched      map[string]int          // by path
}

func newClientDoor(t testing.TB, daemon string) *clientDoor {
	t.Helper()
	target, err := url.Parse(daemon)
	if err != nil {
		t.Fatal(err)
	}
	d := &clientDoor{
		ca: filepath.Join(t.TempDir(), "ca.pem"), requests: map[string]tokenRequest{},
		introspected: map[string]int{}, revoked: map[string]int{}, fetched: map[string]int{},
	}
	d.Server = httptest.NewTLSServer(d.watch(httputil.NewSingleHostReverseProxy(target)))
	t.Cleanup(d.Close)
	writeFile(t, d.ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw})))
	return d
}

func (d *clientDoor) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		d.remember(r, string(body), answer)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes()) //nolint:errcheck // the client has gone
	})
}

func (d *clientDoor) refusals() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

// forgetFetches begins anew to watch who fetches metadata and keys.
func (d *clientDoor) forgetFetches() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.fetched)
}

func (d *clientDoor) remember(r *http.Request, body string, answer *httptest.ResponseRecorder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	sent, err := url.ParseQuery(body)
	switch ok := err == nil && answer.Code == http.StatusOK; {
	case ok && r.URL.Path == "/oauth2/token":
		var got tokenAnswer
		if json.Unmarshal(answer.Body.Bytes(), &got) == nil {
			d.requests[got.AccessToken] = readTokenRequest(r, sent)
		}
	case r.URL.Path == "/oauth2/token":
		d.refused++
	case ok && r.URL.Path == "/oauth2/introspect":
		d.introspected[sent.Get("token")]++
	case ok && r.URL.Path == "/oauth2/revoke":
		d.revoked[sent.Get("token")]++
	case ok:
		d.fetched[r.URL.Path]++
	}
}

// readTokenRequest tells the form of a request that was answered with a token.
func readTokenRequest(r *http.Request, sent url.Values) tokenRequest {
	switch sent.Get("grant_type") {
	case "client_credentials":
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		return tokenRequest{form: "jwt-bearer", subject: subjectOfJWT(sent.Get("assertion"))}
	case "urn:ietf:params:oauth:grant-type:token-exchange":
		return tokenRequest{form: "token-exchange", subject: subjectOfJWT(sent.Get("subject_token"))}
	default:
		return tokenRequest{form: "grant " + sent.Get("grant_type")}
	}
	switch subject := subjectOfJWT(sent.Get("client_assertion")); {
	case strings.HasPrefix(subject, "self/"):
		return tokenRequest{form: "private-key", subject: subject}
	case subject != "":
		return tokenRequest{form: "assertion", subject: subject}
	case sent.Get("username") != "":
		return tokenRequest{form: "username", subject: sent.Get("username")}
	}
	if _, raw, basic := r.BasicAuth(); basic {
		secret, encoded := raw, ""
		switch decoded, err := url.QueryUnescape(raw); {
		case err == nil && strings.Contains(raw, "%"):
			secret, encoded = decoded, "percent-encoded"
		case strings.ContainsAny(raw, "=+/"):
			encoded = "raw"
		}
		kind, subject := kindOfSecret(secret)
		return tokenRequest{form: kind + "-basic", subject: subject, basic: encoded}
	}
	kind, subject := kindOfSecret(sent.Get("client_secret"))
	return tokenRequest{form: kind + "-post", subject: subject}
}

func kindOfSecret(secret string) (kind, subject string) {
	if subject := subjectOfJWT(secret); subject != "" {
		return "jwt", subject
	}
	if pair, err := base64.StdEncoding.DecodeString(secret); err == nil {
		if account, _, found := strings.Cut(string(pair), ":"); found {
			return "base64", account
		}
	}
	return "password", tableAccount
}

// subjectOfJWT is as whom a JWT gets in, "" for what is no JWT.
func subjectOfJWT(jwt string) string {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct{ Iss, Sub string }
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	if claims.Iss == tableClient {
		return "self/" + claims.Sub
	}
	return "ci/" + claims.Sub
}
