package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/rehearse"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/storage/memory"
)

func testCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "test",
		Usage: "run the test blocks of the configuration on made-up identities, without network and storage",
		Flags: []cli.Flag{
			configFlag(), allowPathFlag(), missingSecretsFlag(),
			&cli.BoolFlag{Name: "sealed", Usage: "for files of strangers: take env() and files beyond the configuration as unknown, be they there or not"},
			&cli.StringFlag{Name: "format", Usage: "`FORM` of the output: text, json, junit (XML) or github (annotations)", Value: "text"},
			&cli.StringFlag{Name: "run", Usage: "run only tests whose name matches the regular `EXPRESSION`; that of a row of for_each is NAME/KEY"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "name the tests that pass, too"},
			&cli.BoolFlag{Name: "watch", Usage: "run again whenever a file changes, until interrupted"},
			&cli.BoolFlag{Name: "cover", Usage: "tell which providers, accesses, sources, policies and branches of scripts no test went through"},
			&cli.StringFlag{Name: "cover-out", Usage: "write the coverage of scripts to a `FILE`, as lcov has it (implies --cover)"},
			&cli.BoolFlag{Name: "require-deny-tests", Usage: "fail where a policy has no test in which it says no"},
		},
	}, "", testAction)
}

// testOptions are what the command line says.
type testOptions struct {
	hcl.Options
	report   func(io.Writer, *testRun) error
	run      *regexp.Regexp // nil for all
	verbose  bool
	cover    bool
	coverOut string
	needDeny bool
}

func testAction(c *cli.Context) error {
	o, err := readTestOptions(c)
	if err != nil {
		return err
	}
	if c.Bool("watch") {
		if c.String("format") != "text" {
			return usagef("--watch: only --format text can be told again and again")
		}
		ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
		defer stop()
		return watchTests(ctx, o, c.App.Writer)
	}
	_, err = runTests(c.Context, o, c.App.Writer)
	return err
}

func readTestOptions(c *cli.Context) (o testOptions, err error) {
	o = testOptions{
		Options:  hcl.Options{AllowPaths: c.StringSlice("allow-path"), AllowMissingSecrets: c.Bool("allow-missing-secrets"), Sealed: c.Bool("sealed"), WithTests: true},
		verbose:  c.Bool("verbose"),
		coverOut: c.String("cover-out"),
		cover:    c.Bool("cover") || c.String("cover-out") != "",
		needDeny: c.Bool("require-deny-tests"),
	}
	reports := map[string]func(io.Writer, *testRun) error{"text": reportTestsAsText, "json": reportTestsAsJSON, "junit": reportTestsAsJUnit, "github": reportTestsToGitHub}
	if o.report = reports[c.String("format")]; o.report == nil {
		return o, usagef("--format: %q is none of text, json, junit and github", c.String("format"))
	}
	if expression := c.String("run"); expression != "" {
		if o.run, err = regexp.Compile(expression); err != nil {
			return o, usagef("--run: %s", err)
		}
	}
	o.Path, err = configPath(c)
	return o, err
}

// testRun is one run of the tests, for a report.
type testRun struct {
	options testOptions
	// faults are findings of a configuration that cannot be tested; then there
	// is nothing else.
	faults  engine.Findings
	notes   engine.Findings // of tests that can be run, and may show less than they seem to
	sources hcl.Sources
	loaded  *hcl.Loaded
	trials  []rehearse.Trial
	took    time.Duration
	// neverDeny are the policies that say no in no test, where that was asked for.
	neverDeny []engine.PolicySource
	cover     *testCover // nil where it was not asked for
	// nothing says why there is nothing to tell; "" where there is.
	nothing string
}

// failed counts the tests that did.
func (r *testRun) failed() int {
	n := 0
	for _, t := range r.trials {
		if t.Missed != nil {
			n++
		}
	}
	return n
}

// sound says whether all is as it was expected.
func (r *testRun) sound() bool {
	return r.faults == nil && r.nothing == "" && r.failed() == 0 && len(r.neverDeny) == 0
}

