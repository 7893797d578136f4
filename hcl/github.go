package hcl

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/m2md/m2md/engine"
)

// WriteGitHub writes findings as workflow commands, which GitHub Actions shows
// beside the lines that they are about. Their files are told as they were named,
// so that the command has to run in the repository's folder.
//
// Source: docs.github.com, "Workflow commands for GitHub Actions", and
// actions/toolkit, packages/core/src/command.ts, for what is escaped.
func WriteGitHub(w io.Writer, f engine.Findings) error {
	var out bytes.Buffer
	for _, one := range f {
		fmt.Fprintf(&out, "::%s file=%s,line=%d,endLine=%d,", githubWord(one.Severity), commandProperty(filepath.ToSlash(one.At.File)),
			max(one.At.Start.Line, 1), max(one.At.End.Line, one.At.Start.Line, 1))
		if one.At.End.Line == one.At.Start.Line { // columns of several lines mean nothing there
			fmt.Fprintf(&out, "col=%d,endColumn=%d,", max(one.At.Start.Column, 1), max(one.At.End.Column, one.At.Start.Column, 1))
		}
		fmt.Fprintf(&out, "title=%s::%s\n", commandProperty(one.Title()), EscapeGitHub(one.Detail))
	}
	_, err := w.Write(out.Bytes())
	return err
}

func githubWord(s engine.Severity) string {
	if s == engine.Note {
		return "notice"
	}
	return s.String()
}

// EscapeGitHub escapes what would end the message of a workflow command.
func EscapeGitHub(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// commandProperty escapes what would end a property, besides.
func commandProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(EscapeGitHub(s))
}
