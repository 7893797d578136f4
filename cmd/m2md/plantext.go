package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/plan"
	"github.com/m2md/m2md/hcl"
)

// plainLine is a text of strangers in one line, without anything that a terminal
// or a reader could take for more than text.
func plainLine(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		default:
			fmt.Fprintf(&out, `\u{%x}`, r)
		}
	}
	return out.String()
}

// maxPlanText bounds one text of a plan, in characters.
const maxPlanText = 400

// cutText shortens a text.
func cutText(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// sections are the headings of effects, in their order.
func sections() []struct {
	of    plan.Direction
	title string
	who   string
} {
	return []struct {
		of    plan.Direction
		title string
		who   string
	}{
		{plan.Widens, "Who gains, or may do more", "newly gets in"},
		{plan.Undecided, "Not decided: whether somebody gains or loses", ""},
		{plan.Narrows, "Who loses, or may do less", "no longer gets in"},
		{plan.MayNarrow, "Not decided: whether somebody loses (nobody gains)", ""},
		{plan.Alters, "Otherwise", ""},
	}
}

// reportPlanAsText writes a plan for people.
func reportPlanAsText(w io.Writer, r *planRun) error {
	if r.faulty != nil {
		return reportFaultySide(w, r.faulty)
	}
	var out strings.Builder
	line := func(format string, args ...any) { out.WriteString(plainLine(fmt.Sprintf(format, args...)) + "\n") }
	line("plan: %s → %s", r.was.name, r.is.name)
	if r.Empty() {
		line("no change: both mean the same")
	}
	for _, c := range r.Changes {
		line("%s %s%s  %s", signOf(c.How), c.Block, wasNamed(c), r.place(c.At, c.How == plan.Removed))
		for _, a := range c.Attributes {
			line("    %s", attributeText(c, a))
		}
	}
	for _, s := range sections() {
		first := true
		for _, e := range r.Effects {
			if e.Direction != s.of {
				continue
			}
			if first {
				out.WriteString("\n" + s.title + ":\n")
				first = false
			}
			line("  %s%s  %s", concerns(e), cutText(e.What, maxPlanText), r.place(e.At, e.Gone))
			for _, id := range e.Identities {
				line("      %s: %s", s.who, identityText(id))
			}
			if e.More > 0 {
				line("      and %d more that were tried", e.More)
			}
		}
	}
	out.WriteString("\n")
	line("%s", r.summary())
	_, err := io.WriteString(w, out.String())
	return err
}

// reportFaultySide writes why nothing can be compared.
func reportFaultySide(w io.Writer, side *planSide) error {
	found, sources := side.findings()
	if err := hcl.WriteText(w, found, sources, hcl.TextOptions{}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, plainLine(fmt.Sprintf("%s has faults, so that nothing can be compared", side.name)))
	return err
}

func signOf(how plan.How) string {
	return map[plan.How]string{plan.Added: "+", plan.Removed: "-", plan.Changed: "~", plan.Renamed: ">"}[how]
}

func wasNamed(c plan.Change) string {
	if c.Was == "" {
		return ""
	}
	return " (was: " + c.Was + ")"
}

func attributeText(c plan.Change, a plan.Attribute) string {
	old, now := cutText(a.Old, maxPlanText), cutText(a.New, maxPlanText)
	switch {
	case c.How == plan.Added:
		return a.Name + " = " + now
	case old == now:
		return a.Name + " changed: " + now
	case old == "":
		return a.Name + " = " + now + " (was not given)"
	case now == "":
		return a.Name + " is no longer given (was: " + old + ")"
	default:
		return a.Name + ": " + old + " → " + now
	}
}

// concerns says what an effect is about.
func concerns(e plan.Effect) string {
	var about []string
	if e.Provider != "" {
		about = append(about, "provider "+e.Provider)
	}
	if e.Access != "" {
		about = append(about, "access "+e.Access)
	}
	if e.Door == engine.DoorForwardAuth {
		about = append(about, "at forward_auth")
	}
	if about == nil {
		return ""
	}
	return strings.Join(about, ", ") + ": "
}

func identityText(id plan.Identity) string {
	text := id.Source
	for _, claim := range id.Claims {
		text += fmt.Sprintf(" %s=%s", claim.Name, cutText(claim.Value, 120))
	}
	return text + " (" + cutText(id.From, 120) + ")"
}

// summary is the last line.
func (r *planRun) summary() string {
	counts := map[plan.Direction]int{}
	for _, e := range r.Effects {
		counts[e.Direction]++
	}
	text := fmt.Sprintf("%d blocks changed; %d effects widen, %d narrow, %d are not decided; %d identities were shown to both",
		len(r.Changes), counts[plan.Widens], counts[plan.Narrows], counts[plan.Undecided]+counts[plan.MayNarrow], r.Tried)
	if r.Replayed+r.Unreplayable > 0 {
		text += fmt.Sprintf("; %d recorded decisions were made again, %d could not be", r.Replayed, r.Unreplayable)
	}
	if r.failed != "" {
		text += "; stopped by --fail-on " + r.failed
	}
	return text
}
