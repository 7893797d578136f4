package hcl_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// Each expression gives the value of an attribute; "" for a fault.
func TestExpressionsAreComputed(t *testing.T) {
	tests := []struct {
		expr string
		want any
	}{
		{`"x"`, "x"},
		{`3`, json.Number("3")},
		{`0.1`, json.Number("0.1")},
		{`12345678901234567890`, json.Number("12345678901234567890")},
		{`1.50`, json.Number("1.5")},
		{`-1e3`, json.Number("-1000")},
		{`1 + 2 * 3`, json.Number("7")},
		{`true && !false`, true},
		{`lower("ABC")`, "abc"},
		{`join("-", ["a", "b"])`, "a-b"},
		{`format("%05.1f|%-4s|%d%%", 1.25, "x", 3)`, "001.2|x   |3%"},
		{`replace("a.b", ".", "-")`, "a-b"},
		{`jsondecode("{\"a\": [1, true]}")`, map[string]any{"a": []any{json.Number("1"), true}}},
		{`try(tonumber("x"), 4)`, json.Number("4")},
		{`[for s in ["a", "b"] : upper(s)]`, []any{"A", "B"}},
		{`{ for k, v in { a = "b" } : v => k }`, map[string]any{"b": "a"}},
		{`local.list[1]`, "b"},
		{`local.deep.a.b`, "x"},
		{`local["list"][0]`, "a"},
		{`local.list[*]`, []any{"a", "b"}},
		{`"${local.a}-${local.b}"`, "1-2"},
		{`env("SET")`, "value"},
		{`env("UNSET", "default")`, "default"},
		{`env("EMPTY")`, ""},
		{`file("x.txt")`, "content\n"},
		{`chomp(file("x.txt"))`, "content"},
		{`tolist(["a"])`, []any{"a"}},
		{`<<-EOT
    a
      b
    EOT
`, "a\n  b\n"},
	}
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			dir := folder(t, map[string]string{
				"m2md.hcl":  "service_account \"a\" {\n  attributes = {\n    x = " + tt.expr + "\n  }\n}\n",
				"b.hcl":     "locals {\n  b = local.a + 1\n  deep = { a = { b = local.x } }\n}\n",
				"sub/c.hcl": "locals {\n  a = 1\n  x = \"x\"\n  list = [\"a\", \"b\"]\n}\n",
				"x.txt":     "content\n",
			})
			env := map[string]string{"SET": "value", "EMPTY": ""}
			loaded := load(t, hcl.Options{Path: dir, LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
			if got := loaded.Spec.Accounts[0].Attributes["x"]; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %#v, want %#v", got, tt.want)
			}
		})
	}
}

// file() is relative to the file that says it, also where that is a local.
func TestFileIsRelativeToTheFileThatSaysIt(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.hcl": "service_account \"a\" {\n  groups = [local.name, file(\"x.txt\")]\n}\n", "x.txt": "above",
		"sub/b.hcl": "locals {\n  name = file(\"x.txt\")\n}\n", "sub/x.txt": "below",
	})
	if got := load(t, hcl.Options{Path: dir}).Spec.Accounts[0].Groups; !reflect.DeepEqual(got, []string{"below", "above"}) {
		t.Errorf("got %q", got)
	}
}

// A cycle is named, once, and what hangs on it is not told of again.
func TestACircleOfLocalsIsNamedOnce(t *testing.T) {
	loaded := hcl.Load(hcl.Options{Path: folder(t, map[string]string{"m2md.hcl": `
locals {
  a = local.b
  b = [local.c]
  c = local.a
  d = local.c
}
service_account "x" { display_name = local.d }
`})})
	if len(loaded.Findings) != 1 {
		t.Fatalf("got %v", loaded.Findings)
	}
	want := "local.a → local.b → local.c → local.a. Give one of them a value of its own."
	if got := loaded.Findings[0]; got.Detail != want || got.At.Start.Line != 3 {
		t.Errorf("got %+v", got)
	}
}

