package hcl_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// accounts are the labels of the accounts that were read, in their order.
func accounts(l *hcl.Loaded) string {
	var labels []string
	for _, account := range l.Spec.Accounts {
		labels = append(labels, account.Label)
	}
	return strings.Join(labels, " ")
}

func account(label string) string { return fmt.Sprintf("service_account %q {\n}\n", label) }

func TestAFolderIsReadWholeAndInOrder(t *testing.T) {
	dir := folder(t, map[string]string{
		"b.hcl": account("b"), "a.hcl.json": `{"service_account": {"a": {}}}`, "a/z.hcl": account("az"), "a/deep/er/x.hcl": account("x"),
		".hidden.hcl": "not read", ".folder/x.hcl": "not read", "README.md": "not read", "c.tf": "not read", "hcl": "not read",
		"c.m2mdtest.hcl": "not read",
	})
	loaded := load(t, hcl.Options{Path: dir})
	if got := accounts(loaded); got != "a x az b" {
		t.Errorf("got %q", got)
	}
	want := []string{dir, dir + "/a", dir + "/a/deep", dir + "/a/deep/er"}
	if !slices.Equal(loaded.Folders, want) {
		t.Errorf("folders %q, want %q", loaded.Folders, want)
	}
}

func TestTestsAreReadWhereTheyAreAskedFor(t *testing.T) {
	dir := folder(t, map[string]string{"a.hcl": account("a"), "a.m2mdtest.hcl": "test \"x\" {\n}\n"})
	without := load(t, hcl.Options{Path: dir})
	with := hcl.Load(hcl.Options{Path: dir, WithTests: true})
	wantSummary(t, lines(t, with.Findings), `"expect" is missing`)
	if with.Spec.Hash != without.Spec.Hash {
		t.Error("tests in a file of their own change the hash, which the daemon would not know")
	}
}

func TestAFileIsAConfigurationOfItsOwn(t *testing.T) {
	dir := folder(t, map[string]string{"a.hcl": account("a"), "b.hcl": "broken"})
	loaded := load(t, hcl.Options{Path: filepath.Join(dir, "a.hcl")})
	if got := accounts(loaded); got != "a" {
		t.Errorf("got %q", got)
	}
}

// What a kubelet makes of a ConfigMap: names that link into ..data, which
// links to a folder with the date.
func TestAConfigMapIsReadThroughItsLinks(t *testing.T) {
	dir := folder(t, map[string]string{
		"..2026_11_21/a.hcl":      account("a") + "policy \"p\" {\n script_file = \"p.js\"\n inputs = { x = file(\"x.txt\") }\n}\n",
		"..2026_11_21/p.js":       "return true;",
		"..2026_11_21/x.txt":      "x",
		"..2026_11_21/other.conf": "not read",
	})
	link(t, "..2026_11_21", filepath.Join(dir, "..data"))
	for _, name := range []string{"a.hcl", "p.js", "x.txt", "other.conf"} {
		link(t, filepath.Join("..data", name), filepath.Join(dir, name))
	}
	loaded := load(t, hcl.Options{Path: dir})
	if got := accounts(loaded); got != "a" {
		t.Errorf("got %q", got)
	}
	if got := loaded.Spec.Policies[0]; got.Script.Text != "return true;" || got.Inputs["x"] != "x" {
		t.Errorf("got %+v", got)
	}
}

