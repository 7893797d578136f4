package engine

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/m2md/m2md/engine/jwks"
)

// What follows tries Project Wycheproof's vectors, known attacks on JOSE and on
// the signatures below it, on the way that an input JWT takes: jwks.Decode or
// parseCertificates for the key, Candidates for the choice, parseJWS and
// verifiedBy for the token. A verdict that differs from theirs has its reason
// in a table here, and a reason that is no longer needed is a failure.

// wycheproofCase is a vector, as far as it is needed. Result is "valid",
// "invalid", or "acceptable" for what only a lenient verifier takes; m2md is none.
type wycheproofCase struct {
	TcID     int
	Comment  string
	Result   string
	JWS, JWE serialized
	Msg, Sig string   // hex
	Flags    []string // what the vector is about

	group     string // the group's comment
	mayVerify bool   // Result is "valid"
}

// serialized is a JWS or JWE in one of its serializations: the JSON one is
// kept as it is.
type serialized string

// UnmarshalJSON implements json.Unmarshaler.
func (s *serialized) UnmarshalJSON(raw []byte) error {
	var compact string
	if json.Unmarshal(raw, &compact) != nil {
		compact = string(raw)
	}
	*s = serialized(compact)
	return nil
}

// wycheproofGroup are vectors with one key.
type wycheproofGroup struct {
	Comment         string
	Public, Private json.RawMessage // a JWK, or a JWK set
	PublicKeyPem    string
	PublicKeyJwk    json.RawMessage
	KeyJwk          json.RawMessage // the same, of RSA
	KeySize         int             // of RSA, in bits
	Sha, MgfSha     string
	SLen            int // of the salt, in bytes
	Tests           []wycheproofCase
}

// jwk is the public key as a JWK; nil where the group has none.
func (g *wycheproofGroup) jwk() json.RawMessage {
	if g.KeyJwk != nil {
		return g.KeyJwk
	}
	return g.PublicKeyJwk
}

