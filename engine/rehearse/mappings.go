package rehearse

import (
	"context"
	"errors"
	"fmt"

	"github.com/m2md/m2md/engine"
)

// MappingFaults tries the tests of providers that have mappings, and tells the
// first failure of each mapping, at its block: what a mapping returns shows only
// when it runs. What else becomes of the tests is for TryAll to tell.
func (r *Rehearsal) MappingFaults(ctx context.Context, tests []engine.Test) engine.Findings {
	mapped := map[string]bool{}
	for _, p := range r.stage.spec.Providers {
		mapped[p.Label] = len(p.Mappings) > 0
	}
	var chosen []engine.Test
	for _, t := range tests {
		if mapped[t.Provider] {
			chosen = append(chosen, t)
		}
	}
	var found engine.Findings
	told := map[string]bool{}
	for _, trial := range r.TryAll(ctx, chosen) {
		var failed *engine.MappingError
		if trial.Passed() || !errors.As(trial.Result.Err, &failed) || told[failed.Mapping] { // a test may expect it
			continue
		}
		told[failed.Mapping] = true
		found = append(found, r.mappingFault(failed, trial.Test))
	}
	found.Sort()
	return found
}

// mappingFault says why, but for an exception of a script that has seen a
// secret: its words could hold it.
func (r *Rehearsal) mappingFault(failed *engine.MappingError, t engine.Test) engine.Finding {
	fault := engine.Finding{
		Summary: fmt.Sprintf("mapping %q fails for the identity of test %q", failed.Mapping, t.Name()),
		Detail:  "Nothing would be issued. `m2md test` tells why.",
	}
	for _, m := range r.stage.spec.Mappings {
		if m.Label == failed.Mapping {
			fault.At = m.At
			if !m.Sensitive["inputs"] {
				fault.Detail = fmt.Sprintf("Nothing would be issued: %s.", failed)
			}
		}
	}
	return fault
}
