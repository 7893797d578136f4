package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/decisionlog"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/plan"
	"github.com/m2md/m2md/engine/rehearse"
	"github.com/m2md/m2md/hcl"
)

// exitPlan ends a plan that --fail-on stops.
const exitPlan = 3

func planCommand() *cli.Command {
	c := command(&cli.Command{
		Name:  "plan",
		Usage: "tell what a change means: which blocks it changes, and who gains or loses access",
		Description: "OLD and NEW are files or folders. With --git, they are revisions of the repository that --config lies in: OLD..NEW, OLD...NEW from where NEW branched off, or OLD alone for the files as they are. " +
			"Nothing of the machine is read: env() and files beyond the configuration are unknown, and no value of env() or file() is shown. Exit code 3: --fail-on stopped it.",
		Flags: []cli.Flag{
			configFlag(), allowPathFlag(),
			&cli.StringFlag{Name: "git", Usage: "compare `REVISIONS` of Git: main..HEAD, main...HEAD, or main"},
			&cli.StringFlag{Name: "format", Usage: "`FORM` of the output: text, json, or markdown for a comment", Value: "text"},
			&cli.StringFlag{Name: "fail-on", Usage: "end with 3 where the change does `WHAT`: widen (somebody may gain, or that is not decided), narrow (somebody may lose), or any"},
			&cli.GenericFlag{Name: "replay", Value: &texts{}, Usage: "make the decisions of a `FILE` of the decision log again, by both (repeatable)"},
			&cli.IntFlag{Name: "tries", Usage: "show at most so many made-up identities to both", Value: plan.DefaultTries},
			&cli.DurationFlag{Name: "timeout", Usage: "show no identity after so long", Value: plan.DefaultTime},
		},
	}, "[OLD NEW...]", planAction)
	c.ArgsUsage = "OLD NEW | --git OLD..NEW"
	return c
}

// codedFault ends a command with an exit code of its own; what there is to say
// was said.
type codedFault struct{ code int }

func (codedFault) Error() string { return "it was not to be" }

// Unwrap says that all was said.
func (codedFault) Unwrap() error { return silentFault{} }

// planRun is a plan that was made, for a report.
type planRun struct {
	*plan.Plan
	was, is *planSide
	// faulty is the side that cannot be compared; nil for none.
	faulty *planSide
	failed string // what --fail-on stopped it for; "" for nothing
}

// planSide is one side of a plan.
type planSide struct {
	name    string // for people
	path    string // of the configuration
	root    string // how its places begin, for nobody to see; "" where they may be seen
	missing bool   // there is no configuration yet
	judged  *assessment
	deps    engine.Deps
}

func planAction(c *cli.Context) error {
	reports := map[string]func(io.Writer, *planRun) error{"text": reportPlanAsText, "json": reportPlanAsJSON, "markdown": reportPlanAsMarkdown}
	report := reports[c.String("format")]
	if report == nil {
		return usagef("--format: %q is none of text, json and markdown", c.String("format"))
	}
	failOn := c.String("fail-on")
	if !slices.Contains([]string{"", "widen", "narrow", "any"}, failOn) {
		return usagef("--fail-on: %q is none of widen, narrow and any", failOn)
	}
	records, err := recordsOf(c.Context, textsOf(c, "replay"))
	if err != nil {
		return err
	}
	was, is, done, err := planSides(c)
	if err != nil {
		return err
	}
	defer done()
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	run, err := makePlan(c.Context, was, is, keys, c.StringSlice("allow-path"), plan.Options{Records: records, MaxTries: c.Int("tries"), Time: c.Duration("timeout")})
	if err != nil {
		return err
	}
	run.stop(failOn)
	if err := report(c.App.Writer, run); err != nil {
		return err
	}
	switch {
	case run.faulty != nil:
		return silentFault{}
	case run.failed != "":
		return codedFault{exitPlan}
	}
	return nil
}

// stop notes what --fail-on stops the plan for. What is not decided may widen as
// well as narrow.
func (r *planRun) stop(failOn string) {
	if r.faulty != nil {
		return
	}
	of := map[string][]plan.Direction{
		"widen": {plan.Widens, plan.Undecided}, "narrow": {plan.Narrows, plan.MayNarrow, plan.Undecided},
	}[failOn]
	if slices.ContainsFunc(of, r.Has) || failOn == "any" && !r.Empty() {
		r.failed = failOn
	}
}

