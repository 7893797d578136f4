//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

var updateClients = flag.Bool("update-clients", false, "write docs/clients.md anew, from what the clients did")

const (
	clientsDocument = "../../docs/clients.md"
	clientScripts   = "../../testdata/e2e/clients"

	tableClient  = "files"
	tableAccount = "backup01" // so long that base64 of it and its app password is padded

	grantJWTBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeJWT            = "urn:ietf:params:oauth:token-type:jwt"
)

// clientTable lets in a service account, the jobs of a CI platform, and a client
// that signs its own JWTs. Clients disagree on the audience of those.
const clientTable = `
service_account "` + tableAccount + `" {}

verification_certificate "ci" {
  certificate_file = "../ci.pem"
  issuer           = "https://ci.example.com"
  audiences        = ["m2md"]
}
verification_certificate "self" {
  certificate_file = "../ci.pem"
  issuer           = "` + tableClient + `"
  audiences        = ["%[1]s/providers/` + tableClient + `", "%[1]s/oauth2/token"]
}

provider "` + tableClient + `" {
  access "all" {
    from = [service_account.` + tableAccount + `, verification_certificate.ci, verification_certificate.self]
  }
}
`

// clientSite is a running daemon, and what clients are given.
type clientSite struct {
	*site
	door *clientDoor
	told toldClient
}

// toldClient is what a client is configured with. The scripts read it as JSON.
type toldClient struct {
	Issuer             string `json:"issuer"`
	TokenEndpoint      string `json:"token_endpoint"`
	RevocationEndpoint string `json:"revocation_endpoint"`
	ClientID           string `json:"client_id"`
	Account            string `json:"account"`
	Password           string `json:"password"`
	Pair               string `json:"pair"`
	JWT                string `json:"jwt"`
	JWTIssuer          string `json:"jwt_issuer"`
	JWTAudience        string `json:"jwt_audience"`
	PrivateKey         string `json:"private_key"`
}

func newClientSite(t *testing.T) *clientSite {
	t.Helper()
	s := newSite(t, "")
	door := newClientDoor(t, s.url)
	s.write("server.hcl", fmt.Sprintf("server {\n  listen = %q\n  external_url = %q\n  trusted_proxies = [\"127.0.0.1/32\"]\n}\n", s.address, door.URL))
	s.write("site.hcl", fmt.Sprintf(clientTable, door.URL))
	key := opensslKey(t, filepath.Join(s.dir, "ci.pem"), "RS256", "rsa:2048")
	s.serve()
	der, err := x509.MarshalPKCS8PrivateKey(key.Private)
	if err != nil {
		t.Fatal(err)
	}
	password := s.password(tableAccount)
	pair := base64.StdEncoding.EncodeToString([]byte(tableAccount + ":" + password))
	if !strings.HasSuffix(pair, "=") {
		t.Fatalf("base64 of %s and its app password has no padding: raw and percent-encoded Basic cannot be told apart", tableAccount)
	}
	return &clientSite{site: s, door: door, told: toldClient{
		Issuer: door.URL + "/providers/" + tableClient, TokenEndpoint: door.URL + "/oauth2/token", RevocationEndpoint: door.URL + "/oauth2/revoke",
		ClientID: tableClient, Account: tableAccount, Password: password, Pair: pair,
		JWT: key.Mint(jobClaims("https://ci.example.com")), JWTIssuer: "https://ci.example.com", JWTAudience: "m2md",
		PrivateKey: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}}
}

// cell is what a client did in one form; or with Step, how it does a step in
// all forms.
type cell struct {
	Form, Step string
	How        string
	NotOffered string `json:"not_offered"`
	Error      string

	Token    string
	Verified string // the sub that the client read
	Active   []bool // what introspection said, before and after the revocation

	Version string // of the client, in a record of its own

	basic string // as the wire had it
}

// The steps that follow a token.
var steps = []form{
	{"verify", "verifies the token, by the metadata and keys of the provider"},
	{"introspect", "introspects it"},
	{"revoke", "revokes it; introspection says inactive afterwards"},
}

// standardClient is a column of the table.
type standardClient struct {
	name    string
	version func(*testing.T) string // nil where the cells tell
	run     func(*testing.T, *clientSite) []cell
}

