package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/hcl"
)

// What docs/language.md shows is sound, secrets aside.
func TestTheExamplesOfTheReferenceAreSound(t *testing.T) {
	files, err := filepath.Glob("../../testdata/reference/*.hcl")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			keys := jwks.NewCache(jwks.Options{})
			defer keys.Close()
			a := assess(t.Context(), hcl.Options{Path: file, AllowMissingSecrets: true}, 1, rehearsalDeps(keys))
			for _, one := range a.Findings {
				if one.Severity != engine.Note {
					t.Errorf("%s: %s", one.At, one.Title())
				}
			}
		})
	}
}

func TestTheTestsOfTheReferencePass(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"m2md", "test", "--config", "../../testdata/reference/test.hcl", "--allow-missing-secrets"}, &out, &errs); code != 0 {
		t.Errorf("exit %d\n%s%s", code, out.String(), errs.String())
	}
}
