package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/rehearse"
)

// exampleConfigs are the configurations of the examples, by folder. It fails
// where there are fewer than are known.
func exampleConfigs(t *testing.T) map[string]string {
	t.Helper()
	configs := map[string]string{}
	for _, name := range []string{"m2md.d", "m2md.hcl"} {
		found, err := filepath.Glob(filepath.Join("../../examples", "*", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, config := range found {
			configs[filepath.Base(filepath.Dir(config))] = config
		}
	}
	if len(configs) < 5 {
		t.Fatalf("%d examples have a configuration, fewer than there were", len(configs))
	}
	return configs
}

// None of the READMEs asks for a variable of the environment.
func TestEveryExampleIsValidAndNothingIsSaidOfIt(t *testing.T) {
	for name, config := range exampleConfigs(t) {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run([]string{"m2md", "validate", "--config", config}, &stdout, &stderr)
			if said := stdout.String(); code != 0 || stderr.Len() > 0 || !strings.HasPrefix(said, "valid: ") || strings.Count(said, "\n") != 1 {
				t.Errorf("validate exits with %d:\n%s%s", code, said, stderr.String())
			}
		})
	}
}

// A block of HCL in a README is what somebody else writes in the place of the
// example's block of that name.
func TestEveryVariantInAReadmeOfTheExamplesIsValid(t *testing.T) {
	variants := 0
	for name, config := range exampleConfigs(t) {
		readme := readFile(t, filepath.Join(filepath.Dir(config), "README.md"))
		for i, block := range regexp.MustCompile("(?s)\n```hcl\n(.*?\n)```\n").FindAllStringSubmatch(readme, -1) {
			variants++
			t.Run(fmt.Sprintf("%s %d", name, i+1), func(t *testing.T) {
				copied := t.TempDir()
				if err := os.CopyFS(copied, os.DirFS(config)); err != nil {
					t.Fatal(err)
				}
				replaceBlock(t, copied, block[1])
				a := assessed(t, copied)
				if a.Findings = linted(a, lintOptions()); len(a.Findings) > 0 || a.Engine == nil {
					t.Errorf("validate says:\n%s", text(a))
				}
			})
		}
	}
	if variants < 3 {
		t.Errorf("%d variants were found, fewer than there were", variants)
	}
}

// What somebody is told to type is what there is.
func TestTheReadmesOfTheExamplesNameCommandsThatThereAre(t *testing.T) {
	readmes, err := filepath.Glob("../../examples/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	typed := 0
	for _, readme := range readmes {
		for _, line := range regexp.MustCompile(`(?m)^ {4,}(?:bin/)?m2md (.*)$|`+"`m2md ([^`]*)`").FindAllStringSubmatch(readFile(t, readme), -1) {
			typed++
			checkTyped(t, readme, line[1]+line[2])
		}
	}
	if typed < 10 {
		t.Errorf("%d commands were found, fewer than there were", typed)
	}
}

// checkTyped looks for a command and its flags.
func checkTyped(t *testing.T, readme, line string) {
	t.Helper()
	var command *cli.Command
	below := newApp(io.Discard, io.Discard).Commands
	for _, word := range strings.Fields(line) {
		i := slices.IndexFunc(below, func(c *cli.Command) bool { return c.Name == word })
		if i >= 0 {
			command, below = below[i], below[i].Subcommands
			continue
		}
		name, isFlag := strings.CutPrefix(word, "--")
		if command == nil || isFlag && !slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) }) {
			t.Errorf("%s: there is no %q in: m2md %s", readme, word, line)
		}
	}
}