// runTests runs the tests once and reports them. Its error is silentFault where
// something is not as expected.
func runTests(ctx context.Context, o testOptions, w io.Writer) (*testRun, error) {
	run, err := tryTests(ctx, o)
	if err != nil {
		return run, err
	}
	if err := o.report(w, run); err != nil {
		return run, err
	}
	if run.cover != nil && o.coverOut != "" {
		if err := run.cover.writeLCOV(o.coverOut); err != nil {
			return run, err
		}
	}
	if !run.sound() {
		return run, silentFault{}
	}
	return run, nil
}

// tryTests reads the configuration, judges it as validate does, and tries its
// tests.
func tryTests(ctx context.Context, o testOptions) (*testRun, error) {
	began := time.Now()
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	deps := rehearsalDeps(keys)
	a := assess(ctx, o.Options, 1, deps)
	run := &testRun{options: o, sources: a.Sources, loaded: &a.Loaded}
	if a.Engine == nil {
		run.faults = a.Findings
		return run, nil
	}
	run.notes = a.Spec.CheckTests()
	var coverage *scripting.Coverage
	if o.cover {
		coverage = &scripting.Coverage{}
		deps.Policies = scripting.New(scripting.Options{Deadline: policyDeadline, Coverage: coverage})
	}
	rehearsal, found := rehearse.New(ctx, a.Spec, rehearsalOf(deps))
	if rehearsal == nil {
		run.faults = found
		return run, nil
	}
	defer rehearsal.Close()
	run.trials = rehearsal.TryAll(ctx, o.chosen(a.Spec.Tests))
	run.took = time.Since(began)
	if o.needDeny {
		run.neverDeny = rehearsal.NeverDenying(run.trials)
	}
	if o.cover {
		run.cover = &testCover{reach: rehearsal.Reach(run.trials), scripts: coverage}
	}
	switch {
	case len(a.Spec.Tests) == 0:
		run.nothing = "there is no test block; write one, beside what it tests or in a file whose name ends in .m2mdtest.hcl"
	case len(run.trials) == 0:
		run.nothing = fmt.Sprintf("none of the %d tests has a name that matches --run", len(a.Spec.Tests))
	}
	return run, context.Cause(ctx)
}

// rehearsalOf are the dependencies of a rehearsal beside an assessment with
// others: keys that are made for it are in a store of its own.
func rehearsalOf(deps engine.Deps) engine.Deps {
	deps.SigningKeys, deps.Published = memory.New(), &engine.PublishedKeys{}
	return deps
}

// chosen are the tests that --run wants.
func (o testOptions) chosen(all []engine.Test) []engine.Test {
	if o.run == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(t engine.Test) bool { return !o.run.MatchString(t.Name()) })
}

// byFile are the tests of each file, in the order of the files.
func (r *testRun) byFile() [][]rehearse.Trial {
	var files [][]rehearse.Trial
	for _, t := range r.trials {
		if last := len(files) - 1; last >= 0 && files[last][0].Test.Decl.At.File == t.Test.Decl.At.File {
			files[last] = append(files[last], t)
			continue
		}
		files = append(files, []rehearse.Trial{t})
	}
	return files
}

// placeOf is where a test stands: the row of its table, where it has one.
func placeOf(t engine.Test) engine.Range {
	if at, row := t.Attrs["for_each"]; row && t.Key != "" {
		return at
	}
	return t.Decl.At
}

// claimsShown are the claims that a test gives its token, as far as they are
// plain, in one line; "" where it gives none.
func claimsShown(t rehearse.Trial) string {
	var told []string
	for _, name := range slices.Sorted(maps.Keys(t.Test.Claims)) {
		if value, has := t.Result.Shown[name]; has {
			told = append(told, name+" = "+rehearse.Written(value))
		} else {
			told = append(told, name+" is absent")
		}
	}
	return strings.Join(told, ", ")
}

// explained are the steps that did not pass, of a test that failed because
// somebody was denied.
func explained(t rehearse.Trial) []string {
	var lines []string
	if t.Result.Err == nil {
		return nil
	}
	for _, step := range t.Result.Trace.Steps {
		if step.Outcome != engine.StepFailed || step.Supposed {
			continue
		}
		line := string(step.Stage)
		if step.Subject != "" {
			line += " " + step.Subject
		}
		line += ": " + step.Detail
		if step.Near != "" {
			line += " (" + step.Near + ")"
		}
		lines = append(lines, line)
	}
	return lines
}
