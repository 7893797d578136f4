package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
)

// comment is how an author silences a finding.
var comment = regexp.MustCompile(`//\s*m2md:ignore\b[ \t]*(\S*)[ \t]*(.*)$`)

// ignore is one such comment.
type ignore struct {
	id     string
	reason string
	file   string
	line   int
	at     engine.Range
	used   bool
}

// silence takes away what comments silence, and tells of comments that silence
// nothing or give no reason.
func (j *judge) silence() engine.Findings {
	var ignores []*ignore
	j.Lines(func(line string, at engine.Range) {
		m := comment.FindStringSubmatchIndex(line)
		if m == nil {
			return
		}
		one := &ignore{id: line[m[2]:m[3]], reason: strings.TrimSpace(line[m[4]:m[5]]), file: at.File, line: at.Start.Line, at: at}
		one.at.Start.Byte += m[0]
		one.at.Start.Column += len([]rune(line[:m[0]]))
		ignores = append(ignores, one)
	})
	j.found = slices.DeleteFunc(j.found, func(f engine.Finding) bool {
		for _, one := range ignores {
			if one.id == f.ID && one.reason != "" && one.file == f.At.File && (f.At.Start.Line == one.line || f.At.Start.Line == one.line+1) {
				one.used = true
				return true
			}
		}
		return false
	})
	for _, one := range ignores {
		switch {
		case !slices.ContainsFunc(Rules(), func(r Rule) bool { return r.ID == one.id }):
			j.tellAt(badIgnore, one.at, "the comment names no rule", "Write // m2md:ignore ID REASON, with an ID such as POL003.")
		case one.reason == "":
			j.tellAt(badIgnore, one.at, "the comment gives no reason", "Write after %s why it does not matter here: without a reason nothing is silenced.", one.id)
		case !one.used:
			j.tellAt(badIgnore, one.at, fmt.Sprintf("nothing is found for %s here", one.id), "Remove the comment: it would hide the next slip.")
		}
	}
	return j.found
}
