package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/cmd/m2md/scaffold"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/strictjson"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/scripting"
)

func initCommand() *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "dir", Usage: "the `FOLDER` to write into", Value: "m2md.d"},
		&cli.BoolFlag{Name: "yes", Usage: "ask nothing: take the default of what is not said"},
	}
	for _, q := range scaffold.Questions() {
		flags = append(flags, &cli.StringFlag{Name: q.Name, Usage: q.Usage})
	}
	return command(&cli.Command{
		Name:        "init",
		Usage:       "write a first configuration, by a few questions or by flags",
		Description: initHelp,
		Flags:       flags,
	}, "", initialize)
}

const initHelp = `Asks what it must know, and writes a folder that validates and tests itself: who
signs, who gets in, tests of who does not, and what goes into the proxy and to the
other side. What is said by flags is not asked. It overwrites nothing.

  m2md init
  m2md init --case github-actions --owner acme --owner-id 1234 --repo api --repo-id 5678 \
    --external-url https://auth.example.com --host deploy.example.com --proxy nginx --yes`

func initialize(c *cli.Context) error {
	dir := c.String("dir")
	if err := checkNewFolder(dir); err != nil {
		return err
	}
	ask, err := newAsker(c)
	if err != nil {
		return err
	}
	answers, err := ask.all(c)
	if err != nil {
		return err
	}
	wish := scaffold.Wish{Answers: answers, Version: installable()}
	if wish.KeySet, err = readKeySet(answers); err != nil {
		return err
	}
	files, err := scaffold.Files(wish)
	if err != nil {
		return err
	}
	if files, err = proved(c.Context, c.App.ErrWriter, files); err != nil {
		return err
	}
	if err := ask.consent(dir, files); err != nil {
		return err
	}
	if err := writeNew(dir, files); err != nil {
		return err
	}
	return tellNext(c.App.Writer, dir, wish, files)
}

// asker puts questions to a person. in is nil where nobody can be asked.
type asker struct {
	in  *bufio.Reader
	out io.Writer
}

// newAsker asks at a terminal only: in a pipeline, a question would wait for
// ever.
func newAsker(c *cli.Context) (*asker, error) {
	a := &asker{out: c.App.ErrWriter}
	if c.Bool("yes") {
		return a, nil
	}
	if !isTerminal(os.Stdin) {
		return nil, usagef("init: nobody can be asked, as stdin is no terminal; say all by flags, and --yes")
	}
	a.in = bufio.NewReader(io.LimitReader(os.Stdin, maxTyped))
	return a, nil
}

// all are the answers to all questions that are asked: those of flags, typed
// ones, and defaults.
func (a *asker) all(c *cli.Context) (scaffold.Answers, error) {
	answers := scaffold.Answers{}
	var missing []string
	for _, q := range scaffold.Questions() {
		asked, said := q.Asked(answers), c.IsSet(q.Name)
		switch {
		case !asked && said && answers["case"] != "":
			return nil, usagef("--%s has no place here", q.Name)
		case !asked:
			continue
		case said:
			answers[q.Name] = c.String(q.Name)
		case a.in != nil:
			if err := a.one(q, answers); err != nil {
				return nil, err
			}
			continue
		default:
			answers[q.Name] = q.Fallback(answers)
		}
		if answers[q.Name] == "" && !said {
			missing = append(missing, "--"+q.Name)
			continue
		}
		if err := q.Check(answers); err != nil {
			return nil, usagef("--%s: %q %w", q.Name, answers[q.Name], err)
		}
	}
	if missing != nil {
		return nil, usagef("init: without a terminal, say %s", strings.Join(missing, ", "))
	}
	return answers, nil
}

// one asks until there is an answer.
func (a *asker) one(q scaffold.Question, answers scaffold.Answers) error {
	prompt := q.Ask
	if q.Options != nil {
		prompt += " (" + strings.Join(q.Options, ", ") + ")"
	}
	if q.Hint != nil {
		fmt.Fprintf(a.out, "  (%s)\n", q.Hint(answers))
	}
	fallback := q.Fallback(answers)
	if fallback != "" {
		prompt += " [" + fallback + "]"
	}
	for {
		fmt.Fprintf(a.out, "%s: ", prompt)
		line, err := a.line()
		if err != nil {
			return err
		}
		if answers[q.Name] = line; line == "" {
			answers[q.Name] = fallback
		}
		if err = q.Check(answers); err == nil {
			return nil
		}
		fmt.Fprintf(a.out, "  %q %v.\n", answers[q.Name], err)
	}
}

// line is what is typed up to a line's end, without white space around it.
func (a *asker) line() (string, error) {
	line, err := a.in.ReadString('\n')
	if err != nil {
		fmt.Fprintln(a.out)
		return "", errors.New("the answers ended; nothing was written")
	}
	return strings.TrimSpace(line), nil
}

// consent lets a person look before something is written.
func (a *asker) consent(dir string, files []scaffold.File) error {
	if a.in == nil {
		return nil
	}
	fmt.Fprintf(a.out, "\n%d files go into %s.\n", len(files), dir)
	fmt.Fprint(a.out, "Write them (yes, no) [yes]: ")
	line, err := a.line()
	if err != nil {
		return err
	}
	if line != "" && !strings.EqualFold(line, "yes") && !strings.EqualFold(line, "y") {
		return errors.New("nothing was written")
	}
	return nil
}

