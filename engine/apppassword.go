package engine

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"time"
)

// The parts of an app password, m2md_ID_SECRET_CHECK, in characters of
// alphabet. The secret has log2(62^33) ≈ 196 bits; RFC 6749 §10.10 asks for a
// chance of a right guess below 2^-128.
const (
	appPasswordPrefix = "m2md_"
	idLength          = 12
	secretLength      = 33
	checkLength       = 6
	appPasswordLength = len(appPasswordPrefix) + idLength + 1 + secretLength + 1 + checkLength
)

// alphabet holds letters and digits only: clients disagree on whether and how
// HTTP Basic is percent-encoded, and these are the same in every encoding.
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// ErrAppPassword is returned for text that is no app password: mistyped, cut
// off, or something else altogether.
var ErrAppPassword = errors.New("not an app password: its form or its check digits are wrong")

// NewAppPassword makes an app password from a source of randomness. It returns
// the record to keep and the password to show once; nothing can show it again.
func NewAppPassword(random io.Reader, account string, now time.Time) (AppPassword, Secret, error) {
	id, err := randomText(random, idLength)
	if err != nil {
		return AppPassword{}, "", err
	}
	secret, err := randomText(random, secretLength)
	if err != nil {
		return AppPassword{}, "", err
	}
	plain := appPasswordPrefix + id + "_" + secret
	plain += "_" + checkDigits(plain)
	return AppPassword{ID: id, Account: account, Hash: sha256.Sum256([]byte(plain)), CreatedAt: now}, Secret(plain), nil
}

// ParseAppPassword returns the ID of an app password, or ErrAppPassword. It
// needs no storage: the check digits tell a mistyped one from a wrong one.
func ParseAppPassword(s string) (id string, err error) {
	if len(s) != appPasswordLength || !strings.HasPrefix(s, appPasswordPrefix) {
		return "", ErrAppPassword
	}
	body, check := s[:len(s)-checkLength-1], s[len(s)-checkLength-1:]
	id, secret := body[len(appPasswordPrefix):][:idLength], body[len(appPasswordPrefix)+idLength:]
	if secret[0] != '_' || !isText(id) || !isText(secret[1:]) || check != "_"+checkDigits(body) {
		return "", ErrAppPassword
	}
	return id, nil
}

// Matches compares in constant time. One round of SHA-256 is enough: nobody
// can search through 2^196 passwords, however fast the hash.
func (p AppPassword) Matches(password string) bool {
	sum := sha256.Sum256([]byte(password))
	return subtle.ConstantTimeCompare(sum[:], p.Hash[:]) == 1
}

// Active says whether the password may be used, as far as its own record
// tells; the rules of its account come on top.
func (p AppPassword) Active(now time.Time) bool {
	return p.RevokedAt.IsZero() && (p.ExpiresAt.IsZero() || now.Before(p.ExpiresAt))
}

// randomText draws n characters without bias: bytes beyond the last multiple
// of the alphabet's size are drawn again.
func randomText(random io.Reader, n int) (string, error) {
	const limit = 256 - 256%len(alphabet)
	text := make([]byte, 0, n)
	buffer := make([]byte, n)
	for len(text) < n {
		if _, err := io.ReadFull(random, buffer); err != nil {
			return "", err
		}
		for _, b := range buffer {
			if int(b) < limit && len(text) < n {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(text), nil
}

// checkDigits is the CRC-32 (IEEE) of s in base 62, its lowest digit last.
func checkDigits(s string) string {
	sum := crc32.ChecksumIEEE([]byte(s))
	digits := make([]byte, checkLength)
	for i := checkLength - 1; i >= 0; i-- {
		digits[i] = alphabet[sum%uint32(len(alphabet))]
		sum /= uint32(len(alphabet))
	}
	return string(digits)
}

func isText(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			return false
		}
	}
	return true
}
