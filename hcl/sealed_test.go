package hcl_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2md/m2md/hcl"
)

// Whatever a sealed reading is asked for beyond its folder, it tells nothing of
// it: what is there and what is not come to the same.
func TestASealedReadingTakesNothingOfTheMachine(t *testing.T) {
	t.Setenv("M2MD_SEALED", "s3cr3t-of-the-runner")
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("s3cr3t-of-the-runner"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, expression := range map[string]string{
		"the environment":               `env("M2MD_SEALED")`,
		"what the environment has not":  `env("M2MD_SEALED_NOT")`,
		"a default beside it":           `env("M2MD_SEALED_NOT", "x")`,
		"a part of it":                  `"a-${substr(env("M2MD_SEALED"), 0, 1)}"`,
		"whether it can be had":         `can(env("M2MD_SEALED_NOT")) ? "yes" : env("M2MD_SEALED")`,
		"a file outside":                `file("` + outside + `")`,
		"none outside":                  `file("` + outside + `-not")`,
		"one above":                     `file("../../../../../../../../etc/passwd")`,
		"whether there is one":          `try(file("` + outside + `"), "no")`,
		"a link that leads out":         `file("link")`,
		"a link that leads nowhere":     `file("dangling")`,
		"what Git keeps":                `file(".git/config")`,
		"a link to it":                  `file("gitlink")`,
		"what is not there, but may be": `file("later")`,
		"by way of a local":             `local.secret`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{
				"main.hcl":    "locals {\n secret = env(\"M2MD_SEALED\")\n}\nservice_account \"ci\" {\n  display_name = " + expression + "\n}\n",
				".git/config": "token = s3cr3t-of-the-runner",
			})
			links := map[string]string{"link": outside, "dangling": outside + "-not", "gitlink": ".git/config"}
			for name, to := range links {
				if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			loaded := hcl.Load(hcl.Options{Path: dir, Sealed: true, LookupEnv: os.LookupEnv})
			if len(loaded.Findings) > 0 {
				t.Fatalf("findings: %v", loaded.Findings)
			}
			account := loaded.Spec.Accounts[0]
			if !account.Unknown["display_name"] || account.DisplayName != "" || !loaded.Spec.Incomplete {
				t.Errorf("display_name is %q, and unknown: %v", account.DisplayName, account.Unknown)
			}
			if _, told := loaded.Unknown[account.Attrs["display_name"]]; !told {
				t.Error("how it is written is not told")
			}
		})
	}
}

// Files of attributes are read from the folder, and from nowhere else.
func TestASealedReadingKeepsFilesOfAttributesToTheFolder(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(outside, []byte(`{"keys":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, unknown := range map[string]bool{"keys.json": false, outside: true, "../keys.json": true, ".git/keys.json": true} {
		dir := folder(t, map[string]string{
			"main.hcl":       `oauth_source "a" {` + "\n oidc_jwks_file = \"" + path + "\"\n}\n",
			"keys.json":      `{"keys":[]}`,
			".git/keys.json": `{"keys":[]}`,
		})
		loaded := hcl.Load(hcl.Options{Path: dir, Sealed: true})
		if source := loaded.Spec.Sources[0]; loaded.Findings != nil || source.Unknown["oidc_jwks_file"] != unknown {
			t.Errorf("%s: unknown is %v; %v", path, source.Unknown, loaded.Findings)
		}
	}
}

// A script or a configuration file is shown where it has faults, so that none
// is read that Git keeps for itself.
func TestASealedReadingShowsNothingOfGit(t *testing.T) {
	dir := folder(t, map[string]string{
		"main.hcl":    "policy \"p\" {\n  script_file = \".git/config\"\n}\n",
		".git/config": "token = s3cr3t-of-the-runner",
	})
	if err := os.Symlink(".git/config", filepath.Join(dir, "evil.hcl")); err != nil {
		t.Fatal(err)
	}
	loaded := hcl.Load(hcl.Options{Path: dir, Sealed: true})
	if loaded.Findings.Err() == nil || len(loaded.Findings) != 2 {
		t.Errorf("two faults were expected: %v", loaded.Findings)
	}
	for name, text := range loaded.Sources {
		if strings.Contains(string(text), "s3cr3t") {
			t.Errorf("%s is shown", name)
		}
	}
}

// Two ways to write what is unknown are the same where only white space,
// comments or the name of a local differ.
func TestHowAnUnknownValueIsWrittenIsComparedWithoutItsLooks(t *testing.T) {
	written := func(text string) hcl.Written {
		loaded := hcl.Load(hcl.Options{Path: folder(t, map[string]string{"main.hcl": text}), Sealed: true})
		if len(loaded.Findings) > 0 || len(loaded.Unknown) != 1 {
			t.Fatalf("%s: %v, %v", text, loaded.Unknown, loaded.Findings)
		}
		return loaded.Unknown[loaded.Spec.Accounts[0].Attrs["display_name"]]
	}
	account := func(value string) string {
		return "service_account \"ci\" {\n  display_name = " + value + "\n}\n"
	}
	plain := written(account(`env("A")`))
	for text, same := range map[string]bool{
		account(`env( "A" ) # of the machine`):                              true,
		"locals {\n a = env(\"A\")\n}\n" + account("local.a"):               true,
		"locals {\n a = local.b\n b = env(\"A\")\n}\n" + account("local.a"): true,
		account(`env("B")`): false,
		"locals {\n a = env(\"B\")\n}\n" + account("local.a"): false,
		account(`env("A", "x")`):                              false,
	} {
		if (written(text) == plain) != same {
			t.Errorf("%s: the same: %v, want %v", text, !same, same)
		}
	}
	one := written("locals {\n a = env(\"A\")\n}\n" + account(`"x-${local.a}"`))
	if other := written("locals {\n a = env(\"B\")\n}\n" + account(`"x-${local.a}"`)); one == other {
		t.Error("a local that is another was taken for the same")
	}
}
