package issuer_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/issuer"
)

// leaves lists the paths of an object and all objects in it.
func leaves(object map[string]any, above ...string) [][]string {
	var paths [][]string
	for name, value := range object {
		path := append(slices.Clone(above), name)
		paths = append(paths, path)
		if inner, ok := value.(map[string]any); ok {
			paths = append(paths, leaves(inner, path...)...)
		}
	}
	return paths
}

// at finds a value by its path.
func at(object map[string]any, path []string) (value any, ok bool) {
	value = object
	for _, segment := range path {
		inner, isObject := value.(map[string]any)
		if !isObject {
			return nil, false
		}
		if value, ok = inner[segment]; !ok {
			return nil, false
		}
	}
	return value, true
}

func TestEveryClaimOfAnExampleIsDeclaredWithItsType(t *testing.T) {
	for name, p := range all() {
		example := p.Example()
		if len(example) < 4 {
			t.Errorf("%s has an example of %d claims", name, len(example))
		}
		for _, path := range leaves(example) {
			claim, ok := p.Claim(path...)
			value, _ := at(example, path)
			if !ok || !claim.Type.Fits(value) {
				t.Errorf("%s: %v = %#v is declared: %t, as %v", name, path, value, ok, claim.Type)
			}
		}
	}
}

func TestEveryExampleHasWhatIsAlwaysThere(t *testing.T) {
	for name, p := range all() {
		example := p.Example()
		for _, claim := range p.Claims() {
			around, there := at(example, claim.Path[:len(claim.Path)-1])
			if _, isObject := around.(map[string]any); !claim.Always() || len(claim.Path) > 1 && !(there && isObject) {
				continue
			}
			if _, ok := at(example, claim.Path); !ok {
				t.Errorf("%s: the example has no %v", name, claim.Path)
			}
		}
	}
}

// An example that its own profile would not take mints tokens that prove nothing.
func TestEveryExampleIsATokenOfItsIssuer(t *testing.T) {
	for name, p := range all() {
		example := p.Example()
		iss, _ := example["iss"].(string)
		if !p.MatchesIssuer(iss) {
			t.Errorf("%s: the example's iss %q is not of the profile", name, iss)
		}
		aud, isText := example["aud"].(string)
		if isText && p.DefaultAudience(aud) {
			t.Errorf("%s: the example's aud %q is the default one", name, aud)
		}
		issued, _ := example["iat"].(json.Number).Int64()
		expires, _ := example["exp"].(json.Number).Int64()
		if got := time.Duration(expires-issued) * time.Second; got != p.Lifetime || got <= 0 {
			t.Errorf("%s: the example lives %s, the profile says %s", name, got, p.Lifetime)
		}
	}
}

func TestAnExampleIsTheCallersToChange(t *testing.T) {
	for name, p := range all() {
		before := p.Example()
		changed := p.Example()
		for _, path := range leaves(changed) {
			if value, _ := at(changed, path); value != nil {
				if object, ok := value.(map[string]any); ok {
					clear(object)
				}
			}
		}
		clear(changed)
		if after := p.Example(); !reflect.DeepEqual(before, after) {
			t.Errorf("%s: what a caller changed stays changed: %v", name, after)
		}
	}
}

func TestEveryClaimIsDeclaredOnceAndWhole(t *testing.T) {
	for name, p := range all() {
		seen := map[string]bool{}
		for _, claim := range p.Claims() {
			key := strings.Join(claim.Path, "\x00")
			if seen[key] || slices.Contains(claim.Path, "") || key == "" {
				t.Errorf("%s: %v stands twice, or has an empty name", name, claim.Path)
			}
			seen[key] = true
			if claim.Type.String() == "unknown" || claim.Kind.String() == "unknown" {
				t.Errorf("%s: %v is %v, of kind %v", name, claim.Path, claim.Type, claim.Kind)
			}
			around, _ := p.Claim(claim.Path[:len(claim.Path)-1]...)
			if len(claim.Path) > 1 && around.Type != issuer.Object {
				t.Errorf("%s: what is around %v is not declared as an object", name, claim.Path)
			}
		}
		for _, always := range []string{"sub", "aud", "exp"} {
			if claim, ok := p.Claim(always); !ok || !claim.Always() {
				t.Errorf("%s: %s is not always there", name, always)
			}
		}
		if p.Replay.String() == "unknown" {
			t.Errorf("%s does not say how its tokens can be replayed", name)
		}
		if jti, ok := p.Claim("jti"); p.Replay == issuer.SingleUse && (!ok || !jti.Always()) {
			t.Errorf("%s: single use, without a jti in every token", name)
		}
	}
}

