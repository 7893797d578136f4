package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// rfcToken is an example of an RFC: testdata/vectors/README.md.
type rfcToken struct {
	What, Source string
	Key          json.RawMessage // what verifies it; nil for none
	Token        serialized
	Verified     bool   // by m2md
	NoJWT        bool   // what it signs is no claims set
	Detached     string // the payload, where the token does not hold it
}

func readRFCTokens(t *testing.T) []rfcToken {
	t.Helper()
	raw, err := os.ReadFile("../testdata/vectors/rfc-tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	var tokens []rfcToken
	if err := json.Unmarshal(raw, &tokens); err != nil {
		t.Fatal(err)
	}
	if len(tokens) != 8 {
		t.Fatalf("there are %d tokens, and there should be 8", len(tokens))
	}
	return tokens
}

func TestTokensOfTheRFCs(t *testing.T) {
	for _, tt := range readRFCTokens(t) {
		t.Run(tt.Source+" "+tt.What, func(t *testing.T) {
			checkOwnHMAC(t, tt)
			if _, err := parseJWS(string(tt.Token)); (err != nil) != (tt.NoJWT || tt.What == "none") {
				t.Errorf("as a JWT: %v", err)
			}
			token, err := openJWS(tt.Token)
			set := keySet(t, []byte(fmt.Sprintf(`{"keys":[%s]}`, tt.Key)))
			if verified := err == nil && verifiedByOne(token, set); verified != tt.Verified {
				t.Fatalf("verified is %t (%v)", verified, err)
			}
			if tt.Verified {
				checkSpoilt(t, tt)
			}
		})
	}
}

// checkOwnHMAC wants that the key of a token with an HMAC made it: it shows that
// the token is what its RFC says, so that nothing but its algorithm refuses it.
func checkOwnHMAC(t *testing.T, tt rfcToken) {
	t.Helper()
	var key struct{ K string }
	if tt.Key == nil {
		return
	}
	if err := json.Unmarshal(tt.Key, &key); err != nil || key.K == "" {
		return // asymmetric
	}
	secret, err := segmentEncoding.DecodeString(key.K)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(tt.Token), ".")
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(parts[0] + "." + parts[1] + tt.Detached))
	if segmentEncoding.EncodeToString(mac.Sum(nil)) != parts[2] {
		t.Error("the HMAC is not that of the key: the transcription is wrong")
	}
}

// checkSpoilt wants that a token is not verified once any part of it is another.
func checkSpoilt(t *testing.T, tt rfcToken) {
	t.Helper()
	set := keySet(t, []byte(fmt.Sprintf(`{"keys":[%s]}`, tt.Key)))
	token, err := openJWS(tt.Token)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, len(token.signature) / 2, len(token.signature) - 1} {
		token.signature[at] ^= 1
		if verifiedByOne(token, set) {
			t.Errorf("it is verified with another byte %d of its signature", at)
		}
		token.signature[at] ^= 1
	}
	token.signed += "A"
	if verifiedByOne(token, set) {
		t.Error("it is verified with another payload")
	}
}

// The claims of RFC 7519 §3.1, which its tokens and those of RFC 7515 sign.
func TestClaimsOfTheRFCs(t *testing.T) {
	expiry := time.Unix(1300819380, 0)
	read := 0
	for _, tt := range readRFCTokens(t) {
		token, err := parseJWS(string(tt.Token))
		if err != nil {
			continue
		}
		read++
		if token.claims["iss"] != "joe" || token.claims["http://example.com/is_root"] != true || len(token.claims) != 3 {
			t.Errorf("%s: the claims are %v", tt.Source, token.claims)
		}
		if got, err := token.claims.checkTimes(expiry.Add(-time.Second), timeRules{}); err != nil || !got.Equal(expiry) {
			t.Errorf("%s: a second before its end: %v, %v", tt.Source, got, err)
		}
		if _, err := token.claims.checkTimes(expiry, timeRules{}); err == nil {
			t.Errorf("%s: it is taken at its end", tt.Source)
		}
	}
	if read != 3 {
		t.Errorf("%d tokens hold claims, and 3 should", read)
	}
}
