package serve

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/m2md/m2md/engine"
)

// NewAppPassword asks for an app password.
type NewAppPassword struct {
	Account   string         `json:"account"`
	Label     string         `json:"label"`
	ExpiresIn time.Duration  `json:"expires_in"` // 0: max_age of the account, or never
	CIDRs     []netip.Prefix `json:"cidrs,omitempty"`
	Providers []string       `json:"providers,omitempty"`
	Scopes    []string       `json:"scopes,omitempty"`
}

// ImportedAppPassword asks for an app password that somebody brought along.
type ImportedAppPassword struct {
	NewAppPassword
	Password string `json:"password"`
}

// Rotation asks for an app password in the place of another: of that ID, or of
// the only one of an account, or the only one with that label.
type Rotation struct {
	ID        string        `json:"id,omitempty"`
	Account   string        `json:"account,omitempty"`
	Label     *string       `json:"label,omitempty"`
	Overlap   time.Duration `json:"overlap"`
	ExpiresIn time.Duration `json:"expires_in"` // 0: as long as the old one
}

// Rotated is what came of a rotation. Only New holds a secret.
type Rotated struct {
	New AppPassword `json:"new"`
	Old AppPassword `json:"old"`
}

// Verification asks how an app password stands, without showing it.
type Verification struct {
	ID     string `json:"-"`      // in the path
	SHA256 string `json:"sha256"` // of the whole app password, in hex
}

// AppPasswordFilter chooses from the list; the zero value chooses all.
type AppPasswordFilter struct {
	Account  string        `json:"account,omitempty"`
	Unused   time.Duration `json:"unused,omitempty"`
	Expiring time.Duration `json:"expiring,omitempty"`
	Orphaned bool          `json:"orphaned,omitempty"`
}

// Prune asks for app passwords to be deleted.
type Prune struct {
	Expired   bool          `json:"expired,omitempty"`
	Revoked   bool          `json:"revoked,omitempty"`
	Orphaned  bool          `json:"orphaned,omitempty"`
	OlderThan time.Duration `json:"older_than,omitempty"`
	DryRun    bool          `json:"dry_run,omitempty"`
}

// AppPassword is what may be told of an app password. Secret is there once, in
// the answer to its creation.
type AppPassword struct {
	ID        string                  `json:"id"`
	Account   string                  `json:"account"`
	Label     string                  `json:"label"`
	State     engine.AppPasswordState `json:"state"`
	Secret    string                  `json:"app_password,omitempty"`
	CreatedAt time.Time               `json:"created_at"`
	CreatedBy string                  `json:"created_by"`
	ExpiresAt time.Time               `json:"expires_at,omitzero"` // by itself, or by max_age
	RevokedAt time.Time               `json:"revoked_at,omitzero"`
	RotatedAt time.Time               `json:"rotated_at,omitzero"`
	Successor string                  `json:"successor,omitempty"` // ID of what took its place
	Imported  bool                    `json:"imported"`
	Orphaned  bool                    `json:"orphaned"` // no file declares the account
	CIDRs     []netip.Prefix          `json:"cidrs,omitempty"`
	Providers []string                `json:"providers,omitempty"`
	Scopes    []string                `json:"scopes,omitempty"`

	LastUsedAt   time.Time  `json:"last_used_at,omitzero"`
	LastUsedFrom netip.Addr `json:"last_used_from,omitzero"`
	LastUsedFor  string     `json:"last_used_provider,omitempty"`
}

// AppPasswordStatus tells of all app passwords.
type AppPasswordStatus struct {
	Active       int              `json:"active"`
	Expired      int              `json:"expired"`
	Revoked      int              `json:"revoked"`
	Orphaned     int              `json:"orphaned"`
	MoreOrphaned bool             `json:"more_orphaned_accounts"` // beyond those that are named
	Revived      []RevivedAccount `json:"revived_accounts"`       // by the generation that serves
	EndingSoon   []AppPassword    `json:"ending_soon"`            // and used: somebody should rotate them
	Error        string           `json:"error,omitempty"`        // why all this could not be told
}

// RevivedAccount is an account that had app passwords and no block, and has a
// block again.
type RevivedAccount struct {
	Account      string `json:"account"`
	AppPasswords int    `json:"app_passwords"`
}

// AppPasswordPage is a part of a list, which may be empty. Next is where the
// next part begins; "" where there is none.
type AppPasswordPage struct {
	AppPasswords []AppPassword `json:"app_passwords"`
	Next         string        `json:"next,omitempty"`
}

// Desk is app passwords as operators ask for them: what the daemon answers, and
// what a command does by itself where none runs.
type Desk struct{ engine.AppPasswords }

// CreateAppPassword makes one; the answer holds it, once.
func (d Desk) CreateAppPassword(ctx context.Context, asked NewAppPassword) (AppPassword, error) {
	made, err := d.CreateAppPasswords(ctx, []NewAppPassword{asked})
	if err != nil {
		return AppPassword{}, err
	}
	return made[0], nil
}

