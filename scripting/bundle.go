package scripting

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/unistring"
	"github.com/evanw/esbuild/pkg/api"

	"github.com/m2md/m2md/engine"
)

// entry is what esbuild begins with. The throw is what enter makes the return
// of: whatever the module is like, it stays the last statement of the whole.
const entry = `import main from "` + moduleNamespace + `:0";throw main();`

// The names of the outer function's parameters in a script that is made of
// modules, whose own names these cannot be.
const (
	requestName = "\x00request"
	inputsName  = "\x00inputs"
)

// bundled makes one script of a module and of all that it imports, or of a
// script in TypeScript. Of any other it returns the source as it is.
func (s scriptSource) bundled() (scriptSource, engine.Findings) {
	typed := filepath.Ext(s.Path) == ".ts"
	module := s.Path != "" && moduleWord.MatchString(s.Text)
	if !typed && !module {
		return s, nil
	}
	b := s.gather()
	if found := b.tooLarge(); found != nil {
		return s, found
	}
	if module {
		out, isModule, found := b.build()
		if found != nil || isModule {
			return out, found
		}
	}
	if typed {
		return b.strip()
	}
	return s, nil
}

// bundle is a script with the files that it imports; the script is the first.
type bundle struct {
	source scriptSource
	names  []string // as ranges name them
	texts  []string
}

func (s scriptSource) gather() *bundle {
	b := &bundle{source: s, names: []string{s.Path}, texts: []string{s.Text}}
	for _, name := range slices.Sorted(maps.Keys(s.Modules)) {
		if name != s.Path {
			b.names, b.texts = append(b.names, name), append(b.texts, s.Modules[name])
		}
	}
	return b
}

// file is one of the files as a source of its own.
func (b *bundle) file(i int) scriptSource {
	if i == 0 {
		return b.source
	}
	return scriptSource{Script: fileScript(b.names[i], b.texts[i]), what: b.source.what, label: b.source.label}
}

func (b *bundle) tooLarge() engine.Findings {
	total := 0
	for i, text := range b.texts {
		one := b.file(i)
		if total += len(text); i >= maxModules || total > maxBundle {
			return engine.Findings{{
				Summary: b.source.what + " too long",
				Detail:  fmt.Sprintf("With all that it imports it may have %d files and %d KiB. Move data into inputs.", maxModules, maxBundle>>10),
				At:      b.source.rangeAt(0, 0),
			}}
		}
		if found := one.tooLarge(); found != nil {
			return found
		}
		if found := one.tooMany(); found != nil {
			return found
		}
		if at := mapComment.FindStringIndex(text); at != nil {
			return engine.Findings{{
				Summary: "a comment names a source map",
				Detail:  "No map is read: places are those of this file. Remove the comment, or have the file written without it.",
				At:      one.rangeAt(at[0], at[1]-at[0]),
			}}
		}
	}
	return nil
}

// buildOptions have esbuild read nothing but the texts, and write to memory.
// resolve gives the number of what is imported.
func buildOptions(texts, names []string, resolve func(api.OnResolveArgs) (int, error)) api.BuildOptions {
	resolved := func(arg api.OnResolveArgs) (api.OnResolveResult, error) {
		path := strings.TrimPrefix(arg.Path, moduleNamespace+":")
		if arg.Kind != api.ResolveEntryPoint && path == arg.Path {
			number, err := resolve(arg)
			if err != nil {
				return api.OnResolveResult{Errors: []api.Message{{Text: err.Error(), Detail: arg}}}, nil
			}
			path = fmt.Sprint(number)
		}
		return api.OnResolveResult{Path: path, Namespace: moduleNamespace}, nil
	}
	loaded := func(arg api.OnLoadArgs) (api.OnLoadResult, error) {
		i := fileNumber(moduleNamespace + ":" + arg.Path)
		return api.OnLoadResult{Contents: &texts[i], Loader: loaderOf(names[i])}, nil
	}
	return api.BuildOptions{
		AbsWorkingDir: systemFolder(),
		Outfile:       "out.js",
		Stdin:         &api.StdinOptions{Contents: entry, Loader: api.LoaderJS},
		Plugins: []api.Plugin{{Name: moduleNamespace, Setup: func(b api.PluginBuild) {
			b.OnResolve(api.OnResolveOptions{Filter: `^`}, resolved)
			b.OnLoad(api.OnLoadOptions{Filter: `^`}, loaded)
		}}},
		Bundle:   true,
		Metafile: true,
		// Plain statements: no function around them, and no names of helpers.
		Format:   api.FormatESModule,
		Platform: api.PlatformNeutral,
		// Nothing is rewritten into an older form: what goja does not know is for
		// it to say, and what is refused is for analyse.
		Target:         api.ESNext,
		Charset:        api.CharsetUTF8,
		LegalComments:  api.LegalCommentsNone,
		TsconfigRaw:    tsconfigRaw,
		Sourcemap:      api.SourceMapExternal,
		SourcesContent: api.SourcesContentExclude,
		LogLevel:       api.LogLevelSilent,
		LogLimit:       maxFindings,
	}
}

