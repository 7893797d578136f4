package main

import (
	"context"
	"fmt"
	"io"

	"github.com/m2md/m2md/engine/serve"
)

// newDaemonOfLastGood starts from the sources that served last, as those of the
// files were refused. What is no source (env, *_file, file) is read anew: where
// that is broken, too, nothing serves.
func newDaemonOfLastGood(ctx context.Context, opts Options, refused *assessment, revision serve.Revision, findings io.Writer) (*Daemon, error) {
	faults := fmt.Errorf("the configuration %s has faults", opts.Config)
	kept, err := readLastGood(opts.StateDir, opts.Config)
	if err != nil {
		return nil, fmt.Errorf("%w, and --last-good is of no use: %w", faults, err)
	}
	options := hclOptions(opts)
	options.Kept = kept.sources()
	loaded := load(options)
	if loaded.Spec.Hash != kept.Hash {
		return nil, fmt.Errorf("%w, and the last good generation (%s) is damaged: its sources have another hash", faults, kept)
	}
	d := assembled(opts)
	if _, err := d.begin(ctx, loaded, kept.Revision, findings); err != nil {
		return nil, fmt.Errorf("%w, and the last good generation (%s) cannot serve, either: %w", faults, kept, err)
	}
	d.servesInstead(kept, refused, revision)
	return d, nil
}

// servesInstead tells, wherever somebody may look, that the files do not serve.
func (d *Daemon) servesInstead(kept *keptGeneration, refused *assessment, revision serve.Revision) {
	report := text(refused)
	d.mu.Lock()
	d.lastGood = &serve.LastGood{KeptAt: kept.KeptAt, Hash: kept.Hash, Revision: kept.Revision}
	d.last.OK, d.last.Report = false, report
	d.mu.Unlock()
	d.past.hash = kept.Hash // it is kept already
	d.metrics.reloaded("failed")
	d.metrics.servingLastGood(true)
	d.log.Error("THE FILES DO NOT SERVE: they have faults, and the daemon was started on the last good generation, as --last-good says",
		"last_good", kept.String(), "findings", report)
	d.past.remember(pastReload(serve.ReloadOfRefused, 1, kept.Hash, kept.Revision, refused.Findings, d.deps.Now()))
}

// servesLastGood says whether something else than the files serves.
func (d *Daemon) servesLastGood() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lastGood != nil
}