// replaceBlock puts a block in the place of that with the same header.
func replaceBlock(t *testing.T, config, block string) {
	t.Helper()
	header, _, _ := strings.Cut(block, "\n")
	files, err := filepath.Glob(filepath.Join(config, "*.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content := "\n" + readFile(t, file)
		before, rest, found := strings.Cut(content, "\n"+header+"\n")
		if !found {
			continue
		}
		_, after, closed := strings.Cut(rest, "\n}\n")
		if !closed {
			t.Fatalf("%s is not closed in %s", header, file)
		}
		writeFile(t, file, before+"\n"+block+after)
		return
	}
	t.Fatalf("no file of %s has %s", config, header)
}

type claims = map[string]any

// rehearsed makes a rehearsal of a configuration.
func rehearsed(t *testing.T, spec engine.Spec) *rehearse.Rehearsal {
	t.Helper()
	keys := jwks.NewCache(jwks.Options{})
	t.Cleanup(keys.Close)
	r, found := rehearse.New(t.Context(), spec, rehearsalDeps(keys))
	if r == nil {
		t.Fatal(found)
	}
	t.Cleanup(r.Close)
	return r
}

// TestExamples runs the tests of each example, which must go through all of it.
func TestExamples(t *testing.T) {
	for name, config := range exampleConfigs(t) {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run([]string{"m2md", "test", "--require-deny-tests", "--config", config}, &stdout, &stderr)
			if code != 0 || stderr.Len() > 0 || !strings.Contains(stdout.String(), "\nPASS\t") {
				t.Fatalf("test exits with %d:\n%s%s", code, stdout.String(), stderr.String())
			}
			a := assessed(t, config)
			r := rehearsed(t, a.Spec)
			reach := r.Reach(r.TryAll(t.Context(), a.Spec.Tests))
			for _, one := range slices.Concat(reach.Providers, reach.Policies) {
				if one.Yes == 0 || one.No == 0 {
					t.Errorf("%s says yes %d times, and no %d times", one.Name, one.Yes, one.No)
				}
			}
			for _, one := range slices.Concat(reach.Accesses, reach.Sources) {
				if one.Yes == 0 {
					t.Errorf("nobody comes by %s", one.Name)
				}
			}
		})
	}
}

// Whatever an example asks keeps somebody out: without it, one of those who are
// to be refused gets in.
func TestExamplesAskNothingInVain(t *testing.T) {
	for name, config := range exampleConfigs(t) {
		t.Run(name, func(t *testing.T) {
			spec := assessed(t, config).Spec
			weaker := weakened(spec)
			if len(weaker) == 0 {
				t.Fatal("the example asks nothing")
			}
			for _, w := range weaker {
				t.Run(w.without, func(t *testing.T) {
					if !letsMoreIn(t, w.spec) {
						t.Error("who is refused with it is refused without it")
					}
				})
			}
		})
	}
}

// letsMoreIn says whether a configuration lets somebody in whom its tests want
// to be refused.
func letsMoreIn(t *testing.T, spec engine.Spec) bool {
	t.Helper()
	return slices.ContainsFunc(rehearsed(t, spec).TryAll(t.Context(), spec.Tests), func(trial rehearse.Trial) bool {
		return trial.Test.Expect.Outcome == engine.Denied && trial.Result.Err == nil
	})
}

// weaker is a configuration that asks one thing less than another.
type weaker struct {
	without string
	spec    engine.Spec
}

