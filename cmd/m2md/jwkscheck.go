package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
)

// checkReport is what `m2md jwks check` finds.
type checkReport struct {
	Fine    bool          `json:"fine"`
	Sources []checkedKeys `json:"sources"`
}

// checkedKeys is how the keys of one source are.
type checkedKeys struct {
	Source   string     `json:"source"` // label
	Fine     bool       `json:"fine"`
	Kind     string     `json:"kind"`
	Keys     int        `json:"keys"`               // pinned ones that can be used
	URL      string     `json:"url,omitempty"`      // where they were compared with, without its query
	PinnedAt time.Time  `json:"pinned_at,omitzero"` // where the document says it
	TooOld   bool       `json:"too_old"`            // pinned longer ago than --max-age
	New      []namedKey `json:"new"`                // at the issuer, and not pinned: their tokens are refused
	Gone     []namedKey `json:"gone"`               // pinned, and no longer at the issuer: their tokens are accepted all the same
	Error    string     `json:"error,omitempty"`    // why they could not be compared
}

// The kinds of keys.
const (
	pinnedKeys = "pinned" // they stand in the files
	remoteKeys = "live"   // they are fetched, and never drift
	noKeys     = "none"   // tokens are opaque, and asked about
)

func keyKind(s engine.OAuthSource) string {
	switch {
	case isPinned(s):
		return pinnedKeys
	case isRemote(s):
		return remoteKeys
	default:
		return noKeys
	}
}

// namedKey is what a key is known by.
type namedKey struct {
	ID         string `json:"kid"`
	Thumbprint string `json:"thumbprint"`
	Algorithm  string `json:"alg"` // "" where it is pinned to none
}

// checker compares the keys of sources.
type checker struct {
	now    time.Time
	maxAge time.Duration
	from   string
}

// fetchesAtOnce bounds how many issuers are asked at a time.
const fetchesAtOnce = 8

// checkKeys exits with 1 where anything needs to be looked at.
func checkKeys(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	how := checker{now: time.Now(), maxAge: c.Duration("max-age"), from: c.String("from")}
	if how.maxAge <= 0 {
		return usagef("--max-age: the time must be positive")
	}
	if how.from != "" && c.NArg() != 1 {
		return usagef("--from: name the one SOURCE that it is for")
	}
	sources, err := sourcesToCheck(c)
	if err != nil {
		return err
	}
	found := how.checkAll(c.Context, sources)
	if asJSON {
		err = writeJSON(c.App.Writer, found)
	} else {
		err = writeCheck(c.App.Writer, found, how.now)
	}
	if err == nil && !found.Fine {
		err = silentFault{}
	}
	return err
}

// sourcesToCheck are those that were named, or all.
func sourcesToCheck(c *cli.Context) ([]engine.OAuthSource, error) {
	d, err := readDeclared(c, func(engine.OAuthSource, engine.Range) bool { return false })
	if err != nil {
		return nil, err
	}
	if c.NArg() == 0 {
		return d.Spec.Sources, nil
	}
	var named []engine.OAuthSource
	seen := map[string]bool{}
	for _, name := range c.Args().Slice() {
		s, err := d.source(name)
		if err != nil {
			return nil, err
		}
		if !seen[s.Label] {
			named = append(named, s)
		}
		seen[s.Label] = true
	}
	return named, nil
}

func (how checker) checkAll(ctx context.Context, sources []engine.OAuthSource) checkReport {
	found := checkReport{Fine: true, Sources: make([]checkedKeys, len(sources))}
	var running sync.WaitGroup
	free := make(chan struct{}, fetchesAtOnce)
	for i, s := range sources {
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			found.Sources[i] = how.check(ctx, s)
		})
	}
	running.Wait()
	for _, one := range found.Sources {
		found.Fine = found.Fine && one.Fine
	}
	return found
}

func (how checker) check(ctx context.Context, s engine.OAuthSource) checkedKeys {
	k := checkedKeys{Source: s.Label, Kind: keyKind(s), New: []namedKey{}, Gone: []namedKey{}}
	if k.Kind != pinnedKeys {
		k.Fine = true
		return k
	}
	if err := how.compare(ctx, s, &k); err != nil {
		k.Error = err.Error()
	}
	k.Fine = k.Error == "" && !k.TooOld && len(k.New) == 0 && len(k.Gone) == 0
	return k
}

