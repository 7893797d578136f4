package serve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/decisionlog"
)

// Admin is the door for operators. It is served on a unix socket in the state
// folder and nowhere else; who may connect is for the listener to check.
type Admin struct {
	Live      *engine.Live
	Passwords engine.AppPasswordStore
	Uses      *engine.AppPasswordUses
	Hasher    *engine.PasswordHasher
	// Revocations are those that the engines of Live heed.
	Revocations *engine.Revocations
	Random      io.Reader
	Now         func() time.Time
	// Reload reads the files again and tells what came of it.
	Reload func(context.Context) ReloadResult
	// DryRun does all of a reload but to serve what was read.
	DryRun func(context.Context) (DryRun, error)
	// Running tells what a process keeps until it ends, and what its storage has.
	Running func(context.Context) (Running, error)
	// Status tells how the daemon is.
	Status func() Status
	// Keys are the signing keys.
	Keys KeyKeeper
	// Recent are the last lines of the decision log, which Process counts.
	Recent  *decisionlog.Ring
	Process string
	// Operator names who is at the other end of a request's connection.
	Operator func(context.Context) string
}

// ReloadResult is what came of a reload.
type ReloadResult struct {
	OK         bool   `json:"ok"`
	Changed    bool   `json:"changed"`    // false: the files are those that serve already
	Generation uint64 `json:"generation"` // that serves now
	Report     string `json:"report"`     // the findings, as text for people
}

// Status is how a daemon is, for `m2md status`.
type Status struct {
	Version    string         `json:"version"`
	PID        int            `json:"pid"`
	Started    time.Time      `json:"started"`
	Config     string         `json:"config"`  // absolute path
	Listen     string         `json:"listen"`  // as bound
	Metrics    string         `json:"metrics"` // as bound; "" for none
	Storage    string         `json:"storage"`
	Generation uint64         `json:"generation"`
	Hash       string         `json:"hash"`
	Providers  int            `json:"providers"`
	Sources    int            `json:"sources"`
	Accounts   int            `json:"accounts"`
	Policies   int            `json:"policies"`
	Reload     ReloadStatus   `json:"last_reload"`
	KeySets    []KeySetStatus `json:"key_sets"`
	Orphaned   []string       `json:"orphaned_accounts"` // have app passwords, and no block; the first hundred
	Revoked    map[string]int `json:"revocations"`       // by what is revoked: token, service_account, …

	AppPasswords AppPasswordStatus `json:"app_passwords"`

	Certificates []CertificateStatus `json:"certificates"` // by label, and then by their end

	Revision Revision     `json:"revision,omitzero"` // of the files that serve
	LastGood *LastGood    `json:"last_good"`         // nil: the files serve, or did when they were read
	History  []PastReload `json:"history"`           // the newest first
}

// ReloadStatus is how the last reload went, and when the last good one was.
type ReloadStatus struct {
	At       time.Time `json:"at"`
	OK       bool      `json:"ok"`
	LastGood time.Time `json:"last_good"`
	Report   string    `json:"report"`
}

// KeySetStatus is how a remote key set is.
type KeySetStatus struct {
	URL        string    `json:"url"`
	Keys       int       `json:"keys"`
	Skipped    int       `json:"skipped"`
	FetchedAt  time.Time `json:"fetched_at"`
	UsedUntil  time.Time `json:"used_until,omitzero"` // from then on it is too old
	Stale      bool      `json:"stale"`               // it may be out of date
	StaleSince time.Time `json:"stale_since,omitzero"`
	Restored   bool      `json:"restored"` // fetched before the daemon was started
	Error      string    `json:"error"`    // of the last fetch
}

// CertificateStatus is when a verification certificate ends, or the listener's
// own, whose label is server.tls.
type CertificateStatus struct {
	Label    string    `json:"label"`
	NotAfter time.Time `json:"not_after"`
}

// Handler mounts the door.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reload", answer(func(r *http.Request) (ReloadResult, error) { return a.Reload(r.Context()), nil }))
	mux.HandleFunc("POST /reload/dry-run", answer(func(r *http.Request) (DryRun, error) { return a.DryRun(r.Context()) }))
	mux.HandleFunc("GET /running", answer(func(r *http.Request) (Running, error) { return a.Running(r.Context()) }))
	mux.HandleFunc("GET /status", answer(func(*http.Request) (Status, error) { return a.Status(), nil }))
	mux.HandleFunc("GET /revocations", answer(a.listRevocations))
	mux.HandleFunc("POST /revocations", answer(a.revokeTokens))
	mux.HandleFunc("GET /decisions", a.decisions)
	mux.HandleFunc("POST /explain", answer(a.explain))
	a.mountKeys(mux)
	a.mountAppPasswords(mux)
	return mux
}

// maxAdminBody bounds a request in bytes.
const maxAdminBody = 64 << 10

// adminError is what an operator is told.
type adminError struct {
	Message string `json:"error"`
}

// answer turns a function into a handler that speaks JSON.
func answer[T any](f func(*http.Request) (T, error)) http.HandlerFunc {
	return answerWithin(maxAdminBody, f)
}

// answerWithin is answer for requests of another size.
func answerWithin[T any](limit int64, f func(*http.Request) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		result, err := f(r)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if err != nil {
			w.WriteHeader(statusOf(err))
			json.NewEncoder(w).Encode(adminError{err.Error()}) //nolint:errcheck // the command went away
			return
		}
		json.NewEncoder(w).Encode(result) //nolint:errcheck // the command went away
	}
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, errRequest):
		return http.StatusBadRequest
	case errors.Is(err, errRefused), errors.Is(err, engine.ErrExists), errors.Is(err, engine.ErrRevocation):
		return http.StatusConflict
	case errors.Is(err, engine.ErrBusy):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// errRefused is wrapped where a rule of the configuration forbids what was asked.
var errRefused = engine.ErrForbidden

// errRequest is wrapped where what was asked cannot be understood.
var errRequest = errors.New("unusable request")