// readWycheproof reads a file of vectors and wants as many as it is known to hold.
func readWycheproof(t *testing.T, name string, tests int) []wycheproofGroup {
	t.Helper()
	raw, err := fs.ReadFile(wycheproof.TestVectors, name+"_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int
		TestGroups    []wycheproofGroup
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	held := 0
	for i := range file.TestGroups {
		group := &file.TestGroups[i]
		held += len(group.Tests)
		for j := range group.Tests {
			group.Tests[j].mayVerify = group.Tests[j].Result == "valid"
			group.Tests[j].group = group.Comment
		}
	}
	if held < tests || held != file.NumberOfTests {
		t.Fatalf("%s holds %d vectors and says that it holds %d; there should be %d at least", name, held, file.NumberOfTests, tests)
	}
	return file.TestGroups
}

// verdicts compares what m2md says of vectors with what they want. The zero
// value allows no difference.
type verdicts struct {
	excuses map[int]string // by tcId: why another verdict is the right one here
	needed  map[int]bool   // the excuses that were needed
	ran     int
	good    int // what was verified
}

func (v *verdicts) compare(t *testing.T, c wycheproofCase, verified bool) {
	t.Helper()
	v.ran++
	if verified {
		v.good++
	}
	if verified == c.mayVerify {
		return
	}
	if v.excuses[c.TcID] == "" {
		t.Errorf("vector %d (%s, %s, %v) is %s, and verified is %t", c.TcID, c.group, c.Comment, c.Flags, c.Result, verified)
	}
	if v.needed == nil {
		v.needed = map[int]bool{}
	}
	v.needed[c.TcID] = true
}

// finish wants that as many vectors ran as are known, that so many of them were
// verified, and that every excuse was needed.
func (v *verdicts) finish(t *testing.T, ran, good int) {
	t.Helper()
	if v.ran < ran || v.good != good {
		t.Errorf("%d vectors ran and %d of them were verified; there should be %d and %d", v.ran, v.good, ran, good)
	}
	for id, why := range v.excuses {
		if !v.needed[id] {
			t.Errorf("vector %d needs no excuse any more: %s", id, why)
		}
	}
}

// openJWS is parseJWS for a payload that need not be a JWT's: Wycheproof signs
// any bytes. Where nothing but that is wrong, it parses the token once more
// with an empty object in the place of the payload.
func openJWS(of serialized) (*jws, error) {
	raw := string(of)
	token, err := parseJWS(raw)
	if err == nil || !strings.HasPrefix(err.Error(), "the JWT's payload:") {
		return token, err
	}
	parts := strings.Split(raw, ".")
	if _, undecodable := segmentEncoding.DecodeString(parts[1]); undecodable != nil {
		return nil, err
	}
	token, err = parseJWS(parts[0] + "." + segmentEncoding.EncodeToString([]byte("{}")) + "." + parts[2])
	if err == nil {
		token.signed = parts[0] + "." + parts[1]
	}
	return token, err
}

// verifiedByOne says whether one of the keys that the token may be verified
// with verifies it.
func verifiedByOne(token *jws, set *jwks.Set) bool {
	for _, key := range set.Candidates(token.header.KeyID, token.header.Algorithm) {
		if token.verifiedBy(key.Public) {
			return true
		}
	}
	return false
}

// published is a JWK set of what Wycheproof gives as the private side, without
// the private parts of its asymmetric keys; what is a set already stays one.
func published(t *testing.T, given json.RawMessage) []byte {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(given, &document); err != nil {
		t.Fatal(err)
	}
	list, isSet := document["keys"].([]any)
	if !isSet {
		list = []any{document}
	}
	for _, key := range list {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi"} {
			delete(key.(map[string]any), private)
		}
	}
	set, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// keySet are the keys that m2md takes from a JWK set.
func keySet(t *testing.T, document []byte) *jwks.Set {
	t.Helper()
	keys, _, err := jwks.Decode(document)
	if err != nil {
		t.Fatal(err)
	}
	return jwks.NewSet(keys)
}

// Why m2md's verdict is another than Wycheproof's, and right.
const (
	hmacNever   = "HMAC is never taken: whoever can verify could sign"
	jweNever    = "encrypted tokens are never taken"
	noAlg       = `the key's alg "ES521" is no algorithm of RFC 7518; RFC 7520 §3.1 gives it none`
	algOfTheKey = "the key says PS256 and the token PS384; RFC 7520 §3.3 gives the key no alg"
	notBase64   = "a question mark is no character of base64url (RFC 7515 §2)"
	notSpoilt   = "it is the valid vector 357 to the letter: the padding that it is about is not there"
)

func TestWycheproofJSONWebSignature(t *testing.T) {
	v := verdicts{excuses: map[int]string{
		1: hmacNever, 348: hmacNever, 352: hmacNever, 357: hmacNever, 358: hmacNever, 359: hmacNever, 376: hmacNever, 377: hmacNever,
		346: algOfTheKey, 350: algOfTheKey, 347: noAlg, 351: noAlg,
		372: notBase64, 373: notBase64,
	}}
	tryTokens(t, &v, readWycheproof(t, "json_web_signature", 401))
	v.finish(t, 401, 32)
}

func TestWycheproofJSONWebKey(t *testing.T) {
	v := verdicts{excuses: map[int]string{2: hmacNever, 13: hmacNever, 14: hmacNever, 15: hmacNever}}
	tryTokens(t, &v, readWycheproof(t, "json_web_key", 26))
	v.finish(t, 26, 1)
}

func TestWycheproofJSONWebCrypto(t *testing.T) {
	v := verdicts{excuses: map[int]string{1: hmacNever, 48: hmacNever, 50: jweNever, 67: jweNever}}
	tryTokens(t, &v, readWycheproof(t, "json_web_crypto", 83))
	v.finish(t, 83, 2)
}

// tryTokens verifies the tokens of groups with the key or keys of each.
func tryTokens(t *testing.T, v *verdicts, groups []wycheproofGroup) {
	t.Helper()
	for _, group := range groups {
		given := group.Public
		if given == nil {
			given = group.Private
		}
		set := keySet(t, published(t, given))
		for _, c := range group.Tests {
			token, err := openJWS(c.JWS + c.JWE) // it has one of them
			v.compare(t, c, err == nil && verifiedByOne(token, set))
		}
	}
}

// The vectors about base64 are signed with HMAC, so none is verified; what they
// are about shows itself before any key is looked for.
func TestWycheproofSpoiltBase64IsNoJWS(t *testing.T) {
	excused := map[int]string{372: notBase64, 373: notBase64, 367: notSpoilt, 370: notSpoilt}
	ran := 0
	for _, group := range readWycheproof(t, "json_web_signature", 401) {
		if group.Comment != "base64" {
			continue
		}
		for _, c := range group.Tests {
			ran++
			_, err := openJWS(c.JWS)
			if differs := (err == nil) != c.mayVerify; differs != (excused[c.TcID] != "") {
				t.Errorf("vector %d (%s) is %s, and reading it says %v; excused: %q", c.TcID, c.Comment, c.Result, err, excused[c.TcID])
			}
		}
	}
	if ran < 21 {
		t.Errorf("%d vectors ran", ran)
	}
}

// A key whose private part is there for all to see proves nothing, so none of
// Wycheproof's private keys may verify what it signed.
func TestWycheproofPublishedPrivateKeysAreRefused(t *testing.T) {
	tried := 0
	for _, file := range []string{"json_web_signature", "json_web_key"} {
		for _, group := range readWycheproof(t, file, 26) {
			var document struct{ Keys []json.RawMessage }
			if err := json.Unmarshal(group.Private, &document); err != nil {
				t.Fatal(err)
			}
			if document.Keys == nil {
				document.Keys = []json.RawMessage{group.Private}
			}
			for _, key := range document.Keys {
				var members map[string]any
				if err := json.Unmarshal(key, &members); err != nil {
					t.Fatal(err)
				}
				if members["d"] == nil && members["k"] == nil {
					continue // the mixed set has a public one
				}
				tried++
				if keys := keySet(t, []byte(fmt.Sprintf(`{"keys":[%s]}`, key))).Keys(); len(keys) != 0 {
					t.Errorf("%s, %s: the key %s is taken", file, group.Comment, keys[0].ID)
				}
			}
		}
	}
	if tried < 45 {
		t.Errorf("%d private keys were tried", tried)
	}
}

// A JWE is refused before any key is looked for, whatever Wycheproof says of it.
func TestWycheproofJSONWebEncryptionIsRefused(t *testing.T) {
	ran := 0
	for _, group := range readWycheproof(t, "json_web_encryption", 139) {
		for _, c := range group.Tests {
			ran++
			if token, err := openJWS(c.JWE); err == nil {
				t.Errorf("vector %d (%s) is taken for a JWS with alg %q", c.TcID, c.Comment, token.header.Algorithm)
			}
		}
	}
	if ran < 139 {
		t.Errorf("%d vectors ran", ran)
	}
}

// wycheproofFile is a file of signatures over raw bytes.
type wycheproofFile struct {
	name  string
	alg   string // of JWS, which a token claims
	tests int
	good  int // how many are verified
}

// maxJWKBits bounds RSA keys of a JWK set: go-jose decodes no larger ones.
const maxJWKBits = 4096

// rawVerdicts verifies the vectors of a file as if each were what a token with
// the header's alg is signed over, with the key from PEM and, where the file
// has it, from a JWK.
func rawVerdicts(t *testing.T, file wycheproofFile, fits func(*wycheproofGroup) bool) {
	var v verdicts
	for _, group := range readWycheproof(t, file.name, file.tests) {
		sets := keysOfGroup(t, &group)
		for _, c := range group.Tests {
			c.mayVerify = c.mayVerify && fits(&group)
			v.compare(t, c, verifiedBySome(t, sets, file.alg, c))
		}
	}
	v.finish(t, file.tests, file.good)
}

// keysOfGroup reads a group's key from PEM and as a JWK. A set is empty where
// m2md refuses the key.
func keysOfGroup(t *testing.T, group *wycheproofGroup) []*jwks.Set {
	t.Helper()
	var fromPEM []jwks.Key
	certified, err := parseCertificates([]byte(group.PublicKeyPem))
	if err == nil {
		fromPEM = append(fromPEM, certified[0].Key)
	}
	sets := []*jwks.Set{jwks.NewSet(fromPEM)}
	if jwk := group.jwk(); jwk != nil && group.KeySize <= maxJWKBits {
		sets = append(sets, keySet(t, published(t, jwk)))
	} else if jwk != nil && len(keySet(t, published(t, jwk)).Keys()) != 0 {
		t.Errorf("a JWK of %d bits is taken, so it should be tried", group.KeySize)
	}
	return sets
}

// verifiedBySome says what the keys of both forms say, which must be the same.
func verifiedBySome(t *testing.T, sets []*jwks.Set, alg string, c wycheproofCase) bool {
	t.Helper()
	message, err := hex.DecodeString(c.Msg)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := hex.DecodeString(c.Sig)
	if err != nil {
		t.Fatal(err)
	}
	token := &jws{header: jwsHeader{Algorithm: alg}, signed: string(message), signature: signature}
	verified := verifiedByOne(token, sets[0])
	for _, set := range sets[1:] {
		if verifiedByOne(token, set) != verified {
			t.Errorf("vector %d: the key in PEM says %t, the same as a JWK does not", c.TcID, verified)
		}
	}
	return verified
}

func always(*wycheproofGroup) bool { return true }

func never(*wycheproofGroup) bool { return false }

func TestWycheproofSignatures(t *testing.T) {
	for _, file := range []wycheproofFile{
		{"ecdsa_secp256r1_sha256_p1363", "ES256", 262, 173},
		{"ecdsa_secp384r1_sha384_p1363", "ES384", 280, 193},
		{"ecdsa_secp521r1_sha512_p1363", "ES512", 318, 231},
		{"ed25519", "EdDSA", 151, 88},
		{"rsa_signature_2048_sha256", "RS256", 259, 9},
		{"rsa_signature_2048_sha384", "RS384", 258, 7},
		{"rsa_signature_2048_sha512", "RS512", 259, 8},
		{"rsa_signature_3072_sha256", "RS256", 259, 8},
		{"rsa_signature_3072_sha384", "RS384", 259, 7},
		{"rsa_signature_3072_sha512", "RS512", 260, 8},
		{"rsa_signature_4096_sha256", "RS256", 258, 7},
		{"rsa_signature_4096_sha384", "RS384", 259, 7},
		{"rsa_signature_4096_sha512", "RS512", 259, 7},
		{"rsa_signature_8192_sha256", "RS256", 258, 7},
		{"rsa_signature_8192_sha384", "RS384", 259, 7},
		{"rsa_signature_8192_sha512", "RS512", 259, 7},
		{"rsa_pss_2048_sha256_mgf1_32", "PS256", 108, 63},
		{"rsa_pss_2048_sha384_mgf1_48", "PS384", 141, 95},
		{"rsa_pss_3072_sha256_mgf1_32", "PS256", 108, 63},
		{"rsa_pss_4096_sha256_mgf1_32", "PS256", 108, 63},
		{"rsa_pss_4096_sha384_mgf1_48", "PS384", 141, 95},
		{"rsa_pss_4096_sha512_mgf1_64", "PS512", 179, 132},
	} {
		t.Run(file.name, func(t *testing.T) { rawVerdicts(t, file, always) })
	}
}

// Good signatures that no algorithm of JWS stands for.
func TestWycheproofSignaturesThatNoAlgorithmAllows(t *testing.T) {
	for _, file := range []wycheproofFile{
		{"ecdsa_secp256r1_sha512_p1363", "ES512", 332, 0}, // ES512 is for P-521 alone
		{"ecdsa_secp256r1_sha512_p1363", "ES256", 332, 0},
		{"ecdsa_secp384r1_sha512_p1363", "ES512", 318, 0},
		{"ecdsa_secp256k1_sha256_p1363", "ES256", 252, 0},
		{"ecdsa_secp224r1_sha256_p1363", "ES256", 258, 0},
		{"ecdsa_brainpoolP256r1_sha256_p1363", "ES256", 261, 0},
		{"ecdsa_secp256r1_sha256", "ES256", 484, 0}, // in DER, as X.509 has them
		{"ecdsa_secp521r1_sha512", "ES512", 542, 0},
		{"rsa_pss_4096_sha512_mgf1_32", "PS512", 177, 0}, // likewise
		{"rsa_pss_2048_sha256_mgf1sha1_20", "PS256", 108, 0},
		{"ed448", "EdDSA", 87, 0},
	} {
		t.Run(file.name+" as "+file.alg, func(t *testing.T) { rawVerdicts(t, file, never) })
	}
}

// rsa_pss_misc has a group for each hash, mask and salt; three are those of JWS.
func TestWycheproofPSSWantsOneHashAndItsSalt(t *testing.T) {
	for alg, want := range map[string]struct {
		hash string
		salt int
	}{"PS256": {"SHA-256", 32}, "PS384": {"SHA-384", 48}, "PS512": {"SHA-512", 64}} {
		t.Run(alg, func(t *testing.T) {
			rawVerdicts(t, wycheproofFile{"rsa_pss_misc", alg, 150, 1}, func(g *wycheproofGroup) bool {
				return g.Sha == want.hash && g.MgfSha == want.hash && g.SLen == want.salt
			})
		})
	}
}