// tsconfigRaw stands for the files that esbuild would look for.
const tsconfigRaw = `{"compilerOptions":{}}`

// systemFolder is a folder that there is on every system of this kind. Nothing
// is read from it: esbuild wants to know where it is.
func systemFolder() string {
	abs, err := filepath.Abs(string(filepath.Separator))
	if err != nil {
		return string(filepath.Separator)
	}
	return abs
}

// build has esbuild join the files. It says no module of a script that turns
// out to be none.
func (b *bundle) build() (out scriptSource, module bool, found engine.Findings) {
	result := api.Build(buildOptions(b.texts, b.names, b.resolve))
	if len(result.Errors) > 0 {
		return b.source, true, b.findings(result.Errors)
	}
	format := formats(result.Metafile)
	if format[0] != "esm" {
		return b.source, false, nil
	}
	var code, mapping []byte
	for _, file := range result.OutputFiles {
		if filepath.Ext(file.Path) == ".map" {
			mapping = file.Contents
		} else {
			code = file.Contents
		}
	}
	out, found = b.joined(string(code), mapping, moduleNumbers(len(b.names)))
	if found == nil {
		found = b.helpers(out, format)
	}
	out.module = true
	return out, true, found
}

// moduleNumbers are the names by which esbuild knows the files.
func moduleNumbers(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s:%d", moduleNamespace, i)
	}
	return names
}

// resolve finds a file by how another names it.
func (b *bundle) resolve(arg api.OnResolveArgs) (int, error) {
	if importFault(arg) != (engine.Finding{}) {
		return 0, errImport
	}
	from := fileNumber(moduleNamespace + ":" + arg.Importer)
	if from < 0 || from >= len(b.names) {
		from = 0
	}
	name := filepath.Join(filepath.Dir(b.names[from]), filepath.FromSlash(arg.Path))
	i := slices.Index(b.names, name)
	if i < 0 {
		return 0, fmt.Errorf("%q was not read", oneLine(arg.Path))
	}
	return i, nil
}

// formats says by number what kind of module esbuild took each file for.
func formats(metafile string) map[int]string {
	var document struct {
		Inputs map[string]struct {
			Format string `json:"format"`
		} `json:"inputs"`
	}
	kinds := map[int]string{}
	if json.Unmarshal([]byte(metafile), &document) != nil {
		return kinds
	}
	for name, input := range document.Inputs {
		kinds[fileNumber(name)] = input.Format
	}
	return kinds
}

// strip takes the types off a script that is no module: the body of
// function(request, inputs).
func (b *bundle) strip() (scriptSource, engine.Findings) {
	result := api.Transform(b.texts[0], api.TransformOptions{
		Sourcefile:     moduleNamespace + ":0",
		Loader:         api.LoaderTS,
		Platform:       api.PlatformNeutral,
		Target:         api.ESNext,
		Charset:        api.CharsetUTF8,
		LegalComments:  api.LegalCommentsNone,
		TreeShaking:    api.TreeShakingFalse,
		TsconfigRaw:    tsconfigRaw,
		Sourcemap:      api.SourceMapExternal,
		SourcesContent: api.SourcesContentExclude,
		LogLevel:       api.LogLevelSilent,
		LogLimit:       maxFindings,
	})
	if len(result.Errors) > 0 {
		return b.source, b.findings(result.Errors)
	}
	out, found := b.joined(string(result.Code), result.Map, moduleNumbers(1))
	if found == nil {
		found = b.helpers(out, nil)
	}
	return out, found
}