// Whatever is required is kept in its type, sorted by name.
func TestRequirementsAreKeptInTheirTypes(t *testing.T) {
	loaded := loadText(t, `
locals { owner = { repository_owner_id = "1234" } }
oauth_source "s" {
  oidc_jwks = "{}"
  require_claims = {
    "kubernetes.io" = { namespace = "default", serviceaccount = { name = ["a", pattern("b.*")] } }
    admin           = true
    n               = 3
    any             = [{ x = "y" }, 1.5]
  }
}
provider "p" {
  access "a" {
    from           = [oauth_source.s]
    require_claims = local.owner
  }
}
`)
	pattern, err := engine.ParsePattern("b.*")
	if err != nil {
		t.Fatal(err)
	}
	equal := func(name string, v any) engine.FieldRequirement {
		return engine.FieldRequirement{Name: name, Requirement: engine.Requirement{Equal: v}}
	}
	fields := func(f ...engine.FieldRequirement) engine.Requirement { return engine.Requirement{Fields: f} }
	want := fields(
		equal("admin", true),
		engine.FieldRequirement{Name: "any", Requirement: engine.Requirement{AnyOf: []engine.Requirement{fields(equal("x", "y")), {Equal: json.Number("1.5")}}}},
		engine.FieldRequirement{Name: "kubernetes.io", Requirement: fields(
			equal("namespace", "default"),
			engine.FieldRequirement{Name: "serviceaccount", Requirement: fields(
				engine.FieldRequirement{Name: "name", Requirement: engine.Requirement{AnyOf: []engine.Requirement{{Equal: "a"}, {Pattern: pattern}}}},
			)},
		)},
		equal("n", json.Number("3")),
	)
	if got := unplaced(*loaded.Spec.Sources[0].Require); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := loaded.Spec.Providers[0].Accesses[0].Require; !got.Match(engine.Claims{"repository_owner_id": "1234"}) || got.Match(engine.Claims{}) {
		t.Errorf("got %+v", got)
	}
}

// unplaced is a copy of a requirement that does not know where it stands.
func unplaced(r engine.Requirement) engine.Requirement {
	r.Fields, r.AnyOf = slices.Clone(r.Fields), slices.Clone(r.AnyOf)
	for i, field := range r.Fields {
		r.Fields[i] = engine.FieldRequirement{Name: field.Name, Requirement: unplaced(field.Requirement)}
	}
	for i := range r.AnyOf {
		r.AnyOf[i] = unplaced(r.AnyOf[i])
	}
	return r
}

// Each claim that is asked for knows its line, and one that is computed that
// of the attribute.
func TestRequirementsKnowWhereTheyStand(t *testing.T) {
	loaded := loadText(t, `locals { owner = { n = "1" } }
oauth_source "s" {
  oidc_jwks = "{}"
  require_claims = {
    admin           = true
    "kubernetes.io" = {
      namespace = ["a", "b"]
    }
  }
}
oauth_source "t" {
  oidc_jwks      = "{}"
  require_claims = local.owner
}
`)
	written, computed := loaded.Spec.Sources[0].Require.Fields, loaded.Spec.Sources[1].Require.Fields
	places := map[string]engine.Range{
		":5,23": written[0].At, ":6,23": written[1].At, ":7,19": written[1].Fields[0].At, ":13,20": computed[0].At,
	}
	for want, got := range places {
		if !strings.HasSuffix(got.String(), want) {
			t.Errorf("it stands at %s, want %s", got, want)
		}
	}
}

// The remedy names what was probably meant.
func TestMisspeltNamesAreRecognised(t *testing.T) {
	loaded := hcl.Load(hcl.Options{Path: folder(t, map[string]string{"m2md.hcl": `
providr "a" {
}
provider "b" {
  audiance = ["x"]
  acces "c" {
  }
  access "d" {
    from = [oauth_sorce.x]
  }
}
service_account "e" { display_name = local.naem }
locals { name = "x" }
`})})
	want := []string{"provider", "audience", "access", "oauth_source", "name"}
	if len(loaded.Findings) != len(want) {
		t.Fatalf("got %v", loaded.Findings)
	}
	for i, one := range loaded.Findings {
		if suffix := fmt.Sprintf(" Did you mean %q?", want[i]); len(one.Detail) < len(suffix) || one.Detail[len(one.Detail)-len(suffix):] != suffix {
			t.Errorf("%s: %s", one.Summary, one.Detail)
		}
	}
}
