package oauth2

import (
	"bytes"
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// MaxBody is how many bytes of a form are read. The largest honest request is
// one assertion of some kilobytes.
const MaxBody = 64 << 10

// usualBody is for how many bytes there is room before any has come: whoever
// only announces a body must not cost more.
const usualBody = 4 << 10

// The grants, as grant_type names them.
const (
	ClientCredentials = "client_credentials"                              // RFC 6749 §4.4.2
	JWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"     // RFC 7523 §2.1
	TokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693 §2.1
)

// AssertionJWT is the client_assertion_type of a JWT (RFC 7523 §2.2).
const AssertionJWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// The types of tokens that are exchanged (RFC 8693 §3).
const (
	TypeJWT         = "urn:ietf:params:oauth:token-type:jwt"
	TypeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	TypeIDToken     = "urn:ietf:params:oauth:token-type:id_token"
)

// Credentials are a client identifier and what proves it.
type Credentials struct{ ID, Secret string }

// TypedToken is a token and its type, a URI of RFC 8693 §3.
type TypedToken struct{ Token, Type string }

// Request is a token request (RFC 6749 §3.2), parsed once: nothing below ever
// sees a form. An absent and an empty parameter are both "".
type Request struct {
	GrantType     string
	Client        Credentials
	Username      string
	Password      string
	Assertion     string // client_assertion
	AssertionType string // client_assertion_type
	Scopes        []string

	// Targets are where the token is meant to be used: audience (RFC 8693
	// §2.1) and resource (RFC 8707 §2), in the order given, audiences first.
	Targets []string
	Grant   string // assertion, of the grant JWTBearer (RFC 7521 §4.1)

	// What the grant TokenExchange takes. Actor is the zero value where nobody
	// acts on behalf of the subject.
	Subject   TypedToken
	Actor     TypedToken
	Requested string // requested_token_type

	// Raw is Client as HTTP Basic carried it, before the form-decoding that
	// RFC 6749 §2.3.1 asks for. Clients disagree on the encoding: where the
	// decoded form is nobody's, the raw one may be somebody's. Equal to Client
	// where there is nothing to disagree on.
	Raw Credentials
}

// repeatable are the parameters that may be given more than once (RFC 8693 §2.1, RFC 8707 §2).
var repeatable = map[string]bool{"resource": true, "audience": true}

// ParseRequest reads a token request. Its errors are *Error.
func ParseRequest(w http.ResponseWriter, r *http.Request) (*Request, error) {
	form, err := parseForm(w, r)
	if err != nil {
		return nil, err
	}
	req, err := readClient(r, form)
	if err != nil {
		return nil, err
	}
	req.GrantType = form.Get("grant_type")
	req.Scopes = strings.Fields(form.Get("scope"))
	req.Targets = given(form["audience"], form["resource"])
	req.Grant = form.Get("assertion")
	req.Subject = TypedToken{form.Get("subject_token"), form.Get("subject_token_type")}
	req.Actor = TypedToken{form.Get("actor_token"), form.Get("actor_token_type")}
	req.Requested = form.Get("requested_token_type")
	if err := checkResources(form["resource"]); err != nil {
		return nil, err
	}
	return req, req.check(form.Get("scope"))
}

// readClient reads by what a client authenticates, be it in the body or by
// HTTP Basic.
func readClient(r *http.Request, form url.Values) (*Request, error) {
	req := &Request{
		Client:        Credentials{form.Get("client_id"), form.Get("client_secret")},
		Username:      form.Get("username"),
		Password:      form.Get("password"),
		Assertion:     form.Get("client_assertion"),
		AssertionType: form.Get("client_assertion_type"),
	}
	req.Raw = req.Client
	return req, req.applyBasic(r)
}

// maxTargets bounds how many targets one request may name.
const maxTargets = 16

// given joins the values of repeatable parameters; an empty one counts as
// absent (RFC 6749 §3.2).
func given(all ...[]string) []string {
	return slices.DeleteFunc(slices.Concat(all...), func(s string) bool { return s == "" })
}

// checkResources wants absolute URIs without a fragment (RFC 8707 §2).
func checkResources(resources []string) error {
	for _, resource := range resources {
		if resource == "" {
			continue
		}
		if u, err := url.Parse(resource); err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			return &Error{Code: InvalidTarget, Description: "A resource must be an absolute URI without a fragment."}
		}
	}
	return nil
}