var standardClients = []standardClient{
	{"curl", curlVersion, runCurl},
	{"Go: x/oauth2, go-oidc", goVersions, runGo},
	{"Node: openid-client, jose", nodeVersions("openid-client", "jose"), runNode("openid-client")},
	{"Node: oauth4webapi", nodeVersions("oauth4webapi"), runNode("oauth4webapi")},
	{"Python: Authlib", nil, runPython("authlib")},
	{"Python: requests-oauthlib", nil, runPython("requests_oauthlib")},
	{"Prometheus", prometheusVersion, runPrometheus},
}

// TestE2EClientsGetTokensAsTheTableSays has standard clients, unchanged, get a
// token in every form that they can send, and writes what they did into a
// table: docs/clients.md must be that table.
func TestE2EClientsGetTokensAsTheTableSays(t *testing.T) {
	s := newClientSite(t)
	var columns []clientColumn
	for _, client := range standardClients {
		t.Run(client.name, func(t *testing.T) {
			s.door.forgetFetches()
			column := clientColumn{name: client.name, cells: client.run(t, s)}
			column.check(t, s)
			column.version = column.toldVersion()
			if client.version != nil {
				column.version = client.version(t)
			}
			columns = append(columns, column)
		})
	}
	t.Run("docs/clients.md", func(t *testing.T) {
		if len(columns) != len(standardClients) {
			t.Skipf("left out: the table, as only %d of %d clients ran", len(columns), len(standardClients))
		}
		compareClients(t, writeClients(columns))
	})
}

// compareClients wants the document as it was made, or writes it. Which
// versions an operating system other than CI's has is nobody's fault.
func compareClients(t *testing.T, made string) {
	t.Helper()
	if *updateClients {
		writeFile(t, clientsDocument, made)
		return
	}
	committed := readFile(t, clientsDocument)
	if os.Getenv("M2MD_REQUIRE_SERVERS") == "" {
		version := regexp.MustCompile(`(?m)^(## .*?) [0-9][^()\n]*$`)
		made, committed = version.ReplaceAllString(made, "$1"), version.ReplaceAllString(committed, "$1")
	}
	if made == committed {
		return
	}
	lines := strings.Split(committed, "\n")
	for i, line := range strings.Split(made, "\n") {
		if i >= len(lines) || lines[i] != line {
			t.Fatalf("docs/clients.md is not what the clients did; `go test ./cmd/m2md -run TestE2EClientsGetTokens -update-clients` writes it. Line %d should be\n%s", i+1, line)
		}
	}
	t.Fatal("docs/clients.md has more lines than the clients account for")
}

// clientColumn is what one client did.
type clientColumn struct {
	name, version string
	cells         []cell
}

// of are the cells of a form or of a step.
func (c clientColumn) of(id string) []cell {
	return slices.DeleteFunc(slices.Clone(c.cells), func(one cell) bool { return one.Form != id && one.Step != id })
}

func (c clientColumn) offers(id string) bool {
	return slices.ContainsFunc(c.of(id), func(one cell) bool { return one.NotOffered == "" })
}

func (c clientColumn) toldVersion() string {
	for _, one := range c.cells {
		if one.Version != "" {
			return one.Version
		}
	}
	return ""
}

// check holds what a client says that it did against what came over the wire.
func (c clientColumn) check(t *testing.T, s *clientSite) {
	t.Helper()
	for _, wanted := range slices.Concat(forms, steps) {
		if len(c.of(wanted.id)) == 0 {
			t.Errorf("the client says nothing of %s", wanted.id)
		}
	}
	for i := range c.cells {
		switch one := &c.cells[i]; {
		case one.Error != "":
			t.Errorf("%s: %s", one.Form, one.Error)
		case one.Form != "" && one.NotOffered == "":
			c.checkCell(t, s, one)
		}
	}
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	if c.offers("verify") && (s.door.fetched["/providers/"+tableClient+"/jwks"] == 0 || len(s.door.fetched) < 2) {
		t.Errorf("the client verified without metadata or keys: it fetched %v", s.door.fetched)
	}
}

