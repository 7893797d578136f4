package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
)

// accountsAtOnce is how many names of accounts are read at a time.
const accountsAtOnce = 10_000

// Running tells what this process keeps until it ends, and what its storage has.
func (d *Daemon) Running(ctx context.Context) (serve.Running, error) {
	return d.running(ctx, d.live.Load())
}

func (d *Daemon) running(ctx context.Context, live *engine.Engine) (serve.Running, error) {
	told := d.fixed
	told.Generation, told.Hash, told.Accounts = live.Generation(), live.Summary().Hash, live.Accounts()
	told.AppPasswords = []serve.RevivedAccount{}
	for after := ""; ; {
		names, err := d.store.AppPasswordAccounts(ctx, after, accountsAtOnce)
		if err != nil {
			return told, fmt.Errorf("counting app passwords: %w", err)
		}
		for _, name := range names {
			n, err := d.store.CountAppPasswords(ctx, name)
			if err != nil {
				return told, fmt.Errorf("counting app passwords: %w", err)
			}
			if n.Kept > 0 {
				told.AppPasswords = append(told.AppPasswords, serve.RevivedAccount{Account: name, AppPasswords: n.Kept})
			}
		}
		if len(names) < accountsAtOnce {
			break
		}
		after = names[len(names)-1]
	}
	for _, info := range live.Keys() {
		told.SigningKeys = append(told.SigningKeys, serve.TellKey(info))
	}
	return told, nil
}

// contradictions are what the storage of a daemon, and what it has issued, would
// come to by files that are sound, which were read from a path.
func contradictions(running serve.Running, next *assessment, path string) engine.Findings {
	start := engine.Pos{Line: 1, Column: 1}
	whole := engine.Range{File: filepath.Clean(path), Start: start, End: start}
	found := revivedAndOrphaned(running, next.Spec, whole)
	if next.Engine == nil || next.Spec.Incomplete { // their keys are not known
		return found
	}
	return append(append(found, lostKeys(running, next, whole)...), newKeys(running, next, whole)...)
}

// revivedAndOrphaned are accounts whose app passwords begin or cease to let in.
func revivedAndOrphaned(running serve.Running, next engine.Spec, whole engine.Range) (found engine.Findings) {
	at := map[string]engine.Range{}
	for _, account := range next.Accounts {
		at[account.Label] = account.At
	}
	for _, one := range running.AppPasswords {
		before := slices.Contains(running.Accounts, one.Account)
		place, after := at[one.Account]
		switch {
		case after && !before:
			found = append(found, engine.Finding{
				Severity: engine.Warning, ID: "RUN001", Summary: fmt.Sprintf("app passwords of %q will let in again", one.Account), At: place,
				Detail: fmt.Sprintf("The daemon's storage has %d of an account of this name that was declared before. Whoever has one gets in as soon as this is served. Delete them first, by `m2md app-password prune --orphaned`, or take another name.", one.AppPasswords),
			})
		case before && !after:
			found = append(found, engine.Finding{
				Severity: engine.Warning, ID: "RUN002", Summary: fmt.Sprintf("app passwords of %q will let nobody in any more", one.Account), At: whole,
				Detail: fmt.Sprintf("The daemon's storage has %d, and no file declares service_account %q. They stay in the storage, and come back to life with the name. `m2md app-password prune --orphaned` deletes them, once that is served.", one.AppPasswords, one.Account),
			})
		}
	}
	return found
}

// lostKeys are keys that the files brought along and bring no more: what they
// have signed is refused at once. Those that storage keeps stay there until the
// last of their tokens has expired.
func lostKeys(running serve.Running, next *assessment, whole engine.Range) (found engine.Findings) {
	for _, key := range running.SigningKeys {
		if key.Kept || len(key.Providers) == 0 || slices.ContainsFunc(next.Engine.Keys(), func(k engine.KeyInfo) bool { return k.ID == key.ID }) {
			continue
		}
		found = append(found, engine.Finding{
			Severity: engine.Warning, ID: "RUN003", Summary: fmt.Sprintf("tokens that signing_key %q has signed will be refused", key.Name), At: keyPlace(next.Spec, key.Name, whole),
			Detail: fmt.Sprintf("The daemon signs with key %s, which these files bring no more. Keep its public key in also_publish_file until the last token has expired.", key.ID),
		})
	}
	return found
}

// newKeys are keys that storage would have to make, and that would sign before
// any verifier can know them.
func newKeys(running serve.Running, next *assessment, whole engine.Range) (found engine.Findings) {
	for _, key := range next.Engine.Keys() {
		known := slices.ContainsFunc(running.SigningKeys, func(k serve.SigningKey) bool { return k.Kept && k.Name == key.Name })
		if !key.Kept || key.State != engine.KeySigning || known || len(running.SigningKeys) == 0 {
			continue
		}
		name := key.Name
		if name == "" {
			name = "(without a block)"
		}
		found = append(found, engine.Finding{
			Severity: engine.Note, ID: "RUN004", Summary: fmt.Sprintf("signing_key %s will be made, and signs at once", strconv.Quote(name)), At: keyPlace(next.Spec, key.Name, whole),
			Detail: "The daemon's storage has no key of that name. Verifiers that keep the provider's keys for a while, and do not ask again for one that they do not know, refuse its tokens until then.",
		})
	}
	return found
}

// keyPlace is where a signing key is declared.
func keyPlace(spec engine.Spec, name string, whole engine.Range) engine.Range {
	for _, declared := range spec.SigningKeys {
		if declared.Label == name {
			return declared.At
		}
	}
	return whole
}
