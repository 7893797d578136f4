package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
)

// SigningKey is what may be told of a signing key.
type SigningKey struct {
	Name         string    `json:"name"` // of its block; "" for the key without any block
	ID           string    `json:"kid"`
	Algorithm    string    `json:"alg"`
	Kept         bool      `json:"kept"` // false: the files bring it along
	State        string    `json:"state"`
	PublishedAt  time.Time `json:"published_at,omitzero"`
	SignsFrom    time.Time `json:"signs_from,omitzero"`
	SupersededAt time.Time `json:"superseded_at,omitzero"`
	EndsAt       time.Time `json:"ends_at,omitzero"`
	Providers    []string  `json:"providers"`
}

// TellKey is what may be told of a key.
func TellKey(k engine.KeyInfo) SigningKey {
	return SigningKey{
		Name: k.Name, ID: k.ID, Algorithm: k.Algorithm, Kept: k.Kept, State: string(k.State),
		PublishedAt: k.PublishedAt, SignsFrom: k.SignsFrom, SupersededAt: k.SupersededAt, EndsAt: k.EndsAt,
		Providers: append([]string{}, k.Providers...),
	}
}

// KeyOrder asks for a change of the kept keys: the next one, or one less.
type KeyOrder struct {
	Name string `json:"name"` // whose next key signs; "" for the only name there is
	Now  bool   `json:"now"`
	Drop string `json:"drop"` // the kid of a key to be dropped, in the place of all else
}

// KeyExport asks for public keys: those of a name, or all that a provider
// publishes. Without either, those of the only name there is.
type KeyExport struct {
	Name     string
	Provider string
	Format   string // one of KeyFormats
}

// KeyFormats are the forms in which public keys are exported; the first is the
// default.
func KeyFormats() []string { return []string{"jwks", "pem", "certificate"} }

// ExportedKeys are public keys in the form that was asked for.
type ExportedKeys struct {
	Content string `json:"content"`
}

// Keyring works on the signing keys of a storage: a running daemon's, or those
// of a file where none runs.
type Keyring struct {
	Store  engine.SigningKeyStore
	Random io.Reader
	Now    func() time.Time
	Live   func() *engine.Engine // what serves; it returns nil where nothing does
}

// ListKeys tells of all keys.
func (k Keyring) ListKeys(ctx context.Context) ([]SigningKey, error) {
	infos, err := k.infos(ctx)
	all := []SigningKey{}
	for _, info := range infos {
		all = append(all, TellKey(info))
	}
	return all, err
}

// infos are what serves, or what is kept where nothing does.
func (k Keyring) infos(ctx context.Context) ([]engine.KeyInfo, error) {
	if serving := k.Live(); serving != nil {
		return serving.Keys(), nil
	}
	stored, err := k.Store.SigningKeys(ctx)
	infos := engine.DescribeKeys(stored, k.Now())
	for _, one := range stored {
		if one.Sealed != "" { // and so not to be read without the configuration
			continue
		}
		i := slices.IndexFunc(infos, func(info engine.KeyInfo) bool { return info.ID == one.ID })
		if infos[i].Public, err = one.PublicKey(); err != nil {
			return nil, fmt.Errorf("signing key %s: %w", one.ID, err)
		}
	}
	return infos, err
}

// OrderKeys changes the kept keys.
func (k Keyring) OrderKeys(ctx context.Context, asked KeyOrder) (SigningKey, error) {
	order := engine.KeyOrder{Drop: asked.Drop}
	if asked.Drop == "" {
		infos, err := k.infos(ctx)
		if err != nil {
			return SigningKey{}, err
		}
		name, err := rotating(infos, asked.Name)
		if err != nil {
			return SigningKey{}, err
		}
		if slices.ContainsFunc(infos, func(info engine.KeyInfo) bool { return info.Public.Public == nil }) {
			return SigningKey{}, errEncrypted // and one that is not must not stand beside them
		}
		order = engine.KeyOrder{Rotate: true, Name: name, AtOnce: asked.Now}
	}
	meant, err := engine.OrderKeys(ctx, k.Store, k.Random, k.Now(), k.Live(), order)
	if err != nil {
		return SigningKey{}, err
	}
	return TellKey(meant), nil
}

// rotating finds whose next key is asked for.
func rotating(infos []engine.KeyInfo, asked string) (string, error) {
	kept := keyNames(infos, func(info engine.KeyInfo) bool {
		return info.Kept && (info.State == engine.KeySigning || info.State == engine.KeyNext)
	})
	brought := keyNames(infos, func(info engine.KeyInfo) bool { return !info.Kept && info.State == engine.KeySigning })
	if !slices.Contains(kept, asked) && slices.Contains(brought, asked) {
		return "", fmt.Errorf("%w: signing_key %q is brought along; replace its file to rotate it, and name the key before by also_publish_file", errRefused, asked)
	}
	return choose(asked, kept)
}

// keyNames are the names of some keys, each once.
func keyNames(infos []engine.KeyInfo, which func(engine.KeyInfo) bool) (names []string) {
	for _, info := range infos {
		if which(info) && !slices.Contains(names, info.Name) {
			names = append(names, info.Name)
		}
	}
	return names
}

