package scaffold

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/m2md/m2md/hcl"
)

// Answers are what was said, by the names of the questions.
type Answers map[string]string

// answer is one answer for a template, which must say in which language it
// stands. It has no String method, so that a template that does not say is seen
// in whatever it writes.
type answer struct{ text string }

// HCL is the answer as an expression of HCL.
func (a answer) HCL() string { return hcl.Quote(a.text) }

// YAML is the answer as a string of YAML 1.2, in the form that JSON has, too.
func (a answer) YAML() (string, error) {
	quoted, err := json.Marshal(a.text)
	return string(quoted), err
}

// plain is what means nothing in HCL, YAML, TypeScript, nginx, a shell and a
// comment.
var plain = regexp.MustCompile(`\A[A-Za-z0-9_./:@+-]*\z`)

// Plain is the answer as it is, within a comment or another text. It fails
// where that would be dangerous.
func (a answer) Plain() (string, error) {
	if !plain.MatchString(a.text) {
		return "", fmt.Errorf("%q cannot stand in a file as it is", a.text)
	}
	return a.text, nil
}