// CreateAppPasswords makes several, all or none, in the order in which they are
// asked for; at most engine.AppPasswordsAtOnce.
func (d Desk) CreateAppPasswords(ctx context.Context, asked []NewAppPassword) ([]AppPassword, error) {
	asks := make([]engine.AppPasswordAsk, len(asked))
	for i, one := range asked {
		asks[i] = one.ask()
	}
	made, err := d.Create(ctx, asks...)
	if err != nil {
		return nil, err
	}
	told := make([]AppPassword, len(made))
	for i, one := range made {
		told[i] = d.tell(one.AppPassword)
		told[i].Secret = string(one.Secret)
	}
	return told, nil
}

func (n NewAppPassword) ask() engine.AppPasswordAsk {
	return engine.AppPasswordAsk{
		Account: n.Account, Label: n.Label, ExpiresIn: n.ExpiresIn,
		Limits: engine.AppPasswordLimits{CIDRs: n.CIDRs, Providers: n.Providers, Scopes: n.Scopes},
	}
}

// ImportAppPassword keeps a password that was brought along.
func (d Desk) ImportAppPassword(ctx context.Context, asked ImportedAppPassword) (AppPassword, error) {
	kept, err := d.Import(ctx, asked.ask(), asked.Password)
	if err != nil {
		return AppPassword{}, err
	}
	return d.tell(kept), nil
}

// RotateAppPassword makes one in the place of another; the answer holds the new
// one, once.
func (d Desk) RotateAppPassword(ctx context.Context, asked Rotation) (Rotated, error) {
	rotation := engine.Rotation{ID: asked.ID, Account: asked.Account, AnyLabel: asked.Label == nil, Overlap: asked.Overlap, ExpiresIn: asked.ExpiresIn}
	if asked.Label != nil {
		rotation.Label = *asked.Label
	}
	made, old, err := d.Rotate(ctx, rotation)
	if err != nil {
		return Rotated{}, err
	}
	told := Rotated{New: d.tell(made.AppPassword), Old: d.tell(old)}
	told.New.Secret = string(made.Secret)
	return told, nil
}

// RevokeAppPassword ends one. A second call changes nothing.
func (d Desk) RevokeAppPassword(ctx context.Context, id string) (AppPassword, error) {
	revoked, err := d.Revoke(ctx, id)
	if err != nil {
		return AppPassword{}, err
	}
	return d.tell(revoked), nil
}

// VerifyAppPassword tells how one stands. It fails where there is no such one,
// and where it has another secret.
func (d Desk) VerifyAppPassword(ctx context.Context, asked Verification) (AppPassword, error) {
	var sum [32]byte
	if n, err := hex.Decode(sum[:], []byte(asked.SHA256)[:min(len(asked.SHA256), 2*len(sum))]); err != nil || n != len(sum) || len(asked.SHA256) != 2*len(sum) {
		return AppPassword{}, fmt.Errorf("%w: sha256 is no SHA-256 in hex", engine.ErrForbidden)
	}
	entry, err := d.Verify(ctx, asked.ID, sum)
	if err != nil {
		return AppPassword{}, err
	}
	return d.tellEntry(entry), nil
}

// ListAppPasswords returns a part of what the filter chooses, from a place on
// that an earlier part has told; "" for the beginning.
func (d Desk) ListAppPasswords(ctx context.Context, f AppPasswordFilter, from string) (AppPasswordPage, error) {
	after, err := parsePlace(from)
	if err != nil {
		return AppPasswordPage{}, err
	}
	found, next, err := d.List(ctx, engine.AppPasswordFilter(f), after)
	if err != nil {
		return AppPasswordPage{}, err
	}
	return d.page(found, next), nil
}

// PruneAppPasswords deletes a part of what is to be deleted, and tells what.
func (d Desk) PruneAppPasswords(ctx context.Context, p Prune, from string) (AppPasswordPage, error) {
	after, err := parsePlace(from)
	if err != nil {
		return AppPasswordPage{}, err
	}
	deleted, next, err := d.Prune(ctx, engine.AppPasswordPrune(p), after)
	if err != nil {
		return AppPasswordPage{}, err
	}
	return d.page(deleted, next), nil
}

func (d Desk) page(all []engine.JudgedAppPassword, next *engine.AppPassword) AppPasswordPage {
	page := AppPasswordPage{AppPasswords: make([]AppPassword, len(all))}
	for i, one := range all {
		page.AppPasswords[i] = d.tellJudged(one)
	}
	if next != nil {
		page.Next = placeOf(*next)
	}
	return page
}

func (d Desk) tell(p engine.AppPassword) AppPassword {
	return d.tellEntry(engine.AppPasswordEntry{AppPassword: p})
}

func (d Desk) tellEntry(entry engine.AppPasswordEntry) AppPassword {
	one := engine.JudgedAppPassword{AppPasswordEntry: entry}
	one.State, one.EndsAt = d.Engine.Judge(entry, d.Now())
	return d.tellJudged(one)
}

