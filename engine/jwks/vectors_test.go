package jwks_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/m2md/m2md/engine/jwks"
)

// rfcKeySet is an example of an RFC: testdata/vectors/README.md.
type rfcKeySet struct {
	Source string
	Set    json.RawMessage
	Takes  []struct{ Kid, Thumbprint string } // what m2md takes, in order
	Skips  []string                           // why it skips the others, in order
}

func readRFCKeySets(t *testing.T) map[string]rfcKeySet {
	t.Helper()
	raw, err := os.ReadFile("../../testdata/vectors/rfc-keys.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []rfcKeySet
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	sets := map[string]rfcKeySet{}
	for _, set := range list {
		sets[set.Source] = set
	}
	if len(sets) != 6 {
		t.Fatalf("there are %d key sets, and there should be 6", len(sets))
	}
	return sets
}

// givenKey is a JWK, as far as the tests look into it.
type givenKey struct {
	Kid, X, Y, N, D string
	X5c             [][]byte
}

func givenKeys(t *testing.T, set rfcKeySet) []givenKey {
	t.Helper()
	var document struct{ Keys []givenKey }
	if err := json.Unmarshal(set.Set, &document); err != nil {
		t.Fatal(err)
	}
	return document.Keys
}

func number(s string) *big.Int {
	return new(big.Int).SetBytes(must(base64.RawURLEncoding.DecodeString(s)))
}

func TestKeySetsOfTheRFCs(t *testing.T) {
	for source, set := range readRFCKeySets(t) {
		t.Run(source, func(t *testing.T) {
			keys, skipped, err := jwks.Decode(set.Set)
			if err != nil || len(keys) != len(set.Takes) || len(skipped) != len(set.Skips) {
				t.Fatalf("%d keys are taken and %+v skipped (%v)", len(keys), skipped, err)
			}
			for i, want := range set.Takes {
				if keys[i].ID != want.Kid || keys[i].Thumbprint != want.Thumbprint {
					t.Errorf("key %d is %s with the thumbprint %s", i, keys[i].ID, keys[i].Thumbprint)
				}
			}
			for i, want := range set.Skips {
				if !strings.Contains(skipped[i].Reason, want) {
					t.Errorf("a key is skipped because %q, want %q", skipped[i].Reason, want)
				}
			}
		})
	}
}

// The private keys of RFC 7517 A.2 are those of the public ones, so what has
// them skipped is that they are there, and no slip in their transcription.
func TestPrivateKeysOfTheRFCAreWhole(t *testing.T) {
	pair := givenKeys(t, readRFCKeySets(t)["RFC 7517 A.2"])
	private := must(ecdh.P256().NewPrivateKey(must(base64.RawURLEncoding.DecodeString(pair[0].D))))
	point := private.PublicKey().Bytes() // 4, X, Y
	if new(big.Int).SetBytes(point[1:33]).Cmp(number(pair[0].X)) != 0 || new(big.Int).SetBytes(point[33:]).Cmp(number(pair[0].Y)) != 0 {
		t.Error("the EC key's d is not that of its point")
	}
	n, two := number(pair[1].N), big.NewInt(2)
	signed := new(big.Int).Exp(two, number(pair[1].D), n)
	if new(big.Int).Exp(signed, big.NewInt(65537), n).Cmp(two) != 0 {
		t.Error("the RSA key's d is not that of its modulus")
	}
}

// What would be taken of RFC 7517 A.1 if its EC key were for signatures.
func TestTheECKeyOfTheRFCIsSkippedForItsUseAlone(t *testing.T) {
	document := strings.Replace(string(readRFCKeySets(t)["RFC 7517 A.1"].Set), `"use": "enc"`, `"use": "sig"`, 1)
	keys, skipped, err := jwks.Decode([]byte(document))
	if err != nil || len(keys) != 2 || len(skipped) != 0 {
		t.Fatalf("%d keys are taken and %+v skipped (%v)", len(keys), skipped, err)
	}
	if _, isEC := keys[0].Public.(*ecdsa.PublicKey); !isEC || !keys[0].Allows("ES256") {
		t.Errorf("the first key is %+v", keys[0])
	}
}

// RFC 7517 B: the certificate is of the key, and is not looked at.
func TestTheCertificateInAKeyOfTheRFCProvesNothing(t *testing.T) {
	set := readRFCKeySets(t)["RFC 7517 B"]
	given := givenKeys(t, set)[0]
	certificate := must(x509.ParseCertificate(given.X5c[0]))
	keys, _, err := jwks.Decode(set.Set)
	if err != nil || !keys[0].Public.(*rsa.PublicKey).Equal(certificate.PublicKey) {
		t.Fatalf("the key is not that of its certificate (%v)", err)
	}
	spoilt := strings.Replace(string(set.Set), "MIIDQjCCAiqg", "bm90aGluZyAg", 1)
	keys, skipped, err := jwks.Decode([]byte(spoilt))
	if err != nil || len(keys) != 1 || spoilt == string(set.Set) {
		t.Errorf("with another certificate: %d keys, %+v skipped (%v)", len(keys), skipped, err)
	}
}

// Wycheproof's vector 7 of json_web_key has a modulus from whose form the
// private key can be computed.
func TestARSAKeyOfTheROCAFormIsRefused(t *testing.T) {
	raw, err := fs.ReadFile(wycheproof.TestVectors, "json_web_key_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			Comment string
			Private struct{ Keys []givenKey }
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, group := range file.TestGroups {
		if group.Comment != "jws_rsa_roca_key" {
			continue
		}
		tried++
		weak := &rsa.PublicKey{N: number(group.Private.Keys[0].N), E: 65537}
		if _, err := jwks.NewKey("", "", weak); err == nil || !strings.Contains(err.Error(), "ROCA") {
			t.Errorf("NewKey: %v", err)
		}
		// Its neighbour is odd and as large, and a power of 65537 modulo few.
		if _, err := jwks.NewKey("", "", &rsa.PublicKey{N: weak.N.Add(weak.N, big.NewInt(2)), E: 65537}); err != nil {
			t.Errorf("NewKey of a modulus near it: %v", err)
		}
	}
	if tried != 1 {
		t.Errorf("%d keys were tried", tried)
	}
}