func (c clientColumn) checkCell(t *testing.T, s *clientSite, one *cell) {
	t.Helper()
	active := s.isActive(t, one.Token)
	s.door.mu.Lock()
	defer s.door.mu.Unlock()
	sent, issued := s.door.requests[one.Token]
	one.basic = sent.basic
	asked, wantVerified, wantActive := s.door.introspected[one.Token]-1, "", []bool(nil) // one was ours
	if c.offers("verify") {
		wantVerified = sent.subject
	}
	if c.offers("introspect") {
		wantActive = []bool{true, false}
	}
	switch {
	case !issued:
		t.Errorf("%s: the client got no token", one.Form)
	case sent.form != one.Form:
		t.Errorf("%s: the client sent the form %s", one.Form, sent.form)
	case one.Verified != wantVerified:
		t.Errorf("%s: the client verified the token as one of %q, want %q", one.Form, one.Verified, wantVerified)
	case !slices.Equal(one.Active, wantActive) || asked != len(wantActive):
		t.Errorf("%s: introspection said %v in %d answers, want %v", one.Form, one.Active, asked, wantActive)
	case (s.door.revoked[one.Token] == 1) != c.offers("revoke"), active == c.offers("revoke"):
		t.Errorf("%s: the token was revoked %d times, and is active: %t", one.Form, s.door.revoked[one.Token], active)
	}
}

// isActive asks by the app password, whoever holds the token.
func (s *clientSite) isActive(t *testing.T, token string) bool {
	t.Helper()
	res, err := s.door.Client().PostForm(s.door.URL+"/oauth2/introspect", url.Values{"client_id": {tableClient}, "client_secret": {s.told.Password}, "token": {token}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var told struct{ Active *bool }
	if err := json.NewDecoder(res.Body).Decode(&told); err != nil || told.Active == nil {
		t.Fatalf("introspection answers %s, %v", res.Status, err)
	}
	return *told.Active
}

// readCells has a script do its cells.
func readCells(t *testing.T, s *clientSite, cmd *exec.Cmd) []cell {
	t.Helper()
	told, err := json.Marshal(s.told)
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(told), &errs
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+s.door.ca, "REQUESTS_CA_BUNDLE="+s.door.ca)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %s\n%s", cmd, err, errs.String())
	}
	var cells []cell
	for line := range strings.Lines(string(out)) {
		var one cell
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%s in %q", err, line)
		}
		cells = append(cells, one)
	}
	return cells
}

// nodeModules is where .ci/prepare had npm install what the lock file pins.
func nodeModules(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("M2MD_NODE_MODULES")
	if folder == "" {
		t.Skip("left out: the npm packages are installed by make test and make e2e, where there are Node and npm, which say so by M2MD_NODE_MODULES")
	}
	return folder
}

func runNode(name string) func(*testing.T, *clientSite) []cell {
	return func(t *testing.T, s *clientSite) []cell {
		modules, dir := nodeModules(t), t.TempDir()
		for _, script := range []string{name + ".mjs", "cells.mjs"} {
			writeFile(t, filepath.Join(dir, script), readFile(t, filepath.Join(clientScripts, script)))
		}
		if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil { // imports are searched beside the script
			t.Fatal(err)
		}
		return readCells(t, s, exec.CommandContext(t.Context(), needs(t, "node"), filepath.Join(dir, name+".mjs")))
	}
}

func nodeVersions(names ...string) func(*testing.T) string {
	return func(t *testing.T) string {
		var versions []string
		for _, name := range names {
			var manifest struct{ Version string }
			if err := json.Unmarshal([]byte(readFile(t, filepath.Join(nodeModules(t), name, "package.json"))), &manifest); err != nil {
				t.Fatal(err)
			}
			versions = append(versions, manifest.Version)
		}
		return strings.Join(versions, ", ")
	}
}

// runPython runs a script by the Python of the system, which alone has Debian's
// packages.
func runPython(module string) func(*testing.T, *clientSite) []cell {
	return func(t *testing.T, s *clientSite) []cell {
		python := needs(t, "/usr/bin/python3")
		if err := exec.CommandContext(t.Context(), python, "-c", "import "+module).Run(); err != nil {
			if os.Getenv("M2MD_REQUIRE_SERVERS") != "" {
				t.Fatalf("%s has no %s, and M2MD_REQUIRE_SERVERS says that it has", python, module)
			}
			t.Skipf("left out: %s has no %s", python, module)
		}
		return readCells(t, s, exec.CommandContext(t.Context(), python, "-B", filepath.Join(clientScripts, module+"_client.py")))
	}
}

