package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
)

// Bounds of what asking issuers takes.
const (
	onlineAsks = time.Minute      // for all of them
	onlineAsk  = 10 * time.Second // for one, as the daemon does
	clockSkew  = 30 * time.Second // from which on a difference of clocks is told
)

// askedIssuer is what the issuer of one source answered.
type askedIssuer struct {
	source engine.OAuthSource
	url    string // without a query
	keys   []jwks.Key
	skip   []jwks.Skipped
	issuer string        // another one than configured, by the discovery document that was found; "" for none
	skew   time.Duration // of its clock, against ours; 0 for a small one
	absent bool          // its URL is not known here
	err    error         // why there are no keys
}

// askIssuers fetches the key sets of sources as the daemon would, some at a time
// and all of them within a limit.
func askIssuers(ctx context.Context, sources []engine.OAuthSource, limit time.Duration) []askedIssuer {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("asking all issuers took longer than %s", limit))
	defer cancel()
	asked := make([]askedIssuer, len(sources))
	var running sync.WaitGroup
	free := make(chan struct{}, fetchesAtOnce)
	for i, s := range sources {
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			asked[i] = askIssuer(ctx, s)
		})
	}
	running.Wait()
	return asked
}

// fetchedSources are those whose keys the daemon would fetch.
func fetchedSources(spec engine.Spec) (remote []engine.OAuthSource) {
	for _, s := range spec.Sources {
		if isRemote(s) {
			remote = append(remote, s)
		}
	}
	return remote
}

// askIssuer fetches the keys of one source.
func askIssuer(ctx context.Context, s engine.OAuthSource) askedIssuer {
	a := askedIssuer{source: s}
	for _, name := range []string{"oidc_jwks_url", "oidc_well_known_url", "issuer", "ca", "ca_file"} {
		if s.Unknown[name] {
			a.absent = true
			return a
		}
	}
	cfg := jwks.Config{URL: s.JWKSURL, WellKnownURL: s.WellKnownURL, Issuer: s.Issuer, AnyIssuer: s.Issuer == "", AllowHTTP: s.AllowHTTP, CAPEM: []byte(s.CA.Content)}
	if cfg.URL != "" { // no discovery document is asked for the issuer
		cfg.Issuer, cfg.AnyIssuer = "", false
	}
	if a.err = context.Cause(ctx); a.err != nil {
		return a
	}
	began := time.Now()
	got, err := jwks.Inspect(ctx, cfg, onlineAsk)
	a.url, a.keys, a.skip, a.err = got.URL, got.Keys, got.Skipped, err
	if err == nil {
		a.skew = skewOf(got.Date, began, time.Now())
		a.issuer = otherIssuer(ctx, s)
	}
	return a
}

// skewOf is how much a clock that was read between two moments of ours differs
// from it; 0 for as much as rounding and caches may explain.
func skewOf(theirs, began, ended time.Time) time.Duration {
	switch {
	case theirs.IsZero():
		return 0
	case theirs.Before(began.Add(-clockSkew)):
		return theirs.Sub(began).Round(time.Second)
	case theirs.After(ended.Add(clockSkew)):
		return theirs.Sub(ended).Round(time.Second)
	default:
		return 0
	}
}

// otherIssuer is what an issuer calls itself where a source names only its keys,
// and names another issuer; "" where it says the same, or nothing.
func otherIssuer(ctx context.Context, s engine.OAuthSource) string {
	u, err := url.Parse(s.Issuer)
	if s.JWKSURL == "" || err != nil || u.Scheme != "https" && !(u.Scheme == "http" && s.AllowHTTP) || u.Host == "" {
		return ""
	}
	issuer, err := jwks.InspectIssuer(ctx, jwks.Config{
		WellKnownURL: strings.TrimSuffix(s.Issuer, "/") + discoveryPath, AnyIssuer: true, AllowHTTP: s.AllowHTTP, CAPEM: []byte(s.CA.Content),
	}, onlineAsk)
	if err != nil || issuer == s.Issuer {
		return ""
	}
	return issuer
}