// readKeySet reads the file of a cluster's public keys; nil where none is
// named. A private key would stand in Git the next day.
func readKeySet(a scaffold.Answers) ([]byte, error) {
	name := a["keys"]
	if name == "" || name == scaffold.Discovery || strings.Contains(name, "://") {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's keys: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxKeySet+1))
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's keys: %w", err)
	}
	if len(content) > maxKeySet {
		return nil, fmt.Errorf("reading the cluster's keys: %s holds more than %d bytes", name, maxKeySet)
	}
	if err := onlyPublic(content); err != nil {
		return nil, fmt.Errorf("reading the cluster's keys from %s: %w", name, err)
	}
	return content, nil
}

// maxKeySet bounds a file of public keys, in bytes.
const maxKeySet = 1 << 20

// privateMembers are those of a JWK that hold a secret (RFC 7518 §6.2.2, §6.3.2,
// §6.4.1, RFC 8037 §2).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// onlyPublic wants a set of keys none of which is a secret.
func onlyPublic(set []byte) error {
	document, err := strictjson.Object(set)
	if err != nil {
		return err
	}
	keys, _ := document["keys"].([]any)
	if len(keys) == 0 {
		return errors.New("it is no JSON Web Key Set: it has no keys")
	}
	for _, one := range keys {
		key, is := one.(map[string]any)
		if !is {
			return errors.New("it is no JSON Web Key Set: a key is no object")
		}
		if slices.ContainsFunc(privateMembers, func(name string) bool { _, has := key[name]; return has }) {
			return errors.New("it holds a private key; only public ones belong here")
		}
	}
	return nil
}

// proved are the files, and those that are made from them, after validate and
// test have nothing to say of them: answers that are sound one by one may make
// a configuration that is not.
func proved(ctx context.Context, w io.Writer, files []scaffold.File) ([]scaffold.File, error) {
	folder, err := os.MkdirTemp("", "m2md-init-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // it is in the system's folder for such
	if err := writeNew(folder, files); err != nil {
		return nil, err
	}
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	options := hcl.Options{Path: folder, WithTests: true}
	a := assess(ctx, options, 1, rehearsalDeps(keys))
	if a.Findings = strict(linted(a, lintOptions())); a.Findings.Err() != nil {
		return nil, errors.Join(errors.New("these answers make no sound configuration; nothing was written"), report(w, a))
	}
	if _, err := runTests(ctx, testOptions{Options: options, report: failuresOnly(w), needDeny: true}, io.Discard); err != nil {
		return nil, errors.New("these answers make a configuration that does not pass its tests; nothing was written")
	}
	if len(a.Spec.Policies) == 0 {
		return files, nil
	}
	return append(files,
		scaffold.File{Name: scripting.TypesFile, What: "what policies see, for editors", Content: []byte(scripting.Types(a.Spec))},
		scaffold.File{Name: scripting.TSConfigFile, What: "how editors check them", Content: []byte(scripting.TSConfig())}), nil
}

// failuresOnly reports tests only where they failed.
func failuresOnly(w io.Writer) func(io.Writer, *testRun) error {
	return func(_ io.Writer, r *testRun) error {
		if r.sound() {
			return nil
		}
		return reportTestsAsText(w, r)
	}
}

// released is a version that `go install` finds.
var released = regexp.MustCompile(`\Av[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?\z`)

// installable is the version of m2md that pipelines install: this one, where it
// is one that was released.
func installable() string {
	candidates := []string{version}
	if info, ok := debug.ReadBuildInfo(); ok {
		candidates = append(candidates, info.Main.Version)
	}
	for _, v := range candidates {
		if released.MatchString(v) {
			return v
		}
	}
	return "latest"
}

// tellNext says what was written, what to paste, and what to type.
func tellNext(w io.Writer, dir string, wish scaffold.Wish, files []scaffold.File) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Wrote into %s:\n", dir)
	for _, f := range files {
		fmt.Fprintf(&out, "  %-29s %s\n", f.Name, f.What)
	}
	snippet := slices.IndexFunc(files, func(f scaffold.File) bool { return f.Name == wish.ProxyFile() })
	fmt.Fprintf(&out, "\nFor the proxy, as %s has it:\n\n", files[snippet].Name)
	for line := range strings.Lines(string(files[snippet].Content)) {
		out.WriteString(strings.TrimRight("  "+line, " \n") + "\n")
	}
	if wish.Answers["proof"] == "app-password" {
		out.WriteString("\nWhile m2md serves, make Prometheus its app password:\n  m2md app-password create prometheus\n")
	}
	at := shellWord(dir)
	fmt.Fprintf(&out, "\nNext:\n  m2md validate --strict --config %[1]s\n  m2md test --require-deny-tests --config %[1]s\n  m2md serve --config %[1]s\n", at)
	_, err := io.WriteString(w, out.String())
	return err
}

// shellWord is a text as a shell takes it for one word, quoted where it must be.
func shellWord(text string) string {
	if regexp.MustCompile(`\A[A-Za-z0-9_./][A-Za-z0-9_./-]*\z`).MatchString(text) {
		return text
	}
	return shellQuoted(text)
}
