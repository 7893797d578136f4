package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/m2md/m2md/engine/fetch"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/hcl"
)

// tokenAsker asks for tokens as a command line says.
type tokenAsker struct {
	server *tokenServer
	proof  *tokenProof
	actor  *tokenProof // nil: nobody acts on behalf of another
	wish   tokenWish
	stderr io.Writer
	mask   func(secret string) // keeps a secret out of a log that others write; may be nil
	pause  time.Duration       // before the first of several attempts to connect
}

// Bounds of what is tried again without being asked to.
const (
	maxRetries    = 3
	maxRetryAfter = 30 * time.Second
)

// token gets a token. It tries again where the server was not reached, or says
// when it can be.
func (a *tokenAsker) token(ctx context.Context) (*accessToken, error) {
	for tried := 0; ; tried++ {
		token, err := a.once(ctx)
		wait := a.retryIn(err, tried)
		if err == nil || wait == 0 || tried == maxRetries {
			return token, err
		}
		fmt.Fprintf(a.stderr, "m2md: %v; trying again in %s\n", err, wait)
		if !sleep(ctx, wait) {
			return nil, err
		}
	}
}

// retryIn says how long to wait before another attempt; 0: there is no use in
// one. A credential that was refused is never shown again: servers count that.
func (a *tokenAsker) retryIn(err error, tried int) time.Duration {
	if refused, is := errors.AsType[*tokenRefusal](err); is {
		if refused.status != http.StatusServiceUnavailable || refused.code == string(oauth2.InvalidClient) || refused.retryAfter > maxRetryAfter {
			return 0
		}
		return refused.retryAfter
	}
	status, answered := errors.AsType[*fetch.StatusError](err) // of GitHub, or a discovery document
	_, unreached := errors.AsType[*fetch.ConnectionError](err)
	if unreached || answered && http.StatusBadGateway <= status.Status && status.Status <= http.StatusGatewayTimeout {
		return a.pause << tried
	}
	return 0
}

// sleep waits, unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// once asks once, with a proof that is read anew.
func (a *tokenAsker) once(ctx context.Context) (*accessToken, error) {
	to, err := a.server.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	shown, err := a.proof.show(ctx, to)
	if err != nil {
		return nil, err
	}
	if !a.proof.password {
		a.hide(shown)
	}
	var actor string
	if a.actor != nil {
		if actor, err = a.actor.show(ctx, to); err != nil {
			return nil, err
		}
		a.hide(actor)
	}
	request, secrets := a.wish.request(to, shown, a.proof.password, actor)
	asked := time.Now()
	answer, err := a.server.http.Do(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("asking %s for a token: %w", to.at, err)
	}
	token, err := readTokenAnswer(answer, asked, secrets)
	if refused, is := errors.AsType[*tokenRefusal](err); is && !a.proof.password && refused.code != "" {
		return nil, fmt.Errorf("asking %s for a token: %w%s", to.at, err, jwtFacts(shown, asked))
	}
	if err != nil {
		return nil, fmt.Errorf("asking %s for a token: %w", to.at, err)
	}
	a.hide(token.text)
	return token, nil
}

func (a *tokenAsker) hide(secret string) {
	if a.mask != nil {
		a.mask(secret)
	}
}

// files are those whose change makes another attempt worthwhile.
func (a *tokenAsker) files() []string {
	var all []string
	for _, proof := range []*tokenProof{a.proof, a.actor} {
		if proof != nil && proof.file != "" {
			all = append(all, proof.file)
		}
	}
	return all
}

// maskOnGitHub has the runner of GitHub Actions mask secrets in its log. It
// reads such commands on stderr, too, where they are when stdout goes into a
// variable.
func maskOnGitHub(stderr io.Writer) func(string) {
	return func(secret string) { fmt.Fprintf(stderr, "::add-mask::%s\n", hcl.EscapeGitHub(secret)) }
}

// jwtFacts are what most often is wrong with a JWT that was refused: who made
// it, for whom, and until when. "" for what is no JWT.
func jwtFacts(jwt string, now time.Time) string {
	claims, err := unverifiedClaims(jwt)
	if err != nil {
		return ""
	}
	issuer, _ := claims["iss"].(string)
	facts := fmt.Sprintf("; the JWT shown is of %q for %q", printable(issuer), printable(strings.Join(audiences(claims), " ")))
	ends, err := wholeSeconds(claims["exp"])
	if err != nil {
		return facts
	}
	left := time.Unix(ends, 0).Sub(now).Round(time.Second)
	if left <= 0 {
		return facts + fmt.Sprintf(" and expired %s ago", -left)
	}
	return facts + fmt.Sprintf(" and expires in %s", left)
}
