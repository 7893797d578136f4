package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/hcl"
)

// Reload reads the files again and waits for what comes of it.
func (d *Daemon) Reload(ctx context.Context) serve.ReloadResult {
	answer := make(chan serve.ReloadResult, 1)
	select {
	case d.reloads <- answer:
	case <-ctx.Done():
		return serve.ReloadResult{Generation: d.live.Load().Generation(), Report: "the daemon is busy or stopping\n"}
	}
	return <-answer
}

// reloadLoop is the one goroutine that reloads, whoever asks.
func (d *Daemon) reloadLoop(ctx context.Context, again <-chan os.Signal) {
	d.watch(load(d.loadOptions()))
	for {
		keys := time.NewTimer(d.keyWait())
		select {
		case <-ctx.Done():
			return
		case <-keys.C:
			d.changeKeys(ctx)
		case work := <-d.work:
			work(ctx)
		case <-again:
			d.reload(ctx)
		case <-d.watcher.Changes():
			d.reload(ctx)
		case answer := <-d.reloads:
			answer <- d.reload(ctx)
		}
		keys.Stop()
	}
}

// watch follows what a configuration was read from, sound or not: what is
// missing may appear.
func (d *Daemon) watch(loaded *hcl.Loaded) { d.watcher.Set(loaded.Files, loaded.Folders) }

// reload does everything that can fail, and then swaps. What serves goes on
// serving where anything does fail.
func (d *Daemon) reload(ctx context.Context) serve.ReloadResult {
	loaded, revision := d.read()
	d.watch(loaded)
	generation := d.live.Load().Generation()
	if loaded.Findings.Err() == nil && loaded.Spec.Fingerprint == d.fingerprint {
		d.concluded(reading{"unchanged", loaded.Spec.Hash, revision, nil, ""})
		return serve.ReloadResult{OK: true, Generation: generation, Report: ""}
	}
	sink, objections := d.nextSink(loaded)
	next := compile(ctx, d.opts.Config, loaded, append(needsRestart(d.fixed, loaded.Spec), objections...), generation+1, d.deps)
	report := text(next)
	if next.Engine == nil {
		if sink != nil {
			sink.Close() //nolint:errcheck // nothing was written to it
		}
		d.live.Load().Adopt() // forget what only the refused generation needs
		d.concluded(reading{"failed", loaded.Spec.Hash, revision, next.Findings, report})
		return serve.ReloadResult{Generation: generation, Report: report}
	}
	d.swap(next, revision)
	d.audit.follow(formOf(next.Spec.DecisionLog), sink)
	d.concluded(reading{"ok", loaded.Spec.Hash, revision, nil, report})
	d.past.keep(next.Kept, next.Spec.Hash, revision, d.deps.Now())
	return serve.ReloadResult{OK: true, Changed: true, Generation: next.Engine.Generation(), Report: report}
}

// read reads the files, and at what revision they are; none where that changed
// meanwhile.
func (d *Daemon) read() (*hcl.Loaded, serve.Revision) {
	before := gitRevision(d.opts.Config)
	loaded := load(d.loadOptions())
	if gitRevision(d.opts.Config) != before {
		return loaded, serve.Revision{}
	}
	return loaded, before
}

// swap puts a generation into service. It cannot fail.
func (d *Daemon) swap(next *assessment, revision serve.Revision) {
	now := time.Now()
	d.fingerprint, d.spec = next.Spec.Fingerprint, next.Spec
	before := d.live.Load()
	d.live.Swap(next.Engine)
	next.Engine.Adopt()
	d.book.swapped(before, next.Engine)
	d.metrics.serving(next.Engine.Generation(), now)
	d.metrics.configured(next.Spec.Hash, revision)
	d.tellKeys(next.Engine)
	d.keysSettled(next.Engine.KeyFailure())
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revision, d.lastGood = revision, nil
	d.remarks = text(next)
	d.last = serve.ReloadStatus{At: now, OK: true, LastGood: now, Report: d.remarks}
}

// reading is how a reading of the files ended.
type reading struct {
	outcome  string // ok, failed or unchanged
	hash     string
	revision serve.Revision
	found    engine.Findings
	report   string
}

// outcomes are the words for what is remembered.
func (r reading) remembered() string {
	return map[string]string{"ok": serve.ReloadTaken, "failed": serve.ReloadRefused, "unchanged": serve.ReloadBack}[r.outcome]
}

