//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	jwtconfig "golang.org/x/oauth2/jwt"
)

// What stands here has each standard client do its cells of the table.

// readCells has a script do its cells.
func readCells(t *testing.T, s *clientSite, cmd *exec.Cmd) []cell {
	t.Helper()
	told, err := json.Marshal(s.told)
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(told), &errs
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+s.door.ca, "REQUESTS_CA_BUNDLE="+s.door.ca, "SSL_CERT_FILE="+s.door.ca)
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

func nodeVersions(names ...string) func(*testing.T) []string {
	return func(t *testing.T) []string {
		var versions []string
		for _, name := range names {
			var manifest struct{ Version string }
			if err := json.Unmarshal([]byte(readFile(t, filepath.Join(nodeModules(t), name, "package.json"))), &manifest); err != nil {
				t.Fatal(err)
			}
			versions = append(versions, manifest.Version)
		}
		return versions
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

// programVersion is the first version that a program tells.
func programVersion(program string) func(*testing.T) []string {
	return func(t *testing.T) []string {
		out, err := exec.CommandContext(t.Context(), needs(t, program), "--version").CombinedOutput()
		found := regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+`).Find(out)
		if err != nil || found == nil {
			t.Fatalf("%s --version: %v, %s", program, err, out)
		}
		return []string{string(found)}
	}
}

// runZitadel runs the program of testdata/e2e/zitadel, a module of its own,
// because m2md is to depend on none of what that client needs.
func runZitadel(t *testing.T, s *clientSite) []cell {
	program := os.Getenv("M2MD_ZITADEL_CLIENT")
	if program == "" {
		t.Skip("left out: the client of zitadel/oidc is built by make test and make e2e, which say so by M2MD_ZITADEL_CLIENT")
	}
	return readCells(t, s, exec.CommandContext(t.Context(), program))
}

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

func goVersions(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "golang.org/x/oauth2", "github.com/coreos/go-oidc/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(strings.ReplaceAll(string(out), "v", ""))
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
	take := func(form, how string, source oauth2.TokenSource) cell {
		one := cell{Form: form, How: how}
		token, err := source.Token()
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
	get := func(form, how, secret string, style oauth2.AuthStyle, params url.Values) cell {
		config := clientcredentials.Config{ClientID: tableClient, ClientSecret: secret, TokenURL: provider.Endpoint().TokenURL, AuthStyle: style, EndpointParams: params}
		return take(form, how, config.TokenSource(ctx))
	}
	self := jwtconfig.Config{Email: tableClient, Subject: tableClient, PrivateKey: []byte(s.told.PrivateKey), TokenURL: provider.Endpoint().TokenURL}
	cells := []cell{
		{Step: "verify", How: "`oidc.NewProvider(ctx, issuer)`, `provider.Verifier(&oidc.Config{ClientID: id}).Verify(ctx, token)` of go-oidc"},
		{Step: "introspect", NotOffered: "neither has it"},
		{Step: "revoke", NotOffered: "neither has it"},
		{Form: "private-key", NotOffered: "it signs no JWT for client authentication"},
		take("jwt-bearer", "`jwt.Config{Email: id, Subject: id, PrivateKey: key}` of x/oauth2, which signs for the client itself", self.TokenSource(ctx)),
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
