// Package jwks holds the public keys of other issuers: it reads JWK sets
// (RFC 7517), fetches those that are published, and keeps them fresh.
//
// A [Cache] belongs to the daemon and outlives generations of the
// configuration. A generation holds a [Source] for each issuer it trusts: a
// [*Remote] for a published set, a [*Set] for keys that stand in the files. For
// a token, it takes the source's set and tries its [Set.Candidates]; nothing on
// that path locks or allocates.
//
// Where there is a [Store], a fetched set outlives the process: the next one
// serves it from its start, counted as stale until a fetch succeeds, and no
// longer than the fetch that brought it allows.
//
// What a remote answers is hostile until read: sizes, times, redirects and the
// number of fetches that strangers can cause are bounded, a broken key costs
// only itself, and no key is accepted that does not fit the algorithms that
// m2md verifies. RSA keys in a JWK set have at most 4096 bits, which is the
// bound of go-jose; keys that come by [NewKey] at most 8192.
//
// The package verifies no token and knows no claim. How servers are asked is
// engine/fetch's, how JSON is read is engine/strictjson's; it imports nothing
// else of m2md.
package jwks
