// Package oauth2 is the vocabulary and the wire forms of RFC 6749: error
// codes, the token request parsed once into a value, the two answers. It
// decides nothing, knows nothing of m2md and imports none of it.
package oauth2
