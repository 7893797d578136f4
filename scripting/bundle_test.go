package scripting_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// script makes a source of files, of which the first is the script.
func files(t testing.TB, archive string) engine.PolicySource {
	t.Helper()
	src := engine.PolicySource{Decl: engine.Decl{Label: "p"}, Inputs: map[string]any{"repository": "acme/api"}}
	src.Script.Modules = map[string]string{}
	for part := range strings.SplitSeq(archive, "-- ") {
		name, text, found := strings.Cut(part, " --\n")
		switch {
		case !found:
			continue
		case src.Script.Path == "":
			start := engine.Pos{Line: 1, Column: 1}
			src.Script.Path, src.Script.Text, src.Script.At = name, text, engine.Range{File: name, Start: start, End: start}
		default:
			src.Script.Modules[name] = text
		}
	}
	if src.Script.Path == "" {
		t.Fatal("no file")
	}
	return src
}

func TestModulesAndTypeScriptDecide(t *testing.T) {
	tests := []struct{ name, archive string }{
		{"a script without import and export is the body of a function", "-- p.js --\nreturn request.context.oauth_jwt.repository === inputs.repository\n"},
		{"the same with types", "-- p.ts --\nconst jwt = request.context.oauth_jwt as any;\nreturn (jwt.repository as string) === inputs.repository\n"},
		{"the word import in a comment makes no module", "-- p.js --\n// import and export are not needed\nreturn true\n"},
		{"a module", "-- p.js --\nexport default function (request, inputs) { return request.context.oauth_jwt.repository === inputs.repository }\n"},
		{"parameters have the names that the author likes", "-- p.js --\nexport default (r, {repository}) => r.context.oauth_jwt.repository === repository\n"},
		{"a function that is exported by its name", "-- p.ts --\nfunction decide(request: any): boolean { return request.provider === 'loki' }\nexport { decide as default }\n"},
		{"types, enumerations and namespaces", `-- p.ts --
interface Claims { repository: string }
enum Event { Push = "push", Pull = "pull_request" }
enum Level { Low, High }
namespace Names { export const owner = "acme" }
type Jwt = Claims & Record<string, unknown>;
export default function (request: any, inputs: { repository: string }): boolean {
  const jwt = request.context.oauth_jwt as Jwt;
  return jwt!.repository === inputs.repository && jwt.event_name === Event.Push && Level[1] === "High" && Names.owner === jwt.repository_owner;
}
`},
		{"files beside it and above it", `-- m2md.d/policies/p.ts --
import { owner } from "../lib/owner.js";
import isMain, { type Claims } from "./ref.ts";
import table from "../data/table.json" with { type: "json" };
export default (request: any) => {
  const jwt: Claims = request.context.oauth_jwt;
  return owner(jwt) && isMain(jwt) && table.repositories.includes(jwt.repository);
};
-- m2md.d/lib/owner.js --
import { names } from "./names.js";
export const owner = (jwt) => names.has(jwt.repository_owner);
-- m2md.d/lib/names.js --
export const names = new Set(["acme"]);
-- m2md.d/policies/ref.ts --
export type Claims = { ref: string, repository: string };
export default function isMain(jwt: Claims) { return jwt.ref === "refs/heads/main" }
-- m2md.d/data/table.json --
{"repositories": ["acme/api", "acme/web"]}
`},
		{"a name of two files is two things", "-- p.js --\nimport {x} from './a.js'; const y = 1; export default () => x() === 2 && y === 1\n-- a.js --\nconst y = 2; export const x = () => y;\n"},
		{"import * whose members are written out", "-- p.js --\nimport * as lib from './a.js'; export default () => lib.x === 2\n-- a.js --\nexport const x = 2;\n"},
		{"what is passed on", "-- p.js --\nimport {x} from './a.js'; export default () => x === 2\n-- a.js --\nexport * from './b.js';\n-- b.js --\nexport const x = 2;\n"},
		{"a cycle of functions, where hcl lets one through", "-- p.js --\nimport {even} from './a.js'; export default () => even(4)\n-- a.js --\nimport {odd} from './b.js'; export const even = n => n === 0 || odd(n - 1);\n-- b.js --\nimport {even} from './a.js'; export const odd = n => n !== 0 && even(n - 1);\n"},
		{"a module's own request", "-- p.js --\nconst request = 1, inputs = 2; export default (r, i) => r.provider === 'loki' && request + inputs === 3\n"},
		{"names with characters of any kind", "-- dir with space/pö*/.js --\nimport {x} from './a\"b.js'; export default () => x\n-- dir with space/pö*/a\"b.js --\nexport const x = true\n"},
		{"classes with private fields", "-- p.ts --\nclass Repo { #name: string; constructor(private readonly full: string) { this.#name = full } is(x: string) { return this.#name === x && this.full === x } }\nexport default (r: any, i: any) => new Repo(r.context.oauth_jwt.repository).is(i.repository)\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			policy, err := scripting.New(scripting.Options{Deadline: deadline}).CompilePolicy(files(t, tt.archive))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := policy.Evaluate(t.Context(), github(t)); err != nil || !got.Pass {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// Each row's place is where ⟦ stands in its files.
func TestFaultsInModulesStandInTheFilesOfTheAuthor(t *testing.T) {
	tests := []struct{ name, archive, summary, detail string }{
		{"syntax of TypeScript", "-- p.ts --\nexport default function (request: any) {\n  return ⟦] 1;\n}\n", "invalid TypeScript: unexpected", ""},
		{"syntax of another file", "-- p.ts --\nimport {x} from './a.js';\nexport default () => x\n-- a.js --\nexport const ⟦= 1;\n", "invalid JavaScript", ""},
		{"an async function behind types", "-- p.ts --\ninterface A { a: string }\nexport default function (request: any) {\n  const f = ⟦async () => true;\n  return f();\n}\n", "async functions are not supported", ""},
		{"a generator of another file", "-- p.ts --\nimport {g} from './a.ts';\nexport default () => g\n-- a.ts --\ntype T = string;\n\nexport const ü: T = 'ü', g = ⟦function* () {};\n", "Generators are not supported", ""},
		{"a BigInt", "-- p.ts --\nexport default (r: any) => r.time === ⟦12n\n", "BigInt is not supported", ""},
		{"await", "-- p.js --\nexport default ⟦async (r) => { await r }\n", "async functions are not supported", ""},
		{"a parameter's rest", "-- p.ts --\nexport default (r: any) => ((⟦[a, ...b]: string[]) => b.length)(r)\n", "Rest element not supported here", ""},
		{"no default export", "-- p.ts --\n⟦export const x = 1\n", "the module has no default export", "export default"},
		{"a default export that is no function", "-- p.ts --\nimport { x } from './a.ts';\nexport default ⟦{ x };\n-- a.ts --\nexport const x = 1;\n", "the default export is no function", "export default function"},
		{"return beside export", "-- p.ts --\nexport const x = 1;\n⟦return true;\n", "a module cannot return", "export default function"},
		{"a name that a file has not", "-- p.ts --\nimport { ⟦nope } from './a.ts';\nexport default () => nope\n-- a.ts --\nexport const yes = 1;\n", `"a.ts" exports no "nope"`, ""},
		{"a file that was not read", "-- p.ts --\nimport { nope } from ⟦'./b.ts';\nexport default () => nope\n", `"./b.ts" was not read`, ""},
		{"a file that exports nothing", "-- p.ts --\nimport nope from './b.js';\nexport default () => nope\n-- b.js --\n⟦const x = 1; x + 1;\n", "the file exports nothing", ""},
		{"a module as an object", "-- p.ts --\n⟦import * as all from './b.ts';\nexport default (r: any) => all[r.provider]\n-- b.ts --\nexport const x = 1\n", "a module is used as an object", "by its name"},
		{"a decorator", "-- p.ts --\nclass A { ⟦@d x = 1 }\nfunction d() {}\nexport default () => A\n", "", ""},
		{"require", "-- p.js --\nconst x = require(⟦'./b.js');\nexport default () => x\n-- b.js --\nexport const x = 1\n", "require is not supported", "import {"},
		{"import as a function", "-- p.js --\nexport default () => import(⟦'./b.js')\n-- b.js --\nexport const x = 1\n", "import() is not supported", ""},
		{"a package", "-- p.js --\nimport x from ⟦'lodash';\nexport default () => x\n", `"lodash" is a package`, "node_modules"},
		{"a source map", "-- p.js --\nexport default () => true\n⟦//# sourceMappingURL=file:///etc/passwd\n", "a comment names a source map", ""},
		{"a source map that lies", "-- p.ts --\n/*⟦\n*/export default () => true /*# sourceMappingURL=data:application/json;base64,e30= */\n", "a comment names a source map", ""},
		{"types in a body", "-- p.ts --\nconst x: string = 'a';\nconst f = ⟦async (y: string) => y;\nreturn f(x);\n", "async functions", ""},
		{"a body of TypeScript that does not parse", "-- p.ts --\nconst x: string = 'a';\nif (x ⟦{ return }\n", "invalid TypeScript", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := placeOf(t, tt.archive)
			src := files(t, strings.ReplaceAll(tt.archive, "⟦", ""))
			_, err := scripting.New(scripting.Options{}).CompilePolicy(src)
			var found engine.Findings
			if !errors.As(err, &found) || len(found) == 0 {
				t.Fatalf("got %v", err)
			}
			first := found[0]
			if strings.HasPrefix(tt.name, "a source map that") {
				want = first.At.String() // it stands behind the mark
			}
			if first.At.String() != want || !strings.Contains(first.Summary, tt.summary) || !strings.Contains(first.Detail, tt.detail) || first.Detail == "" || first.Severity != engine.Error {
				t.Errorf("%s %s (%s), want %s %s (%s)", first.At, first.Summary, first.Detail, want, tt.summary, tt.detail)
			}
			if strings.Contains(first.Summary+first.Detail, "m2md:") {
				t.Errorf("a name that only esbuild knows: %s", first.Summary)
			}
		})
	}
}

// placeOf is where ⟦ stands, as a Range says it.
func placeOf(t *testing.T, archive string) string {
	t.Helper()
	for part := range strings.SplitSeq(archive, "-- ") {
		name, text, _ := strings.Cut(part, " --\n")
		if before, _, found := strings.Cut(text, "⟦"); found {
			line := before[strings.LastIndexByte(before, '\n')+1:]
			return fmt.Sprintf("%s:%d,%d", name, 1+strings.Count(before, "\n"), 1+len([]rune(line)))
		}
	}
	t.Fatal("no mark")
	return ""
}

func TestWhatAModuleThrowsIsToldWhereTheAuthorWroteIt(t *testing.T) {
	src := files(t, "-- p.ts --\nimport { check } from './lib.ts';\n\nexport default function (request: any): boolean {\n  return check(request);\n}\n-- lib.ts --\ninterface R { x: string }\n\nexport function check(r: R): boolean {\n  if (r) throw new Error('no');\n  return true;\n}\n")
	policy, err := scripting.New(scripting.Options{Deadline: deadline}).CompilePolicy(src)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Evaluate(t.Context(), github(t)); err == nil || !strings.HasSuffix(err.Error(), "at lib.ts:4:16") {
		t.Errorf("got %v", err)
	}
	src = files(t, "-- p.ts --\ntype T = string;\nexport default (r: any) =>\n  r.contxt\n")
	policy, err = scripting.New(scripting.Options{Deadline: deadline}).CompilePolicy(src)
	if err == nil {
		_, err = policy.Evaluate(t.Context(), github(t))
	}
	if err == nil || !strings.Contains(err.Error(), "p.ts:3") {
		t.Errorf("got %v", err)
	}
	policy, err = scripting.New(scripting.Options{Deadline: deadline}).CompilePolicy(files(t, "-- p.ts --\nconst x = Math.max(1, 2); export default x\n"))
	if err == nil {
		_, err = policy.Evaluate(t.Context(), github(t))
	}
	if err == nil || !strings.Contains(err.Error(), "p.ts:1") {
		t.Errorf("got %v", err)
	}
}

func TestModulesKeepTheGuards(t *testing.T) {
	for _, script := range []string{
		"export default () => 'x'.repeat(1 << 28) !== ''",
		"let s: string = 'xxxxxxxx'; export default () => { for (;;) s += s }",
		"const f = (): any => f(); export default () => f()",
		"for (;;); export default () => true",
		"export default () => ({} as any).constructor.constructor('return true')()",
		"enum E { A = 'x' } export default () => { let s: string = E.A; for (;;) s = `${s}${s}` }",
		"export default () => true || globalThis, globalThis.x.y",
		"export default (...a: any[]) => { let all = a; for (;;) all = [...all, ...all] }",
	} {
		began := time.Now()
		policy, err := scripting.New(scripting.Options{Deadline: 100 * time.Millisecond}).CompilePolicy(files(t, "-- p.ts --\n"+script))
		if err == nil {
			var verdict engine.Verdict
			verdict, err = policy.Evaluate(t.Context(), github(t))
			if verdict.Pass {
				t.Errorf("%s passed", script)
			}
		}
		if err == nil || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %v after %s", script, err, time.Since(began))
		}
	}
}

func TestModulesAreBounded(t *testing.T) {
	big := "export const x = `" + strings.Repeat("x", 15<<10) + "`;\n"
	many := "-- p.ts --\n"
	for i := range 40 {
		many += fmt.Sprintf("import './m%d.ts';\n", i)
	}
	many += "export default () => true\n"
	for i := range 40 {
		many += fmt.Sprintf("-- m%d.ts --\nexport const x = 1\n", i)
	}
	tests := []struct{ name, archive string }{
		{"one file", "-- p.ts --\nimport {x} from './a.ts';\nexport default () => x\n-- a.ts --\nexport const x = `" + strings.Repeat("x", 17<<10) + "`\n"},
		{"all together", "-- p.ts --\nexport default () => true\n-- a.ts --\n" + big + "-- b.ts --\n" + big + "-- c.ts --\n" + big + "-- d.ts --\n" + big + "-- e.ts --\n" + big},
		{"how many", many},
		{"how deep", "-- p.ts --\nexport default () => " + strings.Repeat("(", 201) + "1" + strings.Repeat(")", 201) + "\n"},
		{"how deep another file is", "-- p.ts --\nimport {x} from './a.json';\nexport default () => x\n-- a.json --\n" + strings.Repeat("[", 201) + "1" + strings.Repeat("]", 201) + "\n"},
	}
	for _, tt := range tests {
		_, err := scripting.New(scripting.Options{}).CompilePolicy(files(t, tt.archive))
		if found := engine.AsFindings(err, engine.Range{}); len(found) != 1 || !strings.Contains(found[0].Summary, "too") {
			t.Errorf("%s: %.200v", tt.name, err)
		}
	}
}

func TestModulesThatWouldOverflowAParserAreFindings(t *testing.T) {
	for _, open := range []string{"(", "[", "{", "function f(){", "!", "- ", "a=>", "if(a)", "new ", "a?b:", "a?(", "a+", "a=", "x.", "`${", "a,", "typeof ", "...", "for(;;)", "do ", "a:", "else if(a)", "a??", "a**", "class A extends ", "/(", "a?.", "<T>(", "a<", "a as ", "let x:", "let x:(", "type A=[", "(a:", "a!", "keyof ", "a extends b?", "<", "A<", "(a)=>", "a?a=>"} {
		src := files(t, "-- p.ts --\nexport default () => "+strings.Repeat(open, (16<<10-100)/len(open))+"1")
		began := time.Now()
		policy, err := scripting.New(scripting.Options{}).CompilePolicy(src)
		if err == nil { // long but well formed
			_, err = policy.Evaluate(t.Context(), github(t))
		}
		if err != nil && len(err.Error()) > 5000 || time.Since(began) > 10*time.Second {
			t.Errorf("%q... after %s: %.200v", open, time.Since(began), err)
		}
		// Within the depth that is allowed nothing may take time that doubles.
		for _, n := range []int{30, 190} {
			began = time.Now()
			_, _ = scripting.New(scripting.Options{}).CompilePolicy(files(t, "-- p.ts --\nexport default () => "+strings.Repeat(open, n)+"1"))
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%q %d times took %s", open, n, took)
			}
		}
	}
}

