package main

import (
	"encoding/json"
	"io"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/rehearse"
	"github.com/m2md/m2md/hcl"
)

// reportTestsAsJSON writes one document. A configuration that cannot be tested
// is reported as validate does.
func reportTestsAsJSON(w io.Writer, r *testRun) error {
	if r.faults != nil {
		return hcl.WriteJSON(w, r.faults, r.sources)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r.document())
}

// testDocument is the report for machines. Its fields are documented in
// docs/testing.md and stay.
type testDocument struct {
	Passed    bool         `json:"passed"`
	Reason    string       `json:"reason,omitempty"` // why there was nothing to run
	Tests     int          `json:"tests"`
	Failed    int          `json:"failed"`
	Skipped   int          `json:"skipped"`
	Seconds   float64      `json:"seconds"`
	Results   []testResult `json:"results"`
	NeverDeny []testPlace  `json:"policies_without_deny_test,omitempty"`
	Cover     *testShares  `json:"coverage,omitempty"`
}

type testPlace struct {
	Name   string `json:"name"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

type testResult struct {
	testPlace
	Outcome  string   `json:"outcome"` // pass, fail or skip
	Seconds  float64  `json:"seconds"`
	Missed   []string `json:"missed,omitempty"`
	Details  []string `json:"details,omitempty"`
	Skipped  string   `json:"skipped,omitempty"`
	Decision string   `json:"decision,omitempty"` // allow, deny or error
	Subject  string   `json:"subject,omitempty"`
	Source   string   `json:"source,omitempty"`
	Access   string   `json:"access,omitempty"`
	Reason   string   `json:"reason,omitempty"`
}

type testShares struct {
	Shares map[string][2]int `json:"shares"` // covered, and all
	Gaps   []testGap         `json:"gaps"`
}

type testGap struct {
	At   string `json:"at"`
	What string `json:"what"`
}

func (r *testRun) document() testDocument {
	d := testDocument{
		Passed: r.sound(), Reason: r.nothing, Tests: len(r.trials), Failed: r.failed(), Skipped: r.skipped(), Seconds: r.took.Seconds(),
		Results: make([]testResult, 0, len(r.trials)),
	}
	for _, t := range r.trials {
		d.Results = append(d.Results, resultOf(t))
	}
	for _, p := range r.neverDeny {
		d.NeverDeny = append(d.NeverDeny, placed(p.Label, p.Decl.At))
	}
	if r.cover != nil {
		d.Cover = &testShares{Shares: map[string][2]int{}, Gaps: []testGap{}}
		for _, s := range r.cover.shares() {
			d.Cover.Shares[s.name] = [2]int{s.covered, s.all}
		}
		for _, one := range r.cover.gaps() {
			d.Cover.Gaps = append(d.Cover.Gaps, testGap{one.at, one.what})
		}
	}
	return d
}

func placed(name string, at engine.Range) testPlace {
	return testPlace{name, at.File, at.Start.Line, at.Start.Column}
}

func resultOf(t rehearse.Trial) testResult {
	result := testResult{testPlace: placed(t.Test.Name(), placeOf(t.Test)), Outcome: "pass", Seconds: t.Duration.Seconds(), Missed: t.Missed, Skipped: t.Skipped}
	switch {
	case t.Skipped != "":
		result.Outcome = "skip"
		return result
	case t.Missed != nil:
		result.Outcome, result.Details = "fail", moreOf(t)
	}
	d := t.Result.Decision
	result.Decision, result.Subject, result.Source, result.Access, result.Reason = string(d.Outcome), d.Subject, d.Source, t.Result.Access(), d.Reason
	return result
}