func TestEveryMutableNameHasAStablePartner(t *testing.T) {
	found := 0
	for name, p := range all() {
		for _, claim := range p.Claims() {
			if claim.Stable == nil && claim.Kind != issuer.MutableName {
				continue
			}
			found++
			partner, ok := p.Claim(claim.Stable...)
			if !ok || partner.Stable != nil || partner.Kind == issuer.MutableName {
				t.Errorf("%s: the partner %v of %v is declared: %t, %+v", name, claim.Stable, claim.Path, ok, partner)
			}
		}
	}
	if found < 30 {
		t.Errorf("looked at %d claims that can change", found)
	}
}

func TestAClaimIsFoundByItsPath(t *testing.T) {
	tests := []struct {
		profile string
		path    string // separated by >, as names hold dots and slashes
		want    issuer.Type
		kind    issuer.Kind
		pins    bool
	}{
		{"github-actions", "repository_id", issuer.String, issuer.StableID, true}, // though it is a number
		{"github-actions", "job_workflow_ref", issuer.String, issuer.Workflow, false},
		{"github-actions", "repo_property_team", issuer.String, issuer.Attribute, false},
		{"github-actions", "repo_property_", 0, 0, false}, // only how a name begins
		{"github-actions", "repo_property", 0, 0, false},
		{"github-actions", "Repository_id", 0, 0, false},
		{"github-actions", "project_id", 0, 0, false}, // GitLab's
		{"github-actions", "repository > id", 0, 0, false},
		{"github-actions", "", 0, 0, false},
		{"gitlab", "ref_protected", issuer.String, issuer.Protection, false}, // though it says true
		{"gitlab", "runner_id", issuer.Number, issuer.Runner, false},
		{"gitlab", "user_identities", issuer.Objects, issuer.Actor, false},
		{"kubernetes", "kubernetes.io > serviceaccount > name", issuer.String, issuer.MutableName, false},
		{"kubernetes", "kubernetes.io > serviceaccount", issuer.Object, issuer.Attribute, false},
		{"kubernetes", "kubernetes > io > serviceaccount > name", 0, 0, false},
		{"kubernetes", "kubernetes.io > serviceaccount > name > more", 0, 0, false},
		{"circleci", "oidc.circleci.com/ssh-rerun", issuer.Bool, issuer.Event, false},
		{"circleci", "oidc.circleci.com/context-ids", issuer.Strings, issuer.StableID, false},
		{"buildkite", "build_number", issuer.Number, issuer.Run, false},
		{"buildkite", "pipeline_slug", issuer.String, issuer.MutableName, false}, // not unique
		{"buildkite", "agent_tag:queue", issuer.String, issuer.Runner, false},
		{"google", "email_verified", issuer.Bool, issuer.Attribute, false},
		{"google", "google > compute_engine > project_number", issuer.Number, issuer.StableID, true},
		{"azure", "tid", issuer.String, issuer.StableID, true},
		{"terraform", "terraform_run_phase", issuer.String, issuer.Phase, false},
		{"spiffe", "aud", issuer.StringOrStrings, issuer.Protocol, false},
		{"forgejo", "repository_owner", issuer.String, issuer.MutableName, true},
	}
	for _, tt := range tests {
		t.Run(tt.profile+" "+tt.path, func(t *testing.T) {
			p, _ := issuer.Lookup(tt.profile)
			claim, ok := p.Claim(strings.Split(tt.path, " > ")...)
			if ok != (tt.want != 0) || claim.Type != tt.want || claim.Kind != tt.kind || claim.PinsTenant != tt.pins {
				t.Errorf("found: %t, %v, of kind %v, pins the tenant: %t", ok, claim.Type, claim.Kind, claim.PinsTenant)
			}
		})
	}
	p, _ := issuer.Lookup("kubernetes")
	if _, ok := p.Claim(); ok {
		t.Error("found a claim without a name")
	}
}

