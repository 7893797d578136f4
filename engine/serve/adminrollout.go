package serve

import (
	"context"
	"net/http"
	"time"

	"github.com/m2md/m2md/engine"
)

// Revision is what HEAD of a Git work tree was. Whether the files in it were those
// of the commit is not known. The zero value is none.
type Revision struct {
	Commit string `json:"commit,omitempty"` // in full
	Ref    string `json:"ref,omitempty"`    // such as refs/heads/main; "" for a detached HEAD
}

// The outcomes of a PastReload.
const (
	ReloadStarted   = "started"   // the daemon was started on the files
	ReloadTaken     = "reloaded"  // what the files are began to serve
	ReloadRefused   = "refused"   // they have faults, and what served went on
	ReloadBack      = "unchanged" // they are those that serve again
	ReloadOfRefused = "last_good" // the daemon was started on what had served last
)

// PastReload is how one reading of the files ended.
type PastReload struct {
	At         time.Time `json:"at"`
	Outcome    string    `json:"outcome"`
	Generation uint64    `json:"generation"` // that serves from then on, counted from the start of its process
	Hash       string    `json:"hash"`       // of the files that were read
	Revision   Revision  `json:"revision,omitzero"`
	Faults     int       `json:"faults,omitempty"`
	Fault      string    `json:"fault,omitempty"` // the first, with its place
}

// LastGood is the generation of an earlier process that serves because the files
// have faults.
type LastGood struct {
	KeptAt   time.Time `json:"kept_at"` // when it began to serve
	Hash     string    `json:"hash"`
	Revision Revision  `json:"revision,omitzero"`
}

// Holdings are how many of each there are.
type Holdings struct {
	Providers int `json:"providers"`
	Sources   int `json:"sources"` // certificates included
	Accounts  int `json:"accounts"`
	Policies  int `json:"policies"`
}

// HoldingsOf counts what a generation holds.
func HoldingsOf(s engine.Summary) Holdings {
	return Holdings{s.Providers, s.Sources, s.Accounts, s.Policies}
}

// DryRun is what a reload would do.
type DryRun struct {
	OK         bool             `json:"ok"`      // it would be taken
	Changed    bool             `json:"changed"` // false: the files are those that serve already
	Restart    bool             `json:"restart"` // it would be refused because something in it needs a restart
	Generation uint64           `json:"generation"`
	Hash       string           `json:"hash"`      // of what serves
	NextHash   string           `json:"next_hash"` // of the files
	Revision   Revision         `json:"revision,omitzero"`
	Now        Holdings         `json:"now"`
	Next       Holdings         `json:"next"`
	Revived    []RevivedAccount `json:"revived"`  // whose app passwords would let in again
	Orphaned   []RevivedAccount `json:"orphaned"` // whose app passwords would let in no more
	Keys       []KeyOutlook     `json:"signing_keys"`
	KeySets    []KeySetOutlook  `json:"key_sets"` // that would be used and are not yet
	Report     string           `json:"report"`   // the findings, as text for people
}

// KeyOutlook is what would happen to a signing key.
type KeyOutlook struct {
	Name      string `json:"name"` // of its block
	Event     string `json:"event"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid,omitempty"` // "" for one that would be made
}

// KeySetOutlook is what an issuer published when it was asked.
type KeySetOutlook struct {
	URL   string `json:"url"` // without a query
	Keys  int    `json:"keys"`
	Error string `json:"error,omitempty"` // why there are none
}

// Running is what a daemon keeps until it ends, and what its storage has: what
// other files are held against.
type Running struct {
	Generation    uint64           `json:"generation"`
	Hash          string           `json:"hash"`
	Listen        string           `json:"listen"` // as the files say
	TLS           bool             `json:"tls"`
	MetricsListen string           `json:"metrics_listen"`
	StorageEngine string           `json:"storage_engine"`
	StoragePath   string           `json:"storage_path"`
	KeyEncryption string           `json:"key_encryption"` // the ID of the key; "" for none
	Accounts      []string         `json:"accounts"`       // that are declared
	AppPasswords  []RevivedAccount `json:"app_passwords"`  // that are not revoked, by account
	SigningKeys   []SigningKey     `json:"signing_keys"`
}

// DryRun asks what a reload would do.
func (c *AdminClient) DryRun(ctx context.Context) (DryRun, error) {
	return ask[DryRun](ctx, c, http.MethodPost, "/reload/dry-run", nil)
}

// Running asks what the daemon keeps until it ends.
func (c *AdminClient) Running(ctx context.Context) (Running, error) {
	return ask[Running](ctx, c, http.MethodGet, "/running", nil)
}
