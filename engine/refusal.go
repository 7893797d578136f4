package engine

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/m2md/m2md/engine/oauth2"
)

// Refusal is a no. Its oauth2.Error is all that the client is told; Reason is
// the whole truth, for the decision log only. Neither holds a secret.
type Refusal struct {
	Public *oauth2.Error
	Reason string
	// guess says that a proof did not hold, as one that is guessed would not.
	guess bool
}

// Error gives the operator's side.
func (r *Refusal) Error() string { return r.Reason }

// Unwrap gives the client's side.
func (r *Refusal) Unwrap() error { return r.Public }

// maxReason bounds a reason in bytes: parts of it come from strangers.
const maxReason = 512

// refuse builds a Refusal; say is the client's sentence, the rest the
// operator's reason.
func refuse(code oauth2.Code, say, format string, args ...any) *Refusal {
	return &Refusal{
		Public: &oauth2.Error{Code: code, Description: say},
		Reason: shorten(fmt.Sprintf(format, args...), maxReason),
	}
}

// The sentences that clients read. A proof that fails says nothing of why: an
// unknown account and a wrong password must look the same.
const (
	sayBadProof  = "The credentials or the assertion were not accepted."
	sayNoAccess  = "The proof was accepted, but no access of this provider lets it in."
	sayBadToken  = "The access token is not valid here."
	sayNoIssuer  = "The keys of the issuer of the assertion cannot be had at the moment."
	sayNoClient  = "The client is unknown."
	sayNoTarget  = "No audience of that name can be had here."
	sayNotServed = "Nothing is guarded under that name."
)

// badProof refuses what a machine showed to say who it is.
func badProof(format string, args ...any) *Refusal {
	refusal := refuse(oauth2.InvalidClient, sayBadProof, format, args...)
	refusal.guess = true
	return refusal
}

// refusedAs gives a refusal of a proof, or of whom it shows, the code that a
// grant has for it. Other errors stay as they are.
func refusedAs(err error, code oauth2.Code) error {
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.InvalidClient && refusal.Public.Code != oauth2.UnauthorizedClient {
		return err
	}
	return &Refusal{Public: &oauth2.Error{Code: code, Description: refusal.Public.Description}, Reason: refusal.Reason, guess: refusal.guess}
}

// badClaims refuses a token that somebody did sign, for what it says.
func badClaims(format string, args ...any) *Refusal {
	return refuse(oauth2.InvalidClient, sayBadProof, format, args...)
}

// noAccess refuses somebody who is known but not let in.
func noAccess(format string, args ...any) *Refusal {
	return refuse(oauth2.UnauthorizedClient, sayNoAccess, format, args...)
}

// badToken refuses a token that m2md should have issued.
func badToken(format string, args ...any) *Refusal {
	return refuse(oauth2.InvalidToken, sayBadToken, format, args...)
}

// shorten cuts s to at most n bytes, at a character's border, and drops what
// is not printable.
func shorten(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if isControl(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
