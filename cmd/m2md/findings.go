package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/hcl/lint"
	scripts "github.com/m2md/m2md/scripting/lint"
)

// findingsForms are the forms in which findings are written.
var findingsForms = []string{"text", "json", "github", "sarif"}

// findingsFlag is formatFlag for commands whose findings CI reads.
func findingsFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Usage: "`FORM` of the findings: text, json, github (annotations) or sarif (2.1.0)", Value: "text"}
}

// findingsForm reads findingsFlag.
func findingsForm(c *cli.Context) (string, error) {
	form := c.String("format")
	if !slices.Contains(findingsForms, form) {
		return "", usagef("--format: %q is none of %s", form, strings.Join(findingsForms, ", "))
	}
	return form, nil
}

// writeFindings writes findings in one of findingsForms.
func writeFindings(w io.Writer, form string, found engine.Findings, sources hcl.Sources) error {
	switch form {
	case "json":
		return hcl.WriteJSON(w, found, sources)
	case "github":
		return hcl.WriteGitHub(w, found)
	case "sarif":
		program, _ := builtFrom()
		return hcl.WriteSARIF(w, found, sources, hcl.SARIFOptions{Version: program, Rules: findingRules()})
	default:
		return hcl.WriteText(w, found, sources, textOptions(w))
	}
}

// textOptions are for a terminal where one reads. Colours are left out where
// NO_COLOR says so (no-color.org), or where the terminal knows none.
func textOptions(w io.Writer) hcl.TextOptions {
	file, is := w.(*os.File)
	if !is || !isTerminal(file) {
		return hcl.TextOptions{}
	}
	return hcl.TextOptions{Color: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", Width: terminalColumns(file)}
}

// documents is where the documentation of m2md is read.
const documents = "https://github.com/m2md/m2md/blob/main/docs/"

// findingRules are all kinds of findings that have an ID, as reports tell them.
func findingRules() (rules []hcl.Rule) {
	for _, r := range lint.Rules() {
		rules = append(rules, hcl.Rule{ID: r.ID, Title: r.Title, Why: r.Why, URL: documents + "lint.md#" + strings.ToLower(r.ID)})
	}
	for _, r := range scripts.Rules() {
		rules = append(rules, hcl.Rule{ID: r.ID, Title: r.Title, Why: r.Why, URL: documents + "lint-policies.md#" + anchor(r.ID+": "+r.Title)})
	}
	for _, r := range rolloutRules() {
		rules = append(rules, hcl.Rule{ID: r.id, Title: r.title, Why: r.why, URL: documents + "operating.md#" + strings.ToLower(r.id)})
	}
	return rules
}

// anchor is what GitHub makes of a heading.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		default:
			return -1
		}
	}, heading)
}

// rolloutRule is a kind of finding about what surrounds the files.
type rolloutRule struct{ id, title, why string }

// rolloutRules are those of --online (ONL) and of what a running daemon has (RUN).
// docs/operating.md has them.
func rolloutRules() []rolloutRule {
	return []rolloutRule{
		{"ONL001", "keys that cannot be had", "Without the keys of its issuer, no token of a source can be verified: all of them are refused."},
		{"ONL002", "a key set without a usable key", "Keys that m2md cannot use verify nothing."},
		{"ONL003", "an issuer that calls itself otherwise", "The iss of a token is compared byte for byte, a slash at its end included."},
		{"ONL004", "clocks that differ", "A token is valid for minutes: by another clock it is expired, or not valid yet."},
		{"ONL005", "an issuer that was not asked", "What is not known in CI cannot be asked there."},
		{"RUN001", "app passwords that will let in again", "Whoever has an app password of an account that was removed gets in again when its name is declared again."},
		{"RUN002", "app passwords that will let nobody in any more", "Removing an account locks out whoever uses its app passwords, and leaves them in the storage."},
		{"RUN003", "tokens that will be refused", "A key that the files brought along verifies as long as they bring it, and not as long as its tokens are valid."},
		{"RUN004", "a key that signs before anybody knows it", "Verifiers keep key sets for minutes. A rotation publishes the next key first; a new name does not."},
		{"RUN005", "a change that needs a restart", "A running daemon refuses the whole reload, and goes on with what it serves."},
	}
}

// hint is a line for people beside findings, in the forms that people read.
func hint(w io.Writer, form, text string, args ...any) error {
	if form != "text" {
		return nil
	}
	_, err := fmt.Fprintf(w, text+"\n", args...)
	return err
}
