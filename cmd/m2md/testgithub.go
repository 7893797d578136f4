package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/m2md/m2md/engine"
)

// reportTestsToGitHub writes workflow commands, which GitHub shows beside the
// lines that they are about, and then what a person reads in the log.
//
// Source: docs.github.com, "Workflow commands for GitHub Actions", and
// actions/toolkit, packages/core/src/command.ts, for what is escaped.
func reportTestsToGitHub(w io.Writer, r *testRun) error {
	var out bytes.Buffer
	for _, one := range append(r.faults, r.notes...) {
		writeAnnotation(&out, one.Severity, one.At, one.Title(), one.Detail)
	}
	for _, t := range r.trials {
		if t.Missed != nil {
			writeAnnotation(&out, engine.Error, placeOf(t.Test), "FAIL: "+t.Test.Name(), strings.Join(append(t.Missed, moreOf(t)...), "\n"))
		}
		if t.Skipped != "" {
			writeAnnotation(&out, engine.Note, placeOf(t.Test), "SKIP: "+t.Test.Name(), t.Skipped)
		}
	}
	for _, p := range r.neverDeny {
		writeAnnotation(&out, engine.Error, p.Decl.At, fmt.Sprintf("policy %s says no in no test", p.Label), "No test that expects to be denied shows what it keeps out.")
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return err
	}
	return reportTestsAsText(w, r)
}

func writeAnnotation(out *bytes.Buffer, severity engine.Severity, at engine.Range, title, message string) {
	word := map[engine.Severity]string{engine.Error: "error", engine.Warning: "warning", engine.Note: "notice"}[severity]
	fmt.Fprintf(out, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", word, inProperty(at.File), at.Start.Line, at.Start.Column, inProperty(title), inMessage(message))
}

// inMessage escapes what would end a command.
func inMessage(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// inProperty escapes what would end a property, besides.
func inProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(inMessage(s))
}
