package main

import (
	"context"
	"fmt"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/storage"
)

// Bounds of the time after which a change of keys that failed is tried again.
const (
	firstKeyRetry = time.Second
	lastKeyRetry  = 5 * time.Minute
)

// Bounds of how long keys are not looked at. A machine that slept, or whose clock
// was put forward, is late by no more than the longest.
const (
	leastKeyWait = 50 * time.Millisecond
	mostKeyWait  = time.Minute
)

// keySchedule says when the keys are to change next. Only the reloading
// goroutine uses it.
type keySchedule struct {
	retry   time.Duration // 0: the last change succeeded
	retryAt time.Time
}

// openKeys opens the signing keys of the storage, and encrypts those that should
// be and are not.
func (d *Daemon) openKeys(ctx context.Context, s engine.Storage) (engine.SigningKeyStore, error) {
	encryption, ok := encryptionOf(s)
	if !ok { // which compiling tells, at its place
		return d.store, nil
	}
	encryption.Random = d.deps.Random
	keys, sealed, err := storage.SealKeys(ctx, d.store, encryption)
	if err != nil {
		return nil, fmt.Errorf("opening the signing keys: %w", err)
	}
	if sealed == 0 {
		return keys, nil
	}
	d.log.Info("the signing keys in storage were encrypted anew", "keys", sealed, "encrypted", encryption.Key != nil)
	return keys, d.store.Scrub(ctx)
}

// encryptionOf reads the secrets of a storage block; false where one cannot be
// used.
func encryptionOf(s engine.Storage) (encryption storage.Encryption, ok bool) {
	read := func(file engine.File, inFile, name string) engine.EncryptionKey {
		if !s.Has(inFile) && !s.Has(name) {
			return nil
		}
		key, err := engine.ParseEncryptionKey(file.Content)
		ok = ok && err == nil
		return key
	}
	ok = true
	encryption.Key = read(s.KeyEncryption, "key_encryption_key_file", "key_encryption_key")
	encryption.Previous = read(s.PreviousEncryption, "previous_key_encryption_key_file", "previous_key_encryption_key")
	return encryption, ok
}

// keyWait is how long to wait before the keys are looked at again.
func (d *Daemon) keyWait() time.Duration {
	if d.schedule.retry > 0 {
		return max(time.Until(d.schedule.retryAt), 0)
	}
	next := d.live.Load().NextKeyChange()
	if next.IsZero() {
		return mostKeyWait
	}
	return min(max(next.Sub(d.deps.Now()), leastKeyWait), mostKeyWait)
}

// changeKeys does with the keys what is due.
func (d *Daemon) changeKeys(ctx context.Context) {
	next := d.live.Load().NextKeyChange()
	due := !next.IsZero() && !d.deps.Now().Before(next)
	if due || d.schedule.retry > 0 {
		d.rekey(ctx, false) //nolint:errcheck // it is told, and tried again
	}
}

// rekey compiles what serves anew, with the keys as they are to be now. The files
// are not read: they may be broken, and the keys change nevertheless. Where
// that fails, what served goes on, unless something else than a change that is
// due must be seen.
func (d *Daemon) rekey(ctx context.Context, mustServe bool) error {
	next, found := engine.Compile(ctx, d.spec, d.live.Load().Generation()+1, d.deps)
	if next == nil {
		d.live.Load().Adopt() // forget what only the refused generation needs
		d.keysSettled(found.Err())
		return found.Err()
	}
	if next.KeyFailure() == nil || mustServe {
		d.live.Swap(next)
		next.Adopt()
		d.metrics.generation.Set(float64(next.Generation()))
		d.tellKeys(next)
	}
	d.keysSettled(next.KeyFailure())
	return nil
}

// tellKeys tells what a generation that now serves changed of the keys.
func (d *Daemon) tellKeys(e *engine.Engine) {
	for _, change := range e.KeyChanges() {
		attributes := []any{"signing_key", change.Name, "kid", change.ID, "alg", change.Algorithm, "generation", e.Generation()}
		if change.Event == engine.KeyPublished {
			attributes = append(attributes, "signs_from", when(change.At))
		}
		if change.Event == engine.KeySigns && change.Rotated {
			d.metrics.keyRotations.WithLabelValues(change.Name).Inc()
		}
		d.log.Info("signing key "+string(change.Event), attributes...)
	}
}

// keysSettled notes how a change of keys ended, and when it is tried again.
func (d *Daemon) keysSettled(failure error) {
	s := &d.schedule
	if failure == nil {
		s.retry = 0
		return
	}
	s.retry = min(max(2*s.retry, firstKeyRetry), lastKeyRetry)
	s.retryAt = time.Now().Add(s.retry)
	d.metrics.keyErrors.Inc()
	d.log.Error("changing the signing keys failed; those that are there go on", "err", failure, "again_in", s.retry.String())
}

// daemonKeys are the signing keys of a running daemon.
type daemonKeys struct {
	serve.Keyring
	daemon *Daemon
}

// signingKeys are the keys as operators see them.
func (d *Daemon) signingKeys() serve.KeyKeeper {
	return daemonKeys{serve.Keyring{Store: d.deps.SigningKeys, Random: d.deps.Random, Now: d.deps.Now, Live: d.live.Load}, d}
}

// OrderKeys changes the keys between two generations, so that neither sees half
// of it, and returns when the change is in force.
func (k daemonKeys) OrderKeys(ctx context.Context, order serve.KeyOrder) (told serve.SigningKey, err error) {
	done, by := make(chan struct{}), operatorOf(ctx)
	work := func(ctx context.Context) {
		defer close(done)
		if told, err = k.Keyring.OrderKeys(ctx, order); err != nil {
			return
		}
		k.daemon.log.Info("an operator ordered a signing key", "by", by, "signing_key", told.Name, "kid", told.ID, "state", told.State)
		if failure := k.daemon.rekey(ctx, true); failure != nil {
			err = fmt.Errorf("it is kept, but not in force yet, and is tried again: %w", failure)
		}
	}
	select {
	case k.daemon.work <- work:
		<-done
		return told, err
	case <-ctx.Done():
		return serve.SigningKey{}, fmt.Errorf("the daemon is busy or stopping: %w", ctx.Err())
	}
}

// encryptionID names the key with which signing keys are to be encrypted: "" for
// none. False: that is not known, or cannot be.
func encryptionID(s engine.Storage) (id string, known bool) {
	if s.Unknown["key_encryption_key"] || s.Unknown["key_encryption_key_file"] {
		return "", false
	}
	encryption, ok := encryptionOf(s)
	if !ok || encryption.Key == nil {
		return "", ok
	}
	id, err := storage.EncryptionID(encryption.Key)
	return id, err == nil
}

// encryptionAt is where that key stands.
func encryptionAt(s engine.Storage) engine.Range {
	if s.Has("key_encryption_key_file") {
		return s.AttrAt("key_encryption_key_file")
	}
	return s.AttrAt("key_encryption_key")
}
