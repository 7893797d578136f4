package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
)

// stepMarks are what stands before a step, by how it went.
type stepMarks map[string]string

// marksFor are signs on a terminal, and words elsewhere.
func marksFor(w io.Writer) stepMarks {
	file, is := w.(*os.File)
	if is && isTerminal(file) {
		return stepMarks{"passed": "✓   ", "failed": "✗   ", "skipped": "–   ", "noted": "·   "}
	}
	return stepMarks{"passed": "ok  ", "failed": "NO  ", "skipped": "--  ", "noted": "note"}
}

// writeExplained tells all explanations, from the top down.
func writeExplained(w io.Writer, all serve.Explained, marks stepMarks) error {
	var b strings.Builder
	if r := all.Recorded; r != nil {
		writeRecorded(&b, r, all)
	}
	for i, x := range all.Explanations {
		if i > 0 {
			b.WriteString("\n")
		}
		writeExplanation(&b, x, marks)
	}
	if r := all.Recorded; r != nil && len(all.Explanations) > 0 {
		writeChange(&b, r, all.Explanations[0])
	}
	_, err := io.WriteString(w, strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return printableRune(r)
	}, b.String()))
	return err
}

// writeRecorded tells of the decision as it was.
func writeRecorded(b *strings.Builder, r *serve.Recorded, all serve.Explained) {
	fmt.Fprintf(b, "Request %s was decided at %s: %s", r.RequestID, when(r.Time), verdictWords[r.Outcome])
	if r.Reason != "" {
		fmt.Fprintf(b, ", because %s", strings.Map(printableRune, r.Reason))
	}
	b.WriteString(".\n")
	if r.ConfigHash != shortHash(all.ConfigHash) {
		fmt.Fprintf(b, "The files have changed since (hash %s then, %s now); below is what they say now.\n", shortHash(r.ConfigHash), shortHash(all.ConfigHash))
	}
	if !r.Replayable {
		b.WriteString("What it was decided on is not recorded whole, so that less can be told.\n")
	}
	b.WriteString("\n")
}

// verdictWords are outcomes in words.
var verdictWords = map[string]string{string(engine.Allowed): "allowed", string(engine.Denied): "denied", string(engine.Failed): "not decided, which lets nobody in"}

// writeChange tells where the decision would be another now.
func writeChange(b *strings.Builder, r *serve.Recorded, x serve.Explanation) {
	then := r.Outcome == string(engine.Allowed)
	switch {
	case then == x.Allowed:
	case x.Allowed:
		fmt.Fprintf(b, "It was denied then: %s. What is looked up only when a token is shown, as whether it was used or revoked, is not tried again.\n", strings.Map(printableRune, r.Reason))
	default:
		b.WriteString("It was allowed then.\n")
	}
}

func writeExplanation(b *strings.Builder, x serve.Explanation, marks stepMarks) {
	fmt.Fprintf(b, "provider %s, at the door %s\n", orDash(x.Provider), orDash(x.Door))
	access, supposed := "", false
	for _, s := range x.Steps {
		if s.Supposed && !supposed {
			b.WriteString("  were it not for that:\n")
		}
		supposed = s.Supposed
		if s.Access != access && s.Access != "" {
			fmt.Fprintf(b, "  access %q\n", s.Access)
		}
		access = s.Access
		writeStep(b, s, marks)
	}
	fmt.Fprintf(b, "\n%s\n", conclusion(x))
}

func writeStep(b *strings.Builder, s serve.ExplainStep, marks stepMarks) {
	indent := "  "
	if s.Access != "" {
		indent = "    "
	}
	subject := s.Subject
	if s.Stage == string(engine.StageAccess) && s.Access != "" {
		subject = ""
	}
	fmt.Fprintf(b, "%s%s %-9s ", indent, marks[s.Outcome], s.Stage)
	if subject != "" {
		fmt.Fprintf(b, "%s: ", strings.TrimSuffix(subject, ":"))
	}
	b.WriteString(s.Detail)
	if s.Near != "" {
		fmt.Fprintf(b, " (%s)", s.Near)
	}
	if s.At != "" && s.Outcome == string(engine.StepFailed) {
		fmt.Fprintf(b, " [%s]", s.At)
	}
	b.WriteString("\n")
}

// conclusion is the last line: what came of it, and what to do.
func conclusion(x serve.Explanation) string {
	switch {
	case x.Provided:
		return "allowed, provided that the signature holds, which could not be checked here"
	case x.Allowed && x.Rule != "":
		return fmt.Sprintf("allowed as %s, by access %q", x.Subject, x.Rule)
	case x.Allowed:
		return "allowed as " + orDash(x.Subject)
	case x.Remedy == "":
		return "denied because " + x.Because
	default:
		return fmt.Sprintf("denied because %s; to let it in: %s", x.Because, x.Remedy)
	}
}
