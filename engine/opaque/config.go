package opaque

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// ErrConfig is wrapped by the errors of Cache.Remote.
var ErrConfig = errors.New("unusable way to ask about opaque tokens")

// Config says where an issuer tells of its opaque tokens: exactly one of
// IntrospectionURL and ProfileURL is set.
type Config struct {
	IntrospectionURL string // RFC 7662
	ClientID         string // by which m2md may introspect; without effect with ProfileURL
	ClientSecret     string // likewise
	ProfileURL       string // answers a bearer of the token with the claims of its holder
	AllowHTTP        bool   // http:// is allowed, which sends token and secret in the clear
	CAPEM            []byte // the only roots for TLS, certificates as PEM; empty for the system's
}

// Format keeps the secret out of everything that is printed.
func (Config) Format(f fmt.State, _ rune) { io.WriteString(f, "(sensitive)") }

// LogValue keeps the secret out of logs.
func (Config) LogValue() slog.Value { return slog.StringValue("(sensitive)") }

// identity is a config in a form that can be compared, without the secret.
type identity struct {
	introspection, clientID, profile string
	allowHTTP                        bool
	secret, ca                       [sha256.Size]byte
}

func (c Config) identity() identity {
	return identity{
		introspection: c.IntrospectionURL, clientID: c.ClientID, profile: c.ProfileURL, allowHTTP: c.AllowHTTP,
		secret: sha256.Sum256([]byte(c.ClientSecret)), ca: sha256.Sum256(c.CAPEM),
	}
}

// check says what is missing, or too much.
func (c Config) check() error {
	switch {
	case (c.IntrospectionURL == "") == (c.ProfileURL == ""):
		return errors.New("it needs one of an introspection URL and a profile URL")
	case c.IntrospectionURL != "" && (c.ClientID == "" || c.ClientSecret == ""):
		return errors.New("introspection needs consumer_key and consumer_secret")
	case strings.ContainsFunc(c.ClientID+c.ClientSecret, isControl):
		return errors.New("consumer_key or consumer_secret holds a control character, such as the line break at the end of a file")
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