// parseForm reads the body of a POST; the query is not looked at, because
// credentials must not stand in a URL (RFC 6749 §2.3.1).
func parseForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if !isForm(r.Header.Get("Content-Type")) {
		return nil, invalid("The Content-Type must be application/x-www-form-urlencoded.")
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), usualBody)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, &Error{Code: InvalidRequest, Description: "The body is larger than 64 KiB.", Status: http.StatusRequestEntityTooLarge}
	}
	if err != nil {
		return nil, invalid("The body could not be read to its end.")
	}
	form, err := url.ParseQuery(body.String())
	if err != nil {
		return nil, invalid("The body is not a well-formed form.")
	}
	for name, values := range form {
		if len(values) > 1 && !repeatable[name] {
			return nil, invalid("A parameter is given more than once.")
		}
	}
	return form, nil
}

// isForm says whether a Content-Type is that of a form, whatever its parameters.
func isForm(contentType string) bool {
	const form = "application/x-www-form-urlencoded"
	if contentType == form { // as nearly all clients write it
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == form
}

// applyBasic takes the client's credentials from HTTP Basic, where it is used.
func (req *Request) applyBasic(r *http.Request) error {
	header := r.Header.Values("Authorization")
	if len(header) == 0 {
		return nil
	}
	raw, ok := parseBasic(header)
	if !ok {
		return &Error{Code: InvalidClient, Description: "The Authorization header must be one well-formed HTTP Basic credential."}
	}
	decoded := Credentials{formDecode(raw.ID), formDecode(raw.Secret)}
	if id := req.Client.ID; id != "" && id != decoded.ID && id != raw.ID {
		return invalid("The client_id of the body is not that of the Authorization header.")
	}
	if req.Client.Secret != "" || (req.Assertion != "" && raw.Secret != "") {
		return invalid("Only one way of client authentication may be used in a request.")
	}
	req.Client, req.Raw = decoded, raw
	return nil
}

// parseBasic reads an Authorization header of RFC 7617.
func parseBasic(header []string) (Credentials, bool) {
	if len(header) != 1 {
		return Credentials{}, false
	}
	scheme, encoded, _ := strings.Cut(header[0], " ")
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	id, secret, colon := strings.Cut(string(plain), ":")
	return Credentials{id, secret}, strings.EqualFold(scheme, "Basic") && err == nil && colon
}

// formDecode undoes the encoding of RFC 6749 appendix B; text that is not so
// encoded is taken as it is.
func formDecode(s string) string {
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return decoded
}

// check refuses what contradicts itself, whatever it is meant for.
func (req *Request) check(scope string) error {
	if req.GrantType == "" {
		return invalid("The parameter grant_type is missing.")
	}
	if err := req.checkClient(); err != nil {
		return err
	}
	switch {
	case len(req.Targets) > maxTargets:
		return &Error{Code: InvalidTarget, Description: "More than 16 targets are named."}
	case !validScope(scope):
		return &Error{Code: InvalidScope, Description: "The scope holds a character that no scope may have."}
	}
	return req.checkGrant()
}

// checkClient wants one way of client authentication, and all of it.
func (req *Request) checkClient() error {
	switch {
	case req.Assertion != "" && req.Client.Secret != "",
		req.Assertion != "" && (req.Username != "" || req.Password != ""):
		return invalid("Only one way of client authentication may be used in a request.")
	case req.Assertion != "" && req.AssertionType == "":
		return invalid("The parameter client_assertion_type is missing.")
	case req.Username == "" && req.Password != "":
		return invalid("The parameter username is missing.")
	}
	return nil
}

// checkGrant wants what a grant cannot do without.
func (req *Request) checkGrant() error {
	switch {
	case req.GrantType == JWTBearer && req.Grant == "":
		return invalid("The parameter assertion is missing.")
	case req.GrantType != TokenExchange:
		return nil
	case req.Subject.Token == "":
		return invalid("The parameter subject_token is missing.")
	case req.Subject.Type == "":
		return invalid("The parameter subject_token_type is missing.")
	case req.Actor.Token != "" && req.Actor.Type == "":
		return invalid("The parameter actor_token_type is missing.")
	case req.Actor.Token == "" && req.Actor.Type != "":
		return invalid("The parameter actor_token_type has no place without an actor_token.")
	}
	return nil
}

// ShowsCredentials says whether the client itself shows something that proves
// who it is, beside what a grant brings.
func (req *Request) ShowsCredentials() bool {
	return req.Client.Secret != "" || req.Assertion != "" || req.Username != ""
}

// validScope checks the characters of RFC 6749 §3.3.
func validScope(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func invalid(sentence string) *Error { return &Error{Code: InvalidRequest, Description: sentence} }