// tellJudged is what may be told: neither of the hashes.
func (d Desk) tellJudged(p engine.JudgedAppPassword) AppPassword {
	orphaned := false
	if d.Engine != nil {
		_, declared := d.Engine.Account(p.Account)
		orphaned = !declared
	}
	return AppPassword{
		ID: p.ID, Account: p.Account, Label: p.Label, State: p.State, CreatedAt: p.CreatedAt, CreatedBy: p.CreatedBy,
		ExpiresAt: p.EndsAt, RevokedAt: p.RevokedAt, RotatedAt: p.RetiredAt, Successor: p.Successor,
		Imported: p.Brought != (engine.PasswordHash{}), Orphaned: orphaned,
		CIDRs: p.Limits.CIDRs, Providers: p.Limits.Providers, Scopes: p.Limits.Scopes,
		LastUsedAt: p.LastUse.At, LastUsedFrom: p.LastUse.From, LastUsedFor: p.LastUse.Provider,
	}
}

// TellAppPassword is what may be told of an app password.
func TellAppPassword(p engine.JudgedAppPassword) AppPassword { return Desk{}.tellJudged(p) }

// place is where a part of a list ended.
type place struct {
	Account string    `json:"a"`
	Created time.Time `json:"c"`
	ID      string    `json:"i"`
}

// placeOf is the place behind an app password, as a text for URLs.
func placeOf(p engine.AppPassword) string {
	text, err := json.Marshal(place{p.Account, p.CreatedAt, p.ID})
	if err != nil {
		panic(err) // what is kept in storage always encodes
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parsePlace reads what placeOf wrote; "" is the beginning.
func parsePlace(text string) (engine.AppPassword, error) {
	if text == "" {
		return engine.AppPassword{}, nil
	}
	var at place
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(decoded, &at) != nil {
		return engine.AppPassword{}, fmt.Errorf("%w: that is no place in the list", engine.ErrForbidden)
	}
	return engine.AppPassword{ID: at.ID, Account: at.Account, CreatedAt: at.Created}, nil
}

// maxBatchBody bounds a request for many app passwords in bytes.
const maxBatchBody = 8 << 20

// mountAppPasswords adds what operators do with app passwords.
func (a *Admin) mountAppPasswords(mux *http.ServeMux) {
	mux.HandleFunc("GET /app-passwords", answer(func(r *http.Request) (AppPasswordPage, error) {
		var f AppPasswordFilter
		if filter := r.URL.Query().Get("filter"); filter != "" {
			if err := json.Unmarshal([]byte(filter), &f); err != nil {
				return AppPasswordPage{}, fmt.Errorf("reading the request: %w", err)
			}
		}
		return a.desk(r).ListAppPasswords(r.Context(), f, r.URL.Query().Get("from"))
	}))
	mux.HandleFunc("POST /app-passwords", answer(given(func(r *http.Request, asked NewAppPassword) (AppPassword, error) {
		return a.desk(r).CreateAppPassword(r.Context(), asked)
	})))
	mux.HandleFunc("POST /app-passwords/batch", answerWithin(maxBatchBody, given(func(r *http.Request, asked []NewAppPassword) ([]AppPassword, error) {
		return a.desk(r).CreateAppPasswords(r.Context(), asked)
	})))
	mux.HandleFunc("POST /app-passwords/import", answer(given(func(r *http.Request, asked ImportedAppPassword) (AppPassword, error) {
		return a.desk(r).ImportAppPassword(r.Context(), asked)
	})))
	mux.HandleFunc("POST /app-passwords/rotate", answer(given(func(r *http.Request, asked Rotation) (Rotated, error) {
		return a.desk(r).RotateAppPassword(r.Context(), asked)
	})))
	mux.HandleFunc("POST /app-passwords/prune", answer(given(func(r *http.Request, asked Prune) (AppPasswordPage, error) {
		return a.desk(r).PruneAppPasswords(r.Context(), asked, r.URL.Query().Get("from"))
	})))
	mux.HandleFunc("POST /app-passwords/{id}/revoke", answer(func(r *http.Request) (AppPassword, error) {
		return a.desk(r).RevokeAppPassword(r.Context(), r.PathValue("id"))
	}))
	mux.HandleFunc("POST /app-passwords/{id}/verify", answer(given(func(r *http.Request, asked Verification) (AppPassword, error) {
		asked.ID = r.PathValue("id")
		return a.desk(r).VerifyAppPassword(r.Context(), asked)
	})))
}

// desk is the desk for one request: under the generation that serves now.
func (a *Admin) desk(r *http.Request) Desk {
	return Desk{engine.AppPasswords{
		Store: a.Passwords, Random: a.Random, Now: a.Now, By: a.Operator(r.Context()),
		Engine: a.Live.Load(), Uses: a.Uses, Hasher: a.Hasher,
	}}
}

// given reads what a request asks for. Its error quotes nothing of it.
func given[A, T any](f func(*http.Request, A) (T, error)) func(*http.Request) (T, error) {
	return func(r *http.Request) (result T, err error) {
		var asked A
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			return result, fmt.Errorf("%w: the request cannot be read", errRequest)
		}
		return f(r, asked)
	}
}
