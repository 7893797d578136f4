package hcl_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// sentinel is the secret that must not come out; it is given by env() and by
// file(). Its parts are looked for too, as functions take values apart.
const sentinel = "sw0rdfish-Marlin42"

func leaks(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "sw0rdfish") || strings.Contains(s, "marlin42") ||
		strings.Contains(s, strings.ToLower(base64.StdEncoding.EncodeToString([]byte(sentinel))))
}

// Each row takes the secret to a fault by another route. X stands for the
// call that yields the secret.
func TestNoFindingHoldsASecret(t *testing.T) {
	routes := []struct{ name, text string }{
		{"wrong type", `provider "a" { scopes = X }`},
		{"member of the wrong form", "provider \"a\" {\n scopes = [\"${X} x\"]\n}"},
		{"wrong word", `signing_key "a" { algorithm = X }`},
		{"bad URL", "oauth_source \"a\" {\n oidc_jwks_url = X\n}"},
		{"URL with a query", "server {\n external_url = \"https://a.example?x=${X}\"\n}"},
		{"bad duration", `provider "a" { access_token_ttl = X }`},
		{"bad address", `server { listen = X }`},
		{"bad network", `server { trusted_proxies = [X] }`},
		{"bad path", "provider \"a\" {\n forward_auth {\n skip_paths = [X]\n}\n}"},
		{"bad host", "provider \"a\" {\n forward_auth {\n external_host = X\n}\n}"},
		{"error of a function", `service_account "a" { display_name = tonumber(X) }`},
		{"error of a function about its argument", `service_account "a" { groups = [for k in [1] : regex(X, "y")] }`},
		{"error of jsondecode", `service_account "a" { attributes = jsondecode(X) }`},
		{"error of parseint", `service_account "a" { attributes = { a = parseint(X, 10) } }`},
		{"error of formatdate", `service_account "a" { display_name = formatdate(X, X) }`},
		{"index that does not exist", `service_account "a" { display_name = { a = "b" }[X] }`},
		{"index out of range", `service_account "a" { display_name = ["b"][X] }`},
		{"attribute of a string", `service_account "a" { display_name = X.name }`},
		{"conversion", `service_account "a" { display_name = X + 1 }`},
		{"condition", `service_account "a" { display_name = X ? "a" : "b" }`},
		{"branches of other types", `service_account "a" { display_name = true ? X : ["b"] }`},
		{"for over a string", `service_account "a" { groups = [for x in X : x] }`},
		{"key given twice", `service_account "a" { attributes = { for x in ["a", "b"] : X => x } }`},
		{"key computed", `service_account "a" { attributes = { (X) = null } }`},
		{"local", "locals {\n a = X\n b = { c = local.a }\n}\nservice_account \"a\" {\n display_name = local.b.c + 1\n}"},
		{"local that fails", "locals {\n a = tonumber(X)\n}\n"},
		{"local, indexed", "locals {\n a = X\n}\nservice_account \"a\" {\n display_name = {}[local.a]\n}"},
		{"pattern", "oauth_source \"a\" {\n oidc_jwks = \"{}\"\n require_claims = { a = pattern(\"(${X}\") }\n}"},
		{"requirement", "oauth_source \"a\" {\n oidc_jwks = \"{}\"\n require_claims = { a = [[X]] }\n}"},
		{"number in an object", `service_account "a" { attributes = { a = toset([X]) } }`},
		{"name of a variable", `service_account "a" { display_name = env(X) }`},
		{"name of a file", `service_account "a" { display_name = file(X) }`},
		{"name of a key file", `signing_key "a" { private_key_file = X }`},
		{"name of a script", `policy "a" { script_file = "${X}.js" }`},
		{"name of a script that is none", `policy "a" { script_file = X }`},
		{"script", `policy "a" { script = X }`},
		{"reference", `provider "a" { signing_key = X }`},
		{"references", "provider \"a\" {\n access \"b\" {\n from = [X]\n}\n}"},
		{"argument of an unknown function", `service_account "a" { display_name = uper(X) }`},
		{"try", `service_account "a" { display_name = try(tonumber(X), [][X]) }`},
		{"directive", "service_account \"a\" {\n display_name = \"%{if X}a%{endif}\"\n}"},
		{"splat", `service_account "a" { display_name = X.*.name }`},
		{"expansion of arguments", `service_account "a" { display_name = max(X...) }`},
		{"null of it", `service_account "a" { groups = [X == "x" ? "a" : null] }`},
		{"script in JSON", `{"policy": {"a": {"script": "${X}"}}}`},
		{"wrong type in JSON", `{"provider": {"a": {"scopes": "${X}"}}}`},
		{"error of a function in JSON", `{"service_account": {"a": {"display_name": "${tonumber(X)}"}}}`},
		{"key in JSON", `{"service_account": {"a": {"attributes": {"${X}": null}}}}`},
		{"index in JSON", `{"service_account": {"a": {"attributes": [{"a": "${{}[X]}"}]}}}`},
		{"local in JSON", `{"locals": {"a": "${X}"}, "service_account": {"a": {"display_name": "${local.a + 1}"}}}`},
		{"syntax in JSON", `{"service_account": {"a": {"display_name": "${X +}", "groups": ["${X}"], "attributes": {"a": "${tonumber(X)}"}}}}`},
		{"name of a file in JSON", `{"signing_key": {"a": {"private_key_file": "${X}"}}}`},
	}
	for _, route := range routes {
		for _, call := range []string{`env("SECRET")`, `file("secret.txt")`} {
			t.Run(route.name+" "+call[:3], func(t *testing.T) {
				name, text := "m2md.hcl", strings.ReplaceAll(route.text, "X", call)
				if strings.HasPrefix(text, "{") {
					name, text = "m2md.hcl.json", strings.ReplaceAll(route.text, "X", strings.ReplaceAll(call, `"`, `\"`))
				}
				dir := folder(t, map[string]string{name: text, "secret.txt": sentinel})
				checkSecrecy(t, dir)
			})
		}
	}
}

