package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
)

// pinning is one run of `m2md jwks pin`.
type pinning struct {
	source engine.OAuthSource
	before jwks.Pinned // the zero value: not pinned yet
	live   liveKeys
	origin jwks.Origin
	path   string // "-" for stdout
}

// pinKeys exits with 1 and writes nothing where the keys cannot be had.
func pinKeys(c *cli.Context) error {
	p, err := newPinning(c)
	if err != nil {
		return err
	}
	cfg, err := whence(p.source, p.before.Origin, c.String("from"))
	if err != nil {
		return fmt.Errorf("fetching the keys of oauth_source %q: %w", p.source.Label, err)
	}
	if p.live, err = fetchKeys(c.Context, cfg); err != nil {
		return fmt.Errorf("fetching the keys of oauth_source %q: %w", p.source.Label, err)
	}
	if len(p.live.keys) == 0 {
		p.tellSkipped(c.App.ErrWriter)
		return fmt.Errorf("oauth_source %q: its issuer publishes no key that can be used, so nothing was written", p.source.Label)
	}
	p.origin = originOf(cfg)
	document, err := jwks.EncodePinned(p.live.keys, p.origin)
	if err != nil {
		return err
	}
	if p.path == "-" {
		_, err := c.App.Writer.Write(document)
		return errors.Join(err, p.tell(c.App.ErrWriter))
	}
	err = writePinned(p.path, document, p.source)
	if errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
		err = fmt.Errorf("%w; name another file with --output", err)
	}
	if err != nil {
		return fmt.Errorf("writing the keys of oauth_source %q: %w", p.source.Label, err)
	}
	return p.tell(c.App.Writer)
}

// newPinning reads what there is to know before the issuer is asked.
func newPinning(c *cli.Context) (*pinning, error) {
	name := c.Args().First()
	d, err := readDeclared(c, func(s engine.OAuthSource, at engine.Range) bool {
		// What is wrong with the pinned keys of this source is about to be mended.
		return s.Label == sourceLabel(name) && s.Has("oidc_jwks_file") && at == s.AttrAt("oidc_jwks_file")
	})
	if err != nil {
		return nil, err
	}
	p := &pinning{}
	if p.source, err = d.source(name); err != nil {
		return nil, err
	}
	if !isPinned(p.source) && !isRemote(p.source) {
		return nil, usagef("oauth_source %q has no keys: its tokens are asked about, one by one", p.source.Label)
	}
	p.before, _ = jwks.DecodePinned([]byte(p.source.JWKS.Content)) // what cannot be read says nothing
	p.path, err = pinPath(p.source, c.String("output"))
	return p, err
}

// pinPath is where the document goes.
func pinPath(s engine.OAuthSource, output string) (string, error) {
	beside := filepath.Dir(s.At.File)
	switch named := s.JWKS.Path; {
	case output != "":
		return output, nil
	case named == "" || !s.Has("oidc_jwks_file"):
		return filepath.Join(beside, "jwks", s.Label+".json"), nil
	case named == sensitivePath:
		return "", usagef("oidc_jwks_file of oauth_source %q is computed, and its value is not shown; name the file with --output", s.Label)
	case filepath.IsAbs(named):
		return named, nil
	default:
		return filepath.Join(beside, named), nil
	}
}

// sensitivePath is what engine.File has for a path that is not to be shown.
const sensitivePath = "(sensitive)"

// originOf is what may be written of where keys came from.
func originOf(cfg jwks.Config) jwks.Origin {
	o := jwks.Origin{PinnedAt: time.Now()}
	o.URL, o.QueryLeftOut = withoutQuery(cfg.URL)
	var left bool
	o.WellKnownURL, left = withoutQuery(cfg.WellKnownURL)
	o.QueryLeftOut = o.QueryLeftOut || left
	return o
}

// withoutQuery takes the query, which may hold a secret, off a URL that was
// fetched.
func withoutQuery(address string) (_ string, leftOut bool) {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // it was fetched
	}
	if u.RawQuery == "" && !u.ForceQuery {
		return address, false
	}
	u.RawQuery, u.ForceQuery = "", false
	return u.String(), true
}

