package engine

import (
	"errors"
	"fmt"
	"strings"
)

// SPIFFEID names a workload: spiffe://TRUST-DOMAIN/PATH. The zero value names
// nothing.
//
// Source: https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md §2.
type SPIFFEID struct {
	TrustDomain string
	Path        string // with the slash that it begins with
}

const (
	maxSPIFFEID    = 2048 // bytes of all of it (§2.3)
	maxTrustDomain = 255  // bytes (§2.3)
)

// ParseSPIFFEID reads the SPIFFE ID of a workload. It mends nothing, as the
// standard wants: one workload has one ID, byte for byte, so that neither
// another case, nor an escape, nor a slash too many can make two of it. The ID
// of a trust domain itself, which has no path, is no workload's and is refused.
// Errors repeat nothing of s.
func ParseSPIFFEID(s string) (SPIFFEID, error) {
	if len(s) > maxSPIFFEID {
		return SPIFFEID{}, fmt.Errorf("it is longer than %d bytes", maxSPIFFEID)
	}
	rest, ok := strings.CutPrefix(s, "spiffe://")
	if !ok {
		return SPIFFEID{}, errors.New("it does not begin with spiffe://")
	}
	domain, path, ok := strings.Cut(rest, "/")
	if !ValidTrustDomain(domain) {
		return SPIFFEID{}, errors.New("its trust domain is not of a to z, 0 to 9, dots, dashes and underscores, at most 255 of them")
	}
	if !ok {
		return SPIFFEID{}, errors.New("it has no path, so it names no workload")
	}
	for segment := range strings.SplitSeq(path, "/") {
		if err := checkPathSegment(segment); err != nil {
			return SPIFFEID{}, err
		}
	}
	return SPIFFEID{TrustDomain: domain, Path: "/" + path}, nil
}

// String gives the ID as it stands in a token.
func (id SPIFFEID) String() string { return "spiffe://" + id.TrustDomain + id.Path }

// ValidTrustDomain says whether s can be the name of a trust domain (§2.1):
// letters in lower case, digits, dots, dashes and underscores, at most 255.
func ValidTrustDomain(s string) bool {
	return s != "" && len(s) <= maxTrustDomain && !strings.ContainsFunc(s, func(r rune) bool { return !isTrustDomainChar(r) })
}

func isTrustDomainChar(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '-' || r == '_'
}

// checkPathSegment checks what stands between two slashes (§2.2).
func checkPathSegment(segment string) error {
	switch {
	case segment == "":
		return errors.New("its path holds an empty segment")
	case segment == "." || segment == "..":
		return errors.New("its path holds a segment of dots")
	case strings.ContainsFunc(segment, func(r rune) bool { return !isTrustDomainChar(r) && (r < 'A' || r > 'Z') }):
		return errors.New("its path holds something else than letters, digits, dots, dashes and underscores")
	}
	return nil
}

// checkTrustDomain refuses a sub that names no workload of the trust domain
// that the source pins.
func (t *trust) checkTrustDomain(sub string) error {
	if t.trustDomain == "" {
		return nil
	}
	id, err := ParseSPIFFEID(sub)
	if err != nil {
		return fmt.Errorf(`the claim "sub" is no SPIFFE ID of a workload: %w`, err)
	}
	if id.TrustDomain != t.trustDomain {
		return fmt.Errorf("its sub is of the trust domain %q, and the source pins %q; a trust domain that is federated with it needs a source of its own, with its own keys",
			id.TrustDomain, t.trustDomain)
	}
	return nil
}
