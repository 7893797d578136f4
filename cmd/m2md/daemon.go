package main

import (
	"bytes"
	"cmp"
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/opaque"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/storage"
	"github.com/m2md/m2md/storage/bolt"
	"github.com/m2md/m2md/storage/memory"
)

// reloadGrace is how long a reload under way may take once the daemon stops.
const reloadGrace = time.Second

// drainTimeout is how long requests in flight may take once the daemon stops.
const drainTimeout = 25 * time.Second

// Options say how a daemon runs. Config and StateDir must be set.
type Options struct {
	Config     string
	AllowPaths []string
	StateDir   string    // exists
	Socket     string    // "" for admin.sock in the state folder
	Audit      io.Writer // of decisions; nil for nowhere
	Log        *slog.Logger
	KeepUses   time.Duration // how often the last uses of app passwords are written; 0 stands for 10 s
	// LastGood starts from the sources that served last, where the files have
	// faults.
	LastGood bool
}

// Daemon is the only place where the rooms are wired together. The fields of
// the first group are made once and outlive generations; live is what a reload
// swaps.
type Daemon struct {
	opts    Options
	log     *slog.Logger
	store   storage.Store
	keys    *jwks.Cache
	metrics *metrics
	book    *passwordBook
	audit   *auditLog
	deps    engine.Deps
	watcher *hcl.Watcher
	// readings remembers what files came to, so that a reload looks at those that
	// changed.
	readings hcl.Cache
	started  time.Time
	fixed    serve.Running // what of the first generation is that of this process
	past     *generations

	live     engine.Live
	draining atomic.Bool
	reloads  chan chan serve.ReloadResult // to the one goroutine that reloads
	work     chan func(context.Context)   // to the same: what must not happen during a reload

	mu       sync.Mutex // guards what follows, which status reads
	last     serve.ReloadStatus
	remarks  string         // warnings and notes of what serves
	revision serve.Revision // of the files that serve
	lastGood *serve.LastGood

	// Of what serves; only the reloading goroutine uses them.
	fingerprint [32]byte
	spec        engine.Spec
	schedule    keySchedule

	crowd                *crowd // of the main listener
	main, observe, admin endpoint
	closers              []func()
}

// endpoint is a listener and the server on it. The zero value is none.
type endpoint struct {
	listener net.Listener
	server   *http.Server
}

// NewDaemon reads the files, opens storage, compiles the first generation and
// opens the listeners. Faults of the files are written to findings. What was
// opened is closed again where it fails.
func NewDaemon(ctx context.Context, opts Options, findings io.Writer) (*Daemon, error) {
	d := assembled(opts)
	loaded, revision := d.read()
	first, err := d.begin(ctx, loaded, revision, findings)
	switch {
	case err == nil:
		d.past.remember(pastReload(serve.ReloadStarted, 1, loaded.Spec.Hash, revision, nil, d.deps.Now()))
		d.past.keep(first.Kept, first.Spec.Hash, revision, d.deps.Now())
		return d, nil
	case first == nil || first.Engine != nil: // the files are sound
		return nil, err
	case opts.LastGood:
		return newDaemonOfLastGood(ctx, opts, first, revision, findings)
	}
	if kept, errKept := readLastGood(opts.StateDir, opts.Config); errKept == nil {
		err = fmt.Errorf("%w; `m2md serve --last-good` starts from what served last (%s)", err, kept)
	}
	return nil, err
}

// assembled is a daemon that has opened nothing.
func assembled(opts Options) *Daemon {
	d := &Daemon{opts: opts, log: opts.Log, started: time.Now(), metrics: newMetrics(), reloads: make(chan chan serve.ReloadResult), work: make(chan func(context.Context))}
	d.past = openGenerations(opts.StateDir, opts.Log, d.metrics.keepErrors.Inc)
	return d
}

// begin makes the first generation of what was read, and opens all that it needs.
// Where it fails, it closes that again, and what it returns says by its Engine
// whether the files are to blame; nil where that was not found out.
func (d *Daemon) begin(ctx context.Context, loaded *hcl.Loaded, revision serve.Revision, findings io.Writer) (first *assessment, err error) {
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	if first, err = d.first(ctx, loaded, findings); err != nil {
		return first, err
	}
	d.fixed = fixedBy(first.Spec)
	d.metrics.passwords.book = d.book
	d.swap(first, revision)
	d.metrics.keySets.remotes = d.remotes
	d.metrics.expiry.live = &d.live
	d.metrics.revocations.all = d.deps.Revocations
	d.crowd = newCrowd(&d.live, openFiles())
	d.metrics.crowd = d.crowd
	return first, d.listen(first.Spec)
}

// first opens what outlives generations, and compiles the first one.
func (d *Daemon) first(ctx context.Context, loaded *hcl.Loaded, findings io.Writer) (*assessment, error) {
	if err := d.open(ctx, loaded); err != nil {
		return nil, err
	}
	first := compile(ctx, d.opts.Config, loaded, nil, 1, d.deps)
	if err := report(findings, first); err != nil {
		return nil, err
	}
	if first.Engine == nil {
		return first, fmt.Errorf("the configuration %s has faults, and nothing is served before they are mended", d.opts.Config)
	}
	return first, nil
}