func link(t testing.TB, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

// Nothing that can lie in a folder stops the reading, or goes unmentioned
// where its name says that it should have been read.
func TestWhatCannotBeReadIsTold(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, dir string)
		want string
	}{
		{"missing", func(t *testing.T, dir string) { remove(t, dir) }, "does not exist"},
		{"empty", func(*testing.T, string) {}, "no configuration in"},
		{"a broken link", func(t *testing.T, dir string) { link(t, "nowhere", dir+"/a.hcl") }, "does not exist"},
		{"a link to itself", func(t *testing.T, dir string) { link(t, "a.hcl", dir+"/a.hcl") }, "cannot be read"},
		{"a folder that links to itself", func(t *testing.T, dir string) { link(t, ".", dir+"/sub") }, "is reached twice"},
		{"a folder that links to its parent", func(t *testing.T, dir string) {
			write(t, dir+"/sub/a.hcl", "")
			link(t, "..", dir+"/sub/up")
		}, "is reached twice"},
		{"a FIFO", func(t *testing.T, dir string) {
			if err := syscall.Mkfifo(dir+"/a.hcl", 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is not a regular file"},
		{"a device", func(t *testing.T, dir string) { link(t, "/dev/zero", dir+"/a.hcl") }, "lies outside of the configuration"},
		{"a socket", func(t *testing.T, dir string) {
			t.Chdir(dir) // a socket's path has to be short
			l, err := net.Listen("unix", "a.hcl")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, "is not a regular file"},
		{"not UTF-8", func(t *testing.T, dir string) { write(t, dir+"/a.hcl", "# \xff\n") }, "is not UTF-8 text"},
		{"NUL", func(t *testing.T, dir string) { write(t, dir+"/a.hcl", "# \x00\n") }, "is not UTF-8 text"},
		{"too large", func(t *testing.T, dir string) { write(t, dir+"/a.hcl", rep("#\n", 600_000)) }, "is too large"},
		{"too much", func(t *testing.T, dir string) {
			for i := range 70 {
				write(t, fmt.Sprintf("%s/%d.hcl", dir, i), rep("#", 1<<20))
			}
		}, "makes the configuration too large"},
		{"too many", func(t *testing.T, dir string) {
			for i := range 10_001 {
				write(t, fmt.Sprintf("%s/%d.hcl", dir, i), "")
			}
		}, "too many files"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.make(t, dir)
			got := lines(t, hcl.Load(hcl.Options{Path: dir}).Findings)
			wantSummary(t, got, tt.want)
		})
	}
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatMayNotBeReadIsTold(t *testing.T) {
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root may read everything")
	}
	dir := folder(t, map[string]string{"a.hcl": ""})
	if err := os.Chmod(dir+"/a.hcl", 0); err != nil {
		t.Fatal(err)
	}
	wantSummary(t, lines(t, hcl.Load(hcl.Options{Path: dir}).Findings), "permission denied")
}

// The path of a finding is what the user would type.
func TestPlacesAreAsTheUserWouldTypeThem(t *testing.T) {
	dir := folder(t, map[string]string{"m2md.d/sub/a.hcl": "x = 1\n"})
	t.Chdir(dir)
	for _, tt := range []struct{ path, want string }{
		{"./m2md.d", "m2md.d/sub/a.hcl:1,1"},
		{"m2md.d/sub/a.hcl", "m2md.d/sub/a.hcl:1,1"},
		{dir + "/m2md.d/", dir + "/m2md.d/sub/a.hcl:1,1"},
		{".", "m2md.d/sub/a.hcl:1,1"},
	} {
		if got := hcl.Load(hcl.Options{Path: tt.path}).Findings; len(got) != 1 || got[0].At.String() != tt.want {
			t.Errorf("with %s: %v, want %s", tt.path, got, tt.want)
		}
	}
}

// file() and script_file stay below the configuration, whatever links say.
func TestFilesStayBelowTheConfiguration(t *testing.T) {
	outside := folder(t, map[string]string{"secret.txt": "x", "p.js": "return true;"})
	dir := folder(t, map[string]string{"sub/in.txt": "inside"})
	link(t, outside+"/secret.txt", dir+"/linked.txt")
	link(t, outside, dir+"/.folder")
	link(t, "sub/in.txt", dir+"/within.txt")
	tests := []struct {
		name  string
		text  string
		allow []string
		want  string // "" for taken
	}{
		{"inside", `service_account "a" { display_name = file("sub/in.txt") }`, nil, ""},
		{"link inside", `service_account "a" { display_name = file("within.txt") }`, nil, ""},
		{"absolute, inside", fmt.Sprintf(`service_account "a" { display_name = file(%q) }`, dir+"/sub/in.txt"), nil, ""},
		{"up and down", `service_account "a" { display_name = file("sub/../sub/in.txt") }`, nil, ""},
		{"absolute, outside", fmt.Sprintf(`service_account "a" { display_name = file(%q) }`, outside+"/secret.txt"), nil, "lies outside"},
		{"upwards", `service_account "a" { display_name = file("../secret.txt") }`, nil, "lies outside"},
		{"link outside", `service_account "a" { display_name = file("linked.txt") }`, nil, "lies outside"},
		{"link of a folder outside", `service_account "a" { display_name = file(".folder/secret.txt") }`, nil, "lies outside"},
		{"outside, existing or not", `service_account "a" { display_name = file("/no/such") }`, nil, "lies outside"},
		{"allowed", fmt.Sprintf(`service_account "a" { display_name = file(%q) }`, outside+"/secret.txt"), []string{outside}, ""},
		{"link to allowed", `service_account "a" { display_name = file("linked.txt") }`, []string{outside}, ""},
		{"beside allowed", fmt.Sprintf(`service_account "a" { display_name = file(%q) }`, outside+"/secret.txt"), []string{outside + "/sub"}, "lies outside"},
		{"script outside", fmt.Sprintf(`policy "p" { script_file = %q }`, outside+"/p.js"), nil, "lies outside"},
		{"script allowed", fmt.Sprintf(`policy "p" { script_file = %q }`, outside+"/p.js"), []string{outside}, ""},
		{"key file outside", fmt.Sprintf(`signing_key "k" { private_key_file = %q }`, outside+"/secret.txt"), nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			write(t, dir+"/m2md.hcl", tt.text)
			loaded := hcl.Load(hcl.Options{Path: dir, AllowPaths: tt.allow})
			got := lines(t, loaded.Findings)
			if tt.want == "" && len(got) > 0 {
				t.Errorf("refused: %q", got)
			} else if tt.want != "" {
				wantSummary(t, got, tt.want)
			}
		})
	}
}

// Everything that was asked for is watched, so that what was absent is noticed
// when it comes.
func TestWhatWasReadOrTriedIsListed(t *testing.T) {
	dir := folder(t, map[string]string{
		"m2md.hcl": `
signing_key "a" { private_key_file = "/no/such.pem" }
policy "p" { script_file = "p.js" }
service_account "a" { display_name = file("x/y.txt") }
`, "p.js": "return true;"})
	loaded := hcl.Load(hcl.Options{Path: dir})
	want := []string{"/no/such.pem", dir + "/m2md.hcl", dir + "/p.js", dir + "/x/y.txt"}
	if !slices.Equal(loaded.Files, want) {
		t.Errorf("got %q, want %q", loaded.Files, want)
	}
}

// The hash can be shown and compared; the fingerprint sees everything.
func TestTheHashSeesTheFilesAndTheFingerprintSeesAll(t *testing.T) {
	files := map[string]string{
		"m2md.hcl": "signing_key \"a\" {\n private_key_file = \"key.pem\"\n}\npolicy \"p\" {\n script_file = \"p.js\"\n}\nservice_account \"a\" {\n display_name = file(\"name.txt\")\n}\n",
		"p.js":     "return true;", "key.pem": "1", "name.txt": "1",
	}
	dir := folder(t, files)
	first := load(t, hcl.Options{Path: dir}).Spec
	if again := load(t, hcl.Options{Path: folder(t, files)}).Spec; again.Hash != first.Hash || len(first.Hash) != 64 {
		t.Error("the same files elsewhere have another hash")
	}
	if again := load(t, hcl.Options{Path: dir}).Spec; again.Fingerprint != first.Fingerprint {
		t.Error("the same files have another fingerprint")
	}
	for name, changesHash := range map[string]bool{"m2md.hcl": true, "p.js": true, "key.pem": false, "name.txt": false} {
		write(t, filepath.Join(dir, name), files[name]+"\n")
		now := load(t, hcl.Options{Path: dir}).Spec
		if now.Fingerprint == first.Fingerprint {
			t.Errorf("a change of %s leaves the fingerprint", name)
		}
		if (now.Hash != first.Hash) != changesHash {
			t.Errorf("a change of %s: the hash changed = %v", name, now.Hash != first.Hash)
		}
		write(t, filepath.Join(dir, name), files[name])
	}
}

// In a CI without secrets, what is absent is unknown and not checked.
func TestMissingSecretsAreUnknownWhereThatIsAllowed(t *testing.T) {
	dir := folder(t, map[string]string{"m2md.hcl": `
locals {
  url = "https://${env("HOST")}/jwks"
}
signing_key "a" { private_key_file = "no-such.pem" }
signing_key "b" { private_key = env("KEY") }
oauth_source "s" {
  issuer        = env("ISSUER", "https://a.example")
  oidc_jwks_url = local.url
  ca_file       = env("CA_FILE")
}
provider "p" {
  audience = ["x", env("AUDIENCE")]
  access "a" {
    from           = [oauth_source.s]
    require_claims = { x = env("CLAIM"), y = { z = "w" } }
  }
}
`})
	if len(hcl.Load(hcl.Options{Path: dir, LookupEnv: notSetHere}).Findings) == 0 {
		t.Fatal("without the option, nothing is missed")
	}
	loaded := load(t, hcl.Options{Path: dir, LookupEnv: notSetHere, AllowMissingSecrets: true})
	want := []string{
		`environment variable "HOST" is not set`, `file "no-such.pem" does not exist`, `environment variable "KEY" is not set`,
		`environment variable "CA_FILE" is not set`, `environment variable "AUDIENCE" is not set`, `environment variable "CLAIM" is not set`,
	}
	if got := lines(t, loaded.Findings); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	spec := loaded.Spec
	if !spec.Incomplete || !spec.SigningKeys[0].Unknown["private_key_file"] || !spec.SigningKeys[1].Unknown["private_key"] {
		t.Error("the keys are not unknown")
	}
	source := spec.Sources[0]
	if !reflect.DeepEqual(source.Unknown, map[string]bool{"oidc_jwks_url": true, "ca_file": true}) || source.JWKSURL != "" || source.Issuer != "https://a.example" {
		t.Errorf("got %+v", source)
	}
	access := spec.Providers[0].Accesses[0]
	if !spec.Providers[0].Unknown["audience"] || !access.Unknown["require_claims"] || access.Require != nil {
		t.Errorf("got %+v", access)
	}
	if complete := loadText(t, "server {\n}\n").Spec; complete.Incomplete {
		t.Error("a complete configuration is incomplete")
	}
}

func TestAMissingScriptIsAFaultInAnyCase(t *testing.T) {
	dir := folder(t, map[string]string{"m2md.hcl": `policy "p" { script_file = "no-such.js" }`})
	loaded := hcl.Load(hcl.Options{Path: dir, AllowMissingSecrets: true})
	if loaded.Findings.Err() == nil {
		t.Error("it is taken")
	}
}

// The example of the product's page lands where the engine expects it.
func TestValuesLandInTheSpec(t *testing.T) {
	spec := load(t, hcl.Options{Path: "../testdata/valid/product"}).Spec
	checks := []struct {
		name      string
		got, want any
	}{
		{"listen", spec.Server.Listen, "127.0.0.1:9440"},
		{"external_url", spec.Server.ExternalURL, "https://auth.example.com"},
		{"trusted_proxies", spec.Server.TrustedProxies, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		{"unix", spec.Server.TrustUnix, true},
		{"tls", spec.Server.TLS.Certificate.Path, "tls.crt"},
		{"metrics", spec.Metrics.Listen, "127.0.0.1:9441"},
		{"algorithm", spec.SigningKeys[0].Algorithm, "ES256"},
		{"private_key_file", spec.SigningKeys[1].PrivateKey.Path, "own.pem"},
		{"certificate", spec.Certificates[0].Certificate.Path, "certs/partner.pem"},
		{"issuer", spec.Certificates[0].Issuer, "https://ci.partner.example"},
		{"profile", spec.Sources[0].Profile, "github-actions"},
		{"oidc_jwks_url", spec.Sources[0].JWKSURL, "https://token.actions.githubusercontent.com/.well-known/jwks"},
		{"oidc_jwks_file", spec.Sources[1].JWKS.Path, "jwks/cluster-a.json"},
		{"audiences", spec.Sources[1].Audiences, []string{"m2md"}},
		{"display_name", spec.Accounts[0].DisplayName, "Prometheus, cluster A"},
		{"groups", spec.Accounts[0].Groups, []string{"metrics"}},
		{"attributes", spec.Accounts[0].Attributes, map[string]any{"team": "sre"}},
		{"max_age", spec.Accounts[0].AppPasswords.MaxAge, 2160 * time.Hour},
		{"max_active", spec.Accounts[0].AppPasswords.MaxActive, 3},
		{"inputs", spec.Policies[0].Inputs, map[string]any{"repository": "my-user/my-repo"}},
		{"client_id", spec.Providers[0].ClientID, "loki"},
		{"audience", spec.Providers[0].Audience, []string{"loki"}},
		{"access_token_ttl", spec.Providers[0].AccessTokenTTL, engine.Lifetime(15 * time.Minute)},
		{"signing_key", spec.Providers[0].SigningKey.String(), "signing_key.main"},
		{"from", fmt.Sprint(spec.Providers[0].Accesses[0].From), "[oauth_source.github verification_certificate.partner]"},
		{"rule", spec.Providers[0].Accesses[1].Label, "metrics"},
		{"require_claims", unplaced(*spec.Providers[0].Accesses[0].Require), engine.Requirement{Fields: []engine.FieldRequirement{{Name: "repository_owner_id", Requirement: engine.Requirement{Equal: "1234"}}}}},
		{"policies", fmt.Sprint(spec.Providers[0].Accesses[0].Policies), "[policy.only_repo]"},
		{"external_host", spec.Providers[0].ForwardAuth.ExternalHost, "loki.example.com"},
		{"skip_paths", spec.Providers[0].ForwardAuth.SkipPaths, []string{"/ready", "/static/*"}},
	}
	for _, c := range checks {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
		}
	}
}

// The two syntaxes say the same.
func TestJSONSaysTheSame(t *testing.T) {
	native := loadText(t, `
locals { team = "sre" }
service_account "a" {
  groups     = ["x", local.team]
  attributes = { n = 3, ok = true, list = [1.5, "x"], deep = { a = "b" } }
  app_passwords {
    max_active = 2
  }
}
policy "p" { script = "return true;" }
provider "p" {
  signing_key = signing_key.k
  access "a" {
    from           = [service_account.a, provider.p]
    require_claims = { a = [true, pattern("x.*")], b = { c = 1 } }
    policies       = [policy.p]
    policy_mode    = "any"
  }
  access "b" {
    from = [oauth_source.s]
  }
}
`).Spec
	dir := folder(t, map[string]string{"m2md.hcl.json": `{
  "//": "a comment",
  "locals": {"team": "sre"},
  "service_account": {"a": {
    "groups": ["x", "${local.team}"],
    "attributes": {"n": 3, "ok": true, "list": [1.5, "x"], "deep": {"a": "b"}},
    "app_passwords": {"max_active": 2}
  }},
  "policy": {"p": {"script": "return true;"}},
  "provider": {"p": {
    "signing_key": "signing_key.k",
    "access": {
      "a": {
        "from": ["service_account.a", "provider.p"],
        "require_claims": {"a": [true, "${pattern(\"x.*\")}"], "b": {"c": 1}},
        "policies": ["policy.p"],
        "policy_mode": "any"
      },
      "b": [{"from": ["oauth_source.s"]}]
    }
  }}
}`})
	twin := load(t, hcl.Options{Path: dir}).Spec
	if a, b := withoutPlaces(t, native), withoutPlaces(t, twin); a != b {
		t.Errorf("native:\n%s\nJSON:\n%s", a, b)
	}
}

// withoutPlaces prints a Spec with all places taken out.
func withoutPlaces(t testing.TB, spec engine.Spec) string {
	t.Helper()
	spec.Hash, spec.Fingerprint = "", [32]byte{}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	text, err = json.MarshalIndent(prune(tree), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func prune(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		for _, place := range []string{"At", "Attrs"} {
			delete(tree, place)
		}
		for name, member := range tree {
			tree[name] = prune(member)
		}
	case []any:
		for i := range tree {
			tree[i] = prune(tree[i])
		}
	}
	return tree
}

func TestWithoutFilesTheServerHasItsDefault(t *testing.T) {
	spec := loadText(t, "# nothing\n").Spec
	if spec.Server.Listen != "127.0.0.1:9440" || spec.Server.At != (engine.Range{}) {
		t.Errorf("got %+v", spec.Server)
	}
}

func TestTheReferenceDescribesEveryAttribute(t *testing.T) {
	var visit func(docs []hcl.BlockDoc)
	visit = func(docs []hcl.BlockDoc) {
		for _, b := range docs {
			if b.Name == "" || b.Doc == "" {
				t.Errorf("block %q has no description", b.Name)
			}
			for _, a := range b.Attributes {
				if a.Doc == "" || a.Type == "" || (a.Type == hcl.TypeReference || a.Type == hcl.TypeReferences) && len(a.Kinds) == 0 {
					t.Errorf("%s.%s is not described", b.Name, a.Name)
				}
			}
			visit(b.Blocks)
		}
	}
	docs := hcl.Blocks()
	if len(docs) < 12 {
		t.Errorf("%d blocks", len(docs))
	}
	visit(docs)
}

// The blocks of the documentation are what somebody copies.
func TestTheTestsInTheDocumentationAreOfTheRightForm(t *testing.T) {
	text, err := os.ReadFile("../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)\n```hcl\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d blocks were found", len(blocks))
	}
	for _, block := range blocks {
		loaded := load(t, hcl.Options{Path: folder(t, map[string]string{"x.m2mdtest.hcl": block[1]}), WithTests: true})
		if len(loaded.Spec.Tests) == 0 {
			t.Errorf("no test is in\n%s", block[1])
		}
	}
}
