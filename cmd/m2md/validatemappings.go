package main

import (
	"context"
	"slices"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/rehearse"
)

// mappingFaults runs the mappings of a sound configuration on the identities
// of its tests.
func mappingFaults(ctx context.Context, a *assessment, deps engine.Deps) engine.Findings {
	mapped := slices.ContainsFunc(a.Spec.Providers, func(p engine.Provider) bool { return len(p.Mappings) > 0 })
	if a.Engine == nil || a.Spec.Incomplete || !mapped || len(a.Spec.Tests) == 0 {
		return nil
	}
	rehearsal, found := rehearse.New(ctx, a.Spec, rehearsalOf(deps))
	if rehearsal == nil {
		return found
	}
	defer rehearsal.Close()
	return rehearsal.MappingFaults(ctx, a.Spec.Tests)
}