// onlineFindings tell what the issuers' answers mean, one finding for each source
// at most, at its line: the gravest, and in its detail the others.
func onlineFindings(asked []askedIssuer) (found engine.Findings) {
	for _, a := range asked {
		if one, told := a.finding(); told {
			found = append(found, one)
		}
	}
	return found
}

func (a askedIssuer) finding() (one engine.Finding, told bool) {
	var all engine.Findings
	at := a.source.AttrAt(keyAttribute(a.source))
	tell := func(severity engine.Severity, id string, at engine.Range, summary, detail string, args ...any) {
		all = append(all, engine.Finding{Severity: severity, ID: id, Summary: summary, Detail: fmt.Sprintf(detail, args...), At: at})
	}
	label := a.source.Label
	switch {
	case a.absent:
		tell(engine.Note, "ONL005", at, fmt.Sprintf("the issuer of oauth_source %q was not asked", label), "Where it is comes from env() or a file, which is absent here.")
	case errors.Is(a.err, jwks.ErrConfig): // which compiling has told
	case a.err != nil:
		tell(engine.Error, "ONL001", at, fmt.Sprintf("the keys of oauth_source %q cannot be had", label),
			"%s. Without them, the daemon refuses its tokens. Mend the URL, or have the issuer reachable from here; without --online, nothing is asked.", upperFirst(a.err.Error()))
	case len(a.keys) == 0:
		tell(engine.Error, "ONL002", at, fmt.Sprintf("the issuer of oauth_source %q publishes no key that can be used", label),
			"%s answers with a set of %s, none of which can verify a token.%s", a.url, counted(len(a.skip), "key"), skippedText(a.skip))
	case len(a.skip) > 0:
		tell(engine.Warning, "WIF022", at, fmt.Sprintf("%s of the set cannot be used", counted(len(a.skip), "key")), "What they sign is refused.%s", skippedText(a.skip))
	}
	if a.issuer != "" {
		tell(engine.Error, "ONL003", a.source.AttrAt("issuer"), fmt.Sprintf("the issuer of oauth_source %q calls itself otherwise", label),
			"Its discovery document says %q. The iss of its tokens is compared byte for byte, so that none would get in.", printable(a.issuer))
	}
	if a.skew != 0 {
		tell(engine.Warning, "ONL004", at, fmt.Sprintf("the clocks of this machine and of the issuer of oauth_source %q differ", label),
			"That of the issuer is %s. Where the daemon's machine is like this one, tokens seem to be expired, or not to be valid yet. Set the clock by NTP.", aheadText(a.skew))
	}
	if len(all) == 0 {
		return one, false
	}
	gravest := 0
	for i := range all {
		if all[i].Severity < all[gravest].Severity {
			gravest = i
		}
	}
	one = all[gravest]
	for i, other := range all {
		if i != gravest {
			one.Detail += fmt.Sprintf(" Besides, %s: %s", other.Summary, other.Detail)
		}
	}
	return one, true
}

// skippedText says of some keys why they cannot be used. A kid is a stranger's
// word.
func skippedText(skipped []jwks.Skipped) string {
	const shown = 3
	var out strings.Builder
	for _, skip := range skipped[:min(len(skipped), shown)] {
		fmt.Fprintf(&out, " Key %d (%s): %s.", skip.Index+1, quotedKid(skip.ID), skip.Reason)
	}
	if len(skipped) > shown {
		fmt.Fprintf(&out, " And %d others.", len(skipped)-shown)
	}
	return out.String()
}

// aheadText says how a clock differs.
func aheadText(skew time.Duration) string {
	if skew > 0 {
		return skew.String() + " ahead"
	}
	return (-skew).String() + " behind"
}

func upperFirst(s string) string { return strings.ToUpper(s[:min(len(s), 1)]) + s[min(len(s), 1):] }

// shownURL is a URL without its query.
func shownURL(address string) string {
	return jwks.Shown(jwks.Config{URL: address, AllowHTTP: true})
}