// toolVersion is the first version that a program tells.
func toolVersion(t *testing.T, program string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), needs(t, program), "--version").CombinedOutput()
	found := regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+`).Find(out)
	if err != nil || found == nil {
		t.Fatalf("%s --version: %v, %s", program, err, out)
	}
	return string(found)
}

func curlVersion(t *testing.T) string       { return toolVersion(t, "curl") }
func prometheusVersion(t *testing.T) string { return toolVersion(t, "prometheus") }

// runCurl sends every form; what it sends is what the table shows, but for the
// secrets.
func runCurl(t *testing.T, s *clientSite) []cell {
	curl := needs(t, "curl")
	type written struct {
		form, args string
		holder     string // who asks afterwards, where that is not args
	}
	assertion := "-d client_id=$CLIENT -d client_assertion_type=" + jwtBearer + " -d client_assertion=$JWT"
	rows := []written{
		{"password-basic", "-u $CLIENT:$APP_PASSWORD", ""},
		{"password-post", "-d client_id=$CLIENT -d client_secret=$APP_PASSWORD", ""},
		{"base64-basic", "-u $CLIENT:$PAIR", ""},
		{"base64-post", "-d client_id=$CLIENT --data-urlencode client_secret=$PAIR", ""},
		{"username", "-d client_id=$CLIENT -d username=$ACCOUNT -d password=$APP_PASSWORD", ""},
		{"jwt-basic", "-u $CLIENT:$JWT", ""},
		{"jwt-post", "-d client_id=$CLIENT -d client_secret=$JWT", ""},
		{"assertion", assertion, ""},
		{"jwt-bearer", "-d grant_type=" + grantJWTBearer + " -d client_id=$CLIENT -d assertion=$JWT", assertion},
		{"token-exchange", "-d grant_type=" + grantTokenExchange + " -d client_id=$CLIENT -d subject_token=$JWT -d subject_token_type=" + typeJWT, assertion},
	}
	cells := []cell{
		{Step: "verify", NotOffered: "it reads no tokens"},
		{Step: "introspect", How: "`-d token=$TOKEN` at `/oauth2/introspect`"},
		{Step: "revoke", How: "`-d token=$TOKEN` at `/oauth2/revoke`"},
		{Form: "private-key", NotOffered: "it signs no tokens"},
	}
	ask := func(path, args string, answer any) error {
		words := append([]string{"-sS", "--fail-with-body", "--cacert", s.door.ca, s.door.URL + path}, s.words(args)...)
		out, err := exec.CommandContext(t.Context(), curl, words...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", path, err, out)
		}
		if answer == nil {
			return nil
		}
		return json.Unmarshal(out, answer)
	}
	for _, row := range rows {
		if row.holder == "" {
			row.holder, row.args = row.args, "-d grant_type=client_credentials "+row.args
		}
		one := cell{Form: row.form, How: "`" + row.args + "`"}
		var got tokenAnswer
		var before, after struct{ Active bool }
		err := ask("/oauth2/token", row.args, &got)
		about := " -d token=" + got.AccessToken
		for _, next := range []func() error{
			func() error { return ask("/oauth2/introspect", row.holder+about, &before) },
			func() error { return ask("/oauth2/revoke", row.holder+about, nil) },
			func() error { return ask("/oauth2/introspect", row.holder+about, &after) },
		} {
			if err == nil {
				err = next()
			}
		}
		if err != nil {
			one.Error = err.Error()
		}
		one.Token, one.Active = got.AccessToken, []bool{before.Active, after.Active}
		cells = append(cells, one)
	}
	return cells
}

// words fills in what stands for what the client was told.
func (s *clientSite) words(args string) []string {
	values := map[string]string{"CLIENT": s.told.ClientID, "ACCOUNT": s.told.Account, "APP_PASSWORD": s.told.Password, "PAIR": s.told.Pair, "JWT": s.told.JWT}
	words := strings.Fields(args)
	for i := range words {
		words[i] = os.Expand(words[i], func(name string) string { return values[name] })
	}
	return words
}

func goVersions(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "golang.org/x/oauth2", "github.com/coreos/go-oidc/v3").Output()
	versions := strings.Fields(string(out))
	if err != nil || len(versions) != 2 {
		t.Fatalf("go list: %v, %s", err, out)
	}
	return strings.TrimPrefix(versions[0], "v") + ", " + strings.TrimPrefix(versions[1], "v")
}

// goParameters are the forms that x/oauth2 sends as EndpointParams.
func (s *clientSite) goParameters() map[string]url.Values {
	return map[string]url.Values{
		"username":       {"username": {s.told.Account}, "password": {s.told.Password}},
		"assertion":      {"client_assertion_type": {jwtBearer}, "client_assertion": {s.told.JWT}},
		"jwt-bearer":     {"grant_type": {grantJWTBearer}, "assertion": {s.told.JWT}},
		"token-exchange": {"grant_type": {grantTokenExchange}, "subject_token": {s.told.JWT}, "subject_token_type": {typeJWT}},
	}
}

func runGo(t *testing.T, s *clientSite) []cell {
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, s.door.Client())
	provider, err := oidc.NewProvider(ctx, s.told.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: tableClient})
	get := func(form, how, secret string, style oauth2.AuthStyle, params url.Values) cell {
		config := clientcredentials.Config{ClientID: tableClient, ClientSecret: secret, TokenURL: provider.Endpoint().TokenURL, AuthStyle: style, EndpointParams: params}
		one := cell{Form: form, How: how}
		token, err := config.Token(ctx)
		if err != nil {
			one.Error = err.Error()
			return one
		}
		one.Token = token.AccessToken
		verified, err := verifier.Verify(ctx, token.AccessToken)
		if err != nil {
			one.Error = err.Error()
			return one
		}
		one.Verified = verified.Subject
		return one
	}
	cells := []cell{
		{Step: "verify", How: "`oidc.NewProvider(ctx, issuer)`, `provider.Verifier(&oidc.Config{ClientID: id}).Verify(ctx, token)` of go-oidc"},
		{Step: "introspect", NotOffered: "neither has it"},
		{Step: "revoke", NotOffered: "neither has it"},
		{Form: "private-key", NotOffered: "it signs no JWT for client authentication"},
	}
	for _, secret := range []struct{ form, name, value string }{{"password", "appPassword", s.told.Password}, {"base64", "pair", s.told.Pair}, {"jwt", "jwt", s.told.JWT}} {
		how := "`clientcredentials.Config{ClientSecret: " + secret.name + ", AuthStyle: oauth2."
		cells = append(cells,
			get(secret.form+"-basic", how+"AuthStyleInHeader}`", secret.value, oauth2.AuthStyleInHeader, nil),
			get(secret.form+"-basic", how+"AuthStyleAutoDetect}`, the default; what is refused it sends once more, in the body", secret.value, oauth2.AuthStyleAutoDetect, nil),
			get(secret.form+"-post", how+"AuthStyleInParams}`", secret.value, oauth2.AuthStyleInParams, nil))
	}
	for _, form := range forms {
		if params, found := s.goParameters()[form.id]; found {
			cells = append(cells, get(form.id, "`AuthStyleInParams`, no secret, `EndpointParams` with "+parameterNames(params), "", oauth2.AuthStyleInParams, params))
		}
	}
	before := s.door.refusals()
	if refused := get("", "", s.told.Password+"x", oauth2.AuthStyleAutoDetect, nil); refused.Error == "" || s.door.refusals() != before+2 {
		t.Errorf("finding out the style with a wrong secret: refused %d times, %q", s.door.refusals()-before, refused.Error)
	}
	return cells
}