func (d *Daemon) loadOptions() hcl.Options {
	options := hclOptions(d.opts)
	options.Cache = &d.readings
	return options
}

// hclOptions say how the files of a daemon are read.
func hclOptions(o Options) hcl.Options {
	return hcl.Options{Path: o.Config, AllowPaths: o.AllowPaths}
}

// open makes what outlives generations. Storage is not opened for files that
// are refused anyway.
func (d *Daemon) open(ctx context.Context, loaded *hcl.Loaded) (err error) {
	opaques := opaque.NewCache(opaque.Options{Log: d.log, Observe: d.metrics.introspected})
	d.closers = append(d.closers, opaques.Close)
	if err := d.openDecisionLog(loaded); err != nil {
		return err
	}
	d.store = memory.New()
	if loaded.Findings.Err() == nil {
		if d.store, err = openStorage(loaded.Spec.Storage, d.opts.StateDir); err != nil {
			return err
		}
	}
	d.closers = append(d.closers, func() { d.store.Close() })
	// Closed before storage is: what was fetched last is still to be kept.
	d.keys = jwks.NewCache(jwks.Options{Log: d.log, Observe: d.metrics.fetched, Store: d.store})
	d.closers = append(d.closers, d.keys.Close)
	if d.book, err = openPasswordBook(d.store, &d.live, d.log); err != nil {
		return err
	}
	d.closers = append(d.closers, d.book.Close)
	revocations, err := engine.OpenRevocations(context.Background(), d.store, time.Now)
	if err != nil {
		return err
	}
	d.deps = engine.Deps{
		Now:          time.Now,
		Random:       cryptorand.Reader,
		Policies:     newPolicies(),
		AppPasswords: d.store,
		Uses:         d.book.uses,
		Hasher:       d.book.hasher,
		UsedTokens:   d.store,
		Revocations:  revocations,
		Published:    &engine.PublishedKeys{},
		KeySets:      d.keys,
		Verified:     engine.NewVerifiedTokens(),
		Guesses:      engine.NewGuesses(),
		Opaque:       opaques,
		Audit:        auditors{d.metrics, d.audit},
	}
	d.deps.SigningKeys, err = d.openKeys(ctx, loaded.Spec.Storage)
	return err
}

func (d *Daemon) auditFailed(err error) {
	d.metrics.auditErrors.Inc()
	d.log.Error("writing the decision log failed", "err", err)
}

// The engines of a storage block. Where none is named, it is bolt.
const (
	boltEngine   = "bolt"
	memoryEngine = "memory"
)

// openStorage opens what a storage block chooses.
func openStorage(s engine.Storage, stateDir string) (storage.Store, error) {
	if s.Engine == memoryEngine {
		return memory.New(), nil
	}
	return bolt.Open(bolt.Options{Path: storagePath(s, stateDir)})
}

// storagePath is where the file of a storage is.
func storagePath(s engine.Storage, stateDir string) string {
	path := cmp.Or(s.Path, databaseName)
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(stateDir, path)
}

// listen opens the listeners; nothing is accepted before Run.
func (d *Daemon) listen(spec engine.Spec) (err error) {
	if err := d.listenAdmin(); err != nil {
		return err
	}
	doors := serve.New(serve.Deps{Live: &d.live, Log: d.log, RequestID: newRequestIDs().next, Draining: d.draining.Load})
	d.main.server = newHTTPServer(doors, d.log)
	if d.main.listener, err = listen(spec.Server.Listen); err != nil {
		return err
	}
	d.main.listener = crowdListener{d.main.listener, d.crowd}
	d.main.server.ConnState, d.main.server.ConnContext = d.crowd.state, d.crowd.remember
	d.main.server.Handler = d.crowd.patient(d.main.server.Handler)
	if spec.Server.TLS != nil {
		d.main.listener = withTLS(d.main.listener, &d.live)
	}
	if spec.Metrics.Listen == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", d.metrics.handler())
	serve.MountHealth(mux, &d.live, d.draining.Load)
	d.observe.server = newHTTPServer(mux, d.log)
	d.observe.listener, err = listen(spec.Metrics.Listen)
	return err
}

func (d *Daemon) listenAdmin() error {
	path := cmp.Or(d.opts.Socket, filepath.Join(d.opts.StateDir, socketName))
	l, err := listenUnix(path, 0o600)
	if err != nil {
		return err
	}
	d.admin.listener = adminListener{l.(*net.UnixListener), d.log}
	door := &serve.Admin{
		Live:      &d.live,
		Passwords: d.store,
		Uses:      d.book.uses,
		Hasher:    d.book.hasher,

		Revocations: d.deps.Revocations,

		Random:   d.deps.Random,
		Now:      d.deps.Now,
		Reload:   d.Reload,
		DryRun:   d.DryRun,
		Running:  d.Running,
		Keys:     d.signingKeys(),
		Status:   d.Status,
		Operator: operatorOf,
		Recent:   &d.audit.recent,
		Process:  cryptorand.Text(),
	}
	d.admin.server = newHTTPServer(door.Handler(), d.log)
	d.admin.server.ConnContext = rememberOperator
	return nil
}

