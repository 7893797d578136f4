package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
)

// NewRevocation asks to end tokens: one, shown whole or named by its jti, or all
// of a kind and label.
type NewRevocation struct {
	Token       string      `json:"token,omitempty"` // an access token, in the place of Kind and Name
	Kind        engine.Kind `json:"kind"`
	Name        string      `json:"name"`
	IssuedUntil time.Time   `json:"issued_until,omitzero"` // the zero value: now
	Until       time.Time   `json:"until,omitzero"`        // of a token that is named: its exp, or the zero value
}

// Revocation is what may be told of a revocation.
type Revocation struct {
	Kind        engine.Kind `json:"kind"` // token, service_account, oauth_source, verification_certificate or provider
	Name        string      `json:"name"` // the jti, or the label
	IssuedUntil time.Time   `json:"issued_until,omitzero"`
	Until       time.Time   `json:"until"` // all that it ends has expired by then
	RevokedAt   time.Time   `json:"revoked_at"`
	RevokedBy   string      `json:"revoked_by"`
}

// TellRevocation is what may be told of a revocation.
func TellRevocation(r engine.Revocation) Revocation {
	return Revocation{Kind: r.Kind, Name: r.Name, IssuedUntil: r.IssuedUntil, Until: r.Until, RevokedAt: r.At, RevokedBy: r.By}
}

// TellRevocations is what may be told of those that end something at a time.
func TellRevocations(all []engine.Revocation, now time.Time) []Revocation {
	told := []Revocation{}
	for _, one := range all {
		if one.Until.After(now) {
			told = append(told, TellRevocation(one))
		}
	}
	return told
}

// revokeTokens ends tokens. A label must be one that the files declare: a
// mistyped one would have its operator believe that tokens were revoked.
func (a *Admin) revokeTokens(r *http.Request) (Revocation, error) {
	var asked NewRevocation
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return Revocation{}, fmt.Errorf("reading the request: %w", err)
	}
	one, err := asked.of(a.Live.Load())
	if err != nil {
		return Revocation{}, err
	}
	one.By = a.Operator(r.Context())
	kept, err := a.Revocations.Revoke(r.Context(), one)
	return TellRevocation(kept), err
}

// of is what is asked for, under a generation.
func (n NewRevocation) of(live *engine.Engine) (engine.Revocation, error) {
	if n.Token != "" {
		return live.TokenToRevoke(strings.TrimSpace(n.Token))
	}
	one := engine.Revocation{Kind: n.Kind, Name: n.Name, IssuedUntil: n.IssuedUntil, Until: n.Until}
	if n.Kind == engine.KindToken {
		return one, nil
	}
	if labels := live.Labels(n.Kind); !slices.Contains(labels, n.Name) {
		return one, fmt.Errorf("%w: no file declares %s %q, so its tokens are refused already.%s", engine.ErrNotFound, n.Kind, n.Name, engine.DidYouMean(n.Name, labels))
	}
	return one, nil
}

func (a *Admin) listRevocations(r *http.Request) ([]Revocation, error) {
	all, err := a.Revocations.List(r.Context())
	return TellRevocations(all, a.Now()), err
}

// Revoke ends tokens.
func (c *AdminClient) Revoke(ctx context.Context, asked NewRevocation) (Revocation, error) {
	return ask[Revocation](ctx, c, http.MethodPost, "/revocations", asked)
}

// Revocations are those that end something now, by kind and name.
func (c *AdminClient) Revocations(ctx context.Context) ([]Revocation, error) {
	return ask[[]Revocation](ctx, c, http.MethodGet, "/revocations", nil)
}