// joined is what esbuild wrote, as a source whose places are those of what it
// read.
func (b *bundle) joined(code string, mapping []byte, names []string) (scriptSource, engine.Findings) {
	origin, err := readSourceMap(mapping, code, names, b.texts)
	if err != nil {
		return b.source, engine.Findings{{Summary: "the script cannot be bundled", Detail: "esbuild answered with something else than was asked: " + oneLine(err.Error()), At: b.source.rangeAt(0, 0)}}
	}
	out := b.source
	out.Text, out.origin, out.files = code, origin, b
	if len(code) > maxBundle {
		return b.source, engine.Findings{{
			Summary: b.source.what + " too long",
			Detail:  fmt.Sprintf("With all that it imports it may have %d KiB when the types are off. Move data into inputs.", maxBundle>>10),
			At:      b.source.rangeAt(0, 0),
		}}
	}
	return out, nil
}

// rangeAt is the place in the author's files of a part of the output.
func (b *bundle) rangeAt(origin *sourceMap, offset, length int) engine.Range {
	file, from, ok := origin.place(offset)
	if !ok {
		return b.source.rangeAt(0, 0)
	}
	return b.file(file).rangeAt(from, origin.length(offset, length))
}

// addedCode is how the output begins where esbuild adds code of its own: to make
// objects of modules, and to give files a form that they have not.
var addedCode = regexp.MustCompile(`^(?:var __\w+ ?=|let __\w+ ?=|"use strict";var __)`)

// star is where a file makes an object of a module, or passes all of one on.
var star = regexp.MustCompile(`\b(?:import|export)\s*\*|@[A-Za-z_(]`)

// helpers refuses what needs code of esbuild's, which would not be the author's
// and does what guards forbid.
func (b *bundle) helpers(out scriptSource, format map[int]string) engine.Findings {
	if !addedCode.MatchString(out.Text) {
		return nil
	}
	if _, _, mapped := out.origin.place(0); mapped {
		return nil // the author's own
	}
	for i := range b.names {
		if format != nil && format[i] != "esm" && b.file(i).language() != api.LoaderJSON {
			return engine.Findings{{
				Summary: "the file exports nothing",
				Detail:  fmt.Sprintf("%s imports it. Write export before what others need of it.", b.names[0]),
				At:      b.file(i).rangeAt(0, min(1, len(b.texts[i]))),
			}}
		}
	}
	finding := engine.Finding{
		Summary: "a module is used as an object",
		Detail:  "Import what is needed by its name: import { NAME } from \"./FILE.ts\". The members of import * can only be read by names that are written out; decorators are not supported.",
		At:      b.source.rangeAt(0, 0),
	}
	for i, text := range b.texts {
		if at := star.FindStringIndex(text); at != nil {
			finding.At = b.file(i).rangeAt(at[0], at[1]-at[0])
			break
		}
	}
	return engine.Findings{finding}
}

// noExport is what esbuild says of a name that a file has not.
var noExport = regexp.MustCompile(`^No matching export in "([^"]*)" for import "(.*)"$`)

// findings are what esbuild refused, at the author's places.
func (b *bundle) findings(messages []api.Message) engine.Findings {
	var found engine.Findings
	for _, message := range messages {
		one := b.finding(message)
		if slices.ContainsFunc(found, func(other engine.Finding) bool { return other.At == one.At }) {
			continue
		}
		if found = append(found, one); len(found) == maxFindings {
			break
		}
	}
	found.Sort()
	return found
}

func (b *bundle) finding(message api.Message) engine.Finding {
	at := b.source.rangeAt(0, 0)
	number := 0
	if l := message.Location; l != nil {
		if number = fileNumber(l.File); number >= 0 && number < len(b.texts) {
			at = b.file(number).rangeAt(messageOffset(newColumns(b.texts[number]), l), max(l.Length, 1))
		}
	}
	language := "JavaScript"
	if number >= 0 && number < len(b.names) && filepath.Ext(b.names[number]) == ".ts" {
		language = "TypeScript"
	}
	if arg, isImport := message.Detail.(api.OnResolveArgs); isImport {
		if fault := importFault(arg); fault != (engine.Finding{}) {
			fault.At = at
			return fault
		}
		return engine.Finding{Summary: fmt.Sprintf("%q was not read", oneLine(arg.Path)), Detail: "Check the name. It starts at the folder of the file that says it.", At: at}
	}
	if parts := noExport.FindStringSubmatch(message.Text); parts != nil {
		return b.unexported(fileNumber(parts[1]), parts[2], at)
	}
	text := oneLine(b.named(message.Text))
	detail := "A module has an export default function (request, inputs) { … }; a script without import and export is the body of that function."
	switch {
	case strings.HasPrefix(text, "Top-level return"):
		text, detail = "a module cannot return", "With import or export, a script is a module: write export default function (request, inputs) { … } around what decides."
	case strings.Contains(text, "await"):
		detail = asyncRemedy
	}
	if strings.HasPrefix(text, "a module") {
		return engine.Finding{Summary: text, Detail: detail, At: at}
	}
	return engine.Finding{Summary: "invalid " + language + ": " + lowerFirst(text), Detail: detail, At: at}
}