func TestATypeFitsItsValuesOnly(t *testing.T) {
	values := map[string]any{
		"a string":      "true",
		"a boolean":     true,
		"a number":      json.Number("1"),
		"strings":       []any{"a"},
		"objects":       []any{map[string]any{}},
		"an empty list": []any{},
		"a mixed list":  []any{"a", json.Number("1")},
		"a nested list": []any{[]any{"a"}},
		"an object":     map[string]any{},
		"null":          nil,
		"a Go int":      1, // no decoded claim is one
	}
	tests := []struct {
		typ  issuer.Type
		fits []string
	}{
		{issuer.String, []string{"a string"}},
		{issuer.Bool, []string{"a boolean"}},
		{issuer.Number, []string{"a number"}},
		{issuer.Strings, []string{"an empty list", "strings"}},
		{issuer.StringOrStrings, []string{"a string", "an empty list", "strings"}},
		{issuer.Object, []string{"an object"}},
		{issuer.Objects, []string{"an empty list", "objects"}},
		{0, nil},
		{99, nil},
	}
	for _, tt := range tests {
		var fits []string
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if tt.typ.Fits(values[name]) {
				fits = append(fits, name)
			}
		}
		if !slices.Equal(fits, tt.fits) {
			t.Errorf("%v fits %v, want %v", tt.typ, fits, tt.fits)
		}
	}
}

func TestTheZeroProfileKnowsNothing(t *testing.T) {
	var p issuer.Profile
	_, claim := p.Claim("sub")
	if claim || p.Claims() != nil || p.Example() != nil || p.MatchesIssuer("") || p.DefaultAudience("") || p.AnyTenant("") || p.JWKSURL("") != "" || p.WellKnownURL("") != "" {
		t.Error("the zero profile claims to know something")
	}
}

// A list is asked for by what it holds.
func TestATypeHoldsWhatItCanContain(t *testing.T) {
	values := map[string]any{"a string": "x", "a boolean": true, "a number": json.Number("1"), "an object": map[string]any{}, "null": nil}
	tests := map[issuer.Type][]string{
		issuer.String:          {"a string"},
		issuer.Bool:            {"a boolean"},
		issuer.Number:          {"a number"},
		issuer.Strings:         {"a string"},
		issuer.StringOrStrings: {"a string"},
		issuer.Object:          {"an object"},
		issuer.Objects:         {"an object"},
		0:                      nil,
	}
	for typ, want := range tests {
		var holds []string
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if typ.Holds(values[name]) {
				holds = append(holds, name)
			}
		}
		if !slices.Equal(holds, want) {
			t.Errorf("%v holds %v, want %v", typ, holds, want)
		}
	}
}

func TestWhetherAClaimThatIsNotKnownMayBeThere(t *testing.T) {
	tests := []struct {
		profile string
		path    string // separated by >
		open    bool
	}{
		{"github-actions", "project_id", false},
		{"github-actions", "project > id", false},
		{"github-actions", "repository > id", false}, // a string has no members
		{"azure", "extn.team", true},
		{"azure", "extn > team", true},
		{"azure", "tid > more", false},
		{"spiffe", "team", true},
		{"kubernetes", "kubernetes.io > podd", false},
		{"gitlab", "user_identities > provider", true},
		{"buildkite", "https://aws.amazon.com/tags > principal_tags > organization_slug", true},
		{"buildkite", "https://aws.amazon.com/tags > other", false},
		{"", "anything", false},
	}
	for _, tt := range tests {
		p, _ := issuer.Lookup(tt.profile)
		if got := p.Open(strings.Split(tt.path, " > ")...); got != tt.open {
			t.Errorf("%s %s: open is %t", tt.profile, tt.path, got)
		}
	}
}

func TestTheClaimsOfAnObjectAreFoundByIt(t *testing.T) {
	p, _ := issuer.Lookup("kubernetes")
	if got := p.Members("kubernetes.io"); !slices.Equal(got, []string{"namespace", "warnafter", "serviceaccount", "pod", "node", "secret"}) {
		t.Errorf("kubernetes.io has %v", got)
	}
	if got := p.Members(); !slices.Contains(got, "sub") || slices.Contains(got, "namespace") {
		t.Errorf("at the top there are %v", got)
	}
	if path, found := p.Elsewhere("namespace"); !found || !slices.Equal(path, []string{"kubernetes.io", "namespace"}) {
		t.Errorf("namespace is at %v: %t", path, found)
	}
	if path, found := p.Elsewhere("nothing"); found {
		t.Errorf("nothing is at %v", path)
	}
	p, _ = issuer.Lookup("github-actions")
	if slices.Contains(p.Members(), "repo_property_") {
		t.Error("how a name begins is told as a name")
	}
}