// weakened takes away each thing that a configuration asks of who comes.
func weakened(spec engine.Spec) []weaker {
	var all []weaker
	add := func(without string, change func(*engine.Spec)) {
		less := copied(spec)
		change(&less)
		all = append(all, weaker{without, less})
	}
	for i, s := range spec.Sources {
		weakenTrust(s.Trust, "oauth_source "+s.Label, func(without string, t engine.Trust) {
			add(without, func(less *engine.Spec) { less.Sources[i].Trust = t })
		})
	}
	for i, s := range spec.Certificates {
		weakenTrust(s.Trust, "verification_certificate "+s.Label, func(without string, t engine.Trust) {
			add(without, func(less *engine.Spec) { less.Certificates[i].Trust = t })
		})
	}
	for i, a := range spec.Accounts {
		if a.AppPasswords.MaxAge > 0 {
			add("service_account "+a.Label+" max_age", func(less *engine.Spec) { less.Accounts[i].AppPasswords.MaxAge = 0 })
		}
		for j, jwt := range a.JWTs {
			for path, require := range lesser(jwt.Require) {
				add("service_account "+a.Label+path, func(less *engine.Spec) { less.Accounts[i].JWTs[j].Require = require })
			}
		}
	}
	for i, p := range spec.Providers {
		for j, a := range p.Accesses {
			where := fmt.Sprintf("provider %s access %s", p.Label, a.Label)
			for path, require := range lesser(a.Require) {
				add(where+path, func(less *engine.Spec) {
					access := &less.Providers[i].Accesses[j]
					access.Require, access.AllowAnySubject = require, true
				})
			}
			for k, policy := range a.Policies {
				add(where+" "+policy.String(), func(less *engine.Spec) {
					access := &less.Providers[i].Accesses[j]
					access.Policies, access.AllowAnySubject = slices.Delete(slices.Clone(access.Policies), k, k+1), true
				})
			}
		}
		if p.ForwardAuth != nil && len(p.ForwardAuth.Policies) > 0 {
			add("provider "+p.Label+" forward_auth policies", func(less *engine.Spec) { less.Providers[i].ForwardAuth.Policies = nil })
		}
	}
	return all
}

// weakenTrust takes away each thing that must hold of the tokens of a source.
func weakenTrust(t engine.Trust, what string, add func(without string, less engine.Trust)) {
	for path, require := range lesser(t.Require) {
		less := t
		less.Require = require
		add(what+path, less)
	}
	if len(t.Audiences) > 0 {
		less := t
		less.Audiences, less.AllowAnyAudience = nil, true
		add(what+" audiences", less)
	}
	if t.MaxTokenAge > 0 {
		less := t
		less.MaxTokenAge = 0
		add(what+" max_token_age", less)
	}
	if t.UseOnce {
		less := t
		less.UseOnce = false
		add(what+" replay", less)
	}
}

// lesser are requirements that ask one claim less, by the path to it; nil where
// that was all.
func lesser(r *engine.Requirement) map[string]*engine.Requirement {
	all := map[string]*engine.Requirement{}
	if r == nil {
		return all
	}
	for i, field := range r.Fields {
		if field.Fields == nil {
			all[" "+field.Name] = withField(r, i, nil)
			continue
		}
		for path, inner := range lesser(&field.Requirement) {
			all[" "+field.Name+path] = withField(r, i, inner)
		}
	}
	return all
}

// withField asks something else of a field; nil asks nothing of it.
func withField(r *engine.Requirement, i int, of *engine.Requirement) *engine.Requirement {
	fields := slices.Clone(r.Fields)
	if of == nil {
		fields = slices.Delete(fields, i, i+1)
	} else {
		fields[i].Requirement = *of
	}
	if len(fields) == 0 {
		return nil
	}
	return &engine.Requirement{Fields: fields}
}

// copied is a configuration whose declarations can be changed without changing
// those of the original.
func copied(spec engine.Spec) engine.Spec {
	spec.Sources, spec.Certificates = slices.Clone(spec.Sources), slices.Clone(spec.Certificates)
	spec.Accounts, spec.Providers = slices.Clone(spec.Accounts), slices.Clone(spec.Providers)
	for i := range spec.Accounts {
		spec.Accounts[i].JWTs = slices.Clone(spec.Accounts[i].JWTs)
	}
	for i := range spec.Providers {
		p := &spec.Providers[i]
		p.Accesses = slices.Clone(p.Accesses)
		if p.ForwardAuth != nil {
			guard := *p.ForwardAuth
			p.ForwardAuth = &guard
		}
	}
	return spec
}

// merged are claims with others added or replaced.
func merged(all ...claims) claims {
	one := claims{}
	for _, some := range all {
		maps.Copy(one, some)
	}
	return one
}
