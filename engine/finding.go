package engine

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/agext/levenshtein"
)

// Pos is one place in a file. Line and Column count from 1, the column in
// Unicode characters; Byte counts from 0. The zero value is no place.
type Pos struct{ Line, Column, Byte int }

// Range is a stretch of a file, its end exclusive. File is the path as the
// author would write it, relative to the configuration where it lies below it.
// The zero value is no place; a Finding without a place is a bug.
type Range struct {
	File       string
	Start, End Pos
}

// String gives FILE:LINE,COLUMN, the form that editors and terminals link.
func (r Range) String() string {
	return fmt.Sprintf("%s:%d,%d", r.File, r.Start.Line, r.Start.Column)
}

// Severity is how much a Finding matters. The zero value is Error, so that
// what forgets to say is taken seriously.
type Severity int

const (
	Error   Severity = iota // the configuration is refused
	Warning                 // served, but somebody should look
	Note                    // for information: nothing need be done
)

// String gives the word that diagnostics begin with.
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Note:
		return "note"
	default:
		return "error"
	}
}

// Finding is something that the author of a configuration is told: a fault, a
// risk, a remark. Summary names the problem, in lower case and without a
// period, Detail the remedy in whole sentences. Neither ever holds an evaluated value, because it
// may have come from env() or file(); labels, attribute names and claim names
// are quoted freely.
type Finding struct {
	Severity Severity
	// ID is by which documentation and comments that silence name this kind of
	// finding, such as POL003; "" for one that cannot be silenced.
	ID      string
	Summary string
	Detail  string
	At      Range
}

// Title is the Summary, after the ID where there is one.
func (f Finding) Title() string {
	if f.ID == "" {
		return f.Summary
	}
	return f.ID + ": " + f.Summary
}

// Findings are in the order in which an author reads: by file, then by place.
// As an error they stand for a refused configuration.
type Findings []Finding

// Error gives one line per finding.
func (f Findings) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = fmt.Sprintf("%s: %s: %s", one.At, one.Severity, one.Title())
	}
	return strings.Join(lines, "\n")
}

// Err returns f when it holds an Error, and nil otherwise.
func (f Findings) Err() error {
	for _, one := range f {
		if one.Severity == Error {
			return f
		}
	}
	return nil
}

// Sort puts f in reading order.
func (f Findings) Sort() {
	sort.SliceStable(f, func(i, j int) bool {
		a, b := f[i].At, f[j].At
		if a.File != b.File {
			return a.File < b.File
		}
		return a.Start.Byte < b.Start.Byte
	})
}

// AsFindings returns what err tells the author: its Findings where it wraps
// some, and else one finding at the given place.
func AsFindings(err error, at Range) Findings {
	if err == nil {
		return nil
	}
	var found Findings
	if errors.As(err, &found) {
		return found
	}
	return Findings{{Summary: err.Error(), At: at}}
}

// DidYouMean returns ` Did you mean "x"?`, with the leading space, for the
// known name that is closest to the given one, or "" where none is close.
func DidYouMean(given string, known []string) string {
	best, distance := "", 3 // more than two slips is another word
	for _, name := range known {
		if d := levenshtein.Distance(given, name, nil); d < distance && d < len(name) {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", best)
}
