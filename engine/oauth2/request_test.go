package oauth2_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine/oauth2"
)

// describable are the characters of error_description (RFC 6749 §5.2).
var describable = regexp.MustCompile(`\A[\x20-\x21\x23-\x5B\x5D-\x7E]+\z`)

func request(body, authorization string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

func basic(pair string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

func TestARequestIsParsedOnce(t *testing.T) {
	tests := []struct {
		name, body, authorization string
		want                      oauth2.Request
	}{
		{"the body", "grant_type=g&client_id=i&client_secret=s&scope=a++b", "",
			oauth2.Request{GrantType: "g", Client: oauth2.Credentials{ID: "i", Secret: "s"}, Raw: oauth2.Credentials{ID: "i", Secret: "s"}, Scopes: []string{"a", "b"}}},
		{"Basic, decoded and raw", "grant_type=g", basic("a%2Bb+c:d%3De+f"),
			oauth2.Request{GrantType: "g", Client: oauth2.Credentials{ID: "a+b c", Secret: "d=e f"}, Raw: oauth2.Credentials{ID: "a%2Bb+c", Secret: "d%3De+f"}}},
		{"Basic that is no form encoding", "grant_type=g", basic("100%:50%zz"),
			oauth2.Request{GrantType: "g", Client: oauth2.Credentials{ID: "100%", Secret: "50%zz"}, Raw: oauth2.Credentials{ID: "100%", Secret: "50%zz"}}},
		{"a colon in the secret", "grant_type=g", basic("i:a:b"),
			oauth2.Request{GrantType: "g", Client: oauth2.Credentials{ID: "i", Secret: "a:b"}, Raw: oauth2.Credentials{ID: "i", Secret: "a:b"}}},
		{"an assertion", "grant_type=g&client_assertion=j&client_assertion_type=t", "",
			oauth2.Request{GrantType: "g", Assertion: "j", AssertionType: "t"}},
		{"a username", "grant_type=g&username=u&password=p", "",
			oauth2.Request{GrantType: "g", Username: "u", Password: "p"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := oauth2.ParseRequest(httptest.NewRecorder(), request(tt.body, tt.authorization))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Scopes) == 0 {
				got.Scopes = nil
			}
			if a, b := format(got), format(&tt.want); a != b {
				t.Errorf("got %s, want %s", a, b)
			}
		})
	}
}

func format(r *oauth2.Request) string {
	return strings.Join(append([]string{r.GrantType, r.Client.ID, r.Client.Secret, r.Raw.ID, r.Raw.Secret, r.Username, r.Password, r.Assertion, r.AssertionType}, r.Scopes...), "|")
}

// The empty scope of a request is none, however it is written.
func TestAnEmptyScopeIsNone(t *testing.T) {
	for _, body := range []string{"grant_type=g", "grant_type=g&scope=", "grant_type=g&scope=++"} {
		got, err := oauth2.ParseRequest(httptest.NewRecorder(), request(body, ""))
		if err != nil || len(got.Scopes) != 0 {
			t.Errorf("%s: scopes %q, %v", body, got.Scopes, err)
		}
	}
}

// FuzzParseRequest wants of any body and header that the answer is a request
// or an *Error that is safe for the client, and that a request holds no more
// than one way of client authentication.
func FuzzParseRequest(f *testing.F) {
	f.Add("grant_type=client_credentials&client_id=a&client_secret=b&scope=x", "")
	f.Add("grant_type=client_credentials", basic("a:b"))
	f.Add("grant_type=a&grant_type=b", "")
	f.Add("client_assertion=x&client_assertion_type=y&grant_type=z&client_id=i", basic("i:"))
	f.Add("username=u&password=p&grant_type=z&client_secret=%zz;", "Bearer x")
	f.Add("resource=a&resource=b&grant_type=z&scope=%22", "Basic !")
	f.Fuzz(func(t *testing.T, body, authorization string) {
		r := request(body, "")
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		got, err := oauth2.ParseRequest(httptest.NewRecorder(), r)
		if err != nil {
			var public *oauth2.Error
			if !errors.As(err, &public) || !describable.MatchString(public.Description) || public.TokenStatus(false) < 400 {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		if got.GrantType == "" || got.Assertion != "" && (got.Client.Secret != "" || got.Username != "" || got.AssertionType == "") {
			t.Errorf("%q and %q give %+v", body, authorization, got)
		}
		for _, scope := range got.Scopes {
			if scope == "" || strings.ContainsAny(scope, " \"\\\x7f") {
				t.Errorf("the scope %q is taken", scope)
			}
		}
	})
}

func TestTheStatusFollowsFromTheCode(t *testing.T) {
	tests := []struct {
		err  oauth2.Error
		used bool
		want int
	}{
		{oauth2.Error{Code: oauth2.InvalidClient}, false, 400},
		{oauth2.Error{Code: oauth2.InvalidClient}, true, 401},
		{oauth2.Error{Code: oauth2.InvalidRequest}, true, 400},
		{oauth2.Error{Code: oauth2.UnauthorizedClient}, true, 400},
		{oauth2.Error{Code: oauth2.ServerError}, false, 500},
		{oauth2.Error{Code: oauth2.TemporarilyUnavailable}, true, 503},
		{oauth2.Error{Code: oauth2.InvalidRequest, Status: 413}, false, 413},
	}
	for _, tt := range tests {
		if got := tt.err.TokenStatus(tt.used); got != tt.want {
			t.Errorf("%s, header used %v: %d, want %d", tt.err.Code, tt.used, got, tt.want)
		}
	}
}