// compare fills k in. An error says why the keys could not be compared.
func (how checker) compare(ctx context.Context, s engine.OAuthSource, k *checkedKeys) error {
	if s.Unknown["oidc_jwks_file"] || s.Unknown["oidc_jwks"] {
		return errors.New("the pinned keys are absent here")
	}
	pinned, err := jwks.DecodePinned([]byte(s.JWKS.Content))
	if err != nil {
		return err
	}
	k.Keys, k.PinnedAt = len(pinned.Keys), pinned.Origin.PinnedAt
	k.TooOld = !k.PinnedAt.IsZero() && how.now.Sub(k.PinnedAt) > how.maxAge
	cfg, err := whence(s, pinned.Origin, how.from)
	if err != nil {
		return err
	}
	live, err := fetchKeys(ctx, cfg)
	if err != nil {
		return err
	}
	k.URL = live.url
	drift := jwks.Compare(pinned.Keys, live.keys)
	k.New, k.Gone = named(drift.New), named(drift.Gone)
	return nil
}

func named(keys []jwks.Key) []namedKey {
	all := make([]namedKey, len(keys))
	for i, key := range keys {
		all[i] = namedKey{key.ID, key.Thumbprint, key.Algorithm}
	}
	return all
}

// writeCheck writes a table, and below it what is to be done.
func writeCheck(w io.Writer, found checkReport, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tKEYS\tPINNED\tSTATE")
	for _, k := range found.Sources {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", k.Source, keyCount(k), age(k, now), keyState(k))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, k := range found.Sources {
		if _, err := io.WriteString(w, advice(k)); err != nil {
			return err
		}
	}
	return nil
}

func keyCount(k checkedKeys) string {
	if k.Kind != pinnedKeys {
		return "-"
	}
	return fmt.Sprint(k.Keys)
}

// age is how long ago keys were pinned.
func age(k checkedKeys, now time.Time) string {
	switch ago := now.Sub(k.PinnedAt); {
	case k.Kind != pinnedKeys:
		return "-"
	case k.PinnedAt.IsZero():
		return "unknown"
	case ago < 48*time.Hour:
		return fmt.Sprintf("%dh ago", max(0, ago)/time.Hour)
	default:
		return fmt.Sprintf("%dd ago", ago/(24*time.Hour))
	}
}

// keyState is how the keys of a source are, in a few words.
func keyState(k checkedKeys) string {
	switch k.Kind {
	case remoteKeys:
		return "live, not pinned"
	case noKeys:
		return "asked about each token"
	}
	var words []string
	if n := len(k.New); n > 0 {
		words = append(words, fmt.Sprintf("%d new", n))
	}
	if n := len(k.Gone); n > 0 {
		words = append(words, fmt.Sprintf("%d gone", n))
	}
	if k.TooOld {
		words = append(words, "too old")
	}
	if k.Error != "" {
		words = append(words, "NOT COMPARED")
	}
	if len(words) == 0 {
		return "as at the issuer"
	}
	return strings.Join(words, ", ")
}

// advice is what the keys of a source mean for its tokens, and the remedy; ""
// where all is fine.
func advice(k checkedKeys) string {
	if k.Fine {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\noauth_source %q:\n", k.Source)
	for _, key := range k.New {
		fmt.Fprintf(&out, "  new at its issuer: %s: what it signs is refused here\n", keyName(key.key()))
	}
	for _, key := range k.Gone {
		fmt.Fprintf(&out, "  gone from its issuer: %s: what it has signed is accepted here all the same\n", keyName(key.key()))
	}
	if k.Error != "" {
		fmt.Fprintf(&out, "  it could not be compared: %s\n", k.Error)
		return out.String()
	}
	fmt.Fprintf(&out, "  `m2md jwks pin %s` writes the keys of today.\n", k.Source)
	return out.String()
}

// key is what keyName asks for.
func (k namedKey) key() jwks.Key {
	return jwks.Key{ID: k.ID, Thumbprint: k.Thumbprint, Algorithm: k.Algorithm}
}
