package fetch

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// parseRoots reads certificates, and nothing else; nil stands for the system's roots.
func parseRoots(rest []byte) (*x509.CertPool, error) {
	if len(rest) == 0 {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for found := 0; ; found++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil && found > 0 && len(bytes.TrimSpace(rest)) == 0 {
			return pool, nil
		}
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("its CA is not a list of certificates as PEM")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("its CA holds a certificate that can not be parsed")
		}
		pool.AddCert(certificate)
	}
}
