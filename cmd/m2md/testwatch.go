package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/m2md/m2md/hcl"
)

// watchTests runs the tests now, and again whenever what they were read from
// has changed, until ctx ends.
func watchTests(ctx context.Context, o testOptions, w io.Writer) error {
	watcher, err := hcl.Watch(ctx, hcl.WatchOptions{})
	if err != nil {
		return err
	}
	defer watcher.Close()
	var last [32]byte
	for first := true; ; first = false {
		if !first {
			select {
			case <-ctx.Done():
				return nil
			case <-watcher.Changes():
			}
			if load(o.Options).Spec.Fingerprint == last {
				continue
			}
			fmt.Fprintln(w)
		}
		run, err := runTests(ctx, o, w)
		var found silentFault
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.As(err, &found) {
			return err
		}
		last = run.loaded.Spec.Fingerprint
		watcher.Set(run.loaded.Files, run.loaded.Folders)
	}
}
