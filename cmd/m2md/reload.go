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
	loaded := load(d.loadOptions())
	d.watch(loaded)
	generation := d.live.Load().Generation()
	if loaded.Findings.Err() == nil && loaded.Spec.Fingerprint == d.fingerprint {
		d.concluded("unchanged", "")
		return serve.ReloadResult{OK: true, Generation: generation, Report: ""}
	}
	sink, objections := d.nextSink(loaded)
	next := compile(ctx, d.opts.Config, loaded, append(needsRestart(d.start, loaded.Spec), objections...), generation+1, d.deps)
	report := text(next)
	if next.Engine == nil {
		if sink != nil {
			sink.Close() //nolint:errcheck // nothing was written to it
		}
		d.live.Load().Adopt() // forget what only the refused generation needs
		d.concluded("failed", report)
		return serve.ReloadResult{Generation: generation, Report: report}
	}
	d.swap(next)
	d.audit.follow(formOf(next.Spec.DecisionLog), sink)
	d.concluded("ok", report)
	return serve.ReloadResult{OK: true, Changed: true, Generation: next.Engine.Generation(), Report: report}
}

// swap puts a generation into service. It cannot fail.
func (d *Daemon) swap(next *assessment) {
	now := time.Now()
	d.fingerprint, d.spec = next.Spec.Fingerprint, next.Spec
	before := d.live.Load()
	d.live.Swap(next.Engine)
	next.Engine.Adopt()
	d.book.swapped(before, next.Engine)
	d.metrics.serving(next.Engine.Generation(), now)
	d.tellKeys(next.Engine)
	d.keysSettled(next.Engine.KeyFailure())
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remarks = text(next)
	d.last = serve.ReloadStatus{At: now, OK: true, LastGood: now, Report: d.remarks}
}

// concluded tells everybody who listens how a reload ended: metric, status
// and log. The log repeats neither the news that nothing changed nor a failure
// that it has told already.
func (d *Daemon) concluded(outcome, report string) {
	d.metrics.reloaded(outcome)
	d.mu.Lock()
	before := d.last
	if outcome == "unchanged" {
		report = d.remarks
	}
	d.last.At, d.last.OK, d.last.Report = time.Now(), outcome != "failed", report
	d.mu.Unlock()
	live := d.live.Load().Summary()
	switch {
	case outcome == "ok":
		d.log.Info("reloaded", "generation", live.Generation, "hash", shortHash(live.Hash))
	case outcome == "failed" && before.Report != report:
		d.log.Error("reload refused; the last good generation goes on serving", "generation", live.Generation, "findings", report)
	case outcome == "unchanged" && !before.OK:
		d.log.Info("the files are again those that serve", "generation", live.Generation)
	}
}

// needsRestart objects to changes that a running process cannot follow. What
// was refused already is not judged again.
func needsRestart(running, next engine.Spec) engine.Findings {
	var found engine.Findings
	object := func(changed bool, at engine.Range, what string) {
		if changed {
			found = append(found, engine.Finding{
				Summary: fmt.Sprintf("a changed %s needs a restart", what),
				Detail:  "The running daemon cannot follow this change, so it refuses the whole reload and goes on with the last good generation. Restart it, or undo the change.",
				At:      at,
			})
		}
	}
	changed := func(d engine.Decl, attribute, before, after, what string) {
		object(before != after && !d.Unknown[attribute], d.AttrAt(attribute), what)
	}
	changed(next.Server.Decl, "listen", running.Server.Listen, next.Server.Listen, `"listen"`)
	object((running.Server.TLS == nil) != (next.Server.TLS == nil), tlsAt(next.Server), `"tls" block`)
	changed(next.Metrics.Decl, "listen", running.Metrics.Listen, next.Metrics.Listen, `"listen" of metrics`)
	changed(next.Storage.Decl, "engine", cmp.Or(running.Storage.Engine, boltEngine), cmp.Or(next.Storage.Engine, boltEngine), `"storage"`)
	changed(next.Storage.Decl, "path", running.Storage.Path, next.Storage.Path, `"storage" path`)
	object(encryptionChanged(running.Storage, next.Storage), encryptionAt(next.Storage), `"key_encryption_key"`)
	return found
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
		Flags: []cli.Flag{stateDirFlag(), socketFlag()},
	}, "", func(c *cli.Context) error {
		path, err := socketPath(c)
		if err != nil {
			return err
		}
		result, err := serve.NewAdminClient(path).Reload(c.Context)
		if err != nil {
			return orNobody(err, path)
		}
		return tellReload(c, result)
	})
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
