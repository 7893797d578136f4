package scripting

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/m2md/m2md/engine"
)

// Bounds of a script that is made of several files. Each file alone has the
// bound of a script, which is what keeps the parsers from overflowing the
// stack: files stand beside each other in the whole, never within. The whole
// may have as much as four scripts, because all of it is compiled and its
// outermost level runs for every decision.
const (
	maxModules = 32
	maxBundle  = 4 * maxScript
)

// moduleNamespace is before the numbers by which esbuild knows the files. It
// never learns their names, which could hold anything.
const moduleNamespace = "m2md"

// loaderOf is the language of a file by the end of its name; LoaderNone for
// what cannot be imported.
func loaderOf(name string) api.Loader {
	switch filepath.Ext(name) {
	case ".js":
		return api.LoaderJS
	case ".ts":
		return api.LoaderTS
	case ".json":
		return api.LoaderJSON
	default:
		return api.LoaderNone
	}
}

// language is what a source is written in.
func (s scriptSource) language() api.Loader {
	if loader := loaderOf(s.Path); loader != api.LoaderNone {
		return loader
	}
	return api.LoaderJS
}

// tooMany bounds what esbuild takes more than linear time for, wherever it
// stands within each other without brackets: names of nested arrow functions
// (cubic; measured: 500 of them 1.5 s), what may be arguments of a type, and ??.
func (s scriptSource) tooMany() engine.Findings {
	if s.language() == api.LoaderJSON {
		return nil
	}
	for _, one := range []struct {
		text string
		most int
	}{{"=>", 250}, {"<", 300}, {"??", 1000}} {
		if strings.Count(s.Text, one.text) > one.most {
			return engine.Findings{{
				Summary: s.what + " too long",
				Detail:  fmt.Sprintf("A file with types or imports may have %d times %s. Split it.", one.most, one.text),
				At:      s.rangeAt(0, 0),
			}}
		}
	}
	return nil
}

// moduleWord is in every file that imports or exports something, and in some
// others.
var moduleWord = regexp.MustCompile(`\b(?:import|export)\b`)

// importWord is in every file that imports something, and in some others.
var importWord = regexp.MustCompile(`\b(?:import|from|require)\b`)

// mapComment is how esbuild recognizes the comment that has it read a map,
// from the disk even. No option keeps it from that.
var mapComment = regexp.MustCompile(`(?://|/\*)[#@] sourceMappingURL=`)

// Imports lists what a script or module imports, without reading any of it.
// name is that of the file, as ranges name it. What can never be imported comes
// back as engine.Findings, beside the rest. A file that cannot be parsed imports
// nothing: its faults are for the compiler to tell.
func Imports(name, text string) ([]engine.Import, error) {
	if !importWord.MatchString(text) || filepath.Ext(name) == ".json" {
		return nil, nil
	}
	source := scriptSource{Script: fileScript(name, text), what: "script"}
	if source.tooLarge() != nil || source.tooMany() != nil || mapComment.MatchString(text) {
		return nil, nil // told when it is compiled
	}
	var imports []engine.Import
	var found engine.Findings
	options := buildOptions([]string{text}, []string{name}, func(api.OnResolveArgs) (int, error) {
		return 0, errImport
	})
	options.Stdin = nil
	options.EntryPoints = []string{moduleNamespace + ":0"}
	result := api.Build(options)
	lines := newColumns(text)
	for _, message := range result.Errors {
		arg, isImport := message.Detail.(api.OnResolveArgs)
		if !isImport {
			continue
		}
		at := source.rangeAt(messageOffset(lines, message.Location), message.Location.Length)
		if fault := importFault(arg); fault != (engine.Finding{}) {
			fault.At = at
			found = append(found, fault)
			continue
		}
		imports = append(imports, engine.Import{Name: arg.Path, At: at})
	}
	if len(found) > 0 {
		return imports, found
	}
	return imports, nil
}

// errImport stands for an import that is listed and not followed.
var errImport = errors.New("an import")

// fileScript is a file that stands for itself.
func fileScript(name, text string) engine.Script {
	start := engine.Pos{Line: 1, Column: 1}
	return engine.Script{Text: text, Path: name, At: engine.Range{File: name, Start: start, End: start}}
}

// messageOffset is the byte at which a message of esbuild stands.
func messageOffset(lines *columns, at *api.Location) int {
	if at == nil || at.Line < 1 || at.Line > len(lines.lines) {
		return 0
	}
	return min(lines.lines[at.Line-1]+at.Column, len(lines.text))
}

// importFault says why something cannot be imported, whatever files there are.
func importFault(arg api.OnResolveArgs) engine.Finding {
	name := arg.Path
	quoted := fmt.Sprintf("%q", oneLine(name))
	switch {
	case arg.Kind == api.ResolveJSDynamicImport:
		return engine.Finding{Summary: "import() is not supported", Detail: asyncRemedy + " Write import at the top of the file."}
	case arg.Kind != api.ResolveJSImportStatement:
		return engine.Finding{Summary: "require is not supported", Detail: `Write import { … } from "./NAME.js" at the top of the file.`}
	case filepath.IsAbs(name) || strings.HasPrefix(name, "/") || strings.HasPrefix(name, `\`):
		return engine.Finding{Summary: quoted + " is not a relative name", Detail: `Files are imported by where they stand from the one that says it: "./NAME.ts" or "../FOLDER/NAME.ts".`}
	case strings.Contains(name, ":"):
		return engine.Finding{Summary: quoted + " cannot be imported", Detail: "Nothing comes from the network, and there are no modules of Node: a policy sees request, inputs, and the files beside it."}
	case !strings.HasPrefix(name, "./") && !strings.HasPrefix(name, "../"):
		return engine.Finding{Summary: quoted + " is a package", Detail: fmt.Sprintf("There is no node_modules. Copy what is needed into a file of the configuration and import that; a file beside this one is %q.", "./"+oneLine(name))}
	case strings.ContainsAny(name, "?#\\\x00"):
		return engine.Finding{Summary: quoted + " is not the name of a file", Detail: "Write slashes between folders, and nothing behind the name."}
	case loaderOf(name) == api.LoaderNone:
		return engine.Finding{Summary: quoted + " is not the whole name of a file", Detail: "Nothing is tried or guessed: write the name with its .ts, .js or .json."}
	default:
		return engine.Finding{}
	}
}
