package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/storage/memory"
)

// dryRunAsks is how long the issuers of key sets that are new are asked at most.
// The answer is due before a connection's time is over.
const dryRunAsks = 20 * time.Second

// DryRun does all of a reload but to swap: it judges the files by what the daemon
// has, and tells what would come of it.
func (d *Daemon) DryRun(ctx context.Context) (told serve.DryRun, err error) {
	var next *assessment
	done := make(chan struct{})
	work := func(ctx context.Context) {
		defer close(done)
		told, next, err = d.outlook(ctx)
	}
	select {
	case d.work <- work:
		<-done
	case <-ctx.Done():
		return serve.DryRun{}, fmt.Errorf("the daemon is busy or stopping: %w", ctx.Err())
	}
	if err != nil || next.Engine == nil {
		return told, err
	}
	// Issuers are asked when other reloads may go on.
	asked := askIssuers(ctx, d.newSources(next.Spec), dryRunAsks)
	for _, one := range asked {
		outlook := serve.KeySetOutlook{URL: one.url, Keys: len(one.keys)}
		if one.err != nil {
			outlook.Error = one.err.Error()
		}
		told.KeySets = append(told.KeySets, outlook)
	}
	next.Findings = append(next.Findings, onlineFindings(asked)...)
	next.Findings.Sort()
	told.Report = text(next)
	return told, nil
}

// outlook judges the files between two reloads. Keys are made in a copy of those
// that storage has, and the handles of key sets that nobody uses are forgotten.
func (d *Daemon) outlook(ctx context.Context) (serve.DryRun, *assessment, error) {
	loaded, revision := d.read()
	live := d.live.Load()
	deps := d.deps
	copied := memory.New()
	stored, err := d.deps.SigningKeys.SigningKeys(ctx)
	if err == nil {
		err = copied.ChangeSigningKeys(ctx, stored, nil)
	}
	if err != nil {
		return serve.DryRun{}, nil, fmt.Errorf("reading the signing keys: %w", err)
	}
	deps.SigningKeys = copied
	restart := needsRestart(d.fixed, loaded.Spec)
	next := compile(ctx, d.opts.Config, loaded, restart, live.Generation()+1, deps)
	live.Adopt()
	told := serve.DryRun{
		OK: next.Engine != nil, Changed: loaded.Spec.Fingerprint != d.fingerprint, Restart: len(restart) > 0,
		Generation: live.Generation(), Hash: live.Summary().Hash, NextHash: loaded.Spec.Hash, Revision: revision,
		Now: serve.HoldingsOf(live.Summary()), Revived: []serve.RevivedAccount{}, Orphaned: []serve.RevivedAccount{},
		Keys: []serve.KeyOutlook{}, KeySets: []serve.KeySetOutlook{},
	}
	if next.Engine == nil {
		told.Report = text(next)
		return told, next, nil
	}
	told.Next = serve.HoldingsOf(next.Engine.Summary())
	told.Revived = append(told.Revived, d.book.declaredOnlyIn(next.Engine, live)...)
	told.Orphaned = append(told.Orphaned, d.book.declaredOnlyIn(live, next.Engine)...)
	told.Keys = append(told.Keys, keyOutlook(next.Engine, stored)...)
	running, err := d.running(ctx, live)
	if err != nil {
		return serve.DryRun{}, nil, err
	}
	next.Findings = append(next.Findings, contradictions(running, next, d.opts.Config)...)
	next.Findings.Sort()
	return told, next, nil
}

// keyOutlook is what a generation would change of the signing keys.
func keyOutlook(next *engine.Engine, stored []engine.StoredKey) (outlook []serve.KeyOutlook) {
	for _, change := range next.KeyChanges() {
		one := serve.KeyOutlook{Name: change.Name, Event: string(change.Event), Algorithm: change.Algorithm}
		if slices.ContainsFunc(stored, func(k engine.StoredKey) bool { return k.ID == change.ID }) {
			one.ID = change.ID
		}
		outlook = append(outlook, one)
	}
	return outlook
}

// newSources are those whose keys are fetched from where the daemon fetches none
// yet.
func (d *Daemon) newSources(next engine.Spec) (fresh []engine.OAuthSource) {
	known := map[string]bool{}
	for _, remote := range d.live.Load().Remotes() {
		known[remote.URL()] = true
	}
	for _, s := range next.Sources {
		if isRemote(s) && !known[shownURL(s.JWKSURL+s.WellKnownURL)] {
			fresh = append(fresh, s)
		}
	}
	return fresh
}

// tellDryRun prints what a reload would do; it exits with 1 where the files would
// be refused.
func tellDryRun(c *cli.Context, o serve.DryRun, asJSON bool) error {
	var err error
	if asJSON {
		err = writeJSON(c.App.Writer, o)
	} else {
		_, err = fmt.Fprint(c.App.Writer, o.Report, dryRunText(o))
	}
	if err == nil && !o.OK {
		err = silentFault{}
	}
	return err
}

// dryRunText is the outlook for people, below the findings.
func dryRunText(o serve.DryRun) string {
	var out strings.Builder
	line := func(form string, args ...any) { fmt.Fprintf(&out, form+"\n", args...) }
	switch {
	case !o.OK && o.Restart:
		line("would refuse, as a restart is needed: generation %d goes on serving", o.Generation)
		return out.String()
	case !o.OK:
		line("would refuse: generation %d goes on serving", o.Generation)
		return out.String()
	case !o.Changed:
		line("would change nothing: generation %d serves these files already", o.Generation)
		return out.String()
	}
	line("would reload: hash %s in the place of %s", shortHash(o.NextHash), shortHash(o.Hash))
	line("  would hold: providers %s, sources %s, service accounts %s, policies %s",
		change(o.Now.Providers, o.Next.Providers), change(o.Now.Sources, o.Next.Sources), change(o.Now.Accounts, o.Next.Accounts), change(o.Now.Policies, o.Next.Policies))
	if o.Revision.Commit != "" {
		line("  Git HEAD: %s", revisionText(o.Revision))
	}
	for _, key := range o.Keys {
		line("  signing key %q (%s): %s", key.Name, key.Algorithm, keyEventText(key))
	}
	for _, one := range o.Revived {
		line("  app passwords that would let in again: %s (%d)", one.Account, one.AppPasswords)
	}
	for _, one := range o.Orphaned {
		line("  app passwords that would let in no more: %s (%d)", one.Account, one.AppPasswords)
	}
	for _, set := range o.KeySets {
		if set.Error != "" {
			line("  keys that would be fetched and cannot be: %s", set.Error)
		} else {
			line("  keys that would be fetched: %s: %d", set.URL, set.Keys)
		}
	}
	return out.String()
}

// change is a number, or the one before and the one after.
func change(before, after int) string {
	if before == after {
		return fmt.Sprint(before)
	}
	return fmt.Sprintf("%d -> %d", before, after)
}

// keyEventText says what would happen to a key.
func keyEventText(k serve.KeyOutlook) string {
	switch {
	case k.ID == "" && k.Event == string(engine.KeyPublished):
		return "would be made and published"
	case k.ID == "":
		return "would sign as soon as it is made"
	default:
		return fmt.Sprintf("%s would be %s", k.ID, map[string]string{
			string(engine.KeyPublished): "published", string(engine.KeySigns): "the one that signs",
			string(engine.KeyRetired): "retired", string(engine.KeyDropped): "dropped",
		}[k.Event])
	}
}