// recordsOf reads decision logs.
func recordsOf(ctx context.Context, paths []string) (all []engine.Decision, err error) {
	unread := 0
	for _, one := range paths {
		file, err := os.Open(one)
		if err != nil {
			return nil, err
		}
		err = readerLines{bufio.NewReader(file)}.each(ctx, func(line []byte) error {
			switch record, err := decisionlog.Parse(line); {
			case len(line) == 0:
			case err != nil || !record.Replayable:
				unread++
			default:
				all = append(all, record.Decision)
			}
			return nil
		})
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", one, err)
		}
	}
	if len(paths) > 0 && len(all) == 0 {
		return nil, fmt.Errorf("none of the %d lines of --replay is a record that can be made again", unread)
	}
	return all, nil
}

// planSides finds both sides. done takes away what was written for them.
func planSides(c *cli.Context) (was, is *planSide, done func(), err error) {
	if of := c.String("git"); of != "" {
		if c.NArg() > 0 {
			return nil, nil, nil, usagef("plan: with --git, the configuration is named by --config")
		}
		return gitSides(c.Context, of, c.String("config"), c.StringSlice("allow-path"))
	}
	if c.NArg() != 2 {
		return nil, nil, nil, usagef("plan: two files or folders are needed, OLD and NEW, or --git OLD..NEW")
	}
	for _, one := range c.Args().Slice() {
		if _, err := os.Stat(one); err != nil {
			return nil, nil, nil, err
		}
	}
	was, is = &planSide{name: c.Args().Get(0), path: c.Args().Get(0)}, &planSide{name: c.Args().Get(1), path: c.Args().Get(1)}
	return was, is, func() {}, nil
}

// makePlan reads both sides, at once, judges them as validate does, and compares
// them.
func makePlan(ctx context.Context, was, is *planSide, keys *jwks.Cache, allowed []string, o plan.Options) (*planRun, error) {
	o.Now = time.Now()
	var both sync.WaitGroup
	for _, side := range []*planSide{was, is} {
		both.Go(func() { side.read(ctx, keys, allowed) })
	}
	both.Wait()
	run := &planRun{was: was, is: is}
	for _, side := range []*planSide{is, was} {
		if side.judged.Engine == nil {
			run.faulty = side
			return run, nil
		}
	}
	made, err := plan.Compare(ctx, was.revision(), is.revision(), o)
	run.Plan = made
	return run, err
}

// read reads a side, sealed off from the machine.
func (s *planSide) read(ctx context.Context, keys *jwks.Cache, allowed []string) {
	s.deps = rehearsalDeps(keys)
	if s.missing {
		s.judged = &assessment{Engine: &engine.Engine{}}
		return
	}
	if s.root != "" {
		allowed = slices.Clone(allowed)
		for i := range allowed {
			allowed[i] = filepath.Join(s.root, filepath.FromSlash(path.Clean("/"+filepath.ToSlash(allowed[i]))))
		}
	}
	s.judged = assess(ctx, hcl.Options{Path: s.path, AllowPaths: allowed, Sealed: true, WithTests: true}, 1, s.deps)
}

// revision is the side as plan compares it.
func (s *planSide) revision() plan.Revision {
	return plan.Revision{
		Spec: s.judged.Spec,
		Root: s.root,
		Written: func(at engine.Range) string {
			if how, told := s.judged.Unknown[at]; told {
				return fmt.Sprintf("%x", how)
			}
			return ""
		},
		Rehearse: func(ctx context.Context) (*rehearse.Rehearsal, error) {
			if s.missing {
				return nil, nil
			}
			made, found := rehearse.New(ctx, s.judged.Spec, rehearsalOf(s.deps))
			if made == nil {
				return nil, fmt.Errorf("rehearsing %s: %w", s.name, errors.New(s.visible(found.Error())))
			}
			return made, nil
		},
	}
}

// visible takes out of a text where the side was written to for reading.
func (s *planSide) visible(text string) string {
	if s.root == "" {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, s.root+string(filepath.Separator), ""), s.root, s.name)
}

// findings are those of a side that has faults, as people may see them.
func (s *planSide) findings() (engine.Findings, hcl.Sources) {
	found := slices.Clone(s.judged.Findings)
	found = slices.DeleteFunc(found, func(f engine.Finding) bool { return f.Severity != engine.Error })
	for i := range found {
		found[i].At.File = s.visible(found[i].At.File)
		found[i].Summary, found[i].Detail = s.visible(found[i].Summary), s.visible(found[i].Detail)
	}
	sources := hcl.Sources{}
	for name, text := range s.judged.Sources {
		sources[s.visible(name)] = text
	}
	return found, sources
}

// place is where something stands, for people.
func (r *planRun) place(at engine.Range, gone bool) string {
	if at.File == "" {
		return ""
	}
	side := r.is
	if gone {
		side = r.was
	}
	text := fmt.Sprintf("%s:%d", side.visible(at.File), at.Start.Line)
	if gone {
		text += " of " + r.was.name
	}
	return text
}
