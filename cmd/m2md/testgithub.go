package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// reportTestsToGitHub writes workflow commands, which GitHub shows beside the
// lines that they are about, and then what a person reads in the log.
func reportTestsToGitHub(w io.Writer, r *testRun) error {
	if err := hcl.WriteGitHub(w, r.findings()); err != nil {
		return err
	}
	return reportTestsAsText(w, r)
}

// findings are what there is to tell of a run, each at its place.
func (r *testRun) findings() engine.Findings {
	all := slices.Concat(r.faults, r.notes)
	for _, t := range r.trials {
		if t.Missed != nil {
			all = append(all, engine.Finding{Summary: "FAIL: " + t.Test.Name(), Detail: strings.Join(slices.Concat(t.Missed, moreOf(t)), "\n"), At: placeOf(t.Test)})
		}
		if t.Skipped != "" {
			all = append(all, engine.Finding{Severity: engine.Note, Summary: "SKIP: " + t.Test.Name(), Detail: t.Skipped, At: placeOf(t.Test)})
		}
	}
	for _, p := range r.neverDeny {
		all = append(all, engine.Finding{Summary: fmt.Sprintf("policy %s says no in no test", p.Label), Detail: "No test that expects to be denied shows what it keeps out.", At: p.Decl.At})
	}
	return all
}
