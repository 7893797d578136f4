package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/m2md/m2md/engine/rehearse"
	"github.com/m2md/m2md/hcl"
)

// reportTestsAsText writes what reads like the output of go test.
func reportTestsAsText(w io.Writer, r *testRun) error {
	if r.faults != nil {
		return hcl.WriteText(w, r.faults, r.sources, hcl.TextOptions{})
	}
	if err := hcl.WriteText(w, r.notes, r.sources, hcl.TextOptions{}); err != nil {
		return err
	}
	var out bytes.Buffer
	for _, file := range r.byFile() {
		writeFileOfTests(&out, file, r.options.verbose)
	}
	for _, p := range r.neverDeny {
		fmt.Fprintf(&out, "FAIL\t%s: policy %s says no in no test that expects to be denied\n", p.Decl.At, p.Label)
	}
	if r.cover != nil {
		r.cover.writeText(&out)
	}
	if r.nothing != "" {
		fmt.Fprintf(&out, "FAIL\t%s\n", r.nothing)
	} else {
		fmt.Fprintln(&out, r.summary())
	}
	_, err := w.Write(out.Bytes())
	return err
}

// writeFileOfTests writes the tests of one file that are worth a word, and a
// line for the file.
func writeFileOfTests(out *bytes.Buffer, tests []rehearse.Trial, verbose bool) {
	failed, skipped := 0, 0
	var took time.Duration
	for _, t := range tests {
		took += t.Duration
		switch {
		case t.Missed != nil:
			failed++
			writeFailure(out, t)
		case t.Skipped != "":
			skipped++
			fmt.Fprintf(out, "--- SKIP: %s (%s)\n    %s: %s\n", t.Test.Name(), lasting(t.Duration), placeOf(t.Test), t.Skipped)
		case verbose:
			fmt.Fprintf(out, "--- PASS: %s (%s)\n", t.Test.Name(), lasting(t.Duration))
		}
	}
	word := "ok  "
	if failed > 0 {
		word = "FAIL"
	}
	fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", word, tests[0].Test.Decl.At.File, tally(len(tests), failed, skipped), lasting(took))
}

func writeFailure(out *bytes.Buffer, t rehearse.Trial) {
	fmt.Fprintf(out, "--- FAIL: %s (%s)\n", t.Test.Name(), lasting(t.Duration))
	for _, sentence := range t.Missed {
		fmt.Fprintf(out, "    %s: %s\n", placeOf(t.Test), sentence)
	}
	for _, line := range moreOf(t) {
		fmt.Fprintf(out, "        %s\n", line)
	}
}

// moreOf is what helps to see why a test failed.
func moreOf(t rehearse.Trial) []string {
	var lines []string
	if shown := claimsShown(t); shown != "" {
		lines = append(lines, "claims: "+shown)
	}
	lines = append(lines, explained(t)...)
	for i, line := range lines {
		lines[i] = strings.Map(printableRune, line)
	}
	return lines
}

// printableRune keeps what a claim says from steering the terminal.
func printableRune(r rune) rune {
	if !unicode.IsPrint(r) {
		return '?'
	}
	return r
}

// lasting is a duration as go test has it.
func lasting(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }

// tally is such as "12 tests, 1 failed".
func tally(all, failed, skipped int) string {
	text := fmt.Sprintf("%d tests", all)
	if all == 1 {
		text = "1 test"
	}
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	if skipped > 0 {
		text += fmt.Sprintf(", %d skipped", skipped)
	}
	return text
}

func (r *testRun) skipped() int {
	n := 0
	for _, t := range r.trials {
		if t.Skipped != "" {
			n++
		}
	}
	return n
}

// summary is the last line.
func (r *testRun) summary() string {
	word := "PASS"
	if !r.sound() {
		word = "FAIL"
	}
	return fmt.Sprintf("%s\t%s in %s", word, tally(len(r.trials), r.failed(), r.skipped()), lasting(r.took))
}
