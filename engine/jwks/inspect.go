package jwks

import (
	"context"
	"time"
)

// Inspection is what one look at a published key set found.
type Inspection struct {
	URL     string // of the config, without a query
	Keys    []Key
	Skipped []Skipped
	Date    time.Time // by the clock of whoever has answered; the zero value: it does not say
}

// Inspect fetches the key set of a config once, as a Cache does, and keeps
// nothing. Its errors are those of a Cache's fetches, and fit to be shown; the URL
// is known even then, unless the config can not work (ErrConfig).
func Inspect(ctx context.Context, cfg Config, timeout time.Duration) (Inspection, error) {
	f, err := newFetcher(cfg, timeout)
	if err != nil {
		return Inspection{}, err
	}
	got, err := f.fetch(ctx)
	return Inspection{f.shown, got.keys, got.skipped, got.date}, err
}

// InspectIssuer fetches the discovery document that the config's WellKnownURL
// names, whoever's it says it is, and returns what it calls the issuer.
func InspectIssuer(ctx context.Context, cfg Config, timeout time.Duration) (issuer string, err error) {
	f, err := newFetcher(cfg, timeout)
	if err != nil {
		return "", err
	}
	_, issuer, err = f.document(ctx)
	return issuer, err
}

// Shown is a URL of a key set without its query, as it may be told; "" for one
// that is none.
func Shown(cfg Config) string {
	f, err := newFetcher(cfg, time.Second)
	if err != nil {
		return ""
	}
	return f.shown
}