// concluded tells everybody who listens how a reload ended: metric, status, log,
// and what is remembered of reloads. The latter two repeat neither the news that
// nothing changed nor a failure that was told already.
func (d *Daemon) concluded(r reading) {
	d.metrics.reloaded(r.outcome)
	d.mu.Lock()
	before, wasLastGood := d.last, d.lastGood != nil
	if r.outcome == "unchanged" {
		r.report, d.lastGood = d.remarks, nil
		if r.revision != d.revision { // another commit with the same files
			d.revision = r.revision
			d.metrics.configured(r.hash, r.revision)
		}
	}
	d.last.At, d.last.OK, d.last.Report = time.Now(), r.outcome != "failed", r.report
	d.mu.Unlock()
	live := d.live.Load().Summary()
	news := true
	switch {
	case r.outcome == "ok":
		d.log.Info("reloaded", "generation", live.Generation, "hash", shortHash(live.Hash), "revision", r.revision.Commit)
	case r.outcome == "failed" && before.Report != r.report:
		d.log.Error("reload refused; the last good generation goes on serving", "generation", live.Generation, "findings", r.report)
	case r.outcome == "unchanged" && !before.OK:
		d.log.Info("the files are again those that serve", "generation", live.Generation)
	default:
		news = false
	}
	if wasLastGood && r.outcome != "failed" {
		d.log.Info("the files serve again, in the place of the last good generation", "generation", live.Generation)
	}
	if news {
		d.past.remember(pastReload(r.remembered(), live.Generation, r.hash, r.revision, r.found, d.deps.Now()))
	}
	d.metrics.servingLastGood(d.servesLastGood())
}

// needsRestart objects to changes that a running process cannot follow. What
// was refused already is not judged again.
func needsRestart(running serve.Running, next engine.Spec) engine.Findings {
	var found engine.Findings
	object := func(changed bool, at engine.Range, what string) {
		if changed {
			found = append(found, engine.Finding{
				ID:      "RUN005",
				Summary: fmt.Sprintf("a changed %s needs a restart", what),
				Detail:  "The running daemon cannot follow this change, so it refuses the whole reload and goes on with the last good generation. Restart it, or undo the change.",
				At:      at,
			})
		}
	}
	changed := func(d engine.Decl, attribute, before, after, what string) {
		object(before != after && !d.Unknown[attribute], d.AttrAt(attribute), what)
	}
	changed(next.Server.Decl, "listen", running.Listen, next.Server.Listen, `"listen"`)
	object(running.TLS != (next.Server.TLS != nil), tlsAt(next.Server), `"tls" block`)
	changed(next.Metrics.Decl, "listen", running.MetricsListen, next.Metrics.Listen, `"listen" of metrics`)
	changed(next.Storage.Decl, "engine", running.StorageEngine, cmp.Or(next.Storage.Engine, boltEngine), `"storage"`)
	changed(next.Storage.Decl, "path", running.StoragePath, next.Storage.Path, `"storage" path`)
	id, known := encryptionID(next.Storage)
	object(known && running.KeyEncryption != id, encryptionAt(next.Storage), `"key_encryption_key"`)
	return found
}

// fixedBy is what a process that serves a configuration keeps until it ends.
func fixedBy(s engine.Spec) serve.Running {
	id, _ := encryptionID(s.Storage)
	return serve.Running{
		Listen: s.Server.Listen, TLS: s.Server.TLS != nil, MetricsListen: s.Metrics.Listen,
		StorageEngine: cmp.Or(s.Storage.Engine, boltEngine), StoragePath: s.Storage.Path, KeyEncryption: id,
	}
}

// tlsAt is the place of the tls block, or of the server block that has lost it.
func tlsAt(s engine.Server) engine.Range {
	if s.TLS == nil {
		return s.At
	}
	return s.TLS.At
}

func reloadCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "reload",
		Usage: "have the daemon read its files again, and tell what came of it",
		Description: "With --dry-run, the daemon reads and judges its files as for a reload, by its own storage and key sets, and tells what would\n" +
			"come of it. Nothing changes: what serves goes on, no key is made, and nothing is published.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "tell what would come of it, and change nothing"},
			stateDirFlag(), socketFlag(), formatFlag(),
		},
	}, "", reloadAction)
}

// reloadAction exits with 1 where the files are refused, or would be.
func reloadAction(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	path, err := socketPath(c)
	if err != nil {
		return err
	}
	client := serve.NewAdminClient(path)
	if c.Bool("dry-run") {
		outlook, err := client.DryRun(c.Context)
		if err != nil {
			return orNobody(err, path)
		}
		return tellDryRun(c, outlook, asJSON)
	}
	result, err := client.Reload(c.Context)
	switch {
	case err != nil:
		return orNobody(err, path)
	case !asJSON:
		return tellReload(c, result)
	}
	if err := writeJSON(c.App.Writer, result); err != nil || result.OK {
		return err
	}
	return silentFault{}
}

// tellReload prints what came of a reload.
func tellReload(c *cli.Context, result serve.ReloadResult) error {
	fmt.Fprint(c.App.Writer, result.Report)
	switch {
	case !result.OK:
		fmt.Fprintf(c.App.Writer, "refused: generation %d goes on serving\n", result.Generation)
		return silentFault{}
	case !result.Changed:
		fmt.Fprintf(c.App.Writer, "unchanged: generation %d serves these files already\n", result.Generation)
	default:
		fmt.Fprintf(c.App.Writer, "reloaded: generation %d serves\n", result.Generation)
	}
	return nil
}
