// Package opaque asks issuers what their opaque tokens stand for: those whose
// claims only the issuer knows. It introspects a token (RFC 7662), or asks for
// the profile of its holder with the token itself.
//
// A [Cache] belongs to the daemon and outlives generations of the
// configuration; a generation holds a [Remote] for each issuer it asks. What an
// issuer said is remembered for moments, under a hash of the token.
//
// Two strangers meet here, and neither is trusted with more than its part. Who
// sends tokens decides no more than which ones are asked about: how many
// requests that makes at once, and how much is remembered, is bounded, and made
// up tokens displace no real ones. What an issuer answers is bounded in size and
// time and read strictly, and it gets no secret, nor a token, by redirecting. No
// token and no secret is in an error, a log or a key of the cache.
//
// The package judges no claim but active (RFC 7662 §2.2), keeps nothing longer
// than exp says, and leaves all else, exp itself included, to its callers. How
// servers are asked is engine/fetch's, how JSON is read is engine/strictjson's;
// it imports nothing else of m2md.
package opaque