// TestNothingOutsideIsRead runs where files of every kind that esbuild knows
// lie about.
func TestNothingOutsideIsRead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tsconfig.json":                   `{"compilerOptions": {"baseUrl": ".", "paths": {"x": ["./x.ts"]}, "target": "ES5", "alwaysStrict": "no"}}`,
		"package.json":                    `{"name": "y", "sideEffects": false, "imports": {"#x": "./x.ts"}, "browser": {"./a.ts": "./x.ts"}}`,
		"node_modules/x/index.js":         `export const x = true`,
		"a.ts":                            `export const x = true`,
		"x.ts":                            `export const x = true`,
		"node_modules/x/package.json":     `{"main": "index.js"}`,
		"node_modules/.bin/tsconfig.json": `{`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, name := range []string{"x", "#x", "./a.ts", filepath.Join(dir, "a.ts"), "file://" + dir + "/a.ts", "node:fs", "https://example.com/a.ts", "data:text/javascript,export const x = true"} {
		src := files(t, fmt.Sprintf("-- p.ts --\nimport {x} from %q;\nexport default () => x\n", name))
		if _, err := scripting.New(scripting.Options{}).CompilePolicy(src); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	src := files(t, "-- p.ts --\nimport {x} from './a.ts';\nexport default () => x\n-- a.ts --\nexport const x = ((a = 1): boolean => a === 1 && class {}.name !== undefined)()\n")
	policy, err := scripting.New(scripting.Options{Deadline: deadline}).CompilePolicy(src)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := policy.Evaluate(t.Context(), github(t)); err != nil || !got.Pass {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestImportsAreListedWithTheirPlaces(t *testing.T) {
	text := "import { a } from './a.ts';\nimport type { T } from './types.ts';\nimport data from \"../data/d.json\";\n/* import 'no' */ export * from './ü.js';\nexport default () => a(data as T)\n"
	got, err := scripting.Imports("p/p.ts", text)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, one := range got {
		all = append(all, one.Name+" "+one.At.String())
		if written := text[one.At.Start.Byte:one.At.End.Byte]; strings.Trim(written, `"'`) != one.Name {
			t.Errorf("%s is at %q", one.Name, written)
		}
	}
	if got, want := strings.Join(all, "\n"), "./a.ts p/p.ts:1,19\n../data/d.json p/p.ts:3,18\n./ü.js p/p.ts:4,33"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatCanNeverBeImportedIsToldAtItsPlace(t *testing.T) {
	tests := []struct{ name, summary string }{
		{"/etc/passwd", "not a relative name"},
		{`C:/x.ts`, "cannot be imported"},
		{"http://example.com/a.js", "cannot be imported"},
		{"node:fs", "cannot be imported"},
		{"data:text/javascript,1", "cannot be imported"},
		{"lodash", "is a package"},
		{"@acme/lib", "is a package"},
		{"#x", "is a package"},
		{".", "is a package"},
		{"./a", "not the whole name"},
		{"./a.css", "not the whole name"},
		{"./a.d.ts?x", "not the name of a file"},
		{"./a.ts#b", "not the name of a file"},
	}
	for _, tt := range tests {
		_, err := scripting.Imports("p.ts", "const a = 1;\nimport x from '"+tt.name+"';\nexport default () => x")
		found := engine.AsFindings(err, engine.Range{})
		if len(found) != 1 || !strings.Contains(found[0].Summary, tt.summary) || found[0].At.String() != "p.ts:2,15" || found[0].Detail == "" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if got, err := scripting.Imports("p.ts", "import ] from './a.ts'"); got != nil || err != nil {
		t.Errorf("of what does not parse: %v, %v", got, err)
	}
}

func BenchmarkCompileTypeScript(b *testing.B) {
	src := files(b, "-- p.ts --\ninterface J { ref: string }\nexport default (request: any): boolean => { const jwt = request.context.oauth_jwt as J; return !!jwt && jwt.ref === 'refs/heads/main' }\n")
	compiler := scripting.New(scripting.Options{})
	for b.Loop() {
		src.Script.Text += " "
		if len(src.Script.Text) > 8<<10 {
			src.Script.Text = strings.TrimRight(src.Script.Text, " ")
		}
		if _, err := compiler.CompilePolicy(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkImports(b *testing.B) {
	for b.Loop() {
		if _, err := scripting.Imports("p.ts", "import { a } from './a.ts';\nexport default () => a\n"); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzModules(f *testing.F) {
	for _, text := range []string{
		onlyRepo, "export default () => true", "const x: string = 'a'; return x === 'a'",
		"enum E { A = 1 } namespace N { export const x = E.A } export default (r: any) => N.x === r", "import * as all from './lib.ts'; export default () => all.x",
		"import { x } from './lib.ts'; export default async () => { for await (const y of x) {} }", "@d class A { #x = 1n } export { A as default }",
	} {
		f.Add(text, "export const x = 'ü'; export default 1")
	}
	compiler := scripting.New(scripting.Options{})
	f.Fuzz(func(t *testing.T, text, lib string) {
		_, _ = scripting.Imports("p.ts", text)
		src := files(t, "-- p.ts --\n\n-- lib.ts --\n\n")
		src.Script.Text, src.Script.Modules["lib.ts"] = text, lib
		began := time.Now()
		policy, err := compiler.CompilePolicy(src)
		if took := time.Since(began); took > 10*time.Second {
			t.Fatalf("took %s", took)
		}
		if err != nil {
			var found engine.Findings
			if !errors.As(err, &found) || found.Err() == nil {
				t.Fatalf("not findings: %v", err)
			}
			for _, one := range found {
				content := map[string]string{"p.ts": text, "lib.ts": lib}[one.At.File]
				if one.At.File == "" || one.At.Start.Byte < 0 || one.At.End.Byte < one.At.Start.Byte || one.At.End.Byte > len(content) || one.Summary == "" || one.Detail == "" {
					t.Fatalf("%+v", one)
				}
			}
			return
		}
		if verdict, err := policy.Evaluate(t.Context(), github(t)); verdict.Pass && err != nil {
			t.Fatal("passed with an error")
		}
	})
}

func TestConditionsOfModulesAreCountedWhereTheyWereWritten(t *testing.T) {
	coverage := &scripting.Coverage{}
	src := files(t, "-- p.ts --\nimport { main } from './lib.ts';\n\nexport default function (request: any): boolean {\n  const jwt = request.context.oauth_jwt;\n  if (!jwt) return false;\n  return main(jwt as { ref: string });\n}\n-- lib.ts --\ninterface Jwt { ref: string }\n\nexport const main = (jwt: Jwt): boolean =>\n  jwt.ref === 'refs/heads/main' && 'ü' !== jwt.ref;\n")
	policy, err := scripting.New(scripting.Options{Deadline: deadline, Coverage: coverage}).CompilePolicy(src)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := policy.Evaluate(t.Context(), github(t)); err != nil || !got.Pass {
		t.Fatalf("%+v, %v", got, err)
	}
	var told []string
	for _, one := range coverage.Conditions() {
		told = append(told, fmt.Sprintf("%s %s %d/%d", one.At, one.Text, one.Yes, one.No))
	}
	want := "lib.ts:4,3 jwt.ref === \"refs/heads/main\" 1/0\nlib.ts:4,36 \"ü\" !== jwt.ref 1/0\np.ts:5,7 !jwt 0/1\np.ts:6,10 main(jwt) 1/0"
	slices.Sort(told)
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
