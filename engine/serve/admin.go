package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/m2md/m2md/engine"
)

// Admin is the door for operators. It is served on a unix socket in the state
// folder and nowhere else; who may connect is for the listener to check.
type Admin struct {
	Live      *engine.Live
	Passwords engine.AppPasswordStore
	// Revocations are those that the engines of Live heed.
	Revocations *engine.Revocations
	Random      io.Reader
	Now         func() time.Time
	// Reload reads the files again and tells what came of it.
	Reload func(context.Context) ReloadResult
	// Status tells how the daemon is.
	Status func() Status
	// Keys are the signing keys.
	Keys KeyKeeper
	// Operator names who is at the other end of a request's connection.
	Operator func(context.Context) string

	creating sync.Mutex // max_active is counted and used up by one at a time
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
	Orphaned   []string       `json:"orphaned_accounts"` // have app passwords, and no block
	Revoked    map[string]int `json:"revocations"`       // by what is revoked: token, service_account, …

	Certificates []CertificateStatus `json:"certificates"` // by label, and then by their end
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

// NewAppPassword asks for an app password.
type NewAppPassword struct {
	Account   string        `json:"account"`
	Label     string        `json:"label"`
	ExpiresIn time.Duration `json:"expires_in"` // 0: max_age of the account, or never
}

// AppPassword is what may be told of an app password. Secret is there once, in
// the answer to its creation.
type AppPassword struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Label     string    `json:"label"`
	Secret    string    `json:"app_password,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	Orphaned  bool      `json:"orphaned"` // no file declares the account
}

// Handler mounts the door.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reload", answer(func(r *http.Request) (ReloadResult, error) { return a.Reload(r.Context()), nil }))
	mux.HandleFunc("GET /status", answer(func(*http.Request) (Status, error) { return a.Status(), nil }))
	mux.HandleFunc("GET /app-passwords", answer(a.list))
	mux.HandleFunc("POST /app-passwords", answer(a.create))
	mux.HandleFunc("POST /app-passwords/{id}/revoke", answer(a.revoke))
	mux.HandleFunc("GET /revocations", answer(a.listRevocations))
	mux.HandleFunc("POST /revocations", answer(a.revokeTokens))
	a.mountKeys(mux)
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
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxAdminBody)
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
	case errors.Is(err, errRefused), errors.Is(err, engine.ErrRevocation):
		return http.StatusConflict
	default:
		return http.StatusInternalServerError
	}
}

// errRefused is wrapped where a rule of the configuration forbids what was asked.
var errRefused = errors.New("refused")

// create makes an app password within the rules of its account.
func (a *Admin) create(r *http.Request) (AppPassword, error) {
	var asked NewAppPassword
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return AppPassword{}, fmt.Errorf("reading the request: %w", err)
	}
	a.creating.Lock()
	defer a.creating.Unlock()
	rules, declared := a.Live.Load().Account(asked.Account)
	if !declared {
		return AppPassword{}, fmt.Errorf("%w: no file declares service_account %q; `m2md service-account create` does, in one step", engine.ErrNotFound, asked.Account)
	}
	if err := a.withinRules(r.Context(), rules, &asked); err != nil {
		return AppPassword{}, err
	}
	return CreateAppPassword(r.Context(), a.Passwords, a.Random, a.Now(), a.Operator(r.Context()), asked)
}

// withinRules applies max_age and max_active of an account.
func (a *Admin) withinRules(ctx context.Context, rules engine.AppPasswordRules, asked *NewAppPassword) error {
	if rules.MaxAge > 0 && asked.ExpiresIn == 0 {
		asked.ExpiresIn = rules.MaxAge
	}
	if rules.MaxAge > 0 && asked.ExpiresIn > rules.MaxAge {
		return fmt.Errorf("%w: max_age of service_account %q is %s", errRefused, asked.Account, rules.MaxAge)
	}
	if rules.MaxActive == 0 {
		return nil
	}
	all, err := a.Passwords.ListAppPasswords(ctx, asked.Account)
	if err != nil {
		return err
	}
	active := 0
	for _, one := range all {
		if one.Active(a.Now()) {
			active++
		}
	}
	if active >= rules.MaxActive {
		return fmt.Errorf("%w: service_account %q has %d active app passwords, and its max_active is %d; revoke one first", errRefused, asked.Account, active, rules.MaxActive)
	}
	return nil
}

// CreateAppPassword makes an app password and keeps its record. It is also
// what a command does by itself where no daemon runs.
func CreateAppPassword(ctx context.Context, store engine.AppPasswordStore, random io.Reader, now time.Time, by string, asked NewAppPassword) (AppPassword, error) {
	if asked.ExpiresIn < 0 {
		return AppPassword{}, fmt.Errorf("%w: an app password cannot expire before it is made", errRefused)
	}
	record, secret, err := engine.NewAppPassword(random, asked.Account, now)
	if err != nil {
		return AppPassword{}, fmt.Errorf("making an app password: %w", err)
	}
	record.Label, record.CreatedBy = asked.Label, by
	if asked.ExpiresIn > 0 {
		record.ExpiresAt = now.Add(asked.ExpiresIn)
	}
	if err := store.CreateAppPassword(ctx, record); err != nil {
		return AppPassword{}, err
	}
	told := TellAppPassword(record, false)
	told.Secret = string(secret)
	return told, nil
}

// TellAppPassword is what may be told of a record.
func TellAppPassword(p engine.AppPassword, orphaned bool) AppPassword {
	return AppPassword{
		ID: p.ID, Account: p.Account, Label: p.Label, CreatedAt: p.CreatedAt, CreatedBy: p.CreatedBy,
		ExpiresAt: p.ExpiresAt, RevokedAt: p.RevokedAt, Orphaned: orphaned,
	}
}

func (a *Admin) list(r *http.Request) ([]AppPassword, error) {
	records, err := a.Passwords.ListAppPasswords(r.Context(), r.URL.Query().Get("account"))
	if err != nil {
		return nil, err
	}
	all := []AppPassword{}
	live := a.Live.Load()
	for _, record := range records {
		_, declared := live.Account(record.Account)
		all = append(all, TellAppPassword(record, !declared))
	}
	return all, nil
}

func (a *Admin) revoke(r *http.Request) (AppPassword, error) {
	record, err := a.Passwords.RevokeAppPassword(r.Context(), r.PathValue("id"), a.Now())
	if err != nil {
		return AppPassword{}, err
	}
	_, declared := a.Live.Load().Account(record.Account)
	return TellAppPassword(record, !declared), nil
}
