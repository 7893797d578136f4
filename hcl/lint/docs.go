package lint

import (
	"fmt"
	"strings"

	"github.com/m2md/m2md/engine"
)

// Markdown is the documentation of all rules: docs/lint.md.
func Markdown() string {
	var out strings.Builder
	out.WriteString(introduction)
	out.WriteString("\n| ID | Finds | At most |\n|---|---|---|\n")
	for _, r := range Rules() {
		fmt.Fprintf(&out, "| [%s](#%s) | %s | %s |\n", r.ID, strings.ToLower(r.ID), r.Title, r.Severity)
	}
	for _, r := range Rules() {
		fmt.Fprintf(&out, "\n## %s\n\n**%s**\n\n%s\n\n%s\n\n```hcl\n%s\n```\n\nInstead:\n\n```hcl\n%s\n```\n", r.ID, upperFirst(r.Title), r.Why, consequence(r.Severity), r.Fault, r.Fix)
	}
	return out.String()
}

// consequence is what a finding of the severity means to whoever runs m2md.
func consequence(s engine.Severity) string {
	if s == engine.Error {
		return "Where it is an error, m2md does not serve the configuration."
	}
	return "m2md serves it all the same; `validate --strict` refuses it."
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

const introduction = `# What lint finds

<!-- Made from the table in hcl/lint by: go test ./hcl/lint -update -->

` + "`m2md validate`" + ` tells what would be refused, and besides what is sound in form and dangerous or useless all the same. Each kind of
finding has an ID. The daemon never asks lint: what it serves does not depend on it. ` + "`m2md validate --strict`" + ` takes warnings for errors
and exits with 1; notes stay notes. The JSON output has the ID of each finding in ` + "`id`" + `.

Lint is never a guess. Where something that it cannot see may narrow who gets in, such as a policy or a value that is not known in CI, it
does not say that something is missing. Findings whose IDs begin with POL stand in scripts; [lint-policies.md](lint-policies.md) has them.

A finding that may stay is silenced where it stands, with a reason:

` + "```hcl" + `
require_claims = {
  repository = "acme/api" # m2md:ignore WIF003 the owner never gives this name up

  # m2md:ignore WIF016 the workflow's main is protected
  job_workflow_ref = "acme/ci/.github/workflows/deploy.yml@refs/heads/main"
}
` + "```" + `

- The comment begins with # or //. It is for its own line or, where it stands alone, for the next line that is no comment.
- Without a reason it silences nothing, and is a finding itself; so are an ID that there is not, and a comment that silences nothing.
- Errors are never silenced.
- In ` + "`.hcl.json`" + `, a member ` + "`\"//\": \"m2md:ignore WIF003 reason\"`" + ` of a block is a comment, on the line of the finding or alone on the one before.
  Within a value, such as that of require_claims, "//" is a name like any other: put the member before the attribute, and the value on
  one line.
- In scripts it is a comment of JavaScript, ` + "`// m2md:ignore POL003 reason`" + `.

Examples are completed by what they refer to: a source ` + "`github`" + ` is that of GitHub Actions with its profile and an audience of m2md's own.
`
