package scripting_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// policiesPage is docs/policies.md.
func policiesPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// example is a script of the page, and what it says at its end that it returns.
type example struct{ script, returns, of string }

var returned = regexp.MustCompile(`// → (true|false|throws|\{.*\})(?: for (.*))?\n`)

func examples(t *testing.T) []example {
	t.Helper()
	var all []example
	page := policiesPage(t)
	editing, from := strings.Index(page, "## Modules and TypeScript"), strings.Index(page, "## From authentik's Python")
	if editing < 0 || from < editing {
		t.Fatal("the chapters are others")
	}
	page = page[:editing] + page[from:]
	for _, block := range regexp.MustCompile("(?s)```js\n(.*?)```").FindAllStringSubmatch(page, -1) {
		said := returned.FindStringSubmatch(block[1])
		if said == nil {
			t.Errorf("an example does not say what it returns:\n%s", block[1])
			continue
		}
		all = append(all, example{block[1], said[1], said[2]})
	}
	if len(all) < 15 {
		t.Fatalf("%d examples", len(all))
	}
	return all
}

func TestTheExamplesOfThePageDoWhatTheySay(t *testing.T) {
	onlyRepo := compile(t, productPolicy, map[string]any{"repository": "acme/api"})
	for _, one := range examples(t) {
		t.Run(strings.Split(one.script, "\n")[0], func(t *testing.T) {
			in := github(t)
			in.Policies = map[string]engine.Policy{"only_repo": onlyRepo}
			switch one.of {
			case "":
			case "a pod of the cluster":
				in.JWT = claims(t, kubernetesClaims)
			default:
				t.Fatalf("nobody knows the request of %s", one.of)
			}
			src := source(one.script, nil)
			compiler := scripting.New(scripting.Options{Deadline: deadline})
			if strings.HasPrefix(one.returns, "{") {
				mapping, err := compiler.CompileMapping(engine.MappingSource{Decl: src.Decl, Script: src.Script})
				if err != nil {
					t.Fatal(err)
				}
				got, err := mapping.Map(t.Context(), in)
				text, _ := json.Marshal(got)
				if err != nil || string(text) != one.returns {
					t.Errorf("returns %s, %v, and says %s", text, err, one.returns)
				}
				return
			}
			policy, err := compiler.CompilePolicy(src)
			if err != nil {
				t.Fatal(err)
			}
			verdict, err := policy.Evaluate(t.Context(), in)
			if verdict.Pass != (one.returns == "true") || (err != nil) != (one.returns == "throws") {
				t.Errorf("returns %v, %v, and says %s", verdict.Pass, err, one.returns)
			}
		})
	}
}

// Each member of the table is there: one that is not would be a finding. And
// each member that is there stands in the table.
func TestTheTableOfThePageHasEveryMember(t *testing.T) {
	var told []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`(?:request\\.|inputs`)[^|]*) \\|").FindAllStringSubmatch(policiesPage(t), -1) {
		for _, name := range regexp.MustCompile("`([a-z_.JWT]+)`").FindAllStringSubmatch(row[1], -1) {
			told = append(told, name[1])
		}
	}
	if len(told) < 20 {
		t.Fatalf("the table holds %q", told)
	}
	in := github(t)
	in.Certificate = &engine.PolicyCertificate{}
	for _, member := range told {
		if verdict, err := compile(t, "return "+member+" !== undefined", nil).Evaluate(t.Context(), in); !verdict.Pass || err != nil {
			t.Errorf("%s: %v", member, err)
		}
	}
	mapping, err := scripting.New(scripting.Options{Deadline: deadline}).CompileMapping(engine.MappingSource{Script: source(`
		const names = [];
		const walk = (path, value) => {
			for (const name of Object.keys(value)) {
				names.push(path + "." + name);
				if (["request", "request.context", "request.context.cert", "request.user", "request.http"].includes(path + "." + name)) walk(path + "." + name, value[name]);
			}
		};
		walk("request", request);
		for (const name of ["context", "user", "http"]) walk("request." + name, request[name]);
		return {names};`, nil).Script})
	if err != nil {
		t.Fatal(err)
	}
	there, err := mapping.Map(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range there["names"].([]any) {
		whole := name == "request.context" || name == "request.user" || name == "request.http" // told by their members
		if !whole && !slices.Contains(told, name.(string)) {
			t.Errorf("%s does not stand in the table", name)
		}
	}
}

func TestTheTableOfThePageHasEveryHelper(t *testing.T) {
	page := policiesPage(t)
	for _, name := range scripting.Helpers() {
		if !strings.Contains(page, "| `"+name+"(") {
			t.Errorf("%s does not stand in the table", name)
		}
	}
}
