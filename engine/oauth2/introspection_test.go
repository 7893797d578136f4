package oauth2_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/m2md/m2md/engine/oauth2"
)

func TestAQuestionAboutATokenIsParsedOnce(t *testing.T) {
	tests := []struct {
		name, body, authorization string
		want                      oauth2.TokenQuery
	}{
		{"the body", "token=t&token_type_hint=refresh_token&client_id=i&client_secret=s", "",
			oauth2.TokenQuery{Token: "t", Caller: oauth2.Request{Client: oauth2.Credentials{ID: "i", Secret: "s"}, Raw: oauth2.Credentials{ID: "i", Secret: "s"}}}},
		{"Basic, decoded and raw", "token=a%2Bb+c", basic("a%2Bb+c:d%3De+f"),
			oauth2.TokenQuery{Token: "a+b c", Caller: oauth2.Request{Client: oauth2.Credentials{ID: "a+b c", Secret: "d=e f"}, Raw: oauth2.Credentials{ID: "a%2Bb+c", Secret: "d%3De+f"}}}},
		{"what only a token request has", "token=t&client_id=i&grant_type=g&scope=%22&resource=%23&subject_token=x", "",
			oauth2.TokenQuery{Token: "t", Caller: oauth2.Request{Client: oauth2.Credentials{ID: "i"}, Raw: oauth2.Credentials{ID: "i"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := oauth2.ParseTokenQuery(httptest.NewRecorder(), request(tt.body, tt.authorization))
			if err != nil {
				t.Fatal(err)
			}
			if a, b := format(&got.Caller), format(&tt.want.Caller); a != b || got.Token != tt.want.Token {
				t.Errorf("got %q and %s, want %q and %s", got.Token, a, tt.want.Token, b)
			}
		})
	}
}

func TestTheAnswersAboutTokens(t *testing.T) {
	tests := []struct {
		told oauth2.Introspection
		want string
	}{
		{oauth2.Introspection{}, `{"active":false}` + "\n"},
		{oauth2.Introspection{Claims: []byte(`{"sub":"ci","exp":1e9}`)}, `{"active":true,"token_type":"Bearer","sub":"ci","exp":1e9}` + "\n"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		oauth2.WriteIntrospection(w, &tt.told)
		if w.Code != 200 || w.Body.String() != tt.want {
			t.Errorf("%d %q, want %q", w.Code, w.Body, tt.want)
		}
	}
	w := httptest.NewRecorder()
	oauth2.WriteRevoked(w)
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q, %v", w.Code, w.Body, w.Header())
	}
}

// FuzzParseTokenQuery wants of any body and header that the answer is a question
// about a token, with at most one way of client authentication, or an *Error
// that is safe for the client.
func FuzzParseTokenQuery(f *testing.F) {
	f.Add("token=t&client_id=a&client_secret=b", "")
	f.Add("token=t&token_type_hint=access_token", basic("a:b"))
	f.Add("token=t&token=t", "")
	f.Add("token=&client_assertion=x&client_assertion_type=y", basic("i:"))
	f.Add("token=%zz;username=u&password=p", "Bearer x")
	f.Fuzz(func(t *testing.T, body, authorization string) {
		r := request(body, "")
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		got, err := oauth2.ParseTokenQuery(httptest.NewRecorder(), r)
		if err != nil {
			var public *oauth2.Error
			if !errors.As(err, &public) || !describable.MatchString(public.Description) || public.TokenStatus(true) < 400 {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		if c := got.Caller; got.Token == "" || c.GrantType != "" || c.Assertion != "" && (c.Client.Secret != "" || c.Username != "" || c.AssertionType == "") {
			t.Errorf("%q and %q give %+v", body, authorization, got)
		}
	})
}