// writePinned writes the document as a whole or not at all, and the folder that
// it goes to. A link is followed, so that it stays one.
func writePinned(path string, document []byte, s engine.OAuthSource) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file; --output - writes to stdout", path)
	case !s.Has("oidc_jwks_file"):
		if err := holdsKeys(path, info); err != nil {
			return err
		}
	}
	return replaceFile(path, document)
}

// holdsKeys refuses to replace a file that is something else: the name was
// perhaps mistyped.
func holdsKeys(path string, info fs.FileInfo) error {
	var content []byte
	err := fmt.Errorf("it has %d bytes", info.Size())
	if info.Size() <= jwks.MaxBytes {
		content, err = os.ReadFile(path)
	}
	if err == nil {
		_, err = jwks.DecodePinned(content)
	}
	if err != nil {
		return fmt.Errorf("%s is there and holds no key set (%w); remove it, or name another file with --output", path, err)
	}
	return nil
}

// tell says what was pinned and what is to be written into the configuration.
func (p *pinning) tell(w io.Writer) error {
	var out bytes.Buffer
	where := ""
	if p.path != "-" {
		where = " in " + p.path
	}
	fmt.Fprintf(&out, "Pinned %s of oauth_source %q%s, as %s has them now.\n", counted(len(p.live.keys), "key"), p.source.Label, where, p.live.url)
	p.tellSkipped(&out)
	p.tellDrift(&out)
	if p.origin.QueryLeftOut {
		fmt.Fprintf(&out, "The query of the URL may be secret and was left out of the file: to compare or pin these keys again, name the whole URL with --from.\n")
	}
	if p.path != "-" {
		p.tellAttribute(&out)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// tellSkipped says which keys are not among the pinned ones.
func (p *pinning) tellSkipped(w io.Writer) {
	for _, skip := range p.live.skipped {
		fmt.Fprintf(w, "Skipped key %d (%s): %s.\n", skip.Index+1, quotedKid(skip.ID), skip.Reason)
	}
}

// tellDrift says what changed against the keys that were pinned before.
func (p *pinning) tellDrift(w io.Writer) {
	if len(p.before.Keys) == 0 {
		return
	}
	drift := jwks.Compare(p.before.Keys, p.live.keys)
	for _, key := range drift.New {
		fmt.Fprintf(w, "New: %s.\n", keyName(key))
	}
	for _, key := range drift.Gone {
		fmt.Fprintf(w, "Gone: %s.\n", keyName(key))
	}
	if drift.None() {
		fmt.Fprintln(w, "They are the keys that were pinned before.")
	}
}

// tellAttribute says how the configuration names the file, where it does not
// do so yet.
func (p *pinning) tellAttribute(w io.Writer) {
	named, _ := pinPath(p.source, "") //nolint:errcheck // then it is another file
	if p.source.Has("oidc_jwks_file") && sameFile(named, p.path) {
		fmt.Fprintf(w, "oidc_jwks_file in %s names this file; a running daemon takes it up by itself.\n", p.source.At.File)
		return
	}
	path := p.path
	if relative, err := filepath.Rel(absolutePath(filepath.Dir(p.source.At.File)), absolutePath(p.path)); err == nil {
		path = relative
	}
	attribute := fmt.Sprintf("oidc_jwks_file = %q", filepath.ToSlash(path))
	if strings.HasSuffix(p.source.At.File, ".json") {
		attribute = fmt.Sprintf("%q: %q", "oidc_jwks_file", filepath.ToSlash(path))
	}
	fmt.Fprintf(w, "Write in %s, in the place of %s:\n\n  %s\n\n", p.source.At.File, keyAttribute(p.source), attribute)
}

// keyAttribute is the attribute by which a source says its keys.
func keyAttribute(s engine.OAuthSource) string {
	for _, name := range []string{"oidc_jwks_url", "oidc_well_known_url", "oidc_jwks", "oidc_jwks_file"} {
		if s.Has(name) {
			return name
		}
	}
	panic("a source without keys was pinned")
}

func sameFile(a, b string) bool { return absolutePath(a) == absolutePath(b) }

// absolutePath is for comparing; where the current folder is gone, the path as
// it is has to do.
func absolutePath(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}

// counted is a number of things, such as "2 keys".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
