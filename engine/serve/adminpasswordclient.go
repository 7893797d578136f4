package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// CreateAppPassword asks the daemon for what Desk.CreateAppPassword does, and
// so do the other methods for those of their names.
func (c *AdminClient) CreateAppPassword(ctx context.Context, asked NewAppPassword) (AppPassword, error) {
	return ask[AppPassword](ctx, c, http.MethodPost, "/app-passwords", asked)
}

// CreateAppPasswords makes several app passwords, all or none.
func (c *AdminClient) CreateAppPasswords(ctx context.Context, asked []NewAppPassword) ([]AppPassword, error) {
	return ask[[]AppPassword](ctx, c, http.MethodPost, "/app-passwords/batch", asked)
}

// ImportAppPassword keeps a password that was brought along.
func (c *AdminClient) ImportAppPassword(ctx context.Context, asked ImportedAppPassword) (AppPassword, error) {
	return ask[AppPassword](ctx, c, http.MethodPost, "/app-passwords/import", asked)
}

// RotateAppPassword makes an app password in the place of another.
func (c *AdminClient) RotateAppPassword(ctx context.Context, asked Rotation) (Rotated, error) {
	return ask[Rotated](ctx, c, http.MethodPost, "/app-passwords/rotate", asked)
}

// RevokeAppPassword ends an app password.
func (c *AdminClient) RevokeAppPassword(ctx context.Context, id string) (AppPassword, error) {
	return ask[AppPassword](ctx, c, http.MethodPost, "/app-passwords/"+url.PathEscape(id)+"/revoke", nil)
}

// VerifyAppPassword tells how an app password stands.
func (c *AdminClient) VerifyAppPassword(ctx context.Context, asked Verification) (AppPassword, error) {
	return ask[AppPassword](ctx, c, http.MethodPost, "/app-passwords/"+url.PathEscape(asked.ID)+"/verify", asked)
}

// ListAppPasswords returns a part of the list.
func (c *AdminClient) ListAppPasswords(ctx context.Context, f AppPasswordFilter, from string) (AppPasswordPage, error) {
	filter, err := json.Marshal(f)
	if err != nil {
		return AppPasswordPage{}, err
	}
	query := url.Values{"filter": {string(filter)}, "from": {from}}
	return ask[AppPasswordPage](ctx, c, http.MethodGet, "/app-passwords?"+query.Encode(), nil)
}

// PruneAppPasswords deletes a part of what is to be deleted.
func (c *AdminClient) PruneAppPasswords(ctx context.Context, p Prune, from string) (AppPasswordPage, error) {
	return ask[AppPasswordPage](ctx, c, http.MethodPost, "/app-passwords/prune?"+url.Values{"from": {from}}.Encode(), p)
}
