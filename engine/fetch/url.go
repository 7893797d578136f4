package fetch

import (
	"errors"
	"net/url"
)

// URL is an address that a Client may ask. ParseURL makes it; the zero value is
// none.
type URL struct{ u *url.URL }

// ParseURL accepts an absolute https URL, and http where the client allows it.
// Its errors never repeat the URL, which may hold a secret.
func (c *Client) ParseURL(raw string) (URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return URL{}, errors.New("its URL can not be parsed")
	}
	return URL{u}, c.checkURL(u)
}

func (c *Client) checkURL(u *url.URL) error {
	switch {
	case u.Scheme == "http" && !c.opts.AllowHTTP:
		return errors.New("its URL is not https, and http is not allowed")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("its URL is not https")
	case u.Hostname() == "":
		return errors.New("its URL has no host")
	case u.User != nil:
		return errors.New("its URL holds a user name or password")
	case u.Fragment != "":
		return errors.New("its URL has a fragment")
	}
	return nil
}

// String gives the URL for people: without its query, which may hold a secret.
func (u URL) String() string {
	if u.u == nil {
		return ""
	}
	shown := url.URL{Scheme: u.u.Scheme, Host: u.u.Host, Path: u.u.Path, RawPath: u.u.RawPath}
	return Printable(shown.String(), MaxText)
}
