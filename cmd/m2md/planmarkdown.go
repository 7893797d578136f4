package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/m2md/m2md/engine/plan"
)

// maxComment bounds a comment in bytes: GitHub takes 65,536 characters.
const maxComment = 60_000

// code is a text of strangers as Markdown takes it literally: in a code span,
// where there are no links, mentions, references or HTML, by a fence that does
// not occur in it.
func code(text string) string {
	text = cutText(plainLine(text), maxPlanText)
	longest, run := 0, 0
	for _, c := range text {
		if c != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || text == "" || strings.HasPrefix(text, " ") && strings.HasSuffix(text, " ") {
		text = " " + text + " "
	}
	return fence + text + fence
}

// reportPlanAsMarkdown writes a plan for a comment at a pull request. Whatever
// comes from the files stands in code spans.
func reportPlanAsMarkdown(w io.Writer, r *planRun) error {
	c := &comment{}
	c.add("### m2md plan: %s → %s\n\n", code(r.was.name), code(r.is.name))
	switch {
	case r.faulty != nil:
		c.faults(r.faulty)
	case r.Empty():
		c.add("No change: both mean the same.\n")
	default:
		c.effects(r)
		c.changes(r)
		c.add("\n%s\n", code(r.summary()))
	}
	if c.left > 0 {
		c.text.WriteString(fmt.Sprintf("\n… and %d lines more, which do not fit into a comment: run `m2md plan` to see them.\n", c.left))
	}
	_, err := io.WriteString(w, c.text.String())
	return err
}

// comment is what is written, up to a bound.
type comment struct {
	text strings.Builder
	left int
}

func (c *comment) add(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if c.left > 0 || c.text.Len()+len(text) > maxComment {
		c.left++
		return
	}
	c.text.WriteString(text)
}

func (c *comment) faults(side *planSide) {
	c.add("%s has faults, so that nothing can be compared:\n\n", code(side.name))
	found, _ := side.findings()
	for _, one := range found {
		c.add("- %s %s\n", code(one.At.String()), code(one.Title()))
	}
}

func (c *comment) effects(r *planRun) {
	for _, s := range sections() {
		first := true
		for _, e := range r.Effects {
			if e.Direction != s.of {
				continue
			}
			if first {
				c.add("**%s**\n\n", s.title)
				first = false
			}
			c.add("- %s", code(concerns(e)+e.What))
			if place := r.place(e.At, e.Gone); place != "" {
				c.add(" (%s)", code(place))
			}
			c.add("\n")
			for _, id := range e.Identities {
				c.add("  - %s: %s\n", s.who, code(identityText(id)))
			}
			if e.More > 0 {
				c.add("  - and %d more that were tried\n", e.More)
			}
		}
		if !first {
			c.add("\n")
		}
	}
}

func (c *comment) changes(r *planRun) {
	c.add("<details><summary>%d blocks changed</summary>\n\n", len(r.Changes))
	for _, one := range r.Changes {
		c.add("- %s %s (%s)\n", one.How, code(one.Block+wasNamed(one)), code(r.place(one.At, one.How == plan.Removed)))
		for _, a := range one.Attributes {
			c.add("  - %s\n", code(attributeText(one, a)))
		}
	}
	c.text.WriteString("\n</details>\n") // closed whatever was left out
}
