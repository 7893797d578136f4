package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/rehearse"
)

// What follows is the XML that Ant's JUnit task began, as its common schema
// (windyroad/JUnit-Schema, JUnit.xsd) has it: all that that one asks for, and
// nothing that it does not know.

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Package    string      `xml:"package,attr"`
	ID         int         `xml:"id,attr"`
	Name       string      `xml:"name,attr"`
	Timestamp  string      `xml:"timestamp,attr"`
	Hostname   string      `xml:"hostname,attr"`
	Tests      int         `xml:"tests,attr"`
	Failures   int         `xml:"failures,attr"`
	Errors     int         `xml:"errors,attr"`
	Skipped    int         `xml:"skipped,attr"`
	Time       string      `xml:"time,attr"`
	Properties struct{}    `xml:"properties"`
	Cases      []junitCase `xml:"testcase"`
	Output     string      `xml:"system-out"`
	Problems   string      `xml:"system-err"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	Time      string        `xml:"time,attr"`
	Skipped   *struct{}     `xml:"skipped"`
	Error     *junitProblem `xml:"error"`
	Failure   *junitProblem `xml:"failure"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// reportTestsAsJUnit writes a suite for each file; faults of the configuration,
// and policies without a test, are suites of their own.
func reportTestsAsJUnit(w io.Writer, r *testRun) error {
	var all junitSuites
	for _, file := range r.byFile() {
		all.add(file[0].Test.Decl.At.File, junitCases(file))
	}
	var faults []junitCase
	for _, one := range r.faults {
		if one.Severity == engine.Error {
			faults = append(faults, junitFault(one.At, one.Title(), "fault", one.Detail))
		}
	}
	for _, p := range r.neverDeny {
		faults = append(faults, junitFault(p.Decl.At, fmt.Sprintf("policy %s says no in no test", p.Label), "untested", "No test that expects to be denied shows what it keeps out."))
	}
	if r.nothing != "" {
		faults = append(faults, junitCase{Name: "tests", ClassName: r.options.Path, Time: "0.000", Error: &junitProblem{r.nothing, "nothing", r.nothing}})
	}
	if faults != nil {
		all.add(r.options.Path, faults)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuites) add(name string, cases []junitCase) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	suite := junitSuite{Package: "m2md", ID: len(s.Suites), Name: name, Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05"), Hostname: host, Tests: len(cases), Cases: cases}
	total := 0.0
	for _, one := range cases {
		var took float64
		fmt.Sscanf(one.Time, "%g", &took) //nolint:errcheck // it was just written
		total += took
		switch {
		case one.Failure != nil:
			suite.Failures++
		case one.Error != nil:
			suite.Errors++
		case one.Skipped != nil:
			suite.Skipped++
		}
	}
	suite.Time = fmt.Sprintf("%.3f", total)
	s.Suites = append(s.Suites, suite)
}

func junitCases(tests []rehearse.Trial) []junitCase {
	var cases []junitCase
	for _, t := range tests {
		one := junitCase{Name: t.Test.Name(), ClassName: t.Test.Decl.At.File, Time: fmt.Sprintf("%.3f", t.Duration.Seconds())}
		if t.Skipped != "" {
			one.Skipped = &struct{}{}
		}
		if t.Missed != nil {
			text := strings.Join(slices.Concat([]string{placeOf(t.Test).String()}, t.Missed, moreOf(t)), "\n")
			one.Failure = &junitProblem{Message: t.Missed[0], Type: "unexpected", Text: text}
		}
		cases = append(cases, one)
	}
	return cases
}

func junitFault(at engine.Range, summary, kind, detail string) junitCase {
	return junitCase{Name: summary, ClassName: at.File, Time: "0.000", Error: &junitProblem{summary, kind, at.String() + "\n" + detail}}
}
