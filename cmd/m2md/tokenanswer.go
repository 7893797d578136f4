package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/m2md/m2md/engine/fetch"
	"github.com/m2md/m2md/engine/strictjson"
)

// accessToken is what a server issued.
type accessToken struct {
	text     string
	answer   []byte        // all that the server said, a JSON object
	asked    time.Time     // when it was asked for: it may be younger, never older
	lifetime time.Duration // 0: the server does not say
}

// maxTokenLifetime bounds expires_in: beyond it, a number is nonsense.
const maxTokenLifetime = 10 * 365 * 24 * time.Hour

// readTokenAnswer reads an answer of a token endpoint (RFC 6749 §5). Where it is
// a refusal, the error is a *tokenRefusal, which repeats none of the secrets.
func readTokenAnswer(answer fetch.Response, asked time.Time, secrets []string) (*accessToken, error) {
	object, err := strictjson.Object(answer.Body)
	if answer.Status != http.StatusOK || err == nil && object["error"] != nil {
		return nil, readTokenRefusal(answer, object, asked, secrets)
	}
	if err != nil {
		return nil, fmt.Errorf("what it answers cannot be read: %w", err)
	}
	t := &accessToken{answer: bytes.TrimSpace(answer.Body), asked: asked}
	if t.text, err = bearerToken(object); err != nil {
		return nil, err
	}
	if given := object["expires_in"]; given != nil {
		t.lifetime, err = lifetime(given)
	}
	return t, err
}

// bearerToken is access_token, if it can be used as a bearer token.
func bearerToken(object map[string]any) (string, error) {
	kind, _ := object["token_type"].(string)
	text, _ := object["access_token"].(string)
	switch {
	case text == "":
		return "", errors.New("it answers without an access_token")
	case kind == "":
		return "", errors.New("it answers without a token_type (RFC 6749 §5.1)")
	case !strings.EqualFold(kind, "Bearer"):
		return "", fmt.Errorf("it issued a token of type %q, and only Bearer can be used", fetch.Printable(kind, maxCode))
	case strings.ContainsFunc(text, notInToken):
		return "", errors.New("the access_token holds a character that no token may have")
	}
	return text, nil
}

// notInToken says what is no VSCHAR (RFC 6749 §A.12), or would have to be quoted
// where tokens are written.
func notInToken(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }

func lifetime(given any) (time.Duration, error) {
	n, err := wholeSeconds(given)
	if err != nil || n <= 0 || n > int64(maxTokenLifetime/time.Second) {
		return 0, errors.New("its expires_in is not a number of seconds")
	}
	return time.Duration(n) * time.Second, nil
}

// wholeSeconds reads a JSON number; a fraction is dropped.
func wholeSeconds(given any) (int64, error) {
	number, is := given.(json.Number)
	if !is {
		return 0, errors.New("not a number")
	}
	if whole, err := number.Int64(); err == nil {
		return whole, nil
	}
	f, err := number.Float64()
	if err != nil || f < -1<<62 || f > 1<<62 {
		return 0, errors.New("out of range")
	}
	return int64(f), nil
}

// Bounds of what a server says, in characters.
const (
	maxCode      = 64
	maxRequestID = 80
)

// tokenRefusal is what a token endpoint says in the place of a token (RFC 6749
// §5.2), fit for a terminal and a log.
type tokenRefusal struct {
	status      int
	code        string // error; "" where none was told
	description string // error_description, or in our words what came instead
	requestID   string // by which the operator of the server finds the whole reason
	retryAfter  time.Duration
}

func (e *tokenRefusal) Error() string {
	said := fmt.Sprintf("it answers with status %d: %s", e.status, e.description)
	if e.code != "" {
		said = e.code
		if e.description != "" {
			said += ": " + e.description
		}
	}
	if e.requestID != "" {
		said += " (request " + e.requestID + ")"
	}
	return said
}

func readTokenRefusal(answer fetch.Response, object map[string]any, now time.Time, secrets []string) *tokenRefusal {
	text := func(name string, limit int) string {
		value, _ := object[name].(string)
		return fetch.Printable(strings.TrimSpace(withoutSecrets(value, secrets)), limit)
	}
	e := &tokenRefusal{
		status:      answer.Status,
		code:        text("error", maxCode),
		description: strings.TrimSuffix(text("error_description", fetch.MaxText), "."),
		retryAfter:  retryAfter(answer.Header.Get("Retry-After"), now),
	}
	e.requestID = cmp.Or(text("request_id", maxRequestID), fetch.Printable(withoutSecrets(answer.Header.Get("X-Request-Id"), secrets), maxRequestID))
	if e.code == "" {
		e.description = whatCameInstead(answer)
	}
	return e
}

// whatCameInstead guesses who answered in the place of a token endpoint.
func whatCameInstead(answer fetch.Response) string {
	media, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	isHTML := err == nil && media == "text/html" || bytes.HasPrefix(bytes.TrimSpace(answer.Body), []byte("<"))
	switch {
	case answer.Status == http.StatusProxyAuthRequired:
		return "a proxy wants a password (HTTP_PROXY, HTTPS_PROXY)"
	case answer.Status == http.StatusNotFound || answer.Status == http.StatusMethodNotAllowed:
		return "there is no token endpoint at this URL"
	case answer.Status >= 500 && isHTML:
		return "an HTML page, probably of a proxy whose server is down"
	case isHTML:
		return "an HTML page, so another site or a proxy is at this URL"
	default:
		return "and gives no reason (RFC 6749 §5.2)"
	}
}

// retryAfter reads Retry-After (RFC 9110 §10.2.3), as a second where it is less;
// 0 for none.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return max(time.Second, time.Duration(n)*time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Second, at.Sub(now))
	}
	return 0
}

// shortestSecret is how many characters in a row give a secret away.
const shortestSecret = 8

// withoutSecrets takes out each word that shares a piece with a secret: servers
// repeat what they were sent, whole, cut off or in quotes.
func withoutSecrets(text string, secrets []string) string {
	text = text[:min(len(text), 8*fetch.MaxText)]
	for _, secret := range secrets {
		if secret != "" && len(secret) < shortestSecret {
			text = strings.ReplaceAll(text, secret, hidden)
		}
	}
	words := strings.SplitAfter(text, " ")
	for i, word := range words {
		if slices.ContainsFunc(secrets, func(secret string) bool { return shares(word, secret) }) {
			words[i] = hidden + " "
		}
	}
	return strings.TrimSpace(strings.Join(words, ""))
}

const hidden = "[hidden]"

// shares says whether two texts have a piece in common.
func shares(a, b string) bool {
	for i := 0; i+shortestSecret <= len(a); i++ {
		if strings.Contains(b, a[i:i+shortestSecret]) {
			return true
		}
	}
	return false
}