// choose takes the name that is asked for, or the only one.
func choose(asked string, names []string) (string, error) {
	switch {
	case slices.Contains(names, asked):
		return asked, nil
	case asked != "":
		return "", fmt.Errorf("%w: there is no such signing_key %q.%s", errRefused, asked, engine.DidYouMean(asked, names))
	case len(names) == 1:
		return names[0], nil
	case len(names) == 0:
		return "", fmt.Errorf("%w: there is no such signing key", errRefused)
	default:
		return "", fmt.Errorf("%w: there are several signing keys; name one of %s", errRefused, strings.Join(names, ", "))
	}
}

// ExportKeys gives public keys.
func (k Keyring) ExportKeys(ctx context.Context, asked KeyExport) (ExportedKeys, error) {
	keys, err := k.exported(ctx, asked)
	if err != nil {
		return ExportedKeys{}, err
	}
	switch asked.Format {
	case "jwks":
		return ExportedKeys{string(engine.PublicSet(keys)) + "\n"}, nil
	case "pem":
		return ExportedKeys{string(engine.PublicPEM(keys))}, nil
	case "certificate":
		return k.certificates(ctx, keys)
	default:
		return ExportedKeys{}, fmt.Errorf("%w: the format is none of %s", errRefused, strings.Join(KeyFormats(), ", "))
	}
}

// exported are the keys that are asked for, the one that signs first.
func (k Keyring) exported(ctx context.Context, asked KeyExport) (keys []jwks.Key, err error) {
	if asked.Provider != "" {
		serving := k.Live()
		if serving == nil {
			return nil, fmt.Errorf("%w: what a provider publishes, only a running daemon knows", errRefused)
		}
		keys, found := serving.ProviderKeys(asked.Provider)
		if !found {
			return nil, fmt.Errorf("%w: there is no provider %q", engine.ErrNotFound, asked.Provider)
		}
		return keys, nil
	}
	infos, err := k.infos(ctx)
	if err != nil {
		return nil, err
	}
	name, err := choose(asked.Name, keyNames(infos, func(info engine.KeyInfo) bool { return info.State != engine.KeyUnused }))
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		switch {
		case info.Name != name:
		case info.Public.Public == nil:
			return nil, errEncrypted
		default:
			keys = append(keys, info.Public)
		}
	}
	return keys, nil
}

// certificates makes those of kept keys; of others m2md makes none, as they may
// have one.
func (k Keyring) certificates(ctx context.Context, keys []jwks.Key) (made ExportedKeys, err error) {
	stored, err := k.Store.SigningKeys(ctx)
	if err != nil {
		return made, err
	}
	for _, key := range keys {
		i := slices.IndexFunc(stored, func(s engine.StoredKey) bool { return s.ID == key.ID })
		if i < 0 {
			continue
		}
		certificate, err := stored[i].Certificate(k.Random)
		if err != nil {
			return made, err
		}
		made.Content += string(certificate)
	}
	if made.Content == "" {
		err = fmt.Errorf("%w: certificates are made of the keys that m2md keeps, and these are brought along", errRefused)
	}
	return made, err
}

// errEncrypted is what a Keyring of a file says where it would need the
// configuration's secret.
var errEncrypted = fmt.Errorf("%w: the signing keys are encrypted, and only a running daemon can read them", errRefused)

// KeyKeeper is who keeps signing keys: a running daemon, also by its socket, or
// a Keyring on the file where none runs.
type KeyKeeper interface {
	// ListKeys tells of all keys.
	ListKeys(ctx context.Context) ([]SigningKey, error)
	// OrderKeys changes the kept keys, durably, and tells of the one that was meant.
	OrderKeys(ctx context.Context, order KeyOrder) (SigningKey, error)
	// ExportKeys gives public keys.
	ExportKeys(ctx context.Context, asked KeyExport) (ExportedKeys, error)
}

var (
	_ KeyKeeper = Keyring{}
	_ KeyKeeper = (*AdminClient)(nil)
)

// mountKeys mounts what operators do with signing keys.
func (a *Admin) mountKeys(mux *http.ServeMux) {
	mux.HandleFunc("GET /keys", answer(func(r *http.Request) ([]SigningKey, error) { return a.Keys.ListKeys(r.Context()) }))
	mux.HandleFunc("POST /keys/order", answer(a.orderKeys))
	mux.HandleFunc("GET /keys/export", answer(func(r *http.Request) (ExportedKeys, error) {
		asked := r.URL.Query()
		return a.Keys.ExportKeys(r.Context(), KeyExport{Name: asked.Get("name"), Provider: asked.Get("provider"), Format: asked.Get("format")})
	}))
}

func (a *Admin) orderKeys(r *http.Request) (SigningKey, error) {
	var order KeyOrder
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		return SigningKey{}, fmt.Errorf("reading the request: %w", err)
	}
	return a.Keys.OrderKeys(r.Context(), order)
}

// ListKeys asks for all signing keys.
func (c *AdminClient) ListKeys(ctx context.Context) ([]SigningKey, error) {
	return ask[[]SigningKey](ctx, c, http.MethodGet, "/keys", nil)
}

// OrderKeys has the daemon change its keys.
func (c *AdminClient) OrderKeys(ctx context.Context, order KeyOrder) (SigningKey, error) {
	return ask[SigningKey](ctx, c, http.MethodPost, "/keys/order", order)
}

// ExportKeys asks for public keys.
func (c *AdminClient) ExportKeys(ctx context.Context, asked KeyExport) (ExportedKeys, error) {
	query := url.Values{"name": {asked.Name}, "provider": {asked.Provider}, "format": {asked.Format}}
	return ask[ExportedKeys](ctx, c, http.MethodGet, "/keys/export?"+query.Encode(), nil)
}
