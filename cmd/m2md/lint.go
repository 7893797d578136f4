package main

import (
	"io/fs"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl/lint"
	scripts "github.com/m2md/m2md/scripting/lint"
)

// linted adds to what reading and compiling told of a configuration what lint
// finds, and takes out what comments silence. The engine stays: none of it says
// that the configuration may not be served.
func linted(a *assessment, o lint.Options) engine.Findings {
	if a.Partial { // what is missing would look like what nobody uses
		return a.Findings
	}
	o.Partial = a.Findings.Err() != nil || a.Spec.Incomplete
	found := slices.Concat(a.Findings, lint.Check(a.Spec, o), scripts.Check(a.Spec))
	found.Sort()
	return lint.Silence(found, a.Sources, o)
}

// lintOptions are those for a configuration that lies in files.
func lintOptions() lint.Options {
	o := lint.Options{Now: time.Now(), FileMode: fileMode}
	for _, rule := range scripts.Rules() {
		o.Others = append(o.Others, rule.ID)
	}
	return o
}

// fileMode tells who may read a file. Windows keeps that elsewhere.
func fileMode(path string) (fs.FileMode, bool) {
	if runtime.GOOS == "windows" {
		return 0, false
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	return info.Mode(), true
}

// strict makes errors of warnings.
func strict(found engine.Findings) engine.Findings {
	out := slices.Clone(found)
	for i := range out {
		if out[i].Severity == engine.Warning {
			out[i].Severity = engine.Error
		}
	}
	return out
}
