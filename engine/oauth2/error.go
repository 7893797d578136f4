package oauth2

import "net/http"

// Code is an error code as clients read it.
type Code string

// The codes of RFC 6749 §5.2, of RFC 6750 §3.1, of RFC 8707 §2, of RFC 7009
// §2.2.1, and two that RFC 6749 §4.1.2.1 defines for another endpoint and that
// every client understands at these.
const (
	InvalidRequest         Code = "invalid_request"
	InvalidClient          Code = "invalid_client"
	InvalidGrant           Code = "invalid_grant"
	UnauthorizedClient     Code = "unauthorized_client"
	UnsupportedGrantType   Code = "unsupported_grant_type"
	InvalidScope           Code = "invalid_scope"
	InvalidToken           Code = "invalid_token"
	InsufficientScope      Code = "insufficient_scope"
	InvalidTarget          Code = "invalid_target"
	UnsupportedTokenType   Code = "unsupported_token_type"
	ServerError            Code = "server_error"
	TemporarilyUnavailable Code = "temporarily_unavailable"
)

// Error is a refusal in words that are safe for the client: Description is one
// sentence of printable ASCII without " and \ (RFC 6749 §5.2), and holds
// nothing that the client did not know.
type Error struct {
	Code        Code
	Description string
	// Status overrides what the code alone implies; 0 does not.
	Status int
}

// Error gives code and sentence.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Description }

// TokenStatus is the HTTP status at the token endpoint. A failed client authentication is 401 only
// where the client used the Authorization header: RFC 6749 §5.2 asks for it
// there, and RFC 9110 §15.5.2 forbids a 401 that names no scheme.
func (e *Error) TokenStatus(usedAuthorization bool) int {
	switch {
	case e.Status != 0:
		return e.Status
	case e.Code == InvalidClient && usedAuthorization:
		return http.StatusUnauthorized
	case e.Code == ServerError:
		return http.StatusInternalServerError
	case e.Code == TemporarilyUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusBadRequest
	}
}
