package issuer

// spiffe is JWT-SVIDs, signed with the keys of one trust domain.
// https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md
func spiffe() Profile {
	return Profile{Name: "spiffe", Title: "SPIFFE"}
}