func parameterNames(params url.Values) string {
	var names []string
	for _, name := range []string{"grant_type", "username", "password", "client_assertion_type", "client_assertion", "assertion", "subject_token", "subject_token_type"} {
		if params.Has(name) {
			names = append(names, "`"+name+"`")
		}
	}
	return strings.Join(names, ", ")
}

// runPrometheus has Prometheus scrape with a job for each form, and looks what
// token it shows.
func runPrometheus(t *testing.T, s *clientSite) []cell {
	program, dir := needs(t, "prometheus"), t.TempDir()
	var mu sync.Mutex
	shown := map[string]string{} // token by path
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		shown[strings.TrimPrefix(r.URL.Path, "/")] = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	}))
	t.Cleanup(target.Close)

	cells := []cell{
		{Step: "verify", NotOffered: "it passes tokens on"},
		{Step: "introspect", NotOffered: "it passes tokens on"},
		{Step: "revoke", NotOffered: "it passes tokens on"},
		{Form: "private-key", NotOffered: "this version signs no tokens"},
	}
	for _, kind := range []string{"password", "base64", "jwt"} {
		cells = append(cells, cell{Form: kind + "-post", NotOffered: "it sends the secret by Basic, and by the body only what was refused"})
	}
	config := "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
	add := func(form, how, oauth string) {
		cells = append(cells, cell{Form: form, How: how})
		config += fmt.Sprintf("- job_name: %s\n  metrics_path: /%s\n  oauth2: {client_id: %s, token_url: '%s', tls_config: {ca_file: '%s'}, %s}\n  static_configs: [{targets: ['%s']}]\n",
			form, form, tableClient, s.told.TokenEndpoint, s.door.ca, oauth, target.Listener.Addr())
	}
	for kind, secret := range map[string]string{"password": s.told.Password, "base64": s.told.Pair, "jwt": s.told.JWT} {
		file := filepath.Join(dir, kind)
		writeFile(t, file, secret+"\n") // as echo writes it
		add(kind+"-basic", "`oauth2`: `client_secret_file`, or `client_secret`", "client_secret_file: "+file)
	}
	for form, params := range s.goParameters() {
		var all []string
		for name := range params {
			all = append(all, fmt.Sprintf("%s: %q", name, params.Get(name)))
		}
		add(form, "`oauth2`: `client_secret_file: /dev/null`, as there must be one, and `endpoint_params` with "+parameterNames(params), "client_secret_file: /dev/null, endpoint_params: {"+strings.Join(all, ", ")+"}")
	}
	writeFile(t, filepath.Join(dir, "prometheus.yml"), config)
	start(t, program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+freeAddress(t), "--log.level=warn")
	for i := range cells {
		if cells[i].How == "" {
			continue
		}
		eventually(t, "scraped: "+cells[i].Form, func() bool {
			mu.Lock()
			defer mu.Unlock()
			cells[i].Token = shown[cells[i].Form]
			return cells[i].Token != ""
		})
	}
	return cells
}

