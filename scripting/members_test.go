package scripting_test

import (
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

func TestAMisspeltMemberIsToldBeforeTheScriptRuns(t *testing.T) {
	tests := []struct{ script, at, summary, detail string }{
		{`return request.contxt`, "1,16", `request has no member "contxt"`, `Did you mean "context"?`},
		{`return request["contxt"]`, "1,16", `request has no member "contxt"`, "It has: context, user"},
		{`return request?.contxt`, "1,17", `request has no member "contxt"`, ""},
		{`return request.user.nmae === "ci"`, "1,21", `request.user has no member "nmae"`, `Did you mean "name"?`},
		{`return request.context.get("oauth_jwt", null)`, "1,24", `request.context has no member "get"`, "Write request.context.oauth_jwt"},
		{`return request.context.cert?.subjct === "x"`, "1,30", `request.context.cert has no member "subjct"`, `Did you mean "subject"?`},
		{`return inputs.unknown`, "1,15", `inputs has no member "unknown"`, "It has: repository."},
		{"const ctx = request.context;\nreturn ctx.foo", "2,12", `request.context has no member "foo"`, ""},
		{`let ctx = request.context; return ctx.foo`, "1,39", `request.context has no member "foo"`, ""},
		{`const a = request, b = a.http; return b.ip`, "1,41", `request.http has no member "ip"`, ""},
		{`const {contxt} = request; return contxt`, "1,8", `request has no member "contxt"`, ""},
		{`const {context: c} = request; return c.foo`, "1,40", `request.context has no member "foo"`, ""},
		{`const {context: {foo}} = request; return foo`, "1,18", `request.context has no member "foo"`, ""},
		{`const {user: {nmae: n}} = request; return n`, "1,15", `request.user has no member "nmae"`, ""},
		{`const f = () => request.user.foo; return f()`, "1,30", `request.user has no member "foo"`, ""},
		{`return c.foo; var c = request.context`, "1,10", `request.context has no member "foo"`, ""},
	}
	for _, tt := range tests {
		_, err := scripting.New(scripting.Options{}).CompilePolicy(source(tt.script, map[string]any{"repository": "x"}))
		found := engine.AsFindings(err, engine.Range{})
		if len(found) != 1 || found[0].Summary != tt.summary || !strings.Contains(found[0].Detail, tt.detail) || found[0].At.String() != "p.js:"+tt.at {
			t.Errorf("%s: %v %v, want %s at %s", tt.script, err, found, tt.summary, tt.at)
		}
	}
}

// Nothing is refused that may be meant otherwise.
func TestNoMemberIsRefusedThatMayBeRight(t *testing.T) {
	for _, script := range []string{
		`const jwt = request.context.oauth_jwt; return jwt.anything && jwt["kubernetes.io"].x`,
		`return request.user.attributes.anything === inputs.nested.anything`,
		`return request.http.headers["x-anything"] === null`,
		`const it = (request) => request.foo; return it({foo: true})`,
		`let c = request.context; c = {foo: true}; return c.foo`,
		`let c; if (request.provider) c = request.context; return c.foo`,
		`for (const request of [{foo: true}]) return request.foo`,
		`try { throw {foo: true} } catch (request) { return request.foo }`,
		`{ class request { static foo = true } return request.foo }`,
		`const [c = request] = [{foo: true}]; return c.foo`,
		`const {c = request} = {c: {foo: true}}; return c.foo`,
		`const {user = {}} = request; return user.foo`,
		`const c = request.provider ? request.context : {}; return c.foo`,
		`const c = request.context || {}; return c.foo`,
		`return "foo" in request.context`,
		`return request.context["f" + "oo"]`,
		`const x = x2, x2 = x; return x.foo`,
		`var c = request.context; { var c = {foo: true} } return c.foo`,
		`return request.constructor === undefined && request.toString === undefined`,
		`({c: this.request} = {}); return false`,
		`return typeof request.context.source.length`,
	} {
		if _, err := scripting.New(scripting.Options{}).CompilePolicy(source(script, map[string]any{"nested": map[string]any{}})); err != nil {
			t.Errorf("%s: %v", script, err)
		}
	}
}

func TestInputsThatAreNotKnownYetAreNotJudged(t *testing.T) {
	src := source(`return inputs.later === "x"`, nil)
	src.Unknown = map[string]bool{"inputs": true}
	if _, err := scripting.New(scripting.Options{}).CompilePolicy(src); err != nil {
		t.Error(err)
	}
}
