//go:build unix

package main

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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
	name string
	// versions are those of the packages that its name has after the colon, or
	// of itself; nil where the cells tell.
	versions func(*testing.T) []string
	run      func(*testing.T, *clientSite) []cell
}

var standardClients = []standardClient{
	{"curl", programVersion("curl"), runCurl},
	{"Go: x/oauth2, go-oidc", goVersions, runGo},
	{"Go: zitadel/oidc", nil, runZitadel},
	{"Node: openid-client, jose", nodeVersions("openid-client", "jose"), runNode("openid-client")},
	{"Node: oauth4webapi", nodeVersions("oauth4webapi"), runNode("oauth4webapi")},
	{"Python: Authlib", nil, runPython("authlib")},
	{"Python: requests-oauthlib", nil, runPython("requests_oauthlib")},
	{"Prometheus", programVersion("prometheus"), runPrometheus},
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
			column.versions = column.toldVersions()
			if client.versions != nil {
				column.versions = client.versions(t)
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
		made, committed = withoutVersions(made), withoutVersions(committed)
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

func withoutVersions(document string) string {
	return regexp.MustCompile(`(?m)^## .*$`).ReplaceAllStringFunc(document, func(heading string) string {
		return regexp.MustCompile(` [0-9]+(\.[0-9]+)+`).ReplaceAllString(heading, "")
	})
}

// clientColumn is what one client did.
type clientColumn struct {
	name     string
	versions []string
	cells    []cell
}

// of are the cells of a form or of a step.
func (c clientColumn) of(id string) []cell {
	return slices.DeleteFunc(slices.Clone(c.cells), func(one cell) bool { return one.Form != id && one.Step != id })
}

func (c clientColumn) offers(id string) bool {
	return slices.ContainsFunc(c.of(id), func(one cell) bool { return one.NotOffered == "" })
}

func (c clientColumn) toldVersions() (versions []string) {
	for _, one := range c.cells {
		if one.Version != "" {
			versions = append(versions, one.Version)
		}
	}
	return versions
}

// heading is the name with a version behind each part.
func (c clientColumn) heading() string {
	parts := strings.Split(c.name, ", ")
	for i := range parts {
		parts[i] += " " + c.versions[i]
	}
	return strings.Join(parts, ", ")
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
	fmt.Fprintf(b, "\n## %s\n\n", c.heading())
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