func checkSecrecy(t *testing.T, dir string) {
	t.Helper()
	loaded := hcl.Load(hcl.Options{Path: dir, LookupEnv: func(name string) (string, bool) { return sentinel, name == "SECRET" }})
	if loaded.Findings.Err() == nil {
		t.Fatal("this route leads to no fault")
	}
	lines(t, loaded.Findings)
	var text, machine bytes.Buffer
	if err := hcl.WriteText(&text, loaded.Findings, loaded.Sources, hcl.TextOptions{Color: true}); err != nil {
		t.Fatal(err)
	}
	if err := hcl.WriteJSON(&machine, loaded.Findings, loaded.Sources); err != nil {
		t.Fatal(err)
	}
	outputs := []string{text.String(), machine.String(), fmt.Sprintf("%+v", loaded.Findings), loaded.Findings.Error(), fmt.Sprintf("%q", loaded.Sources)}
	for _, output := range outputs {
		if leaks(output) {
			t.Fatalf("the secret is shown:\n%s", output)
		}
	}
}

// What a sound configuration holds is printed nowhere either, where it is
// kept as a secret.
func TestSecretsStaySecretsInTheSpec(t *testing.T) {
	dir := folder(t, map[string]string{
		"m2md.hcl":   "signing_key \"a\" {\n private_key = env(\"SECRET\")\n}\nsigning_key \"b\" {\n private_key_file = \"secret.txt\"\n}\n",
		"secret.txt": sentinel,
	})
	loaded := load(t, hcl.Options{Path: dir, LookupEnv: func(string) (string, bool) { return sentinel, true }})
	for i, want := range []engine.File{{Content: sentinel}, {Path: "secret.txt", Content: sentinel}} {
		if got := loaded.Spec.SigningKeys[i].PrivateKey; got != want {
			t.Errorf("key %d is another", i)
		}
	}
	if out := fmt.Sprintf("%+v %#v", loaded.Spec, loaded.Spec); leaks(out) {
		t.Errorf("the secret is shown: %s", out)
	}
	if _, kept := loaded.Sources[filepath.Join(dir, "secret.txt")]; kept {
		t.Error("the secret's file is among the sources")
	}
}

// A path that comes from env() may itself be telling.
func TestAPathFromTheEnvironmentIsNotKept(t *testing.T) {
	dir := folder(t, map[string]string{"m2md.hcl": "signing_key \"a\" {\n private_key_file = env(\"KEY\")\n}\n", "Marlin42.pem": "x"})
	loaded := load(t, hcl.Options{Path: dir, LookupEnv: func(string) (string, bool) { return "Marlin42.pem", true }})
	if got := loaded.Spec.SigningKeys[0].PrivateKey; got.Content != "x" || leaks(got.Path) {
		t.Errorf("the path is %q", got.Path)
	}
}
