package decisionlog

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"
)

// column is one of the columns of the text form, with its width.
type column struct {
	name  string
	width int
	value func(Record) string
}

// columns are those of the text form. The last, why or by what, takes the rest
// of the line.
func columns() []column {
	return []column{
		{"TIME", 20, func(r Record) string { return r.Time.UTC().Format("2006-01-02 15:04:05Z") }},
		{"OUTCOME", 7, func(r Record) string { return string(r.Outcome) }},
		{"DOOR", 12, func(r Record) string { return r.Door }},
		{"PROVIDER", 16, func(r Record) string { return r.Provider }},
		{"REQUEST", 22, func(r Record) string { return r.RequestID }},
		{"SUBJECT", 36, func(r Record) string { return r.Subject }},
	}
}

// Heading is the line above those of Text.
func Heading(width int) string {
	var b strings.Builder
	for _, c := range columns() {
		fmt.Fprintf(&b, "%-*s  ", c.width, c.name)
	}
	return cutTo(b.String()+"WHY", width)
}

// Text is the record as one line for people: aligned, no wider than a terminal
// of that many characters (0 for no bound), and free of what a terminal could
// take for a command.
func (r Record) Text(width int) string {
	var b strings.Builder
	for _, c := range columns() {
		value := cmp.Or(printable(c.value(r)), "-")
		fmt.Fprintf(&b, "%s%*s  ", value, c.width-utf8.RuneCountInString(value), "")
	}
	b.WriteString(printable(r.why()))
	return cutTo(b.String(), width)
}

// why is by what a decision let in, or why it did not.
func (r Record) why() string {
	why := r.Reason
	if why == "" {
		why = "by " + cmp.Or(r.Rule, "the access token")
		if r.Source != "" {
			why += ", from " + r.Source
		}
	}
	if len(r.Messages) > 0 {
		why += " [" + strings.Join(r.Messages, "; ") + "]"
	}
	return why
}

// cutTo cuts a line to a number of characters, with a mark.
func cutTo(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:max(width-1, 0)]) + mark
}
