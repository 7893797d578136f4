package hcl_test

import (
	"slices"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
)

func TestWhatTheFilesSayOfPoliciesAndMappings(t *testing.T) {
	spec := loadText(t, `
policy "p" {
  shadow_until = "2030-01-31T12:00:00+01:00"
  script       = "return true;"
}
policy "q" {
  script = "return true;"
}
mapping "m" {
  inputs = { team = "sre" }
  script = <<-JS
    return { team: inputs.team };
  JS
}
provider "loki" {
  mappings        = [mapping.m]
  policy_messages = true
  forward_auth {
    policies       = [policy.p, policy.q]
    policy_mode    = "any"
    policy_headers = ["User-Agent"]
  }
}
`).Spec
	if until := spec.Policies[0].ShadowUntil; !until.Equal(time.Date(2030, 1, 31, 11, 0, 0, 0, time.UTC)) || !spec.Policies[1].ShadowUntil.IsZero() {
		t.Errorf("the shadow ends at %s", until)
	}
	mapping := spec.Mappings[0]
	if mapping.Label != "m" || mapping.Script.Text != "return { team: inputs.team };\n" || mapping.Script.Indent != 4 || mapping.Inputs["team"] != "sre" {
		t.Errorf("got %+v", mapping)
	}
	p := spec.Providers[0]
	if len(p.Mappings) != 1 || p.Mappings[0].String() != "mapping.m" || !p.PolicyMessages {
		t.Errorf("got %+v", p)
	}
	if door := p.ForwardAuth; door.Mode != engine.AnyPolicy || len(door.Policies) != 2 || !slices.Equal(door.PolicyHeaders, []string{"User-Agent"}) {
		t.Errorf("got %+v", door)
	}
}

// ${ in the script of a mapping is no interpolation either.
func TestAMappingIsNotInterpolated(t *testing.T) {
	wantSummary(t, refuse(t, "m2md.hcl", "mapping \"m\" {\n  script = \"return { a: `${x}` };\"\n}\n"), "interpolation in a script")
}