// endpoints are the listeners that are open.
func (d *Daemon) endpoints() (open []endpoint) {
	for _, e := range []endpoint{d.main, d.observe, d.admin} {
		if e.listener != nil {
			open = append(open, e)
		}
	}
	return open
}

// Run serves until ctx ends, and then lets requests in flight finish. again
// asks for a reload, as SIGHUP does.
func (d *Daemon) Run(ctx context.Context, again <-chan os.Signal) error {
	watcher, err := hcl.Watch(ctx, hcl.WatchOptions{Log: d.log})
	if err != nil {
		return fmt.Errorf("watching the configuration: %w", err)
	}
	defer watcher.Close()
	d.watcher = watcher
	failed := make(chan error, 3)
	for _, e := range d.endpoints() {
		go func() { failed <- e.server.Serve(e.listener) }()
	}
	reloading, stopReloading := context.WithCancel(context.Background())
	reloaderDone := make(chan struct{})
	go func() { defer close(reloaderDone); d.reloadLoop(reloading, again) }()
	go d.remindOfCertificates(reloading)
	go d.forgetRevocations(reloading)
	stopTending := d.book.tend(cmp.Or(d.opts.KeepUses, keepUsesEvery))
	defer stopTending()
	d.log.Info("serving", "listen", d.main.listener.Addr().String(), "config", d.opts.Config, "generation", d.live.Load().Generation())
	notifySystemd("READY=1")
	select {
	case <-ctx.Done():
		err = d.drain()
	case err = <-failed:
		err = errors.Join(err, d.drain())
	}
	stopReloading()
	select {
	case <-reloaderDone:
	case <-time.After(reloadGrace): // whatever it computes, nobody waits for it
	}
	return err
}

// drain stops accepting and waits for the requests in flight. The decisions of
// all of them are written before Close returns.
func (d *Daemon) drain() error {
	d.draining.Store(true)
	notifySystemd("STOPPING=1")
	d.log.Info("draining")
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	var failures []error
	for _, e := range d.endpoints() {
		if e == d.admin { // whoever follows decisions would stay for ever
			d.audit.recent.Close()
		}
		failures = append(failures, e.server.Shutdown(ctx))
	}
	return errors.Join(failures...)
}

// Close releases everything. It must be called once Run has returned, or where
// it is never called.
func (d *Daemon) Close() {
	for _, e := range d.endpoints() {
		e.listener.Close()
	}
	for i := len(d.closers) - 1; i >= 0; i-- {
		d.closers[i]()
	}
	d.closers = nil
}

// Status tells how the daemon is.
func (d *Daemon) Status() serve.Status {
	live := d.live.Load()
	summary := live.Summary()
	config, err := filepath.Abs(d.opts.Config)
	if err != nil {
		config = d.opts.Config
	}
	status := serve.Status{
		Version:    versionLine(),
		PID:        os.Getpid(),
		Started:    d.started,
		Config:     config,
		Listen:     d.main.listener.Addr().String(),
		Storage:    d.fixed.StorageEngine,
		Generation: summary.Generation,
		Hash:       summary.Hash,
		Providers:  summary.Providers,
		Sources:    summary.Sources,
		Accounts:   summary.Accounts,
		Policies:   summary.Policies,
	}
	d.book.tellStatus(&status)
	if d.observe.listener != nil {
		status.Metrics = d.observe.listener.Addr().String()
	}
	for _, remote := range live.Remotes() {
		status.KeySets = append(status.KeySets, keySetStatus(remote.Status()))
	}
	status.Certificates = certificateStatus(live)
	status.Revoked = revocationStatus(d.deps.Revocations)
	status.History = d.past.past()
	d.mu.Lock()
	defer d.mu.Unlock()
	status.Reload, status.Revision, status.LastGood = d.last, d.revision, d.lastGood
	return status
}

// remotes are the remote key sets of what serves.
func (d *Daemon) remotes() []*jwks.Remote { return d.live.Load().Remotes() }

func keySetStatus(s jwks.Status) serve.KeySetStatus {
	return serve.KeySetStatus{
		URL: s.URL, Keys: s.Keys, Skipped: len(s.Skipped), FetchedAt: s.FetchedAt, UsedUntil: s.Expires,
		Stale: s.Stale, StaleSince: s.StaleSince, Restored: s.Restored, Error: s.LastError,
	}
}

// text renders findings for a log or an operator.
func text(a *assessment) string {
	var b bytes.Buffer
	if err := report(&b, a); err != nil {
		return err.Error()
	}
	return b.String()
}