// unexported tells of a name that is imported of a file that has it not.
func (b *bundle) unexported(number int, name string, at engine.Range) engine.Finding {
	if name == "default" && number == 0 {
		return engine.Finding{
			Summary: "the module has no default export",
			Detail:  "Write export default before the function (request, inputs) that decides.",
			At:      at,
		}
	}
	file := "the file"
	if number >= 0 && number < len(b.names) {
		file = fmt.Sprintf("%q", b.names[number])
	}
	return engine.Finding{
		Summary: fmt.Sprintf("%s exports no %q", file, oneLine(name)),
		Detail:  "Write export before its declaration there, or mend the name here. What is only a type is imported by import type.",
		At:      at,
	}
}

var numbered = regexp.MustCompile(moduleNamespace + `:[0-9]+`)

// named puts the names of files into a message of esbuild's.
func (b *bundle) named(message string) string {
	return numbered.ReplaceAllStringFunc(message, func(number string) string {
		if i := fileNumber(number); i >= 0 && i < len(b.names) {
			return b.names[i]
		}
		return number
	})
}

// enter makes the last statement, which throws what the default export
// returns, return it, and hands it what the outer function was called with. A
// default export that can be seen to be no function is refused.
func (s scriptSource) enter(fn *ast.FunctionLiteral) engine.Findings {
	for i, name := range []string{requestName, inputsName} {
		fn.ParameterList.List[i].Target.(*ast.Identifier).Name = unistring.String(name)
	}
	last := len(fn.Body.List) - 1
	throw := fn.Body.List[last].(*ast.ThrowStatement)
	call := throw.Argument.(*ast.CallExpression)
	for _, name := range []string{requestName, inputsName} {
		call.ArgumentList = append(call.ArgumentList, &ast.Identifier{Name: unistring.String(name), Idx: call.RightParenthesis})
	}
	fn.Body.List[last] = &ast.ReturnStatement{Return: throw.Throw, Argument: call}
	switch main := mainOf(fn).(type) {
	case *ast.NumberLiteral, *ast.StringLiteral, *ast.BooleanLiteral, *ast.NullLiteral, *ast.ObjectLiteral, *ast.ArrayLiteral, *ast.RegExpLiteral, *ast.TemplateLiteral, *ast.ClassLiteral:
		return engine.Findings{{
			Summary: "the default export is no function",
			Detail:  "Write export default function (request, inputs) { … }: it is called for each decision.",
			At:      s.rangeAt(int(main.Idx0())-1-len(prefix), 1),
		}}
	}
	return nil
}

// mainOf is the function that a module exports as its default, where the name of
// it is declared once; nil otherwise.
func mainOf(fn *ast.FunctionLiteral) ast.Node {
	last := fn.Body.List[len(fn.Body.List)-1].(*ast.ReturnStatement)
	name, ok := last.Argument.(*ast.CallExpression).Callee.(*ast.Identifier)
	if !ok {
		return nil
	}
	for _, statement := range fn.Body.List {
		if declared, ok := statement.(*ast.FunctionDeclaration); ok && declared.Function.Name != nil && declared.Function.Name.Name == name.Name {
			return declared.Function
		}
		var list []*ast.Binding
		switch s := statement.(type) {
		case *ast.VariableStatement:
			list = s.List
		case *ast.LexicalDeclaration:
			list = s.List
		}
		for _, binding := range list {
			if target, ok := binding.Target.(*ast.Identifier); ok && target.Name == name.Name {
				return binding.Initializer
			}
		}
	}
	return nil
}
