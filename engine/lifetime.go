package engine

import (
	"errors"
	"fmt"
	"time"
)

// Lifetime is how long an issued token is valid: a whole number of seconds in
// [1s, MaxLifetime]. Authors write it as access_token_ttl; clients read it as
// expires_in (RFC 6749 §5.1). The zero value is invalid.
type Lifetime time.Duration

// DefaultLifetime is that of a provider that says nothing; MaxLifetime bounds
// what any provider may say.
const (
	DefaultLifetime = Lifetime(15 * time.Minute)
	MaxLifetime     = Lifetime(24 * time.Hour)
)

// ErrLifetime is wrapped by every error that ParseLifetime returns.
var ErrLifetime = errors.New("invalid token lifetime")

// ParseLifetime checks a duration, such as 15m.
func ParseLifetime(d time.Duration) (Lifetime, error) {
	if d < time.Second || d > time.Duration(MaxLifetime) || d%time.Second != 0 {
		return 0, fmt.Errorf("%w: it must be a whole number of seconds between 1s and %s", ErrLifetime, time.Duration(MaxLifetime))
	}
	return Lifetime(d), nil
}

// Seconds is the lifetime as expires_in states it.
func (l Lifetime) Seconds() int64 { return int64(time.Duration(l) / time.Second) }
