package engine

import (
	"cmp"
	"crypto/tls"
	"slices"
	"strings"
	"time"
)

// CertificateValidity is when a certificate of a generation is valid. The
// certificate itself, like all that a file holds, is not told.
type CertificateValidity struct {
	// Label is that of the verification_certificate, or ServerCertificate.
	Label     string
	NotBefore time.Time
	NotAfter  time.Time // still valid at that second (RFC 5280 §4.1.2.5)
}

// ServerCertificate stands for a label where a certificate is the one that the
// listener shows. No label has a dot.
const ServerCertificate = "server.tls"

// ExpiryNotice is how long before its end a certificate is warned of.
const ExpiryNotice = 30 * 24 * time.Hour

// EndsSoon says whether less than ExpiryNotice is left, or nothing; of a
// certificate that is made for a short time, less than a third of it.
func (v CertificateValidity) EndsSoon(now time.Time) bool {
	notice := min(ExpiryNotice, v.NotAfter.Sub(v.NotBefore)/3)
	return v.NotAfter.Before(now.Add(notice))
}

// ValidAt says whether the certificate counts at that time.
func (v CertificateValidity) ValidAt(now time.Time) bool {
	return !now.Before(v.NotBefore) && !now.After(v.NotAfter)
}

// Certificates are when the certificates of the generation are valid, by label
// and then by their end. A label may have several, of which any may sign; a
// bare public key has no validity and is not among them. The slice must not be
// changed.
func (e *Engine) Certificates() []CertificateValidity { return e.validity }

// valid notes when a certificate is valid, and warns where it is not, or not
// for long.
func (c *compiler) valid(at Range, v CertificateValidity) {
	i, _ := slices.BinarySearchFunc(c.engine.validity, v, func(a, b CertificateValidity) int {
		return cmp.Or(strings.Compare(a.Label, b.Label), a.NotAfter.Compare(b.NotAfter))
	})
	c.engine.validity = slices.Insert(c.engine.validity, i, v)
	after := "Tokens that it signed are refused outside of that. Put the next one into the same file in time: any of them may sign."
	if v.Label == ServerCertificate {
		after = "Clients refuse to connect outside of that. It is read again when the file changes."
	}
	switch now, end := c.deps.Now(), v.NotAfter.UTC().Format(time.DateOnly); {
	case !v.ValidAt(now):
		c.tell(Warning, at, "a certificate is outside its validity", "It is valid from %s to %s. %s", v.NotBefore.UTC().Format(time.DateOnly), end, after).ID = "WIF024"
	case v.EndsSoon(now):
		c.tell(Warning, at, "a certificate ends soon", "It is valid until %s. %s", end, after).ID = "WIF024"
	}
}

// serverCertificate notes when the listener's certificate is valid.
func (c *compiler) serverCertificate(d Decl, certificate *tls.Certificate) {
	leaf := certificate.Leaf
	if leaf == nil { // GODEBUG=x509keypairleaf=0
		return
	}
	c.valid(firstOf(d, "certificate", "certificate_file"), CertificateValidity{ServerCertificate, leaf.NotBefore, leaf.NotAfter})
}
