package lint

import (
	"fmt"
	"strings"
)

// Reference is docs/lint-policies.md.
func Reference() string {
	var out strings.Builder
	out.WriteString(`# What is found in policies and mappings

` + "`m2md validate`" + ` tells these beside the faults of a configuration, as warnings and
notes: what serves is not changed by them. Claims are looked at where every
source that a policy is asked about has a ` + "`profile`" + `.

A comment silences one of them, on its line or the line before, and says why:

` + "```js\n// m2md:ignore POL012 require_claims has the owner's id\nreturn jwt.repository === inputs.repository;\n```\n")
	for _, r := range Rules() {
		fmt.Fprintf(&out, "\n## %s: %s\n\nA %s. %s %s\n\n```js\n%s\n```\n\nInstead:\n\n```js\n%s\n```\n", r.ID, r.Title, r.Severity, r.Why, r.Remedy, r.Bad, r.Good)
	}
	return out.String()
}
