package rehearse_test

import (
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// mapping is one of the provider p of theSpec.
func mapping(label string, line int, text string) engine.MappingSource {
	return engine.MappingSource{Decl: enginetest.Declare(label, line), Script: engine.Script{Text: text, At: enginetest.At(line)}}
}

func TestMappingsAreTriedOnTheIdentitiesOfTests(t *testing.T) {
	claims := map[string]any{"ref": "refs/heads/main"}
	from := enginetest.Refs("oauth_source.github")[0]
	tests := []engine.Test{
		{Decl: engine.Decl{Label: "denied before"}, Case: engine.Case{Provider: "p", From: from, Claims: map[string]any{"ref": "x"}}, Expect: engine.Expectation{Outcome: engine.Denied}},
		{Decl: engine.Decl{Label: "let in"}, Case: engine.Case{Provider: "p", From: from, Claims: claims}, Expect: engine.Expectation{Outcome: engine.Allowed}},
		{Decl: engine.Decl{Label: "again"}, Case: engine.Case{Provider: "p", From: from, Claims: claims}, Expect: engine.Expectation{Outcome: engine.Allowed}},
	}
	for _, tt := range []struct {
		name, script string
		secret       bool
		detail       string // "" where nothing is told
	}{
		{"what is right", `return {ref: request.context.oauth_jwt.ref}`, false, ""},
		{"what no token can hold", `return {when: new Date()}`, false, `"when" is a Date`},
		{"what is m2md's to set", `return {sub: "x"}`, false, `the claim "sub" is m2md's to set`},
		{"what throws", `throw new Error("hidden")`, false, "threw Error: hidden"},
		{"what throws beside a secret", `throw new Error("hidden")`, true, "tells why"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := theSpec()
			one := mapping("m", 90, tt.script)
			if tt.secret {
				one.Sensitive = map[string]bool{"inputs": true}
			}
			spec.Mappings = []engine.MappingSource{mapping("fine", 95, "return {}"), one}
			spec.Providers[0].Mappings = enginetest.Refs("mapping.fine", "mapping.m")
			found := rehearsal(t, spec).MappingFaults(t.Context(), tests)
			if tt.detail == "" {
				if len(found) > 0 {
					t.Errorf("told %v", found)
				}
				return
			}
			if len(found) != 1 || found[0].Summary != `mapping "m" fails for the identity of test "let in"` || found[0].At != enginetest.At(90) || !strings.Contains(found[0].Detail, tt.detail) || tt.secret && strings.Contains(found[0].Detail, "hidden") {
				t.Errorf("told %+v", found)
			}
		})
	}
}
