package opaque

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/m2md/m2md/engine/fetch"
	"github.com/m2md/m2md/engine/strictjson"
)

// MaxAnswer bounds the length of an issuer's answer in bytes.
const MaxAnswer = 64 << 10

// How long answers are remembered at most.
const (
	KeepActive   = 60 * time.Second
	KeepInactive = 10 * time.Second
)

// What every error of Remote.Claims wraps.
var (
	// ErrInactive says that the issuer does not take the token for active, or
	// that it can not be a token.
	ErrInactive = errors.New("the token is not active")
	// ErrUnavailable says that the issuer can not be asked now, which says
	// nothing of the token.
	ErrUnavailable = errors.New("the issuer can not be asked about the token")
)

// verdict is what is known of a token. It never changes.
type verdict struct {
	answer []byte        // the issuer's, a JSON object; nil where err is set
	err    error         // wraps ErrInactive or ErrUnavailable
	keep   time.Duration // how long it may be remembered; 0: not at all
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }

// ask asks an endpoint about a token.
func ask(ctx context.Context, client *fetch.Client, e endpoint, token string, now func() time.Time) verdict {
	resp, err := client.Do(ctx, e.request(token))
	if status, ok := errors.AsType[*fetch.StatusError](err); ok {
		if known := e.refusal(status.Status); known != nil {
			err = known
		}
	}
	switch {
	case errors.Is(err, ErrInactive):
		return verdict{err: err, keep: KeepInactive}
	case err == nil && !isJSON(resp.Header):
		err = errors.New("its answer's Content-Type is not application/json")
	}
	if err != nil {
		return verdict{err: unavailable(err)}
	}
	return read(e, resp.Body, now())
}

func isJSON(header http.Header) bool {
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// read makes a verdict of an answer.
func read(e endpoint, answer []byte, now time.Time) verdict {
	claims, err := strictjson.Object(answer)
	if err != nil {
		return verdict{err: unavailable(fmt.Errorf("reading its answer: %w", err))}
	}
	if err := e.judge(claims); err != nil {
		return verdict{err: err, keep: KeepInactive}
	}
	// Cloned, as what was read into has room to spare.
	return verdict{answer: bytes.Clone(answer), keep: keepFor(claims, now)}
}

// keepFor is how long claims may be remembered. What has an exp that can not be
// understood is not: to refuse it is for who checks the claims.
func keepFor(claims map[string]any, now time.Time) time.Duration {
	value, present := claims["exp"]
	if !present {
		return KeepActive
	}
	number, _ := value.(json.Number)
	expiry, err := number.Float64()
	if err != nil {
		return 0
	}
	left := expiry*1000 - float64(now.UnixMilli()+1) // milliseconds, rounded down
	return time.Duration(min(max(left, 0), float64(KeepActive.Milliseconds()))) * time.Millisecond
}