// writeClients makes docs/clients.md.
func writeClients(columns []clientColumn) string {
	var b strings.Builder
	b.WriteString(`<!-- Written by go test ./cmd/m2md -run TestE2EClientsGetTokens -update-clients. Do not edit. -->

# Standard clients

Every cell of this page was seen by a test: the client, as its registry or Debian has it, got a token from a running daemon in that form, and
what it sent was read on the way. Where it can, it verified the token by what the provider publishes, introspected it, revoked it,
and was told by introspection that it is no longer active. ✓ works; – is not offered by the client.

|`)
	for _, c := range columns {
		b.WriteString(" | " + c.name)
	}
	b.WriteString(" |\n|---|" + strings.Repeat(":---:|", len(columns)) + "\n")
	for _, row := range slices.Concat(forms, steps) {
		b.WriteString("| " + row.title)
		for _, c := range columns {
			b.WriteString(" | " + map[bool]string{true: "✓", false: "–"}[c.offers(row.id)])
		}
		b.WriteString(" |\n")
	}
	b.WriteString(`
In what follows, an app password is ` + "`appPassword`, `app_password` or `$APP_PASSWORD`" + `, base64 of the account, a colon and it is ` + "`pair`" + `, and a JWT of
a source or certificate is ` + "`jwt`" + `. By Basic, some clients percent-encode a secret as RFC 6749 wants, and others send it raw: m2md takes both.
`)
	for _, c := range columns {
		c.describe(&b)
	}
	return b.String()
}

func (c clientColumn) describe(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s %s\n\n", c.name, c.version)
	for _, row := range slices.Concat(forms, steps) {
		for _, one := range c.of(row.id) {
			how := one.How
			switch {
			case one.NotOffered != "":
				how = "– " + one.NotOffered
			case one.basic != "":
				how += " (" + one.basic + ")"
			}
			fmt.Fprintf(b, "- %s: %s\n", row.title, how)
		}
	}
}
